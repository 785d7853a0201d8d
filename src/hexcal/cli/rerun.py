"""``hexcal rerun PRODUCT``: make a product again from the record that it carries."""

import importlib.util
from pathlib import Path
from typing import Any

from hexcal.errors import HookError, InputError, ParameterError

_HELP = """usage: hexcal rerun PRODUCT [--output_dir=DIR] [--parameter=value ...]

Make PRODUCT again, with the same inputs, reference files and parameters. Inputs and references whose content has
changed are refused. The result goes to DIR (default: rerun); other options change parameters, as in `hexcal run`.
Hooks that the record names are run only with --allow-hooks."""


def main(words):
    """Run the command; returns the exit status."""
    if not words or words[0] in ("-h", "--help"):
        print(_HELP)
        return 0 if words else 1
    product, *words = words
    from hexcal.core import cmdline, hooks
    from hexcal.models.open import open as open_model

    model = open_model(product)
    record = model.get_meta("provenance")
    if record is None:
        raise InputError(
            "the product carries no record of how it was made",
            where=product,
            hint="only products of Hexcal can be made again",
        )
    record = record.instance
    if str(record["run"].get("target", "")).startswith("hexcal reffiles"):
        return _reference_file(product, record, words)
    inputs = [_same_input(item) for item in record["inputs"]]
    parameters = dict(record["run"]["parameters"])
    steps = {name: {"parameters": _explicit(values)} for name, values in parameters.pop("steps", {}).items()}
    _pin_references(record, steps, parameters)
    parameters = _explicit(parameters)
    parameters["output_dir"] = "rerun"
    cls = _class_of(record, product, words)
    name = record["steps"][0]["step"].partition(".")[0]
    again = {"name": name, "parameters": parameters, "steps": steps}
    again = hooks.foreign(again, f"the record in {Path(product).name}")
    # The record has all parameters, those of parameter references too.
    words = [*inputs, "--disable-crds-steppars", *words]
    cmdline.run_class(cls, words, (f"record in {Path(product).name}", again), _former(model, record))
    return 0


def _reference_file(product, record, words):
    """Make a reference file again; returns the exit status."""
    from hexcal.reffiles.rerun import again

    folder = next((word.partition("=")[2] for word in words if word.startswith("--output_dir=")), "rerun")
    other = next((word for word in words if not word.startswith("--output_dir=")), None)
    if other is not None:
        raise ParameterError(
            f"a reference file is made again as it was; unknown option {other}", where="hexcal rerun",
            hint="hexcal reffiles make takes other parameters",
        )  # fmt: skip
    print(again(product, record, folder))
    return 0


def _former(model, record):
    """What the product says of its references, so that the new one says the same of the same files."""
    from hexcal.core.provenance import Former

    used = [(entry["step"], kind, name, item) for entry in record["steps"] for kind, name, item in _references(entry)]
    names = {
        item["path"]: f"crds://{Path(item['path']).name}"
        for _, kind, _, item in used
        if model.get_meta(f"meta.ref_file.{kind}.name") == f"crds://{Path(item['path']).name}"
    }
    context = model.get_meta("meta.ref_file.crds.context_used")
    pinned = {(step, kind, Path(name).name): _pinned(item, kind) for step, kind, name, item in used if name is not None}
    return Former(names, (context,) if context else (), pinned)


def _references(entry):
    """Yield (type, name, item) for the references of a step.

    Name of the exposure or part that they are for, None for those of the whole.
    """
    for kind, item in entry["references"].items():
        yield kind, None, item
    for item in entry.get("references_asked", ()):
        yield item["type"], item["exposure"], item
    for part in entry.get("parts", ()):
        for kind, item in part["references"].items():
            yield kind, part["name"], item


def _class_of(record, product, words):
    """The class that made the product.

    It may be the user's own, but not code that came with the product: what lies beside it, or here.
    """
    from hexcal.core import registry

    name = record["run"]["class"]
    package = name.partition(".")[0]
    module = None if package == "hexcal" else importlib.util.find_spec(package)
    place = Path(module.origin).resolve().parent if module is not None and module.origin else None
    beside = {Path(product).resolve().parent, Path.cwd().resolve()}
    if (
        place is not None
        and beside & {place, place.parent}
        and not {"--allow-hooks", "--allow-hooks=true"} & set(words)
    ):
        raise HookError(
            f"the product names code that lies beside it: {name}; data files run nothing by themselves",
            where=str(module.origin if module else name),
            hint="--allow-hooks imports it, if you trust it",
        )
    return registry.find(name)


def _explicit(values):
    """Values worth setting: None is what a parameter is without them."""
    return {name: value for name, value in values.items() if value is not None and name != "references"}


def _same_input(item: Any):
    """The path of an input that is as it was, with all members if it is an association."""
    if item is not None and item["path"] is None:
        raise InputError("the input was a list of models in memory; it cannot be read again")
    path = _same(item, "input")
    for member in (item or {}).get("members", ()):
        if member["sha256"] is not None:
            _same(member, member["role"])
    return path


def _pinned(item, kind):
    """The reference of a record, which must be as it was; "N/A" where there was none."""
    return _same(item, f"{kind} reference") if item["sha256"] else "N/A"


def _same(item, kind):
    from hexcal.references.digest import sha256

    if item is None:
        raise InputError(f"the {kind} was a model in memory; it cannot be read again")
    path = Path(item["path"])
    if not path.is_file():
        raise InputError(
            f"the {kind} no longer exists",
            where=str(path),
            hint="put it back, or run `hexcal run` on another copy",
        )
    if sha256(path) != item["sha256"]:
        raise InputError(
            f"the {kind} has changed since the product was made",
            where=str(path),
            hint="use `hexcal run` to process the new one",
        )
    return str(path)


def _pin_references(record, steps, parameters):
    """Use the very files of the record."""
    for entry in record["steps"]:
        name = entry["step"].split(".")
        target = steps.setdefault(name[1], {"parameters": {}})["parameters"] if len(name) > 1 else parameters
        for kind, item in entry["references"].items():
            target[f"override_{kind}"] = _pinned(item, kind)
    if not record["steps"]:
        raise ParameterError("the record of the product names no steps")
