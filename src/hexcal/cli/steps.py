"""``hexcal steps``: what there is to run."""

_USAGE = """usage: hexcal steps [--profile [NAME]]

lists the pipelines and steps, with the reference files that they use; with --profile the defaults that a profile changes, or all profiles do"""


def main(words):
    """List pipelines and steps with one sentence and their reference types."""
    from hexcal.core import registry
    from hexcal.errors import ParameterError

    if words:
        if words[0] in ("-h", "--help"):
            print(_USAGE)
            return 0
        if words[0].split("=")[0] == "--profile":
            return _profiles([*words[0].split("=")[1:], *words[1:]])
        raise ParameterError(
            f"`hexcal steps` takes no arguments, got {words[0]!r}", hint=f"hexcal run {words[0]} --help"
        )
    for alias in registry.aliases():
        cls = registry.find(alias)
        references = f" [{', '.join(cls.reference_types)}]" if cls.reference_types else ""
        print(f"{alias:20s} {cls.__name__:22s} {(cls.__doc__ or '').strip().splitlines()[0]}{references}")
    return 0


def _profiles(words):
    """List what the profiles set, and why."""
    from hexcal.core import profiles

    for row in profiles.entries(words[0] if words else None):
        print(f"{row.profile:12s} {row.step}.{row.parameter} = {row.value}  ({row.reason})")
    return 0
