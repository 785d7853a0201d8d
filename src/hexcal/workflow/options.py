"""Options of steps for the pipelines of a programme: ``--steps.jump.skip=true`` goes to all that have that step."""

from collections.abc import Iterable
from pathlib import Path

from hexcal.core import cmdline, config, registry
from hexcal.errors import ParameterError, unknown_name

_FOR_ALL = ("profile", "references")
RECIPES = {
    "full": {},
    "quick": {"calwebb_image3": ["--steps.outlier_detection.skip=true"]},
}
"""Options that belong to a recipe, by pipeline."""
QUICK_GROUPS = 5
"""Groups of a ramp that the recipe ``quick`` reads."""


def by_pipeline(
    pipelines: Iterable[str], words: Iterable[str], files: Iterable[str], recipe: str
) -> dict[str, list[str]]:
    """Return the options of each pipeline.

    Parameters
    ----------
    pipelines : iterable of str
        Aliases.
    words : iterable of str
        ``--profile=NAME``, ``--references=DIR`` (for all), ``--steps.STEP.PARAMETER=VALUE`` (for those that have the
        step), ``--PIPELINE.PARAMETER=VALUE``, ``--PIPELINE.steps.STEP.PARAMETER=VALUE``.
    files : iterable of path-like
        Parameter files, each for the pipeline whose class it names.
    recipe : str
        One of `RECIPES`.

    Returns
    -------
    dict of str to list of str
        For each pipeline the options as ``hexcal run`` takes them.

    Raises
    ------
    ParameterError
        For an unknown option; with the nearest right one.
    """
    classes = {alias: registry.find(alias) for alias in dict.fromkeys(pipelines)}
    result = {alias: list(RECIPES[recipe].get(alias, ())) for alias in classes}
    for path in files:
        _add_file(path, classes, result)
    for word in words:
        _add(word, classes, result)
    for alias, options in result.items():
        # What is wrong is said now, and not by the first job.
        cmdline.parse(classes[alias], list(options))
    return result


def _add(word, classes, result):
    name, equals, value = word.removeprefix("--").partition("=")
    if not equals:
        raise ParameterError(f"an option of steps needs a value: {word}=VALUE", where="hexcal process")
    head, _, rest = name.partition(".")
    if head in _FOR_ALL:
        chosen, option = list(classes), f"--{head}={Path(value).resolve() if head == 'references' else value}"
    elif head == "steps":
        step = rest.partition(".")[0]
        chosen = [alias for alias, owner in classes.items() if step in owner.step_defs]
        option = word
        if not chosen:
            known = sorted({name for owner in classes.values() for name in owner.step_defs})
            raise unknown_name("step", step, known, where=f"hexcal process {word}")
    elif head in registry.aliases() and rest:
        chosen, option = [alias for alias in classes if alias == head], f"--{rest}={value}"
    else:
        names = [*_FOR_ALL, *(f"steps.{step}" for owner in classes.values() for step in owner.step_defs), *classes]
        raise unknown_name("option", name, names, where="hexcal process")
    for alias in chosen:
        result[alias].append(option)


def _add_file(path, classes, result):
    name = config.load(path)["class"]
    owner = registry.find(name, beside=Path(path).parent) if name else None
    chosen = [alias for alias, known in classes.items() if known is owner]
    if owner is None:
        raise ParameterError("the parameter file does not say which class it is for", where=str(path))
    for alias in chosen:
        result[alias].append(f"--config-file={Path(path).resolve()}")
