"""A file, an array or a shape as the model that it is; what holds several is opened by `hexcal.models.open`."""

import contextlib
from pathlib import Path
from typing import Any

from hexcal import observatories
from hexcal.errors import InputError
from hexcal.models import (
    asdf_product,
    asdf_stored,
    asdf_tree,
    association_file,
    catalogue,
    declared,
    fits_memory,
    reference,
    science,
    superstripes,
    whole,
)
from hexcal.models.datamodel import DataModel
from hexcal.models.fits_source import FitsSource, require_file
from hexcal.models.wcs.reading import NotDescribed
from hexcal.observatories.documented import unknown_model

SCIENCE = {
    cls.__name__: cls
    for cls in (
        science.Level1bModel,
        science.RampModel,
        superstripes.SuperstripeRampModel,
        science.ImageModel,
        science.IFUImageModel,
        science.CubeModel,
        science.RampFitOutputModel,
        science.GuiderRawModel,
        science.GuiderCalModel,
        science.SlitModel,
        science.MultiSlitModel,
        science.MultiExposureModel,
    )
}
_BY_NAME = {cls.__name__: cls for cls in (*reference.BY_TYPE.values(), reference.DarkMIRIModel)} | SCIENCE
_FORMER_NAMES = {"MIRIRampModel": "RampModel", "ModelContainer": "DataModel"}
_BY_DIMENSIONS = {2: science.ImageModel, 3: science.CubeModel, 4: science.RampModel}


class TreeModel(DataModel):
    """A file that is only a tree: an ASDF or JSON reference file. Its top-level names are attributes.

    Parameters
    ----------
    init : path-like or other, optional
        The file; or what a `DataModel` is made of.
    strict_validation : bool
        Check the whole model at once.
    **attributes
        Top-level entries by name, such as ``model``.
    """

    _stored: Any = None

    def __init__(self, init=None, strict_validation=False, **attributes):
        path = Path(init) if isinstance(init, str | Path) else None
        is_tree = path is not None and path.suffix != ".fits" and ".fits." not in path.name
        super().__init__(None if is_tree else init)
        if is_tree:
            self._open(path)
        for name, value in attributes.items():
            setattr(self, name, value)
        if strict_validation:
            self.validate()

    def _open(self, path):
        stored = _stored_tree(path)
        if stored is None:
            self.hold(asdf_tree.from_file(path), path)
        else:
            self.hold_stored(stored, path)

    def hold_stored(self, stored, path):
        """Take over an ASDF file as it stands; its objects are made when they are asked for."""
        self._stored, self.contents.file = stored, path
        return self

    def metadata_tree(self):
        """As of all models; the file is read by the ASDF library if that has not been done."""
        if self._stored is not None and self.contents.tree is None:
            self.hold(asdf_tree.from_file(self.contents.file), self.contents.file)
        return super().metadata_tree()

    def get_meta(self, path, strict=False):
        """As of all models; plain metadata are known without the ASDF library."""
        if self._stored is not None and self.contents.tree is None and path.startswith("meta."):
            value = self._stored.meta()
            for name in path.split(".")[1:]:
                value = value.get(name) if isinstance(value, dict) else None
            if isinstance(value, str | int | float | bool):
                return value
            if value is None and self.keywords.of_path(path, self.model_type) is not None:
                return None
        return super().get_meta(path, strict)

    def described(self):
        """Return what the file holds, for what computes with it.

        Transforms are descriptions (`hexcal.models.wcs`) that need neither astropy nor gwcs; in `tree` they are objects
        of those.

        Returns
        -------
        mapping
            With ``get`` and ``in``.

        Raises
        ------
        hexcal.models.wcs.reading.NotDescribed
            If there is no description for a transform, here or when it is taken.
        """
        if self._stored is not None and self.contents.tree is None:
            return self._stored
        return asdf_stored.described(self.tree, str(self.path or "model in memory"))

    def read_table(self, name):
        """Return a table that the file holds: a mapping of columns, read without the ASDF library where that is known.

        Parameters
        ----------
        name : str
            Top-level entry.
        """
        if self._stored is not None and self.contents.tree is None:
            # What has no description is left to the ASDF library.
            with contextlib.suppress(NotDescribed):
                return self._stored.get(name)
        return getattr(self, name)

    def hold(self, tree, path):
        """Take over what a file holds."""
        tree = tree if isinstance(tree, dict) else {"content": tree}
        self.contents.history, self.contents.cards = tree.pop("history", []), {}
        self.contents.tree, self.contents.file = {"meta": {}, **tree}, path
        return self

    @property
    def tree(self):
        """Everything that the file holds, but its history (dict)."""
        return self.metadata_tree()


