"""The grammar of ``hexcal run`` (and ``strun``): TARGET INPUT... --parameter=value --steps.STEP.PARAMETER=value."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from hexcal.core import registry
from hexcal.core.parameters import INFRASTRUCTURE, StepParameters, describe
from hexcal.errors import ParameterError, unknown_name

_OPTIONS = {
    "help": "list all parameters and stop (also -h)",
    "verbose": "show all messages (also -v)",
    "debug": "show the whole traceback of an error and enter the debugger",
    "logcfg": "FILE: logging configuration",
    "save-parameters": "FILE: write the parameters actually used to an ASDF file",
    "config-file": "FILE: parameter file; what the words say takes precedence",
    "disable-crds-steppars": "use no parameter reference files (default: STPIPE_DISABLE_CRDS_STEPPARS)",
    "threads": "N: number of threads (default: all cores)",
}
_FLAGS = {"help", "verbose", "debug", "disable-crds-steppars"}
_SHORT = {"-h": "--help", "-v": "--verbose"}


class _NotBuilt:
    """Stands for a documented step that this version does not have: the pipeline decides what may be said of it."""

    parameters_class = StepParameters


@dataclass
class CommandLine:
    """What the words of a command line say."""

    inputs: list = field(default_factory=list)
    options: dict = field(default_factory=dict)
    parameters: dict = field(default_factory=dict)
    steps: dict = field(default_factory=dict)


def parse(cls, words):
    """Sort the words after the target.

    Parameters
    ----------
    cls : type
        The step or pipeline.
    words : list of str
        ``--name=value``, ``--name value``, inputs. A bare ``--name`` is true for a parameter of type bool. Dashes and underscores in names are the same.

    Returns
    -------
    CommandLine

    Raises
    ------
    ParameterError
        For an unknown option; carries the nearest right one.
    """
    result = CommandLine()
    words = [str(_SHORT.get(word, word)) for word in words]
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            result.inputs.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        if name.replace("_", "-") in _OPTIONS:
            name = name.replace("_", "-")
            result.options[name] = _flag(value, name) if name in _FLAGS else _value(value, equals, words, name)
            continue
        name = name.replace("-", "_")
        owner, parameter, target = _owner(cls, name, result)
        fields = owner.parameters_class.model_fields
        if parameter not in fields and not (parameter == "config_file" and owner is not cls):
            raise _unknown_option(cls, name)
        is_bool = parameter in fields and fields[parameter].annotation is bool
        if is_bool and not equals and not (words and words[0].lower() in ("true", "false")):
            target[parameter] = True
        else:
            target[parameter] = _value(value, equals, words, name)
    return result


def _owner(cls, name, result):
    """The class that an option belongs to, the parameter's name in it, and the dict for its value."""
    if not name.startswith("steps."):
        return cls, name, result.parameters
    _, step, parameter = [*name.split(".", 2), "", ""][:3]
    steps = {**dict.fromkeys(getattr(cls, "not_built", ()), _NotBuilt), **getattr(cls, "step_defs", {})}
    if step not in steps:
        raise unknown_name("step", step, steps, where=f"--{name}")
    return steps[step], parameter, result.steps.setdefault(step, {})


def _value(value, equals, words, name):
    if equals:
        return value
    if not words:
        raise ParameterError(f"the option --{name} needs a value", hint=f"--{name}=VALUE")
    return words.pop(0)


def _flag(value, name):
    if value.lower() in ("", "true"):
        return True
    if value.lower() == "false":
        return False
    raise ParameterError(f"the option --{name} is true or false, got {value!r}")


def _unknown_option(cls, name):
    names = [*cls.parameters_class.model_fields, *_OPTIONS]
    names += [
        f"steps.{step}.{parameter}"
        for step, inner in getattr(cls, "step_defs", {}).items()
        for parameter in (*inner.parameters_class.model_fields, "config_file")
    ]
    return unknown_name("option", f"--{name}", [f"--{known}" for known in names], where=f"hexcal run {cls.alias}")


