"""Where the parameters of a run come from, and which source wins.

From the lowest to the highest: defaults of the step, defaults of the pipeline for its steps, parameter references of
the steps, parameter reference of the pipeline, files named as ``config_file`` of a step, the parameter file of the
user, keywords or the words of the command line.
"""

import os
import re

from hexcal.core import config, hooks, parameter_references
from hexcal.core.parameter_references import LEAVE_OUT
from hexcal.errors import InputError, ParameterError


def instance(cls, inputs, local=None, given=None, source="python", disable=None):
    """Return a new step or pipeline with its parameters for an input, from all sources.

    Parameters
    ----------
    cls : type
        The step or pipeline.
    inputs : sequence
        What will be run; the first chooses the parameter references. Without inputs none are used.
    local : (str, dict), optional
        Name and content of the user's parameter file.
    given : dict, optional
        Configuration that the user gives at the call or on the command line.
    source : str
        Where `given` comes from, for the record.
    disable : bool, optional
        Leave parameter references out; default: the environment's STPIPE_DISABLE_CRDS_STEPPARS.

    Returns
    -------
    Step

    Raises
    ------
    ParameterError
        For an unknown parameter or a value out of bounds; names the file that it is in.
    """
    step = cls(name=_name(cls, local))
    given = given or {}
    local_name, local_config = local or (None, {})
    if inputs and not parameter_references.is_disabled(disable):
        left_out = _skipped(cls, config.merged(local_config, given))
        references = [
            candidate
            for candidate in parameter_references.find(cls, inputs[0], _folder(given, local_config))
            if not (candidate.steps and candidate.steps[0] in left_out)
        ]
        for reference in references:
            content = _without(_read(reference), left_out)
            _apply(step, content, reference.source, reference.path, _ways_out)
        step.parameter_references = tuple(references)
    # Where several sources name a file for the same step, it is that of the highest which is read.
    for path, content in config.named_files(config.merged(local_config, given)):
        _apply(step, content, path, path)
    if local is not None:
        _apply(step, config.without_named_files(local_config), local_name, local_name)
    step.configure(config.without_named_files(given), source)
    return step


def from_references(cls, dataset, disable=None):
    """Return the configuration (dict) that parameter references give a step or pipeline for an exposure.

    Parameters
    ----------
    cls : type
        The step or pipeline.
    dataset : path-like, DataModel, or sequence of these
        The exposure or association.
    disable : bool, optional
        As in `instance`; then the configuration is empty.
    """
    result = {"class": f"{cls.__module__}.{cls.__name__}", "name": None, "parameters": {}, "steps": {}}
    if not parameter_references.is_disabled(disable):
        for reference in parameter_references.find(cls, dataset, _folder({}, {})):
            result = config.merged(result, _read(reference))
    return result


def _name(cls, local):
    """The name that the user's parameter file gives the step.

    That of the class stands for the alias, as files of the original have it.
    """
    name = local[1].get("name") if local is not None else None
    return None if name == cls.__name__ else name


def _folder(given, local):
    return (
        given.get("parameters", {}).get("references")
        or local.get("parameters", {}).get("references")
        or os.environ.get("HEXCAL_REFERENCES")
    )


def _read(reference):
    """Content of a parameter reference, as a configuration of the outermost step."""
    try:
        content = config.load(reference.path)
    except (InputError, ParameterError) as error:
        raise type(error)(error.message, where=error.where, hint=_joined(error.hint, LEAVE_OUT)) from error
    content = hooks.foreign(content, f"the parameter reference {reference.path}")
    for name in reversed(reference.steps):
        content = {"steps": {name: content}}
    return content


def _skipped(cls, explicit):
    """Steps that the user leaves out, this version has them or not.

    It does not matter what a parameter reference says about them.
    """
    return [
        name
        for name in (*cls.missing_steps(), *cls.step_defs)
        if str(explicit["steps"].get(name, {}).get("parameters", {}).get("skip", False)).lower() == "true"
    ]


def _without(content, left_out):
    steps = {name: section for name, section in content.get("steps", {}).items() if name not in left_out}
    return {**content, "steps": steps}


def _apply(step, content, source, path, hint_for=lambda error: error.hint):
    try:
        step.configure(content, source)
    except ParameterError as error:
        where = f"{path}, for {error.where}"
        raise ParameterError(error.message, where=where, hint=hint_for(error)) from error


def _ways_out(error):
    """What a user can do about a parameter reference, which is not theirs to mend.

    Leave out the step, or all such references.
    """
    inner = re.match(r"step '[^'.]+\.([^']+)'", error.where or "")
    # The list of all names is for those who write a file.
    hint = error.hint if not str(error.message).startswith("unknown ") or "did you mean" in str(error.hint) else None
    return _joined(hint, f"--steps.{inner[1]}.skip=true does without the step" if inner else None, LEAVE_OUT)


def _joined(*hints):
    return "; ".join(hint.rstrip(".") for hint in hints if hint) or None
