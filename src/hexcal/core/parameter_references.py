"""Parameter references: parameters of steps that are chosen as reference files.

The parameters that the observatory recommends for an exposure (types ``pars-<class name>``), chosen as reference files
are.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hexcal.core import members
from hexcal.errors import InputError, ParameterError, ReferenceError_
from hexcal.references import chooser
from hexcal.references.environment import FALSE, TRUE
from hexcal.references.folder import ReferenceFolder
from hexcal.references.rules import FILE

VARIABLE = "STPIPE_DISABLE_CRDS_STEPPARS"
LEAVE_OUT = "--disable-crds-steppars (STPIPE_DISABLE_CRDS_STEPPARS=true) uses coded defaults"


@dataclass(frozen=True)
class ParameterReference:
    """A parameter reference file.

    Attributes
    ----------
    kind : str
        Type, ``pars-jumpstep``.
    path : str
        The file.
    steps : tuple of str
        Names from the outermost pipeline down to the step that the file is for; empty for the outermost itself.
    context : str or None
        The context of CRDS that chose it; None for one from a folder.
    """

    kind: str
    path: str
    steps: tuple
    context: str | None

    @property
    def source(self):
        """How the record of a run calls it."""
        return f"parameter reference {Path(self.path).name}"


def reference_type(cls):
    """Return the type of parameter reference of a step or pipeline.

    ``pars-`` and the name of its class in lower case.
    """
    return f"pars-{cls.__name__.lower()}"


def is_disabled(disable=None):
    """Whether parameter references are left out.

    Parameters
    ----------
    disable : bool, optional
        Default: the environment's STPIPE_DISABLE_CRDS_STEPPARS, true or false in any case.

    Raises
    ------
    ParameterError
        If the variable is neither.
    """
    if disable is not None:
        return disable
    value = os.environ.get(VARIABLE, "").strip().lower()
    if value not in (*TRUE, *FALSE):
        raise ParameterError(f"{VARIABLE} must be true or false, got {value!r}", where="environment")
    return value in TRUE


def find(cls, dataset, folder=None):
    """Return the parameter references of a step, or of a pipeline and all its steps, for an exposure.

    Parameters
    ----------
    cls : type
        The step or pipeline.
    dataset : path-like, DataModel, mapping or list
        The exposure, or the association, as `hexcal.datamodels.open` takes it: there the first science member decides
        for all.
    folder : path-like, optional
        Folder of reference files, which is asked instead of CRDS: its files ``<type>.asdf`` (``pars-jumpstep.asdf``).

    Returns
    -------
    list of ParameterReference
        Those that take precedence last: a pipeline after its steps. Empty where no place for reference files is given,
        and where the rules of CRDS have nothing for the exposure.

    Raises
    ------
    ReferenceError_
        If a file that the rules choose cannot be had, or there is no usable context where the environment says: coded
        defaults in their place would be another result.
    """
    log = logging.getLogger(f"hexcal.{cls.alias}")
    wanted = list(_wanted(cls, ()))
    kinds = list(dict.fromkeys(kind for _, kind in wanted))
    if folder:
        files, context = _in_folder(folder, kinds), None
    elif chooser.is_configured():
        files, context = _in_cache(_model(dataset), kinds, log)
    else:
        return []
    return [ParameterReference(kind, files[kind], steps, context) for steps, kind in wanted if kind in files]


def _wanted(cls, steps):
    """Names of steps and type, for each step of a pipeline and then for itself."""
    for name, inner in cls.step_defs.items():
        yield from _wanted(inner, (*steps, name))
    yield steps, reference_type(cls)


def _in_folder(folder, kinds):
    """Type -> path of the files named ``<type>.asdf``."""
    files = {path.stem.lower(): str(path) for path in ReferenceFolder(folder).folder.glob("*.asdf")}
    return {kind: files[kind] for kind in kinds if kind in files}


def _in_cache(model, kinds, log):
    """Type -> path of those that the rules choose, and the name of the context."""
    try:
        of_model = chooser.Chooser(model)
        choices = _choices(of_model, kinds)
        for kind, choice in choices.items():
            log.debug("Rules for %s: %s", kind, choice)
        chosen = [kind for kind, choice in choices.items() if choice.status == FILE]
        of_model.fetch(chosen)
        return {kind: of_model.find(kind) for kind in chosen}, of_model.context.name
    except InputError as error:
        log.warning("No parameter reference can be chosen: %s (%s)", error.message, error.where)
        return {}, None
    except ReferenceError_ as error:
        hint = f"{error.hint}; {LEAVE_OUT}" if error.hint else LEAVE_OUT
        raise type(error)(error.message, where=error.where, hint=hint) from error


def _choices(of_model, kinds):
    """What the rules say about those types that the context knows for the instrument.

    Nothing for an instrument that it does not know.
    """
    instrument = of_model.context.instrument_of(of_model.header)
    if instrument.upper() not in (name.upper() for name in of_model.context.instruments()):
        return {}
    known = of_model.context.types(instrument)
    return of_model.choose([kind for kind in kinds if kind in known])


def _model(dataset):
    """The exposure that decides.

    Of an association the first science member, or the first of any type if there is none.
    """
    from hexcal.models.association_file import is_association
    from hexcal.models.container import ModelContainer
    from hexcal.models.open import open as open_model

    if isinstance(dataset, Mapping) and not is_association(dataset):
        # Inputs by role: {"science": [...], "psf": [...]}
        dataset = next(iter(dataset.values()), [])
    model = open_model(dataset)
    if not isinstance(model, ModelContainer):
        return model
    if not len(model):
        raise InputError(
            "nothing to choose parameters for: there is no exposure in the association", where=str(dataset)
        )
    return members.deciding(model)