def open_single(init=None, **arrays) -> DataModel:
    """Open what is one product or reference file, as `hexcal.models.open.open`."""
    if isinstance(init, DataModel):
        return init
    if isinstance(init, str | Path):
        path = Path(init)
        if path.suffix == catalogue.SUFFIX:
            return catalogue.CatalogModel(path)
        if path.suffix == ".asdf":
            require_file(path)
            return _open_asdf(path)
        return TreeModel(path) if path.suffix in association_file.SUFFIXES else _open_fits(FitsSource(path))
    if fits_memory.is_hdu_list(init):
        return _open_fits(fits_memory.MemorySource(init))
    if init is None:
        return DataModel()
    ndim = len(init) if isinstance(init, tuple) else getattr(init, "ndim", None)
    if ndim not in _BY_DIMENSIONS:
        raise InputError(
            f"a model needs a file, or an array or shape of 2, 3 or 4 dimensions, got {type(init).__name__}"
        )
    return _BY_DIMENSIONS[ndim](init, **arrays)


def _open_asdf(path):
    """Open a product or reference file as the model that it names, if there is one, else as a `TreeModel`."""
    stored = _stored_tree(path)
    tree: Any = asdf_tree.from_file(path) if stored is None else stored
    described = tree.get("meta") if stored is not None or isinstance(tree, dict) else None
    described = described if isinstance(described, dict) else {}
    name, telescope, instrument = (described.get(key) for key in ("model_type", "telescope", "instrument"))
    header = {"TELESCOP": telescope, "INSTRUME": instrument.get("name") if isinstance(instrument, dict) else None}
    cls = _named(name, observatories.of_header(header, default=DataModel.default_observatory))
    if cls is None or issubclass(cls, TreeModel) or (cls.primary in cls.specs and cls.primary not in tree):
        model: Any = cls() if cls is not None and issubclass(cls, TreeModel) else TreeModel()
        return model.hold(tree, path) if stored is None else model.hold_stored(stored, path)
    if stored is not None:
        tree = asdf_tree.from_file(path)
    model = cls()
    if telescope is not None:
        model.observatory = observatories.of_header(header, default=cls.default_observatory)
    model.contents.file = path
    asdf_product.fill(model, tree)
    return model


def _stored_tree(path):
    """The tree of an ASDF file as it stands; None where its metadata are not plain, or it is no ASDF file."""
    if Path(path).suffix != ".asdf":
        return None
    stored = asdf_stored.stored(path)
    return stored if stored is not None and isinstance(stored.meta(), dict) else None


def _named(name, observatory):
    """Return the class of a model by its name in a file, or None."""
    if not isinstance(name, str):
        return None
    name = observatory.model_names.get(name, name)
    return declared.classes(observatory).get(name) or _BY_NAME.get(name) or declared.everywhere().get(name)


def _open_fits(source):
    model = _class_of(source)(source)
    whole.require_whole(source, type(model), model.observatory)
    return model


def model_class(name):
    """Return the class of a model of exposures by its name, Hexcal's or one that an observatory declares.

    Raises
    ------
    InputError
        If there is none; carries the nearest name.
    """
    cls = SCIENCE.get(name) or declared.everywhere().get(name)
    if cls is None:
        raise unknown_model(name, [*SCIENCE, *declared.everywhere()])
    return cls


def _class_of(source):
    header = source.primary
    name = str(header.get("DATAMODL", "")).strip()
    observatory, own = _declared(header, name)
    name = observatory.model_names.get(name, name)
    if name in own:
        return own[name]
    name = _FORMER_NAMES.get(name, name)
    if name in _BY_NAME:
        return _BY_NAME[name]
    reference_type = str(header.get("REFTYPE", "")).strip().lower()
    if reference_type:
        return declared.reference_class(observatory, reference_type) or reference.ReferenceModel
    sci = next(
        (extension for hdu in declared.primary_hdus(observatory) if (extension := source.find(hdu)) is not None), None
    )
    if sci is None or not sci.is_image:
        return DataModel
    own_class = declared.class_of_dimensions(observatory, len(sci.shape))
    if own_class is not None:
        return own_class
    if len(sci.shape) == 4 and sci.physical_dtype.kind == "u":
        return science.Level1bModel
    if source.count("SCI") > 1:
        return science.MultiSlitModel
    return _BY_DIMENSIONS.get(len(sci.shape), DataModel)


def _declared(header, name):
    """Return the observatory of a file and the models that it declares; where TELESCOP is absent, DATAMODL may tell."""
    observatory = observatories.of_header(header, default=DataModel.default_observatory)
    own = declared.classes(observatory)
    if name and name not in SCIENCE and not str(header.get("TELESCOP") or "").strip():
        own = declared.everywhere()
    return observatory, own