def help_text(cls):
    """Return the help of one step or pipeline: what it does, its parameters with type, bounds, unit and default."""
    lines = [
        f"usage: hexcal run {cls.alias} INPUT [--parameter=value ...]",
        "",
        (cls.__doc__ or "").strip().splitlines()[0],
        "",
    ]
    lines += ["options:", *(f"  --{name:24s} {text}" for name, text in _OPTIONS.items()), ""]
    lines += _help_of(cls, "")
    for name, step in getattr(cls, "step_defs", {}).items():
        lines += ["", f"step {name}: {(step.__doc__ or '').strip().splitlines()[0]}"]
        lines += _help_of(step, f"steps.{name}.", infrastructure=False)
    if getattr(cls, "step_defs", {}):
        lines += ["", f"each step also has: {', '.join(f'--steps.STEP.{name}' for name in INFRASTRUCTURE)}"]
    return "\n".join(lines)


def _help_of(cls, prefix, infrastructure=True):
    fields = cls.parameters_class.model_fields
    return [
        f"  --{prefix}{describe(field, name)}"
        for name, field in fields.items()
        if infrastructure or name not in INFRASTRUCTURE
    ]


def run_target(words):
    """Run ``TARGET INPUT... options``: the target is an alias, a class or a parameter file.

    Returns
    -------
    object
        What the step returned; None if only help was asked for.
    """
    if not words:
        raise ParameterError(
            "the name of a step or pipeline, or a parameter file, is missing", hint="`hexcal steps` lists what there is"
        )
    target, *words = words
    if Path(target).suffix not in registry.PARAMETER_FILES:
        return run_class(registry.find(target), words)
    from hexcal.core import config

    configuration = config.load(target)
    if not configuration["class"]:
        raise ParameterError("the parameter file does not say which class it is for", where=target)
    cls = registry.find(configuration["class"], beside=Path(target).parent)
    return run_class(cls, words, (target, configuration))


def run_words(cls, words):
    """Run a class with the words of a command line, of which the first may name the class, or a parameter file for it."""
    from hexcal.core.step import Step

    # `Step` and `Pipeline` themselves do nothing: there the first word says what to run.
    if cls.process is Step.process or (words and _is_target(cls, words[0])):
        return run_target(words)
    return run_class(cls, words)


def _is_target(cls, word):
    if Path(word).suffix in registry.PARAMETER_FILES:
        from hexcal.core import config

        return config.is_parameter_file(word)
    return word == cls.alias or word.rpartition(".")[2] == cls.__name__


def run_class(cls, words, configuration=None, former=None):
    """Run a step or pipeline with the words of a command line.

    Parameters
    ----------
    cls : type
        The step or pipeline.
    words : list of str
        Inputs and options.
    configuration : (str, dict), optional
        Name and content of a parameter file, below what the words say.
    former : Former, optional
        Of the product that is made again: its references keep their names.
    """
    command = parse(cls, words)
    options = command.options
    if options.get("help"):
        sys.stdout.write(help_text(cls) + "\n")
        return None
    if "threads" in options:
        os.environ["HEXCAL_THREADS"] = str(options["threads"])
    from hexcal.core import bands, log

    bands.default_threads()
    with log.configured(options.get("logcfg"), verbose=options.get("verbose", False)):
        step = _configured(cls, command, configuration)
        step.former = former
        result = step.run(*command.inputs)
        if "save-parameters" in options:
            step.export_config(options["save-parameters"])
        return result


def _configured(cls, command, configuration):
    """The step with its parameters from all sources."""
    from hexcal.core import config, precedence

    path = command.options.get("config-file")
    if path is not None and configuration is not None:
        raise ParameterError(
            f"two parameter files are given: {configuration[0]} and {path}", hint="leave --config-file out"
        )
    if path is not None:
        configuration = (path, config.load(path))
    given = {
        "parameters": command.parameters,
        "steps": {name: {"parameters": values} for name, values in command.steps.items()},
    }
    step = precedence.instance(
        cls, command.inputs, configuration, given, "command line", command.options.get("disable-crds-steppars")
    )
    if not step.parameters.save_results:
        # The outermost step of a command always writes its result.
        step.configure({"parameters": {"save_results": True}}, "command line")
    return step
