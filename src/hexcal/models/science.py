"""Models of exposures and of what stage 1 makes of them."""

from typing import Any

from hexcal.errors import InputError, unknown_name
from hexcal.models.datamodel import DataModel
from hexcal.models.integrations import Integrations
from hexcal.models.layout import Array, Table, image, whole
from hexcal.models.parts import Parts

GROUP_COLUMNS = (
    ("integration_number", "i2"),
    ("group_number", "i2"),
    ("end_day", "i2"),
    ("end_milliseconds", "i4"),
    ("end_submilliseconds", "i2"),
    ("group_end_time", "S26"),
    ("number_of_columns", "i2"),
    ("number_of_rows", "i2"),
    ("number_of_gaps", "i2"),
    ("completion_code_number", "i2"),
    ("completion_code_text", "S36"),
    ("bary_end_time", "f8"),
    ("helio_end_time", "f8"),
)
INT_TIMES_COLUMNS = (
    ("integration_number", "i4"),
    ("int_start_MJD_UTC", "f8"),
    ("int_mid_MJD_UTC", "f8"),
    ("int_end_MJD_UTC", "f8"),
    ("int_start_BJD_TDB", "f8"),
    ("int_mid_BJD_TDB", "f8"),
    ("int_end_BJD_TDB", "f8"),
)
_GROUP, _INT_TIMES = Table("group", "GROUP", GROUP_COLUMNS), Table("int_times", "INT_TIMES", INT_TIMES_COLUMNS)
INT_TIMES_STRIPE_COLUMNS = (INT_TIMES_COLUMNS[0], ("stripe_number", "i4"), *INT_TIMES_COLUMNS[1:])
_INT_TIMES_STRIPE = Table("int_times_stripe", "INT_TIMES_STRIPE", INT_TIMES_STRIPE_COLUMNS)


def _fact(model, column):
    """What the observatory of a model says of its exposure type."""
    return model.observatory.exposure_fact(model.get_meta("meta.exposure.type"), column)


def _is_guiding(model):
    return _fact(model, "stage1") == "guider"


class ExposureModel(DataModel):
    """What all models of one exposure share."""

    primary = "data"

    @property
    def is_miri(self):
        """Whether the exposure is of MIRI."""
        return self.meta.instrument.name == "MIRI"

    @property
    def is_tso(self):
        """Whether the visit is a time series."""
        return bool(self.get_meta("meta.visit.tsovisit"))

    @property
    def is_guiding(self):
        """Whether the exposure is of one of the guider modes."""
        return _is_guiding(self)

    @property
    def is_ifu(self):
        """Whether the exposure is of an integral-field mode."""
        return _fact(self, "ifu") == "yes"

    @property
    def subarray(self):
        """(xstart, ystart, xsize, ysize), 1-based.

        What the header does not say follows from the data of a full frame.
        """
        return window_of(self)

    def check(self):
        """Raise InputError if the file contradicts itself or lacks what the class promises."""
        if self.shape is None:
            names = (
                ", ".join(extension.name for extension in self.contents.source.extensions[1:])
                if self.contents.source
                else "no file"
            )
            raise InputError(
                f"a {type(self).__name__} needs the image extension {self.specs[self.primary].hdu}",
                where=str(self.path or ""),
                hint=f"extensions found: {names or 'none'}",
            )
        exposure_type, known = self.meta.exposure.type, self.observatory.exposure_types
        if exposure_type is not None and known and exposure_type not in known:
            raise unknown_name(
                "exposure type", exposure_type, known, where=f"EXP_TYPE of {self.path or 'the model'}", error=InputError
            )
        allowed = self.specs[self.primary].ndim
        if allowed and len(self.shape) not in allowed:
            raise InputError(
                f"SCI must have {' or '.join(map(str, allowed))} dimensions for a {type(self).__name__}, "
                f"it has shape {self.shape}",
                where=str(self.path or ""),
            )
        self._check_shapes()

    def _check_shapes(self):
        """Flags and errors have the shape that follows from the primary array."""
        for name, spec in self.specs.items():
            needed = spec.shape_of(self.shape) if getattr(spec, "shape_of", None) else None
            shape = self.shape_of(name) if needed else None
            if shape is not None and shape != needed:
                raise InputError(
                    f"{name} must have shape {needed}, as follows from {self.primary} with {self.shape}; "
                    f"it has {shape}",
                    where=str(self.path or "model in memory"),
                    hint=f"correct {spec.hdu}, or remove it",
                )


def window_of(model):
    """Return (xstart, ystart, xsize, ysize) of a model, 1-based."""
    subarray = model.meta.subarray
    ny, nx = model.shape[-2:] if model.shape and len(model.shape) > 1 else (None, None)
    return subarray.xstart or 1, subarray.ystart or 1, subarray.xsize or nx, subarray.ysize or ny


