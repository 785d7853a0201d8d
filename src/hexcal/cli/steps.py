"""``hexcal steps``: what there is to run, what profiles change, and what is documented but not in this version."""

import logging
import textwrap

from hexcal.arguments import Arguments
from hexcal.errors import InputError

_KINDS = {"boolean": "true or false", "integer": "whole number", "float": "number", "string": "text"}


def main(words):
    """Run the command; returns the exit status."""
    parser = Arguments("hexcal steps", "List the pipelines and steps, with the reference files that they use.")
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--profile",
        nargs="?",
        const="",
        metavar="NAME",
        help="list the defaults that a profile changes, or those of all profiles",
    )
    group.add_argument(
        "--not-built",
        nargs="?",
        const="",
        metavar="NAME",
        help="list what is documented but not in this version; with the name of a step or pipeline, its parameters",
    )
    options = parser.parse(words)
    if options is None:
        return 0
    if options.profile is not None:
        return _profiles(options.profile or None)
    if options.not_built is not None:
        return _parameters_of(options.not_built) if options.not_built else _not_built()
    from hexcal.core import registry

    for offer in registry.offers():
        try:
            cls = offer.load()
        except InputError as error:
            # Of a plug-in; what others bring is listed all the same.
            logging.getLogger("hexcal").warning("%s (%s)", error.message, error.where)
            continue
        references = f" [{', '.join(cls.reference_types)}]" if cls.reference_types else ""
        summary = ((cls.__doc__ or "").strip().splitlines() or [""])[0]
        observatory = f" ({offer.observatory})" if offer.observatory else ""
        print(f"{offer.alias:20s} {cls.__name__:22s} {summary}{references}{observatory}")
    return 0


def _profiles(name):
    """List what the profiles set, and why."""
    from hexcal.core import profiles

    for row in profiles.entries(name):
        print(f"{row.profile:12s} {row.step}.{row.parameter} = {row.value}  ({row.reason})")
    return 0


def _not_built():
    """List the documented pipelines, steps, parameters and models that this version does not have."""
    from hexcal import datamodels
    from hexcal.core import registry
    from hexcal.observatories import documented

    aliases = registry.aliases()
    for title, kind in (("pipelines", "pipeline"), ("steps", "step")):
        print(f"{title}:")
        for row in documented.names():
            if row.kind == kind and row.name not in aliases:
                print(f"  {row.name:26s} {row.class_name:28s} {_release(row)}".rstrip())
    print("parameters of the pipelines and steps of this version:")
    for alias in aliases:
        for row in _missing_parameters(alias):
            print(f"  {alias}.{row.name} ({_described(row)})")
    print("data models:")
    models = [name for name in documented.models() if name not in datamodels.__all__]
    print(textwrap.fill(", ".join(models), 116, initial_indent="  ", subsequent_indent="  "))
    print("\n`hexcal steps --not-built NAME` lists the parameters of a step or pipeline that is not in this version.")
    return 0


def _missing_parameters(alias):
    from hexcal.core import registry
    from hexcal.observatories import documented

    known = registry.find(alias).parameters_class.model_fields
    return [row for name, row in documented.parameters(alias).items() if name not in known]


def _parameters_of(name):
    """List the documented parameters of one pipeline or step that this version does not have."""
    from hexcal.core import registry
    from hexcal.observatories import documented

    aliases = registry.aliases()
    if name in aliases:
        rows, target = _missing_parameters(name), name
    else:
        row = documented.target(name)
        if row is None:
            raise documented.unknown_target(
                name, [*aliases, *(row.name for row in documented.names() if row.kind in ("pipeline", "step"))]
            )
        rows, target = list(documented.parameters(row.name).values()), row.name
        if row.kind == "pipeline":
            print(f"steps: {', '.join(documented.parts(row.name))}")
    for row in rows:
        print(f"  {row.name} ({_described(row)})")
    if not rows:
        print(f"all documented parameters of {target} are in this version")
    return 0


def _described(row):
    kind = row.type.partition(": ")
    words = f"one of {kind[2].replace(' | ', ', ')}" if kind[2] else _KINDS.get(row.type, row.type.replace("_", " "))
    return ", ".join(text for text in (words, f"default {row.default or repr('')}", _release(row)) if text)


def _release(row):
    return f"release {row.releases[0]} of the original" if len(row.releases) == 1 else ""
