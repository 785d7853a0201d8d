"""The base of all data models.

Arrays read when asked for, metadata as attributes, everything that the file had kept on saving.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hexcal import observatories
from hexcal.errors import InputError
from hexcal.models import asdf_tree, exact, fits_memory, formats, whole
from hexcal.models.attributes import Attributes, attribute
from hexcal.models.contents import Contents
from hexcal.models.fits_source import FitsSource, require_file
from hexcal.models.interface import Interface
from hexcal.models.layout import Array, Table
from hexcal.models.metadata import Metadata


class DataModel(Attributes, Metadata, Interface):
    """Uniform access to one product or reference file.

    Parameters
    ----------
    init : path-like, DataModel, HDUList, dict, array, tuple or None
        A file to read; a model of another class to take over (nothing is copied; it must not be used afterwards); an
        open file of astropy; metadata and arrays as nested dicts; the primary array; the shape of a zero-filled primary
        array; or nothing.
    strict_validation : bool
        Check the whole model at once, as `validate` does.
    **arrays
        Arrays and tables by name.
    """

    model_type = "DataModel"
    layout: tuple = ()
    primary: Any = None
    """Name of the primary array, from which shapes of others follow."""
    default_observatory = "jwst"
    """Whose file it is when TELESCOP does not say."""
    starts_with: tuple = ()
    """Pairs of path and value that the metadata of a new model start with."""

    specs: dict = {}
    """Arrays and tables by name."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.model_type = cls.__dict__.get("model_type", cls.__name__)
        cls.specs = {**cls.specs, **{spec.name: spec for spec in cls.__dict__.get("layout", ())}}
        for spec in cls.__dict__.get("layout", ()):
            setattr(cls, spec.name, attribute(spec))

    def __init__(self, init=None, strict_validation=False, **arrays):
        self.contents, self.observatory = Contents(), None
        if isinstance(init, DataModel):
            self._take_over(init)
        elif isinstance(init, FitsSource):
            self.contents.source = init
        elif isinstance(init, str | Path) and Path(init).suffix == ".asdf":
            self._read_asdf(Path(init))
        elif isinstance(init, str | Path):
            self.contents.source = FitsSource(init)
            whole.require_whole(self.contents.source, type(self), self._observatory_of_file())
        elif fits_memory.is_hdu_list(init):
            self.contents.source = fits_memory.MemorySource(init)
        elif isinstance(init, tuple):
            setattr(self, self.primary, np.zeros(init, self.specs[self.primary].dtype))
        elif init is not None and not isinstance(init, Mapping):
            setattr(self, self.primary, init)
        if self.observatory is None:
            self.observatory = self._observatory_of_file()
        if isinstance(init, Mapping):
            self.update(init)
        for name, value in arrays.items():
            setattr(self, name, value)
        self.on_init(init)
        if strict_validation:
            self.validate()

    def _read_asdf(self, path):
        from hexcal.models import asdf_product

        require_file(path)
        tree = asdf_tree.from_file(path)
        described = tree.get("meta", {}) if isinstance(tree, dict) else {}
        telescope = described.get("telescope") if isinstance(described, dict) else None
        self.observatory = observatories.of_header({"TELESCOP": telescope}, default=self.default_observatory)
        self.contents.file = path
        asdf_product.fill(self, tree)

    def _observatory_of_file(self):
        header = self.contents.source.primary if self.contents.source else {}
        return observatories.of_header(header, default=self.default_observatory)

    def _take_over(self, other):
        other.metadata_tree()
        self.contents, self.observatory = other.contents.shared(), other.observatory
        self.contents.arrays = {name: value for name, value in other.contents.arrays.items() if name in self.specs}
        for name, value in self.contents.arrays.items():
            spec = self.specs[name]
            if isinstance(spec, Array) and value is not None:
                self.contents.arrays[name] = spec.typed(value, f"{type(self).__name__}.{name}")

    # ---- arrays

    def load_array(self, spec):
        """Read an array, or make the documented one of the class, and keep it; None if there is none."""
        if spec.name in self.contents.arrays:
            return None
        extension = self.contents.extension(spec)
        if extension is not None and extension.shape:
            if extension.is_image and spec.ndim and len(extension.shape) not in spec.ndim:
                expected = " or ".join(str(n) for n in spec.ndim)
                raise InputError(
                    f"extension {spec.hdu} must have {expected} dimensions for a {type(self).__name__}, "
                    f"it has shape {extension.shape}",
                    where=str(self.contents.source.path),
                )
            self.contents.arrays[spec.name] = self.read_stored(spec, extension)
        elif spec.fill is not None and self.shape is not None:
            # Zeros come from the system without being written, so they cost memory only where they are used.
            make = np.zeros if spec.fill == 0 else lambda shape, dtype: np.full(shape, spec.fill, dtype)
            self.contents.arrays[spec.name] = make(spec.shape_of(self.shape), spec.dtype)
        else:
            return None
        return self.contents.arrays[spec.name]

    def load_table(self, spec):
        """Read a table and keep it; None if there is none."""
        if spec.name in self.contents.arrays:
            return None
        extension = self.contents.extension(spec)
        if extension is None:
            return None
        self.contents.arrays[spec.name] = self.contents.source.table(extension)
        return self.contents.arrays[spec.name]

    def plain_table(self, name):
        """Return a table as a structured array, without keeping it; None if there is none.

        Faster than the attribute for a table that was not asked for before: that one is a FITS_rec, as astropy gives
        it.
        """
        extension = None if name in self.contents.arrays else self.contents.extension(self.specs[name])
        return getattr(self, name) if extension is None else self.contents.source.plain_table(extension)

    def read(self, name, index):
        """Read a part of an array without keeping the whole in memory.

        Parameters
        ----------
        name : str
            Attribute name of the array.
        index : slices
            As in ``array[index]``.

        Returns
        -------
        ndarray or None
            Native and contiguous. A view if the array is in memory already; None if the file has no such array.
        """
        spec = self.specs[name]
        extension = self.contents.extension(spec)
        if name in self.contents.arrays or extension is None:
            value = getattr(self, name)
            return None if value is None else np.ascontiguousarray(value[index])
        return self.read_stored(spec, extension, index)

    def read_stored(self, spec, extension, index=None):
        """Read an array as the type of its class; values of raw data that it cannot hold keep the type of the file."""
        try:
            return self.contents.source.read(extension, spec.dtype, index)
        except exact.NotRepresentable:
            if not spec.or_wider:
                raise
            return self.contents.source.read(extension, None, index)

    def shape_of(self, name):
        """Shape of an array without reading it; None if there is none."""
        value = self.contents.arrays.get(name)
        if value is not None:
            return value.shape
        extension = None if name in self.contents.arrays else self.contents.extension(self.specs[name])
        return extension.shape if extension is not None and extension.is_image and extension.shape else None

    def has(self, name):
        """Whether the array or table is in memory or in the file.

        Documented zero-filled arrays count only once used.
        """
        if name in self.contents.arrays:
            return self.contents.arrays[name] is not None
        return self.contents.extension(self.specs[name]) is not None

    def loaded(self) -> list[str]:
        """Names of the arrays and tables that are in memory."""
        return [name for name, value in self.contents.arrays.items() if value is not None]

    def forget(self, name):
        """Drop an array from memory; it is read again from the file if asked for."""
        self.contents.arrays.pop(name, None)

    @property
    def shape(self) -> Any:
        """Shape of the primary array, or None."""
        return self.shape_of(self.primary) if self.primary in self.specs else None

    @property
    def path(self):
        """File that the model was read from, or None."""
        return self.contents.source.path if self.contents.source else self.contents.file

    def parts(self):
        """Return the models whose arrays make up the file: this one, or the slits of a container."""
        return [self]

    # ---- life

    @classmethod
    def accepts(cls, model):
        """Whether a model is of this class, or may be taken as one (a raw exposure as a ramp)."""
        return isinstance(model, cls)

    @classmethod
    def taken(cls, model):
        """Return a model that this class `accepts` as one of this class."""
        return model if isinstance(model, cls) else cls(model)

    @classmethod
    def from_fits(cls, path):
        """Read a FITS file as a model of this class."""
        return cls(Path(path))

    @classmethod
    def from_asdf(cls, path):
        """Read an ASDF file as a model of this class."""
        return cls(Path(path))

    def copy(self):
        """Return an independent model; arrays not yet read stay in the file."""
        return self.copied()

    def copied(self, shares_wcs=False):
        """As `copy`; `shares_wcs`: the WCS is shared; steps replace it and never change it, and it is slow to copy."""
        self.whole_tree()
        other = object.__new__(type(self))
        other.contents = self.contents.copied(shares_wcs=shares_wcs)
        other.observatory, other.specs = self.observatory, self.specs
        other.contents.arrays = self.contents.copied_arrays()
        return other

    def save(self, path=None, dir_path=None, overwrite=True, file_format=None):
        """Write the model to a FITS or ASDF file, by the end of its name; atomically.

        Parameters
        ----------
        path : path-like, callable or None
            File name, ``.fits``, ``.fits.gz`` (packed) or ``.asdf``; a function that is called with the present name of
            the file and returns it; or None: the name in ``meta.filename``.
        dir_path : path-like, optional
            Directory, when `path` is a bare name.
        overwrite : bool
            Replace a file of that name.
        file_format : str, optional
            "fits" or "asdf", for a name that does not say it.

        Returns
        -------
        str
            The path written.

        Raises
        ------
        InputError
            If there is no name to save under, or there is such a file and `overwrite` is False.
        ParameterError
            If the name ends otherwise.
        ResourceError
            If the directory is not writable or the disk is full; nothing is left behind.
        """
        from hexcal.models import asdf_product, fits_units, fits_writer, streamed

        path = self._path_to_save(path, dir_path)
        ending = f".{file_format}" if file_format else formats.require_written(path)
        if not overwrite and path.exists():
            raise InputError("the file already exists", where=str(path), hint="give another name, or overwrite=True")
        self.on_save(path)
        if ending == ".asdf":
            asdf_tree.to_file(path, asdf_product.tree_of(self), self.history)
        else:
            fits_writer.write(path, fits_units.units(self))
            if self.path is not None and self.path.exists() and path.samefile(self.path):
                self.contents.source = FitsSource(path)
            streamed.read_from(self, path)
        return str(path)

    def _path_to_save(self, path: Any, dir_path) -> Path:
        if callable(path):
            path = path(self.get_meta("meta.filename") or "")
        path = path or self.get_meta("meta.filename")
        if not path:
            raise InputError(
                "the model has no file name to be saved under", where=repr(self), hint="model.save('name.fits')"
            )
        return Path(dir_path or "", path)

    def close(self):
        """Forget all arrays. The file is never kept open."""
        self.contents.arrays.clear()
        if self.contents.source is not None:
            self.contents.source.release()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __repr__(self):
        name = self.get_meta("meta.filename") or (self.path.name if self.path else None)
        return f"<{self.model_type}{self.shape or ''}{f' from {name}' if name else ''}>"

    def _repr_html_(self):
        """The model as a notebook shows it."""
        from hexcal.models import notebook

        return notebook.html_of(self)


__all__ = ["Array", "DataModel", "Table"]
