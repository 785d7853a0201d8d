"""The customary interface of data models: what users of the original know, beside arrays and `meta`."""

from pathlib import Path
from typing import Any

import numpy as np

from hexcal.errors import InputError, ParameterError, unknown_name
from hexcal.models import browse, meta, schema, stored_wcs
from hexcal.models.contents import Contents
from hexcal.models.layout import Table
from hexcal.models.wcs.description import Wcs


class Interface:
    """Looking at a model, searching it, and treating it as a flat dict.

    What a name stands for is said in docs/models.md.
    """

    primary: Any
    observatory: Any
    model_type: Any
    keywords: Any
    row_of: Any
    shape: Any
    contents: Contents
    specs: Any
    whole_tree: Any
    _extend: Any
    get_meta: Any
    has: Any
    save: Any
    set_meta: Any

    # ---- looking and searching

    def info(self, max_rows=24, max_cols=120, show_values=True):
        """Print the model as a tree: arrays with their shape, metadata with their values.

        Parameters
        ----------
        max_rows, max_cols : int or None
            Most lines, and characters of a line; None for all.
        show_values : bool
            Print the values of the metadata.
        """
        lines = browse.tree_lines(self.instance, self.model_type, max_rows, max_cols, show_values)
        print("\n".join(lines))  # noqa: T201

    def search(self, key=None, type_=None, value=None, filter_=None):
        """Search names and values of the model.

        Parameters
        ----------
        key : str, re.Pattern or None
            Regular expression that the name of a node must match somewhere.
        type_ : type or str, optional
            Type of the value, or its name.
        value : object, optional
            The value; a text is a regular expression.
        filter_ : callable, optional
            ``filter_(value)`` says whether to take a node.

        Returns
        -------
        SearchResult
            Its ``paths`` and ``nodes``; printed, it shows both.
        """
        return browse.search(self.instance, key, type_, value, filter_)

    @property
    def schema(self):
        """What the model may hold, as a JSON schema (dict): types, keywords, HDUs, allowed values."""
        return schema.of_model(self)

    def search_schema(self, substring):
        """Search the names and descriptions of everything that the model may hold.

        Parameters
        ----------
        substring : str
            In any case.

        Returns
        -------
        SchemaResult
            A list of (path, description).
        """
        return schema.search(self, substring)

    def extend_schema(self, new_schema):
        """Let this model hold more.

        Metadata (with ``fits_keyword``: written to that card), arrays and tables (with ``fits_hdu`` and ``datatype``).

        Parameters
        ----------
        new_schema : dict
            JSON schema with nested ``properties``.

        Returns
        -------
        DataModel
            The model itself.
        """
        self._extend(*schema.declarations(new_schema))
        return self

    def add_schema_entry(self, position, new_schema):
        """As `extend_schema`, for one entry.

        Parameters
        ----------
        position : str
            Dotted path, such as ``meta.instrument.lamp``.
        new_schema : dict
            JSON schema of the entry.

        Returns
        -------
        DataModel
            The model itself.
        """
        for name in reversed(position.split(".")):
            new_schema = {"type": "object", "properties": {name: new_schema}}
        return self.extend_schema(new_schema)

    # ---- arrays

    def get_primary_array_name(self):
        """Return the name of the array from whose shape those of others follow; an empty text if there is none."""
        return self.primary or ""

    def get_dtype(self, name):
        """Return the numpy type of an array, or of the rows of a table, as the class declares it."""
        spec = self._spec(name)
        if isinstance(spec, Table):
            return np.dtype(list(spec.columns))
        return np.dtype(spec.dtype)

    def get_default(self, name):
        """Return what an array that nothing has set would be.

        Filled with its default, of the shape of the primary array; a table of no rows.
        """
        spec = self._spec(name)
        if isinstance(spec, Table):
            return np.zeros(0, self.get_dtype(name))
        shape = self.shape
        if shape is None:
            shape = (0,) * min(spec.ndim or (0,))
        shape = spec.shape_of(shape) if spec.shape_of else shape[len(shape) - max(spec.ndim or (len(shape),)) :]
        return np.full(shape, spec.fill or 0, spec.dtype)

    def getarray_noinit(self, name):
        """Return an array if it is in memory or in the file; one that would only be filled in is an AttributeError."""
        if not self.has(self._spec(name).name):
            raise ParameterError(f"{name} is not set", where=type(self).__name__)
        return getattr(self, name)

    def _spec(self, name):
        if name not in self.specs:
            raise unknown_name("array", name, self.specs, where=type(self).__name__)
        return self.specs[name]

    # ---- as a dict

    @property
    def instance(self):
        """The model as nested dicts: what is set, with all arrays that the file has.

        The dicts of the metadata are not copies; a WCS that was not read yet stands there as such.
        """
        tree = self.whole_tree()
        return {**{name: getattr(self, name) for name in self.specs if self.has(name)}, **tree}

    def to_flat_dict(self, include_arrays=True):
        """Return everything that is set as {dotted path: value}.

        Parameters
        ----------
        include_arrays : bool
            Also arrays, tables and the WCS, which are read for it.
        """
        flat = dict(meta.walk(self.whole_tree()))
        if include_arrays:
            arrays = {name: getattr(self, name) for name in self.specs if self.has(name)}
            return {**arrays, **{path: stored_wcs.opened(value) for path, value in flat.items()}}
        return {
            path: value
            for path, value in flat.items()
            if not (isinstance(value, np.ndarray | stored_wcs.StoredWcs | Wcs) or stored_wcs.is_wcs(value))
        }

    def keys(self):
        """Dotted paths of everything that is set."""
        return [*(name for name in self.specs if self.has(name)), *dict(meta.walk(self.whole_tree()))]

    def values(self):
        """Values of everything that is set, in the order of `keys`."""
        return list(self.to_flat_dict().values())

    def items(self):
        """Pairs of dotted path and value of everything that is set."""
        return list(self.to_flat_dict().items())

    def __iter__(self):
        return iter(self.keys())

    def __contains__(self, path):
        if not isinstance(path, str):
            return False
        return self.has(path) if path in self.specs else self.get_meta(path) is not None

    def hasattr(self, name):
        """Whether an array or a branch of metadata of this name is set."""
        return name in self

    # ---- references, history, checks

    def get_crds_parameters(self):
        """Return what references are chosen by: {dotted path.

        Value} of the metadata that are texts, numbers or truth values.
        """
        flat = self.to_flat_dict(include_arrays=False)
        return {path: value for path, value in flat.items() if isinstance(value, str | int | float | bool)}

    @property
    def crds_observatory(self):
        """Name of the observatory under which references are chosen."""
        return self.observatory.name

    def add_history_entry(self, description):
        """Append a text to the history."""
        self.whole_tree()
        self.contents.history.append(str(description))

    def validate(self):
        """Check types and allowed values of all metadata, and dimensions of all arrays.

        Raises
        ------
        ParameterError
            If a value is not what the keyword dictionary asks for.
        InputError
            If an array has the wrong number of dimensions, a table of spectra lacks documented columns, or the model
            contradicts itself.
        """
        for path, value in meta.walk(self.whole_tree()):
            meta.checked(path, value, self.row_of(path))
        for name, value in self.contents.arrays.items():
            spec = self.specs.get(name)
            allowed = getattr(spec, "ndim", ())
            if value is not None and allowed and value.ndim not in allowed:
                raise InputError(
                    f"{name} must have {' or '.join(map(str, allowed))} dimensions, it has shape {value.shape}",
                    where=type(self).__name__,
                )

        from hexcal.models.migration import require_current

        require_current(self)

    # ---- files

    def to_fits(self, path, overwrite=True):
        """Save as FITS, whatever the name; see `save`."""
        return self.save(path, overwrite=overwrite, file_format="fits")

    def to_asdf(self, path, overwrite=True):
        """Save as ASDF, whatever the name; see `save`."""
        return self.save(path, overwrite=overwrite, file_format="asdf")

    def on_init(self, init):
        """Do nothing; a class of a user may do what each new model of it needs. `init` is what the model is made of."""

    def on_save(self, path=None):
        """Note name, class and time in the metadata; a class of a user may do more, and then calls this one as well.

        Parameters
        ----------
        path : Path or None
            Where the model is saved.
        """
        import datetime

        if path is not None:
            self.set_meta("meta.filename", Path(path).name)
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        self.set_meta(self.observatory.path_of_writing, now.isoformat(timespec="milliseconds"))
        self.set_meta("meta.model_type", self.model_type)
