"""The grammar of ``hexcal run`` (and ``strun``): TARGET INPUT... --parameter=value --steps.STEP.PARAMETER=value.

Options may stand anywhere.
"""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from hexcal import memory
from hexcal.core import bands, cmdline_help, destinations, registry
from hexcal.core.cmdline_help import OPTIONS, SHORT
from hexcal.core.parameters import StepParameters
from hexcal.errors import ParameterError, unknown_name
from hexcal.observatories.documented import parameters as parameters_of
from hexcal.observatories.documented import unknown_parameter, unknown_step


class _NotBuilt:
    """Stands for a documented step that this version does not have.

    The pipeline decides which parameters may be set for it.
    """

    alias = "step"
    parameters_class = StepParameters
    other_parameter_names = {}


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
        ``--name=value``, ``--name value``, inputs. A bare ``--name`` is true for a parameter of type bool. Dashes and
        underscores in names are the same.

    Returns
    -------
    CommandLine

    Raises
    ------
    ParameterError
        For an unknown option; carries the nearest right one.
    """
    result = CommandLine()
    words = [str(SHORT.get(word, word)) for word in words]
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            result.inputs.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        option = name.replace("_", "-")
        if option in OPTIONS:
            needs_value = OPTIONS[option].value
            result.options[option] = _value(value, equals, words, option) if needs_value else _flag(value, option)
            continue
        name = name.replace("-", "_")
        owner, parameter, target = _owner(cls, name, result)
        parameter = owner.other_parameter_names.get(parameter, parameter)
        fields = owner.parameters_class.model_fields
        if parameter not in fields and not (parameter == "config_file" and owner is not cls):
            raise _unknown_option(cls, name, owner, parameter)
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
    steps, step = cls.step_defs, cls.other_step_names.get(step, step)
    if step in steps:
        return steps[step], parameter, result.steps.setdefault(step, {})
    if not steps or step not in cls.missing_steps():
        raise unknown_step(step, steps, cls.alias, where=f"--{name}")
    if parameter != "skip":
        raise cls.only_skip(step, f"--{name}")
    return _NotBuilt, parameter, result.steps.setdefault(step, {})


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
    raise ParameterError(f"the option --{name} must be true or false, got {value!r}")


def _unknown_option(cls, name, owner, parameter):
    if parameter in parameters_of(owner.alias):
        return unknown_parameter(parameter, (), owner.alias, where=f"hexcal run {cls.alias}")
    names = [*cls.parameters_class.model_fields, *OPTIONS]
    names += [
        f"steps.{step}.{parameter}"
        for step, inner in cls.step_defs.items()
        for parameter in (*inner.parameters_class.model_fields, "config_file")
    ]
    return unknown_name("option", f"--{name}", [f"--{known}" for known in names], where=f"hexcal run {cls.alias}")


def run_target(words):
    """Run ``[options] TARGET INPUT... [options]``: the target is an alias, a class or a parameter file.

    Returns
    -------
    object
        What the step returned; None if only help or the version was asked for.
    """
    target = resolved(words)
    return None if target is None else run_class(*target)


def resolved(words):
    """Return what `run_class` takes for ``[options] TARGET INPUT... [options]`` (tuple).

    None if only help or the version was asked for, and was given.
    """
    target, words = _target_of(words)
    if target is None:
        _without_target(words)
        return None
    former = None if os.path.exists(target) else registry.of_former_file(target)
    if former is not None:
        cls = registry.find(former)
        sys.stderr.write(f"hexcal: there is no file {target}; {cls.alias} is run with its defaults\n")
        return cls, words
    if Path(target).suffix not in registry.PARAMETER_FILES:
        return _class_named(target, words), words
    from hexcal.core import config

    configuration = config.load(target)
    if not configuration["class"]:
        raise ParameterError("the parameter file does not say which class it is for", where=target)
    cls = registry.find(configuration["class"], beside=Path(target).parent, inputs=words)
    return cls, words, (target, configuration)


def _target_of(words):
    """Return the first word that is neither an option nor the value of one, and the other words.

    The first is None if there is no such word.
    """
    words = [str(SHORT.get(word, word)) for word in words]
    position = 0
    while position < len(words) and words[position].startswith("--"):
        name, equals, _ = words[position][2:].partition("=")
        position += 1 if equals or not _takes_value(name) else 2
    if position >= len(words):
        return None, words
    return words[position], words[:position] + words[position + 1 :]


def _takes_value(name):
    """Whether the word after an option before the target is its value.

    Only what every target has can be told without an equals sign.
    """
    if name.replace("_", "-") in OPTIONS:
        return bool(OPTIONS[name.replace("_", "-")].value)
    field = StepParameters.model_fields.get(name.replace("-", "_"))
    if field is None:
        raise ParameterError(
            f"the option --{name} before the pipeline or step needs its value after an equals sign",
            where="hexcal run",
            hint=f"--{name}=VALUE, or put --{name} after the name of the pipeline or step",
        )
    return field.annotation is not bool


def _without_target(words):
    names = {word[2:].partition("=")[0] for word in words}
    if "version" in names:
        from hexcal import __version__

        sys.stdout.write(f"hexcal: {__version__}\n")
    elif "help" in names:
        sys.stdout.write("\n".join([cmdline_help.GENERAL, "", "options:", *cmdline_help.options_text()]) + "\n")
    else:
        raise ParameterError(
            "the name of a pipeline or step, or a parameter file, is missing", hint="`hexcal steps` lists the names"
        )


def _class_named(target, words):
    if Path(target).suffix and os.path.exists(target):
        raise ParameterError(
            f"the first word must be a pipeline, a step or a parameter file (.asdf, .cfg), got the file '{target}'",
            where="hexcal run",
            hint=f"hexcal run calwebb_detector1 {target}",
        )
    return registry.find(target, inputs=words)


def run_words(cls, words):
    """Run a class with the words of a command line.

    The first word may name the class, or a parameter file for it.
    """
    # `Step` and `Pipeline` themselves do nothing: there the first word says what to run.
    if not cls.is_runnable() or (words and _is_target(cls, words[0])):
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
        sys.stdout.write(cmdline_help.help_text(cls) + "\n")
        return None
    if options.get("version"):
        return _without_target(["--version"])
    if "memory" in options and not cls.keeps_to_memory:
        raise ParameterError(
            f"{cls.alias} does not divide its work by the memory that it may take",
            where="--memory",
            hint="leave it out; calwebb_detector1 does",
        )
    from hexcal.core import log, run_files
    from hexcal.files import gate

    with gate.run(), bands.number_of_threads(options.get("threads")), memory.bounded(options.get("memory")):
        # Known before the log is opened: a log must not take the place of an input either.
        run_files.note_inputs(command.inputs)
        with log.configured(**_logging(options)):
            step = _configured(cls, command, configuration)
            step.former, step.allow_hooks = former, options.get("allow-hooks", False)
            if "save-parameters" in options:
                destinations.require_possible(
                    options["save-parameters"], "the parameter file", "give another --save-parameters", False
                )
                gate.plan(options["save-parameters"])
            result = step.run(*command.inputs)
            if "save-parameters" in options:
                step.export_config(options["save-parameters"])
            return result


def _logging(options):
    """The options of the command that are about messages, as `hexcal.core.log.configured` takes them."""
    own = [name for name in ("log-level", "log-file", "log-stream") if name in options]
    if own and "logcfg" in options:
        raise ParameterError(
            f"--logcfg and --{own[0]} cannot be given together", where="hexcal run", hint=f"leave out --{own[0]}"
        )
    return {
        "logcfg": options.get("logcfg"),
        "verbose": options.get("verbose", False),
        **{name.partition("-")[2]: options[name] for name in own},
    }


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
    if "save_results" not in command.parameters:
        # The outermost step of a command writes its result, unless the command says that it should not.
        step.configure({"parameters": {"save_results": True}}, "command line")
    return step
