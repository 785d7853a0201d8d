"""Models of reference files, and cutting them to the subarray of an exposure."""

import numpy as np

from hexcal.errors import ReferenceError_
from hexcal.models import dqflags
from hexcal.models.datamodel import DataModel
from hexcal.models.integrations import inside
from hexcal.models.layout import Array, Table
from hexcal.models.parts import Parts
from hexcal.models.science import window_of
from hexcal.models.stripes import is_striped, lines_read, slow_axis

_DQ_DEF = Table("dq_def", "DQ_DEF", (("BIT", "i4"), ("VALUE", "u4"), ("NAME", "S40"), ("DESCRIPTION", "S80")))
_ANY = {None, "ANY", "N/A", "GENERIC", "MULTIPLE", "ALL"}


def check_for(reference, exposure, reference_type):
    """Raise ReferenceError_ if a reference file was made for another instrument or detector than that of the exposure.

    Parameters
    ----------
    reference : DataModel
        The reference, of whatever class.
    exposure : DataModel
        What it is for.
    reference_type : str
        Such as "dark".
    """
    for path, keyword in (("meta.instrument.name", "INSTRUME"), ("meta.instrument.detector", "DETECTOR")):
        own, needed = reference.get_meta(path), exposure.get_meta(path)
        if own not in _ANY and needed not in _ANY and own != needed:
            raise ReferenceError_(
                f"the {reference_type} reference is for {keyword} = {own}, the exposure has {needed}",
                where=str(reference.path or "a reference in memory"),
                hint=(
                    f"give one for {needed} with override_{reference_type}, or set override_{reference_type} to N/A to "
                    "do without"
                ),
            )


class ReferenceFileModel(DataModel):
    """A reference file.

    Flags come translated to the master bits; `cutout` gives the part that belongs to a subarray.
    """

    def load_array(self, spec):
        """As `DataModel.load_array`; flags are translated to the master bits."""
        if spec.name in self.contents.arrays:
            return None
        extension = self.contents.extension(spec)
        if extension is None or not extension.shape:
            return None
        value = self.contents.source.read(extension, spec.dtype, self._window_index(len(extension.shape)))
        # The parts of a file share its DQ_DEF: their flags stay as they are in the file, so that both fit each other
        # when they are saved.
        if spec.name == "dq" and self.contents.container is None:
            definitions_at = self.contents.extension(_DQ_DEF)
            definitions = self.contents.source.plain_table(definitions_at) if definitions_at is not None else None
            flags = dqflags.of(self.observatory)
            value = dqflags.translate(value, definitions, str(self.path), flags)
            if definitions is not None:
                # From here on the array holds master bits, and so must its table when the model is saved.
                self.contents.arrays["dq_def"] = dqflags.master_definitions(definitions, flags)
        self.contents.arrays[spec.name] = value
        return value

    def _window_index(self, ndim):
        return None if self.contents.window is None else (slice(None),) * (ndim - 2) + self.contents.window

    def read(self, name, index):
        """As `DataModel.read`; the index refers to the cut-out."""
        extension = self.contents.extension(self.specs[name])
        if name in self.contents.arrays or extension is None or self.contents.window is None:
            return super().read(name, index)
        index = index if isinstance(index, tuple) else (index,)
        index += (slice(None),) * (len(extension.shape) - len(index))
        inner = tuple(inside(whole, part) for whole, part in zip(self.contents.window, index[-2:], strict=True))
        return self.contents.source.read(extension, self.specs[name].dtype, (*index[:-2], *inner))

    def shape_of(self, name):
        """Shape of an array of the cut-out, without reading it."""
        shape = super().shape_of(name)
        if shape is None or self.contents.window is None or name in self.contents.arrays:
            return shape
        return (*shape[:-2], *(part.stop - part.start for part in self.contents.window))

    def cutout(self, exposure):
        """Return this reference for the subarray of an exposure.

        Parameters
        ----------
        exposure : ExposureModel
            Its SUBSTRT and SUBSIZE keywords and the shape of its data say what is needed; of stripes (`stripes`) the
            keywords of their read-out.

        Returns
        -------
        ReferenceModel
            Same class. Arrays are read when asked for, and only the part needed.

        Raises
        ------
        ReferenceError_
            If the reference does not cover the subarray; carries both windows. If its flags do not fit its data.
        """
        shape = self.shape
        if shape is None:
            raise ReferenceError_(
                f"the reference needs the image extension {self.specs[self.primary].hdu}", where=str(self.path)
            )
        needed = exposure.shape[-2:]
        if is_striped(exposure):
            self.require_one_size()
            same = shape[-2:] == needed and self.meta.subarray.name == exposure.meta.subarray.name
            return self if same else self._of_stripes(exposure)
        x_start, y_start, _, _ = window_of(exposure)
        own_x, own_y, _, _ = window_of(self)
        own_x, own_y = max(own_x, 1), max(own_y, 1)
        dx, dy = x_start - own_x, y_start - own_y
        generic = self.meta.subarray.name == "GENERIC" or self.meta.subarray.xstart is None
        is_same = shape[-2:] == needed and (generic or (dx, dy) == (0, 0))
        if not is_same and (dx < 0 or dy < 0 or dx + needed[1] > shape[-1] or dy + needed[0] > shape[-2]):
            raise ReferenceError_(
                f"the {self.meta.reftype or 'reference'} file does not cover the subarray: needed {needed} (ny, "
                f"nx) from x={x_start}, y={y_start}; "
                f"it holds {shape[-2:]} from x={own_x}, y={own_y}",
                where=str(self.path or "a reference in memory"),
                hint="give a full-frame reference or one of the same subarray",
            )
        self.require_one_size()
        return self if is_same else self._cut((slice(dy, dy + needed[0]), slice(dx, dx + needed[1])))

    def require_one_size(self):
        """Raise ReferenceError_ if flags or errors are of other pixels than the primary array."""
        own, primary = self.shape[-2:], self.specs[self.primary].hdu
        for name in {"dq", "err"} & self.specs.keys():
            shape = self.shape_of(name)
            if shape is not None and shape[-2:] != own:
                raise ReferenceError_(
                    f"{self.specs[name].hdu} of the {self.meta.reftype or 'reference'} file must have the pixels of "
                    f"{primary}, {own} (ny, nx); it has {shape[-2:]}",
                    where=str(self.path or "a reference in memory"),
                    hint="make the file again, or give another one with an override",
                )

    def _of_stripes(self, exposure):
        """The lines that an exposure of stripes has; the reference must be of the whole detector."""
        facts = exposure.observatory.detector(exposure.meta.instrument.detector)
        if self.shape[-2:] != (facts.rows, facts.columns):
            raise ReferenceError_(
                f"an exposure of stripes needs the {self.meta.reftype or 'reference'} file of the whole detector, "
                f"{(facts.rows, facts.columns)} (ny, nx), or of its own subarray; found {self.shape[-2:]}",
                where=str(self.path or "a reference in memory"),
            )
        axis, _ = slow_axis(exposure)
        lines = lines_read(exposure, self.shape[axis])
        x_start, y_start, _, _ = window_of(exposure)
        ny, nx = exposure.shape[-2:]
        # Across the lines it is a window as of any subarray.
        window = [slice(y_start - 1, y_start - 1 + ny), slice(x_start - 1, x_start - 1 + nx)]
        window[axis] = slice(int(lines.min()), int(lines.max()) + 1)
        part = self._cut(tuple(window))
        for name, spec in part.specs.items():
            if isinstance(spec, Array) and (value := getattr(part, name)) is not None:
                part.contents.arrays[name] = np.take(value, lines - lines.min(), axis=axis)
        part.contents.window = None
        return part

    def _cut(self, window):
        part = type(self)(self.contents.source)
        self.metadata_tree()
        part.contents.tree, part.contents.history = self.contents.tree, self.contents.history
        part.contents.cards, part.observatory = self.contents.cards, self.observatory
        for name, value in self.contents.arrays.items():
            if value is not None and isinstance(self.specs.get(name), Array):
                part.contents.arrays[name] = np.ascontiguousarray(value[..., window[0], window[1]])
            elif name in self.specs:
                part.contents.arrays[name] = value
        part.contents.window = window
        return part

    def check_for(self, exposure, reference_type):
        """As the function `check_for`."""
        check_for(self, exposure, reference_type)


