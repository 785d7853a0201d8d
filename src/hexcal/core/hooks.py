"""Code of the user before and after a step: functions, steps, or external commands."""

import importlib
import shlex
import subprocess

from hexcal.core import config
from hexcal.core.lists import split_list
from hexcal.core.parameters import StepParameters
from hexcal.errors import HexcalError, HookError

_PARAMETERS = ("pre_hooks", "post_hooks")


class Foreign(list):
    """Hooks that a data file names: the record in a product, or a parameter reference.

    They are run only if the user of this run says so.

    Parameters
    ----------
    hooks : list of str
        The hooks.
    source : str
        Where they are from, for messages.
    """

    def __init__(self, hooks, source):
        super().__init__(hooks)
        self.source = source


def foreign(content, source):
    """Return a configuration that comes from a data file, with its hooks marked as `Foreign`.

    Those of files that it names are marked, too.

    Parameters
    ----------
    content : dict
        As of `hexcal.core.config.load`.
    source : str
        Which file, for messages.
    """
    content = config.expanded(content)
    parameters = dict(content.get("parameters", {}))
    for name in _PARAMETERS:
        hooks = parameters.get(name)
        if hooks:
            parameters[name] = Foreign(split_list(hooks) if isinstance(hooks, str) else hooks, source)
    steps = {name: foreign(section, source) for name, section in content.get("steps", {}).items()}
    return {**content, "parameters": parameters, "steps": steps}


def require_allowed(step):
    """Raise HookError if a data file names hooks that the user has not allowed.

    They may be hooks of a step or of its steps; the user allows them with `Step.allow_hooks`.
    """
    outermost = step
    while outermost.parent is not None:
        outermost = outermost.parent
    if outermost.allow_hooks or step.parameters.skip:
        return
    for name in _PARAMETERS:
        hooks = step.given(name)
        if isinstance(hooks, Foreign):
            option = ".".join(["steps", *step.qualified_name.split(".")[1:], name] if step is not outermost else [name])
            raise HookError(
                f"{hooks.source} names code to be run: {', '.join(map(str, hooks))[:160]}; "
                "data files run nothing by themselves",
                where=f"{name} of {step.where}",
                hint=f"--allow-hooks (in Python: allow_hooks=True) runs it, --{option}=[] does without",
            )
    for inner in step.steps.values():
        require_allowed(inner)


def run_before(step, inputs):
    """Run the pre-hooks on the inputs of a step; a hook may return new inputs.

    Parameters
    ----------
    step : Step
        Whose `pre_hooks` are run, in order.
    inputs : tuple
        What the step is given.

    Returns
    -------
    tuple
    """
    require_allowed(step)
    for hook in step.parameters.pre_hooks:
        result = _run(step, hook, inputs)
        if result is not None:
            inputs = result if isinstance(result, tuple) else (result, *inputs[1:])
            _models(step, hook, inputs)
    return inputs


def run_after(step, result):
    """Run the post-hooks on the result of a step.

    A function gets what the step returns, as one argument: a model, or the tuple of several; a command gets a file name
    for each, a step an input for each. It may return what takes its place.
    """
    for hook in step.parameters.post_hooks:
        results = list(result) if isinstance(result, list | tuple) else [result]
        changed = _run(step, hook, results, as_one=len(results) > 1)
        if changed is not None:
            _models(step, hook, changed if isinstance(changed, list | tuple) else [changed])
            result = changed
    return result


def _run(step, hook, arguments, as_one=False):
    try:
        action = _resolve(hook)
        step.log.info("Running hook %s", _name(hook))
        if isinstance(action, str):
            return _command(action, arguments)
        if isinstance(action, type):
            # A step, given as class: run with its defaults.
            action = action()
        if as_one and not _is_step(action):
            return action(tuple(arguments))
        return action(*arguments)
    except HexcalError:
        raise
    except Exception as error:
        raise HookError(f"hook {hook!r} failed: {type(error).__name__}: {error}", where=step.where) from error


def _is_step(action):
    """Whether what is called is a step: it has parameters of one."""
    return isinstance(getattr(action, "parameters", None), StepParameters)


def _models(step, hook, results):
    """Return what a hook gave, if it is data models; HookError otherwise."""
    from hexcal.models.datamodel import DataModel

    for result in results:
        if not isinstance(result, DataModel):
            raise HookError(
                f"a hook must return a data model or None, {_name(hook)} returned {type(result).__name__} "
                f"{result!r:.60}",
                where=step.where,
                hint="return the model that the hook was given, or nothing",
            )
    return results


def _name(hook):
    return hook if isinstance(hook, str) else getattr(hook, "__name__", repr(hook))


def _resolve(hook):
    """A function or class given as such or by its dotted name; anything else is an external command."""
    if not isinstance(hook, str):
        return hook
    name = hook.strip()
    module, _, attribute = name.rpartition(".")
    if module and all(part.isidentifier() for part in name.split(".")):
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise HookError(
                f"there is no function or step '{name}': {error}",
                hint="give a dotted name that can be imported, or a command",
            ) from error
    return name


def _command(text, arguments):
    """Run an external command; ``{0}``, ``{1}`` stand for the file names of the arguments."""
    names = [str(getattr(argument, "path", None) or argument) for argument in arguments]
    words = [word.format(*names) for word in shlex.split(text)]
    completed = subprocess.run(words, check=False, capture_output=True, text=True)
    if completed.returncode:
        raise HookError(
            f"the command ended with status {completed.returncode}: {completed.stderr.strip()[:200]}",
            where=" ".join(words),
        )
