"""From exposures with many sources to sources with many exposures: the products of stage 2 as those of stage 3."""

import re
from typing import Any

from hexcal.errors import InputError
from hexcal.models import meta
from hexcal.models.container import ModelContainer
from hexcal.models.science import MultiExposureModel, MultiSlitModel, SlitModel

# NIRSpec fixed slits hold no sources of a catalogue: the slit stands for the source (JWST documents, "Exposure to
# Source Conversion").
FIXED_SLITS = {"S200A1": 1, "S200A2": 2, "S400A1": 3, "S1600A1": 4, "S200B1": 5}
_FIXED_SLIT_TYPES = ("NRS_FIXEDSLIT", "NRS_BRIGHTOBJ")
_OF_ONE_FILE = ("meta.filename", "meta.model_type", "meta.date")
_SOURCE_IN_NAME = re.compile(r"(?<=_)s(\d{4,})(?=[_.]|$)")


class SourceModelContainer(ModelContainer):
    """The exposures of one source, as a list of models.

    Parameters
    ----------
    init : MultiExposureModel
        The source; shared, not copied.
    """

    model_type = "SourceModelContainer"

    def __init__(self, init):
        if not isinstance(init, MultiExposureModel):
            raise InputError(f"a source in many exposures is required (MultiExposureModel), got {type(init).__name__}")
        super().__init__(init.exposures)
        self.multiexposure = init

    multiexposure: Any = None
    """The source."""


class SlitOfExposure(SlitModel):
    """A slit that also carries the metadata of the exposure it is of; those of the slit itself go first."""

    model_type = "SlitModel"
    _exposure: Any = None
    """The exposure, and its metadata when it was regrouped."""

    @classmethod
    def of(cls, slit, exposure, exposure_meta):
        """Return a slit as a model of its own: what is in memory is copied, what is in the file stays there.

        Parameters
        ----------
        slit : SlitModel
            Of `exposure`; not changed.
        exposure : MultiSlitModel
            For what only its ASDF extension records, which is read when asked for.
        exposure_meta : dict
            Its metadata; shared by all its slits and not changed.
        """
        model = cls(slit.contents.source)
        tree = slit.contents.tree
        model.contents = slit.contents.copied(None if tree is None else _copied(tree))
        model.contents.container, model.observatory = slit.contents.container, slit.observatory
        model.contents.arrays = slit.contents.copied_arrays()
        model._exposure = (exposure, exposure_meta)
        return model

    def metadata_tree(self):
        """Return the metadata in the file of the exposure, those of the slit first (dict)."""
        exposure, self._exposure = self._exposure, None
        tree = super().metadata_tree()
        if exposure is not None:
            self.whole_tree()
            meta.merge_below(tree, {"meta": _copied(exposure[1])})
            meta.merge_below(tree, {"meta": _copied(exposure[0].whole_tree()["meta"])})
        return tree


def _copied(tree):
    """Return a nested dict with its own dicts and lists; what is in them is shared."""
    if isinstance(tree, dict):
        return {name: _copied(value) for name, value in tree.items()}
    return [_copied(value) for value in tree] if isinstance(tree, list) else tree


def exp_to_source(inputs):
    """Regroup exposures by source.

    Parameters
    ----------
    inputs : list of MultiSlitModel, or ModelContainer
        Exposures; not changed.

    Returns
    -------
    dict of str to MultiExposureModel
        Source id -> the source in every exposure that has it, in the order of the exposures. The metadata of a model
        are those of its first exposure; each of its ``exposures`` has those of its own.

    Raises
    ------
    InputError
        If an input has no slits, or a slit names no source.
    """
    sources = {}
    for source_id, slit, exposure in _slits(inputs):
        if source_id not in sources:
            sources[source_id] = _of_first_exposure(exposure)
        sources[source_id].exposures.append(slit)
    return sources


def multislit_to_container(inputs):
    """Regroup exposures by source, into containers.

    Parameters
    ----------
    inputs : list of MultiSlitModel, or ModelContainer
        Exposures; not changed.

    Returns
    -------
    dict of str to ModelContainer
        Source id -> the image of the source in every exposure that has it, each with the metadata of its exposure.

    Raises
    ------
    InputError
        If an input has no slits, or a slit names no source.
    """
    containers = {}
    for source_id, slit, _ in _slits(inputs):
        containers.setdefault(source_id, ModelContainer()).append(slit)
    return containers


def _slits(inputs):
    """Yield (source id, slit as a model of its own, exposure)."""
    if isinstance(inputs, MultiSlitModel):
        inputs = [inputs]
    for exposure in inputs:
        if not isinstance(exposure, MultiSlitModel):
            raise InputError(
                f"exposures with slits are regrouped (MultiSlitModel), got {type(exposure).__name__}",
                where=str(getattr(exposure, "path", None) or "model in memory"),
                hint="a file is opened with `datamodels.open`",
            )
        exposure_meta = _copied(exposure.metadata_tree()["meta"])
        for number, slit in enumerate(exposure.slits):
            yield _source_id(slit, exposure, number), SlitOfExposure.of(slit, exposure, exposure_meta), exposure


def _source_id(slit, exposure, number):
    source_id = slit.get_meta("source_id")
    if not source_id and exposure.get_meta("meta.exposure.type") in _FIXED_SLIT_TYPES:
        source_id = FIXED_SLITS.get(slit.get_meta("name"), source_id)
    if source_id is None:
        raise InputError(
            f"slit {number + 1} ({slit.get_meta('name') or 'without name'}) names no source (SOURCEID)",
            where=str(exposure.path or "model in memory"),
        )
    return str(source_id)


def _of_first_exposure(exposure):
    model = MultiExposureModel()
    model.observatory = exposure.observatory
    for path, value in meta.walk({"meta": exposure.metadata_tree()["meta"]}):
        entry = exposure.observatory.keywords.of_path(path)
        if entry is not None and entry.hdu == "PRIMARY" and path not in _OF_ONE_FILE:
            model.set_unchecked(path, value)
    model.contents.cards["PRIMARY"] = list(exposure.contents.cards.get("PRIMARY", []))
    model.history.extend(exposure.history)
    return model


def source_product_name(product_name, source_id, slit_name=None):
    """Return the name of the product of one source: `product_name` with ``s`` and five digits in it.

    Parameters
    ----------
    product_name : str
        Of the association: ``{source_id}`` in it, or a source id of any width, is replaced; without either the id goes
        behind the first element.
    source_id : int or str
        The source.
    slit_name : str, optional
        The fixed slit that it is in: takes the place of ``{slit_name}``.

    Returns
    -------
    str
        Such as ``jw10006-o010_s00061_nirspec_f170lp-g235m``.
    """
    text = f"s{int(source_id):05d}"
    if slit_name:
        product_name = product_name.replace("{slit_name}", str(slit_name).lower())
    if "{source_id}" in product_name:
        return product_name.replace("{source_id}", text)
    if _SOURCE_IN_NAME.search(product_name):
        return _SOURCE_IN_NAME.sub(text, product_name, count=1)
    first, _, rest = product_name.partition("_")
    return f"{first}_{text}_{rest}" if rest else f"{first}_{text}"
