"""A pipeline: a step that owns steps and lists them in order."""

# Every public signature is typed; what lies behind it need not be.
# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Iterable
from os import PathLike
from typing import Any

from hexcal.core import ahead, bands, run_references
from hexcal.core.config import expanded, merged, nested
from hexcal.core.parameters import StepParameters
from hexcal.core.step import Step
from hexcal.errors import ParameterError
from hexcal.observatories.documented import parts, unknown_step


class Pipeline(Step):
    """Several steps in order.

    A pipeline declares ``step_defs`` (name -> Step class) and, where a step has another default here than on its own,
    ``step_defaults`` (name -> {parameter: value}). Its steps are attributes: ``pipe.jump.rejection_threshold = 5``.

    Parameters
    ----------
    name, parent, config_file, **parameters
        As for `Step`; ``steps={name: {parameter: value}}`` sets parameters of the steps.
    """

    _kind = "pipeline"
    superstripes = "whole"
    alias = "pipeline"
    step_defaults = {}
    adjustable = ("allow_hooks", "prefetch_references")
    prefetch_references = True
    """Whether the references of all steps are looked up before the first step runs, for the first input; not where each
    step has other exposures.
    """
    not_built = ()
    """Steps that the pipeline will have one day, besides those that the documents of the observatory name (see
    `missing_steps`).
    """

    def __init__(
        self,
        name: str | None = None,
        parent: Step | None = None,
        config_file: str | PathLike[str] | None = None,
        _validate_kwds: bool = True,
        **parameters: Any,
    ) -> None:
        object.__setattr__(self, "name", name or self.alias)
        object.__setattr__(self, "parent", parent)
        for step_name, step_class in self.step_defs.items():
            object.__setattr__(self, step_name, step_class(name=step_name, parent=self))
        super().__init__(name, parent, config_file, _validate_kwds, **parameters)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.step_defs:
            super().__setattr__(name, value)
        elif isinstance(value, Step):
            object.__setattr__(value, "parent", self)
            object.__setattr__(value, "name", name)
            object.__setattr__(self, name, value)
        else:
            raise ParameterError(
                f"'{name}' is a step of the pipeline, it cannot be set to {value!r:.60}",
                where=self.where,
                hint=f"set one of its parameters, such as {name}.skip",
            )

    def __getattr__(self, name: str) -> Any:
        present = type(self).other_step_names.get(name)
        return super().__getattr__(name) if present is None else getattr(self, present)

    def _settable(self) -> Any:
        return [*super()._settable(), *self.step_defs, "steps"]

    def configure(self, config: Any, source: str) -> None:
        """Set parameters of the pipeline and of its steps (see `Step.configure`)."""
        config = expanded(config)
        inline = nested(config.get("parameters", {}))
        parameters = inline["parameters"]
        steps = merged(self._by_name(config), self._by_name(inline))["steps"]
        for name in [name for name in steps if name not in self.step_defs]:
            if name not in self.missing_steps():
                raise unknown_step(name, self.step_defs, str(self.alias), where=self.where)
            self._accept_skip_only(name, steps.pop(name))
        super().configure({"parameters": parameters}, source)
        for name, section in steps.items():
            getattr(self, name).configure(section, source)

    def _by_name(self, config: Any) -> dict[str, Any]:
        """The steps of a configuration by their names in the pipeline; a file may give only the class of a step."""
        result = {"steps": {}}
        for named, section in config.get("steps", {}).items():
            given = self.other_step_names.get(named, named)
            names = [name for name, inner in self.step_defs.items() if inner.__name__ == given]
            if len(names) > 1 and given not in self.step_defs:
                raise ParameterError(
                    f"several steps have the class {given}: name one of them, {' or '.join(names)}", where=self.where
                )
            step = names[0] if names and given not in self.step_defs else given
            result = merged(result, {"steps": {step: section}})
        return result

    def _accept_skip_only(self, name: str, section: Any) -> None:
        values = StepParameters(**{key: value for key, value in section.get("parameters", {}).items() if key == "skip"})
        if set(section.get("parameters", {})) - {"skip"} or not values.skip:
            raise self.only_skip(name, self.where)

    @classmethod
    def missing_steps(cls) -> Any:
        """Return the documented steps that this version does not have.

        ``skip=True`` is accepted for them, so that scripts that skip them run.
        """
        documented = [name for name in parts(str(cls.alias)) if name not in cls.step_defs]
        return tuple(dict.fromkeys((*cls.not_built, *documented)))

    @classmethod
    def only_skip(cls, name: str, where: str) -> Any:
        """Return (not raise) the exception for setting parameters of a step that is not in this version.

        Nothing but ``skip=True`` may be set for it.
        """
        return ParameterError(
            f"the step {name} is not in this version of Hexcal; only skip=true may be set for it",
            where=where,
            hint=f"--steps.{name}.skip=true",
        )

    def take_profile(self) -> None:
        """Put the defaults of the chosen profile in place of the coded ones, here and in the steps."""
        super().take_profile()
        for step in self.steps.values():
            step.take_profile()

    @property
    def steps(self) -> dict[str, Step]:
        """The steps by name."""
        return {name: getattr(self, name) for name in self.step_defs}

    def get_pars(self) -> dict[str, Any]:
        """Return all parameters as a nested dict, those of the steps under ``steps``."""
        return {**super().get_pars(), "steps": {name: step.get_pars() for name, step in self.steps.items()}}

    def prepare(self) -> None:
        """Load the compiler of the kernels while the input is read.

        The first run ever begins to compile the largest ones.
        """
        steps = [step for step in reversed(self.steps.values()) if not step.parameters.skip]
        processes = ahead.processes_to_use()
        bands.prepare_kernels(lambda: ahead.compile_elsewhere(steps, processes))

    def look_up_references(self, exposure: Any) -> None:
        """Choose the references of all steps before the first one runs."""
        if self.prefetch_references:
            run_references.look_up_all(self, exposure)

    def set_status(self, model: Any, status: str) -> None:
        """A pipeline has no status of its own; its steps note theirs."""

    def steps_for(self, model: Any) -> Any:
        """Return the steps that this exposure needs, in order; default all."""
        return list(self.steps.values())

    def run_in_order(self, steps: Iterable[Step], model: Any) -> Any:
        """Pass a model through steps, one after the other."""
        for step in steps:
            model = step.run(model)
        return model