class Level1bModel(ExposureModel):
    """A raw exposure, as downlinked: (nints, ngroups, ny, nx) in DN, uint16.

    Values of simulators that are no whole numbers of 16 bits keep their type.
    """

    layout = (
        Array("data", "SCI", "u2", (4,), or_wider=True),
        Array("zeroframe", "ZEROFRAME", "u2", (3,), or_wider=True),
        Array("refout", "REFOUT", "u2", (4,), or_wider=True),
        _GROUP,
        _INT_TIMES,
    )


class RampModel(Integrations, ExposureModel):
    """A ramp in stage 1: float32 (nints, ngroups, ny, nx), DN, with flags per pixel and per group.

    PIXELDQ, GROUPDQ and ERR are zero-filled when the file (a raw exposure) has none. ERR is not used in stage 1 and
    takes no memory until asked for.
    """

    superstripe: int | None = None
    """Which place of a superstripe read-out the integrations show, if they show only that one."""
    per_integration = ("data", "groupdq", "err", "zeroframe", "refout", "int_times")
    layout = (
        Array("data", "SCI", "f4", (4,)),
        Array("pixeldq", "PIXELDQ", "u4", (2,), fill=0, shape_of=image),
        Array("groupdq", "GROUPDQ", "u1", (4,), fill=0, shape_of=whole),
        Array("err", "ERR", "f4", (4,), fill=0, shape_of=whole),
        Array("zeroframe", "ZEROFRAME", "f4", (3,)),
        _GROUP,
        _INT_TIMES,
        _INT_TIMES_STRIPE,
        Array("refout", "REFOUT", "f4", (4,)),
        Array("average_dark_current", "AVDRKCUR", "f4", (2,)),
    )

    @classmethod
    def accepts(cls, model):
        """Whether a model is a ramp, or a raw exposure, which becomes one with zero-filled flags.

        Guider exposures are not.
        """
        return (isinstance(model, cls) or type(model) in (Level1bModel, DataModel)) and not _is_guiding(model)

    @classmethod
    def taken(cls, model):
        """As `DataModel.taken`; a raw exposure of superstripes becomes a SuperstripeRampModel."""
        if isinstance(model, cls) or not model.get_meta("meta.subarray.num_superstripe"):
            return super().taken(model)
        from hexcal.models.superstripes import SuperstripeRampModel

        return SuperstripeRampModel(model)

    def check(self):
        """Also compare NGROUPS and NINTS with the data, of which there must be some."""
        super().check()
        if 0 in self.shape:
            raise InputError(
                f"a ramp needs an integration, a group and a pixel at least, its shape is {tuple(self.shape)} "
                "(integrations, groups, rows, columns)",
                where=str(self.path or "SCI"),
            )
        ngroups = self.meta.exposure.ngroups
        if ngroups is not None and ngroups != self.shape[1]:
            raise InputError(
                f"the header says NGROUPS = {ngroups}, the data have {self.shape[1]} groups",
                where=str(self.path or "SCI"),
                hint="one of the two is wrong",
            )
        nints, first, last = (
            self.meta.exposure.nints,
            self.meta.exposure.integration_start,
            self.meta.exposure.integration_end,
        )
        if first and last:
            nints = last - first + 1
        if nints is not None and nints != self.shape[0]:
            raise InputError(
                f"the header says {nints} integrations (NINTS, or INTEND - INTSTART + 1), "
                f"the data have {self.shape[0]}",
                where=str(self.path or "SCI"),
            )


def _rate_layout(ndim):
    return (
        Array("data", "SCI", "f4", ndim),
        Array("err", "ERR", "f4", ndim, fill=0, shape_of=whole),
        Array("dq", "DQ", "u4", ndim, fill=0, shape_of=whole),
        Array("var_poisson", "VAR_POISSON", "f4", ndim),
        Array("var_rnoise", "VAR_RNOISE", "f4", ndim),
        Array("var_flat", "VAR_FLAT", "f4", ndim),
        Array("area", "AREA", "f4", (2,)),
        Array("wavelength", "WAVELENGTH", "f4", (2,)),
        Array("pathloss_point", "PATHLOSS_PS", "f4"),
        Array("pathloss_uniform", "PATHLOSS_UN", "f4"),
        Array("zeroframe", "ZEROFRAME", "f4"),
    )


class ImageModel(ExposureModel):
    """A two-dimensional image (ny, nx) with errors, flags and variances."""

    layout = (
        *_rate_layout((2,)),
        Array("con", "CON", "i4"),
        Array("wht", "WHT", "f4", (2,)),
        Array("mask", "MASK", "u4", (2,)),
        Table("hdrtab", "HDRTAB"),
    )


class IFUImageModel(ExposureModel):
    """A detector image of an integral-field spectrograph (ny, nx)."""

    layout = (
        *_rate_layout((2,)),
        Array("regions", "REGIONS", "i4"),
        Array("trace_model", "TRACEMODEL", "f4", (2,)),
    )


