"""``hexcal steps``: what there is to run."""


def main(words):
    """List pipelines and steps with one sentence and their reference types."""
    from hexcal.core import registry
    from hexcal.errors import ParameterError

    if words:
        if words[0] in ("-h", "--help"):
            print("usage: hexcal steps\n\nlists the pipelines and steps, with the reference files that they use")
            return 0
        raise ParameterError(
            f"`hexcal steps` takes no arguments, got {words[0]!r}", hint=f"hexcal run {words[0]} --help"
        )
    for alias in registry.aliases():
        cls = registry.find(alias)
        references = f" [{', '.join(cls.reference_types)}]" if cls.reference_types else ""
        print(f"{alias:20s} {cls.__name__:22s} {(cls.__doc__ or '').strip().splitlines()[0]}{references}")
    return 0
