"""``hexcal reffiles makers|config|template|new-maker``."""

from pathlib import Path


def makers(words):
    """List the makers, or the parameters of some; returns the exit status."""
    from hexcal.arguments import Arguments
    from hexcal.core.parameters import describe
    from hexcal.reffiles import registry

    parser = Arguments("hexcal reffiles makers", "List what can be made; with LABEL: the parameters of a maker.")
    parser.add_argument("labels", nargs="*", metavar="LABEL", help="maker or type whose parameters are listed")
    parser.add_argument("--plugin", action="append", default=[], metavar="FILE", help="file with makers of your own")
    options = parser.parse(words)
    if options is None:
        return 0
    known = registry.makers(options.plugin)
    for label in options.labels:
        maker = registry.maker_of(label, known)
        print(f"{maker.label} ({maker.reference_type}), of {maker.inputs} after {maker.steps or 'nothing'}")
        print("\n".join(f"  {line}".rstrip() for line in (maker.__doc__ or "").splitlines()))
        if maker.needs:
            print(f"  Its steps use: {', '.join(maker.needs)}")
        if maker.instruments:
            print(f"  Of {', '.join(maker.instruments)} only")
        print("  parameters:")
        for name, field in maker.Parameters.model_fields.items():
            print(f"    {name} = {field.default}: {describe(field, name)}")
    for label, maker in {} if options.labels else known.items():
        first = (maker.__doc__ or "").strip().partition("\n")[0]
        print(
            f"{label:12s} {maker.reference_type:12s} of {maker.inputs:5s} after {maker.steps or 'nothing':18s} {first}"
        )
    return 0


def config(words):
    """Print the example of a configuration; returns the exit status."""
    from hexcal.arguments import Arguments
    from hexcal.reffiles import configuration, registry

    parser = Arguments("hexcal reffiles config", "Print a configuration with all keys and their defaults.")
    parser.add_argument("--plugin", action="append", default=[], metavar="FILE", help="file with makers of your own")
    options = parser.parse(words)
    if options is None:
        return 0
    print(configuration.example(registry.makers(options.plugin)))
    return 0


def template(words):
    """Print the text of a maker; returns the exit status."""
    from hexcal.reffiles.template import text_of

    name = _name("template", "Print a maker to start your own from.", words)
    if name is not None:
        print(text_of(name))
    return 0


def new_maker(words):
    """Write a maker and its test; returns the exit status."""
    from hexcal.errors import InputError
    from hexcal.files.atomic import atomic
    from hexcal.reffiles.template import test_of, text_of

    name = _name("new-maker", "Write mkref_NAME.py, a maker to start from, and a test that passes.", words)
    if name is None:
        return 0
    paths = {Path(f"mkref_{name}.py"): text_of(name), Path(f"test_mkref_{name}.py"): test_of(name)}
    there = next((path for path in paths if path.exists()), None)
    if there is not None:
        raise InputError("the file exists already", where=str(there), hint="give the maker another name")
    for path, text in paths.items():
        with atomic(path) as stream:
            stream.write(text.encode())
        print(path)
    print(f"\nnext: pytest test_mkref_{name}.py\n      hexcal reffiles make {name} darks/ --plugin mkref_{name}.py")
    return 0


def _name(command, text, words):
    from hexcal.arguments import Arguments
    from hexcal.errors import ParameterError

    parser = Arguments(f"hexcal reffiles {command}", text)
    parser.add_argument("name", metavar="NAME", help="label of the maker: letters, digits, underscores")
    options = parser.parse(words)
    if options is None:
        return None
    if not options.name.replace("-", "_").isidentifier():
        raise ParameterError(
            f"the label of a maker must be letters, digits and underscores, got '{options.name}'",
            where=f"hexcal reffiles {command}", hint=f"hexcal reffiles {command} my_bias",
        )  # fmt: skip
    return options.name.replace("-", "_")
