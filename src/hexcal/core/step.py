"""The step: what everything that can be run is made of."""

# Every public signature is typed; what lies behind it need not be.
# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import logging
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hexcal.core import declaration
from hexcal.core.blockwise import Blockwise
from hexcal.core.config import expanded
from hexcal.core.parameter_values import ParameterValues
from hexcal.core.parameters import StepParameters, values_of
from hexcal.errors import ParameterError
from hexcal.observatories.documented import unknown_parameter

if TYPE_CHECKING:
    from hexcal.models.datamodel import DataModel


class Step(Blockwise):
    """One correction of the data.

    A step declares its `alias`, the `reference_types` it needs and its `Parameters`, and does the work in `process`. Opening, saving, naming,
    logging, references, hooks, skipping and the status keyword belong to the framework (`hexcal.core.run`).

    Parameters
    ----------
    name : str, optional
        Name of this instance; default the alias.
    parent : Step, optional
        The pipeline that owns it.
    config_file : path-like, optional
        Parameter file; keywords override it.
    _validate_kwds : bool
        Must be true: values are always checked. It is here because the documents have it.
    **parameters
        Parameters by name.

    Raises
    ------
    ParameterError
        For an unknown parameter or a value out of bounds.
    """

    _kind = "step"
    alias = None
    reference_types = ()
    step_defs: ClassVar[dict[str, type["Step"]]] = {}
    """The steps of a pipeline; a step has none."""
    status = None
    """Entry of the step in ``meta.cal_step``; default the alias."""
    input_model = None
    """Name, or names, of the model classes that the step works on; any other input is refused. None: any model."""
    roles: tuple[Any, ...] = ()
    """The inputs by name (`hexcal.core.Role`), where a step takes several or takes associations: ``process(science, psf)``."""
    changes_first_only = False
    """Whether the result takes the place of the first input alone: then a skipped step returns only that one, otherwise all that it was given."""
    last_status = None
    """How the last run of this instance ended: "COMPLETE", "SKIPPED" or "FAILED"."""
    skippable = True
    """Whether the exposure can go on without this step when a reference file is missing."""
    spec: Any = declaration.SpecText()
    class_alias = None
    reference_file_types: Sequence[str] = ()
    """How steps for the original declare `Parameters`, `alias` and `reference_types`; such a step asks for its references with `get_reference_file`.
    Of Hexcal's own steps it is the list of `reference_types`."""
    relative_time = 1.0
    """About how long the step takes among the steps of a pipeline; for the display of progress."""
    is_often_left_out = False
    """Whether exposures are commonly calibrated without this step: then a missing reference file is no warning."""
    takes_references = True
    """Whether `process` gets the references as its last argument."""
    default_suffix = None
    """Suffix of the product; default the name of the step."""
    product_is_model = True
    """Whether the result is a model, which the framework saves; a step that makes a table writes it itself."""
    allow_hooks = False
    """Whether hooks are run that a data file names (a product that is made again, a parameter reference); those of the user always are."""

    largest_kernel: str | None = None
    """Of a step whose kernels take seconds to compile: the largest, "module:name"; `compile_kernels` compiles it."""

    adjustable = ("allow_hooks",)
    """Attributes of the class that may be set on one instance."""

    parameters_class = StepParameters

    class Parameters(StepParameters):
        """No parameters of its own."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        declaration.complete(cls)

    def __init__(
        self,
        name: str | None = None,
        parent: "Step | None" = None,
        config_file: str | PathLike[str] | None = None,
        _validate_kwds: bool = True,
        **parameters: Any,
    ) -> None:
        if not _validate_kwds:
            raise ParameterError(
                "parameters are always checked: _validate_kwds must be true",
                where=type(self).__name__,
                hint="leave it out",
            )
        set_ = object.__setattr__
        set_(self, "name", name or self.alias)
        set_(self, "parent", parent)
        set_(self, "_values", ParameterValues(self.parameters_class))
        set_(self, "context", None)
        set_(self, "parameter_references", ())
        set_(self, "former", None)
        set_(self, "log", logging.getLogger(f"hexcal.{self.qualified_name}"))
        if config_file is not None:
            from hexcal.core import config

            self.configure(config.load(config_file), source=str(config_file))
        self.configure({"parameters": parameters}, source="python")
        if parent is None:
            self.take_profile()

    # ---- parameters

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
        """Put the defaults of the chosen profile, and those of the pipeline for this step, in place of the coded ones."""
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

    def _name_of(self, name: str) -> str:
        """The parameter that a name stands for: a type of reference file for its override (``step.dark = path``)."""
        fields = self.parameters_class.model_fields
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
            return getattr(self.parameters, known)
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
        """Value of a parameter here, else in the pipelines that own the step (only for where things are: output_file, output_dir, references ...)."""
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
            Add the ``meta`` and ``history`` blocks that a parameter reference file needs, and leave out what does not belong into one:
            where files are, hooks, overrides.
        """
        from hexcal.core import config

        return config.export(self, filename, include_meta)

    # ---- running

    def process(self, *inputs: Any) -> Any:
        """Do the work. Steps define it; with `reference_types`, the references are the last argument."""
        raise NotImplementedError(f"{type(self).__name__} does not define process")

    @property
    def steps(self) -> dict[str, "Step"]:
        """The steps of a pipeline by name; a step has none."""
        return {}

    def prepare(self) -> None:
        """Begin what can be done while the input is read; a step has nothing to do."""

    @classmethod
    def compile_kernels(cls) -> None:
        """Have the kernels of the step compiled, by using them on a few pixels as `process` does; a step without a `largest_kernel` has nothing to do."""

    def look_up_references(self, exposure: Any) -> None:
        """Choose the references of an exposure before the work: for a step only where there are several, so that they are fetched together."""
        from hexcal.core import run_references

        if self.parent is None and len(self.reference_types) > 1:
            run_references.fetch(self, exposure, [self])

    def set_status(self, model: Any, status: str) -> None:
        """Note in a model how the step ended ("COMPLETE", "SKIPPED"); a pipeline has no status of its own."""
        model.set_meta(f"meta.cal_step.{self.status}", status)

    @classmethod
    def missing_steps(cls) -> Any:
        """Return the documented steps of a pipeline that this version does not have; a step has none."""
        return ()

    @classmethod
    def is_runnable(cls) -> bool:
        """Whether the class says what it does; `Step` and `Pipeline` themselves do not."""
        return cls.process is not Step.process

    def suffix_for(self, model: Any) -> Any:
        """Return the suffix of a product, where no parameter says it; None for the name of the step.

        Parameters
        ----------
        model : DataModel or None
            The product; None before there is one.
        """
        return self.default_suffix

    def extra_products(self) -> Any:
        """Return what the step writes beside its result, with its present parameters: checked before the work.

        Returns
        -------
        list of dict
            Of each file what `make_output_path` takes: ``{"suffix": "fitopt"}``.
        """
        return []

    def require(self, model: Any) -> None:
        """Raise InputError if the exposure lacks what the step needs; a pipeline asks all its steps before the first one runs. Default: nothing is needed."""

    def references_needed(self, model: Any) -> Any:
        """Return the reference types that this exposure needs; default all that the step declares."""
        return self.reference_types

    def is_optional(self, reference_type: str) -> bool:
        """Whether the step works without a reference of this type too, which is then not in ``references``; default no: the step is skipped."""
        return False

    def run(self, *inputs: Any, **named: Any) -> Any:
        """Run with the coded defaults and what was set on this instance; reference files are looked up, parameter files are not.

        Parameters
        ----------
        *inputs : path-like, DataModel, or association (file, mapping, ModelContainer)
            A model passed in is never changed.
        **named
            Inputs by the name of their role, for a step that declares `roles`.

        Returns
        -------
        DataModel or tuple of DataModel
            A list of these for an association of several products.
        """
        from hexcal.core import run

        return run.run(self, inputs, named)

    __call__ = run

    @classmethod
    def call(
        cls,
        *inputs: Any,
        config_file: str | PathLike[str] | None = None,
        logcfg: str | PathLike[str] | None = None,
        allow_hooks: bool = False,
        **parameters: Any,
    ) -> Any:
        """Make a new instance, resolve its parameters, run it.

        Parameters come, from the highest precedence to the lowest, from the keywords, the parameter file, the parameter references that CRDS chooses for
        the input (none if the environment's STPIPE_DISABLE_CRDS_STEPPARS is true), and the coded defaults.

        Parameters
        ----------
        *inputs : path-like or DataModel
            What to process.
        config_file : path-like, optional
            Parameter file.
        logcfg : path-like, optional
            Logging configuration.
        allow_hooks : bool
            Run hooks that parameter references name, too.
        **parameters
            Override the parameter file. For a pipeline, ``steps={"jump": {"rejection_threshold": 5}}``. Inputs by the name of their role, as in `run`.

        Returns
        -------
        DataModel or tuple of DataModel
        """
        from hexcal.core import config, log, precedence, run_files
        from hexcal.core.inputs import together
        from hexcal.files import gate

        with gate.run():
            named = {role.name: parameters.pop(role.name) for role in cls.roles if role.name in parameters}
            if not cls.roles:
                inputs = together(inputs)
                # Before the log is opened, which must not take the place of an input either.
                run_files.note_inputs(inputs)
            with log.configured(logcfg):
                local = (str(config_file), config.load(config_file)) if config_file is not None else None
                step = precedence.instance(cls, inputs or tuple(named.values()), local, config.nested(parameters))
                step.allow_hooks = allow_hooks
                return step.run(*inputs, **named)

    @classmethod
    def from_cmdline(cls, args: list[str]) -> Any:
        """Run as the command line would.

        Parameters
        ----------
        args : list of str
            The words after ``hexcal run``; the first, which names the step or its parameter file, may be left out.
        """
        from hexcal.core import cmdline

        return cmdline.run_words(cls, [str(word) for word in args])

    @classmethod
    def get_config_reftype(cls) -> str:
        """Return the type of parameter reference of this class: ``pars-jumpstep``."""
        from hexcal.core import parameter_references

        return parameter_references.reference_type(cls)

    @classmethod
    def get_config_from_reference(cls, dataset: Any, disable: bool | None = None) -> Any:
        """Return the configuration that parameter references give for an exposure; for a pipeline, that of its steps too.

        Parameters
        ----------
        dataset : path-like or DataModel
            The exposure, or an association, whose first science member decides.
        disable : bool, optional
            Use no parameter references; default: the environment's STPIPE_DISABLE_CRDS_STEPPARS.

        Returns
        -------
        dict
            As of `hexcal.core.config.load`; for `from_config_section`.
        """
        from hexcal.core import precedence

        return precedence.from_references(cls, dataset, disable)

    @classmethod
    def from_config_file(cls, filename: str | PathLike[str]) -> Any:
        """Make an instance from a parameter file."""
        return cls(config_file=filename)

    @classmethod
    def from_config_section(cls, config: Any, parent: "Step | None" = None, name: str | None = None) -> Any:
        """Make an instance from a configuration as `hexcal.core.config.load` returns it."""
        step = cls(name=name, parent=parent)
        step.configure(config, source="configuration")
        return step

    # ---- for use in `process`

    def get_reference_file(self, model: Any, reference_type: str) -> str:
        """Return the path of the reference file for a model, or "N/A".

        Parameters
        ----------
        model : DataModel or path-like
            Whose metadata choose.
        reference_type : str
            Such as "dark"; the step need not declare it.
        """
        from hexcal.core import run_references
        from hexcal.models.open import open as open_model

        reference = run_references.ask(self, open_model(model), reference_type)
        return str(getattr(reference, "path", None) or reference)

    def get_reference_file_model(self, model: Any, reference_type: str) -> Any:
        """Return the reference for a model, opened (see `get_reference_file`); an override that is an open model is returned as it is.

        Raises
        ------
        ReferenceError_
            If the type does not apply to the exposure ("N/A").
        """
        from hexcal.core import run_references
        from hexcal.models.open import open as open_model

        return run_references.opened(self, open_model(model), reference_type)

    def save_model(
        self,
        model: Any,
        suffix: str | None = None,
        idx: int | str | None = None,
        force: bool = False,
        basepath: str | PathLike[str] | None = None,
    ) -> Any:
        """Write a model, if `save_results` asks for it.

        Parameters
        ----------
        model : DataModel
            What to write.
        suffix : str, optional
            Default: the step's own.
        idx : int, optional
            Number in the name.
        force : bool
            Write even if `save_results` is false.
        basepath : path-like, optional
            Base name instead of that of the other products.

        Returns
        -------
        str or None
            Path written.
        """
        from hexcal.core import run

        return run.save(self, model, suffix, idx, basepath) if force or self.saves else None

    @property
    def saves(self) -> bool:
        """Whether results are written: asked for, or implied by an own output_file or output_dir."""
        own = self.parameters
        return bool(own.save_results or own.output_file or own.output_dir)

    def make_output_path(
        self,
        basepath: str | PathLike[str] | None = None,
        suffix: str | None = None,
        ext: str | None = None,
        idx: int | str | None = None,
        model: "DataModel | None" = None,
    ) -> Any:
        """Return the path under which a product of this step is written."""
        from hexcal.core import names

        return str(names.output_path(self, basepath=basepath, suffix=suffix, ext=ext, idx=idx, model=model))

    def make_output_dir(self) -> Any:
        """Make the folder of the step's products, for a file that the step writes itself."""
        from hexcal.core import names

        names.make_folder(names.folder_of(self))

    def make_input_path(self, name: str | PathLike[str]) -> Any:
        """Resolve the name of a further input against `input_dir`, or the directory of the first input."""
        from hexcal.files import gate

        path = Path(name)
        base = self.inherited("input_dir") or (self.context.input_dir if self.context else None)
        path = path if path.is_absolute() or base is None else Path(base) / path
        gate.reading(path, "further input")
        return str(path)

    def open_model(self, init: Any) -> Any:
        """Open a path (relative to the inputs) as a model; of a model a new one that shares its arrays and metadata, and can be closed."""
        from hexcal.models.datamodel import DataModel
        from hexcal.models.open import open as open_model

        return type(init)(init) if isinstance(init, DataModel) else open_model(self.make_input_path(init))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} '{self.qualified_name}'>"