class CubeModel(Integrations, ExposureModel):
    """One image per integration: (nints, ny, nx)."""

    per_integration = ("data", "err", "dq", "var_poisson", "var_rnoise", "var_flat", "zeroframe", "int_times")
    layout = (*_rate_layout((3,)), _INT_TIMES, _INT_TIMES_STRIPE)


class RampFitOutputModel(ExposureModel):
    """Details of the ramp fit: one entry per segment, (nints, nsegments, ny, nx), and the pedestal (nints, ny, nx)."""

    primary = "slope"
    layout = (
        Array("slope", "SLOPE", "f4", (4,)),
        Array("sigslope", "SIGSLOPE", "f4", (4,)),
        Array("var_poisson", "VAR_POISSON", "f4", (4,)),
        Array("var_rnoise", "VAR_RNOISE", "f4", (4,)),
        Array("yint", "YINT", "f4", (4,)),
        Array("sigyint", "SIGYINT", "f4", (4,)),
        Array("pedestal", "PEDESTAL", "f4", (3,)),
        Array("weights", "WEIGHTS", "f4", (4,)),
        Array("crmag", "CRMAG", "f4", (4,)),
    )


class GuiderRawModel(ExposureModel):
    """A raw guider exposure: (nints, ngroups, ny, nx)."""

    @classmethod
    def accepts(cls, model):
        """Whether a model is one, or a raw exposure of a guider mode."""
        return isinstance(model, cls) or (type(model) in (Level1bModel, RampModel, DataModel) and _is_guiding(model))

    layout = (
        Array("data", "SCI", "f4", (4,)),
        Array("err", "ERR", "f4", (4,)),
        Array("dq", "DQ", "u4", (2,), fill=0, shape_of=image),
        Table("planned_star_table", "Planned Reference Stars"),
        Table("flight_star_table", "Flight Reference Stars"),
        Table("pointing_table", "Pointing"),
        Table("centroid_table", "FGS Centroid Packet"),
        Table("track_sub_table", "Track subarray table"),
    )


class GuiderCalModel(ExposureModel):
    """A calibrated guider exposure: (nints, ny, nx)."""

    layout = (
        Array("data", "SCI", "f4", (3,)),
        Array("err", "ERR", "f4", (3,)),
        Array("dq", "DQ", "u4", (2,), fill=0, shape_of=image),
        # Their names are upper case in calibrated products (section on guide star data products).
        *(Table(table.name, table.hdu.upper()) for table in GuiderRawModel.layout[3:]),
    )


class SlitModel(Integrations, ExposureModel):
    """One slit or source: an image (ny, nx) or (nints, ny, nx)."""

    per_integration = CubeModel.per_integration
    layout = (
        *_rate_layout((2, 3))[:-1],
        Array("barshadow", "BARSHADOW", "f4"),
        Array("wht", "WHT", "f4"),
        Array("con", "CON", "i4"),
        Array("trace_model", "TRACEMODEL", "f4", (2,)),
        Array("flatfield_point", "FLATFIELD_PS", "f4", (2,)),
        Array("flatfield_uniform", "FLATFIELD_UN", "f4", (2,)),
        Array("photom_point", "PHOTOM_PS", "f4", (2,)),
        Array("photom_uniform", "PHOTOM_UN", "f4", (2,)),
        Array("covar_own", "COVOWN", "f4", (2,)),
        Array("covar_factor", "COVFACT", "f4", (2,)),
        Array("covar_pairs", "COVPAIRS", "f4", (2,)),
        Array("covar_lags", "COVLAGS", "f4", (2,)),
        _INT_TIMES,
        Table("hdrtab", "HDRTAB"),
    )


class MultiSlitModel(Parts, ExposureModel):
    """Many slits in one file; the extensions of slit ``i`` carry EXTVER ``i + 1``."""

    parts_name = "slits"
    part_class = SlitModel
    slits: Any


class PartsModel(Parts, ExposureModel):
    """Many spectra, sources or products in one file; a class that is declared in a table says of which kind."""


class _RecordedSlit(SlitModel):
    """A slit most of whose metadata, those of its exposure, are recorded in the ASDF extension only."""

    model_type = "SlitModel"

    def metadata_tree(self):
        if self.contents.tree is None:
            super().metadata_tree()
            self.whole_tree()
        return self.contents.tree


class MultiExposureModel(MultiSlitModel):
    """One source in many exposures: each a slit with the metadata of its exposure.

    Those of exposure ``i`` carry EXTVER ``i + 1``.
    """

    parts_name = "exposures"
    part_class = _RecordedSlit
    exposures: Any

    @property
    def slits(self):
        """The source in each exposure, as slits."""
        return self.parts()
