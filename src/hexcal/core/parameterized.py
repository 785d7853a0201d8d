"""The parameters of a step: given one by one or by files, above the defaults of a profile.

Read as attributes, exported.
"""

# Every public signature is typed; what lies behind it need not be.
# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from os import PathLike
from typing import Any, ClassVar

from hexcal.core.config import expanded
from hexcal.core.parameter_values import ParameterValues
from hexcal.core.parameters import values_of
from hexcal.errors import ParameterError
from hexcal.observatories.documented import unknown_parameter


class Parameterized:
    """The part of `Step` that holds its parameters."""

    _kind: str
    _values: ParameterValues
    alias: Any
    adjustable: tuple[str, ...]
    context: Any
    name: str
    parameters_class: Any
    parent: Any
    other_parameter_names: ClassVar[dict[str, str]] = {}
    """Names that parameters have in other releases -> their names here."""

    @property
    def qualified_name(self) -> str:
        """Name with those of the pipelines that own it: ``calwebb_detector1.jump``."""
        return f"{self.parent.qualified_name}.{self.name}" if self.parent is not None else self.name

    @property
    def where(self) -> str:
        """How messages call this step."""
        return f"{self._kind} '{self.qualified_name}'"

    @property
    def parameters(self) -> Any:
        """All parameters, as a frozen object."""
        return self._values.frozen(self.where)

    @property
    def sources(self) -> dict[str, str]:
        """Where each parameter that was given comes from."""
        return self._values.sources

    def given(self, name: str) -> Any:
        """Return the value of a parameter as it was given, before it was checked and converted; None for a default."""
        return self._values.given.get(name)

    def source_of(self, name: str) -> str:
        """Return where the value of a parameter comes from: the command line, a file, a profile, "default"."""
        return self._values.source_of(name)

    def take_profile(self) -> None:
        """Put the defaults of the profile and of the pipeline for this step in place of the coded ones."""
        from hexcal.core import profiles

        owner = self.parent
        values = {}
        if owner is not None:
            of_pipeline = owner.step_defaults.get(self.name, {})
            values = {name: (value, f"default of {owner.alias}") for name, value in of_pipeline.items()}
        profile = profiles.chosen(self.inherited("profile"))
        if profile is not None:
            rows = profiles.defaults(profile, str(self.alias), None if owner is None else owner.alias)
            values |= {name: (value, f"profile {profile}") for name, value in rows.items()}
        self._values.take_defaults(values)

    def configure(self, config: Any, source: str) -> None:
        """Set the parameters that a configuration names.

        Parameters
        ----------
        config : dict
            With ``parameters`` (name -> value), and for a pipeline ``steps`` (step -> configuration).
        source : str
            Where the values come from; kept for the record of the run.
        """
        values = {self._name_of(name): value for name, value in expanded(config).get("parameters", {}).items()}
        for name in values:
            if name not in self.parameters_class.model_fields:
                raise unknown_parameter(name, self._settable(), str(self.alias), self.where)
        self._values.give(values, source, self.where)
        if "profile" in values:
            self.take_profile()

    @classmethod
    def _name_of(cls, name: str) -> str:
        """The parameter that a name stands for.

        Of another release; a type of reference file, for its override (``step.dark = path``).
        """
        fields = cls.parameters_class.model_fields
        name = cls.other_parameter_names.get(name, name)
        override = f"override_{name.replace('-', '_')}"
        return override if name not in fields and override in fields else name

    def _settable(self) -> Any:
        return self.parameters_class.model_fields

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if hasattr(type(self), name):
            # A property has failed with an AttributeError: this says which, instead of calling the property unknown.
            return object.__getattribute__(self, name)
        known = self._name_of(name)
        if known in self.parameters_class.model_fields:
            value = getattr(self.parameters, known)
            if known == "input_dir" and value is None and self.context is not None:
                return self.inherited("input_dir") or self.context.input_dir
            return value
        raise unknown_parameter(name, self._settable(), str(self.alias), self.where, "attribute")

    def __setattr__(self, name: str, value: Any) -> None:
        if self._name_of(name) in self.parameters_class.model_fields:
            self.configure({"parameters": {name: value}}, source="attribute")
        elif name.startswith("_") or name in (*self.__dict__, *self.adjustable) or self.context is not None:
            # While it runs, a step may note what it likes on itself, as those written for the original do.
            object.__setattr__(self, name, value)
        elif hasattr(type(self), name):
            raise ParameterError(
                f"'{name}' belongs to the class {type(self).__name__} and cannot be set on one instance",
                where=self.where,
                hint=f"derive a class of your own from {type(self).__name__} and set it there",
            )
        else:
            raise unknown_parameter(name, self._settable(), str(self.alias), self.where, "attribute")

    def inherited(self, name: str) -> Any:
        """Value of a parameter here, else in the pipelines that own the step.

        Only for where things are: output_file, output_dir, references ...
        """
        value = getattr(self.parameters, name)
        return self.parent.inherited(name) if value is None and self.parent is not None else value

    def get_pars(self) -> dict[str, Any]:
        """Return all parameters as a nested dict."""
        return values_of(self.parameters)

    def export_config(self, filename: str | PathLike[str], include_meta: bool = False) -> Any:
        """Write all parameters to an ASDF parameter file.

        Parameters
        ----------
        filename : path-like
            The file.
        include_meta : bool
            Add the ``meta`` and ``history`` blocks that a parameter reference file needs, and leave out what does not
            belong into one: where files are, hooks, overrides.
        """
        from hexcal.core import config

        return config.export(self, filename, include_meta)
