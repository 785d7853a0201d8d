"""The step: what everything that can be run is made of."""

# Every public signature is typed; what lies behind it need not be.
# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import logging
from collections.abc import Sequence
from os import PathLike
from typing import Any, ClassVar

from hexcal.core import declaration
from hexcal.core.blockwise import Blockwise
from hexcal.core.parameter_values import ParameterValues
from hexcal.core.parameterized import Parameterized
from hexcal.core.parameters import StepParameters
from hexcal.core.step_files import StepFiles
from hexcal.errors import ParameterError


class Step(Parameterized, StepFiles, Blockwise):
    """One correction of the data.

    A step declares its `alias`, the `reference_types` it needs and its `Parameters`, and does the work in `process`.
    Opening, saving, naming, logging, references, hooks, skipping and the status keyword belong to the framework
    (`hexcal.core.run`).

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
    other_step_names: ClassVar[dict[str, str]] = {}
    """Names that the steps of a pipeline have in other releases -> their names here."""
    status = None
    """Entry of the step in ``meta.cal_step``; default the alias."""
    input_model = None
    """Name, or names, of the model classes that the step works on; any other input is refused. None: any model."""
    roles: tuple[Any, ...] = ()
    """The inputs by name (`hexcal.core.Role`), where a step takes several or takes associations: ``process(science,
    psf)``.
    """
    changes_first_only = False
    """Whether the result takes the place of the first input alone: then a skipped step returns only that one, otherwise
    all that it was given.
    """
    last_status = None
    """How the last run of this instance ended: "COMPLETE", "SKIPPED" or "FAILED"."""
    may_lack_rules: tuple[str, ...] = ()
    """Types of reference files that a cache may have no rules for: they do not apply then, instead of an error."""
    skippable = True
    """Whether the exposure can go on without this step when a reference file is missing."""
    spec: Any = declaration.SpecText()
    class_alias = None
    reference_file_types: Sequence[str] = ()
    """How steps for the original declare `Parameters`, `alias` and `reference_types`; such a step asks for its
    references with `get_reference_file`.
    Of Hexcal's own steps it is the list of `reference_types`.
    """
    relative_time = 1.0
    """About how long the step takes among the steps of a pipeline; for the display of progress."""
    is_often_left_out = False
    """Whether exposures are commonly calibrated without this step: then a missing reference file is no warning."""
    superstripes: str | None = None
    """What the step does with a ramp of superstripes: "places": it gets a ramp of each place; "whole": it knows them.
    None: it works on ramps that refpix has put together.
    """
    reads_ahead: ClassVar[dict[str, tuple[str, ...]]] = {}
    """Arrays of reference files that the step takes as a whole: reference type -> their names. A pipeline has them read
    while earlier steps work.
    """
    takes_references = True
    """Whether `process` gets the references as its last argument."""
    default_suffix = None
    """Suffix of the product; default the name of the step."""
    product_is_model = True
    """Whether the result is a model, which the framework saves; a step that makes a table writes it itself."""
    saves_products_of: tuple[str, ...] = ()
    """Of a pipeline: steps whose products it saves itself, under names that only it knows; the framework does
    not save them again where such a step is told to.
    """
    allow_hooks = False
    """Whether hooks are run that a data file names (a product that is made again, a parameter reference); those of the
    user always are.
    """

    keeps_to_memory = False
    """Whether the work is divided so that it keeps to the memory that ``--memory`` allows."""
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

    def process(self, *inputs: Any) -> Any:
        """Do the work. Steps define it; with `reference_types`, the references are the last argument."""
        raise NotImplementedError(f"{type(self).__name__} does not define process")

    @property
    def steps(self) -> dict[str, "Step"]:
        """The steps of a pipeline by name; a step has none."""
        return {}

    @property
    def is_saved_for(self) -> bool:
        """Whether the framework saves the results: they are written, and not by the pipeline of the step."""
        return self.saves and (self.parent is None or self.name not in self.parent.saves_products_of)

    def prepare(self) -> None:
        """Begin what can be done while the input is read; a step has nothing to do."""

    @classmethod
    def compile_kernels(cls) -> None:
        """Have the kernels of the step compiled, by using them on a few pixels as `process` does.

        A step without a `largest_kernel` has nothing to do.
        """

    def look_up_references(self, exposure: Any) -> None:
        """Choose the references of an exposure before the work.

        For a step only where there are several, so that they are fetched together.
        """
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

    def require_parameters(self) -> None:
        """Raise ParameterError if the values of parameters do not go together, or cannot be understood.

        A run asks all its steps before its input is read, and each step once more before it runs. Default: nothing is
        required beyond what the declaration of each parameter says.
        """

    def require(self, model: Any) -> None:
        """Raise InputError if the exposure lacks what the step needs.

        A pipeline asks all its steps before the first one runs. Default: nothing is needed.
        """

    def references_needed(self, model: Any) -> Any:
        """Return the reference types that this exposure needs; default all that the step declares."""
        return self.reference_types

    def is_optional(self, reference_type: str) -> bool:
        """Whether the step works without a reference of this type too, which is then not in ``references``.

        Default no: the step is skipped.
        """
        return False

    def run(self, *inputs: Any, **named: Any) -> Any:
        """Run with the coded defaults and what was set on this instance.

        Reference files are looked up, parameter files are not.

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

        Parameters come, from the highest precedence to the lowest, from the keywords, the parameter file, the parameter
        references that CRDS chooses for the input (none if the environment's STPIPE_DISABLE_CRDS_STEPPARS is true), and
        the coded defaults.

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
            Override the parameter file. For a pipeline, ``steps={"jump": {"rejection_threshold": 5}}``. Inputs by the
            name of their role, as in `run`.

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
        """Return the configuration that parameter references give for an exposure.

        For a pipeline, that of its steps too.

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

    def __repr__(self) -> str:
        return f"<{type(self).__name__} '{self.qualified_name}'>"