class ReferenceModel(ReferenceFileModel):
    """A reference file of an array with errors and flags."""

    primary = "data"
    layout = (Array("data", "SCI", "f4"), Array("err", "ERR", "f4"), Array("dq", "DQ", "u4"), _DQ_DEF)


class ReferencePartsModel(Parts, ReferenceFileModel):
    """A reference file of many parts; a class that is declared in a table says of which kind."""


class MaskModel(ReferenceFileModel):
    """Bad pixels: DQ (ny, nx)."""

    primary = "dq"
    layout = (Array("dq", "DQ", "u4", (2,)), _DQ_DEF)


class SaturationModel(ReferenceModel):
    """Saturation threshold (ny, nx), DN."""


class SuperBiasModel(ReferenceModel):
    """Superbias (ny, nx), DN."""


class LinearityModel(ReferenceFileModel):
    """Coefficients of the linearity polynomial: COEFFS (ncoeffs, ny, nx), plane = order."""

    primary = "coeffs"
    layout = (
        Array("coeffs", "COEFFS", "f4", (3,)),
        Array("inv_coeffs", "INV_COEFFS", "f4", (3,)),
        Array("dq", "DQ", "u4", (2,)),
        _DQ_DEF,
    )


class DarkModel(ReferenceModel):
    """Dark current (ngroups, ny, nx), DN accumulated since the first read."""


class DarkMIRIModel(ReferenceModel):
    """MIRI dark current (nints, ngroups, ny, nx), DN accumulated since the first read."""


class ResetModel(ReferenceModel):
    """MIRI reset anomaly (nints, ngroups, ny, nx), DN."""


class RSCDModel(ReferenceFileModel):
    """MIRI reset switch charge decay: groups to leave out, per subarray and read-out pattern."""

    layout = (Table("rscd_table", "RSCD"), Table("rscd_group_skip_table", "RSCD_GROUP_SKIP"))


class IPCModel(ReferenceModel):
    """Inter-pixel capacitance kernel, (ny_kernel, nx_kernel), or one per pixel in front of the two image axes."""


class GainModel(ReferenceModel):
    """Gain (ny, nx), electrons per DN."""


class ReadnoiseModel(ReferenceModel):
    """Read noise (ny, nx), DN."""


BY_TYPE = {
    "mask": MaskModel,
    "saturation": SaturationModel,
    "superbias": SuperBiasModel,
    "linearity": LinearityModel,
    "dark": DarkModel,
    "reset": ResetModel,
    "rscd": RSCDModel,
    "ipc": IPCModel,
    "gain": GainModel,
    "readnoise": ReadnoiseModel,
}
"""Model of each reference type that a step asks for."""
