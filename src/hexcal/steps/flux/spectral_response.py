"""From the count rate of a pixel of a spectrum to flux: rows of tables, curves by wavelength, areas of pixels."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from hexcal.errors import InputError, ReferenceError_
from hexcal.models.dqflags import pixel
from hexcal.models.tables import table_of
from hexcal.steps.flux.conversion import ARCSEC2, GENERIC, find_row, mid_time_of, with_time
from hexcal.steps.spectrum.parts import SkipPart

_NON_SCIENCE, _DO_NOT_USE = np.uint32(pixel.NON_SCIENCE), np.uint32(pixel.DO_NOT_USE)
_DAYS_PER_YEAR = 365.0
POINT_UNIT, SURFACE_UNIT = "MJy", "MJy/sr"


@dataclass(frozen=True)
class Response:
    """The row of a table of conversion factors that belongs to a spectrum.

    Attributes
    ----------
    factor : float
        The scalar: MJy/sr for 1 DN/s; of NIRSpec and SOSS MJy.
    wavelength, relative : float64 array (n,)
        Relative response by wavelength [micron]; of length 0 where the table has none.
    """

    factor: float
    wavelength: np.ndarray
    relative: np.ndarray

    def at(self, wavelength):
        """Return the conversion factor of each pixel: float64, shape of `wavelength`; NaN beyond the table."""
        if self.relative.size == 0:
            return np.full(wavelength.shape, self.factor)
        relative = np.interp(wavelength, self.wavelength, self.relative, left=np.nan, right=np.nan)
        relative *= self.factor
        return relative


@dataclass(frozen=True)
class Sensitivity:
    """What converts the count rates of a part.

    Attributes
    ----------
    factor : float64 array (ny, nx)
        0 where there is none.
    dq : uint32 array (ny, nx)
        Flags to add.
    scalar : float
        PHOTMJSR.
    unit : str
        Of the result.
    pixel_area : float or None
        Steradian.
    """

    factor: np.ndarray
    dq: np.ndarray
    scalar: float
    unit: str
    pixel_area: float | None = None


def response_of(reference, settings, model, follows_time):
    """Return the response of the row with these settings (`Response`).

    Parameters
    ----------
    reference : DataModel
        The photom reference.
    settings : dict
        Column -> value: filter, grating, slit, order ...
    model : DataModel
        The exposure, for its time.
    follows_time : bool
        Whether the change of the sensitivity with time is applied, where the reference has coefficients.

    Raises
    ------
    SkipPart
        If there is no such row.
    """
    where = str(reference.path or "a reference in memory")
    table = table_of(reference, "phot_table")
    if table is None:
        raise ReferenceError_(
            f"a photom reference with a table PHOTOM is required, the file is a {reference.model_type} without one",
            where=where,
            hint="give one of this instrument and mode with override_photom",
        )
    number = find_row(table, settings, where)
    if number is None and "subarray" in settings:
        number = find_row(table, {**settings, "subarray": GENERIC}, where)
    if number is None:
        words = ", ".join(f"{name} {value}" for name, value in settings.items())
        raise SkipPart(f"the photom reference has no row for {words}: {where}")
    row = table[number]
    factor = float(row["photmj" if "photmj" in table.dtype.names else "photmjsr"])
    if follows_time:
        factor = with_time(reference, number, factor, partial(mid_time_of, model)).factor
    count = int(row["nelem"]) if "nelem" in table.dtype.names else 0
    if count <= 0:
        return Response(factor, np.zeros(0), np.zeros(0))
    wavelength, relative = (np.asarray(row[name], np.float64)[:count] for name in ("wavelength", "relresponse"))
    order = np.argsort(wavelength, kind="stable")
    return Response(factor, wavelength[order], relative[order])


def setting(model, part, name):
    """What the headers say of a column by which rows are chosen: filter, grating, pupil, subarray, slit, order."""
    path = {
        "subarray": "meta.subarray.name",
        "slit": "name",
        "order": "meta.wcsinfo.spectral_order",
    }.get(name, f"meta.instrument.{name}")
    value = part.get_meta(path)
    value = model.get_meta(path) if value is None else value
    if value is None:
        raise InputError(
            f"the conversion factor is chosen by the {name}, and the header does not name it",
            where=str(model.path or "model in memory"),
            hint=f"the keyword of {path} is missing",
        )
    return value


def sensitivity_at(wavelength, response, area=None):
    """Return the conversion of pixels whose wavelengths are known (`Sensitivity`).

    Parameters
    ----------
    wavelength : float64 array (ny, nx)
        Micron; NaN where a pixel sees nothing.
    response : Response
        In MJy or MJy/sr for 1 DN/s.
    area : float or array, optional
        Steradian per pixel, by which a response in MJy is divided for a surface brightness.
    """
    factor = response.at(wavelength)
    missing = np.isnan(factor)
    flags = np.where(missing, _DO_NOT_USE, np.uint32(0))
    factor[missing] = 0.0
    if area is None:
        return Sensitivity(factor, flags, response.factor, SURFACE_UNIT)
    mean = float(np.nanmean(area))
    return Sensitivity(factor / np.nan_to_num(area, nan=np.inf), flags, response.factor / mean, SURFACE_UNIT, mean)


def area_of(reference, part, kind):
    """Return the area of the pixels of a slit [sr]; None without a reference.

    Parameters
    ----------
    reference : DataModel or None
        Its table AREA has a row for each slit, or each shutter.
    part : SlitModel
        The slit.
    kind : str
        EXP_TYPE.

    Raises
    ------
    SkipPart
        If the table has no row for it.
    """
    if reference is None:
        return None
    table = _area_table(reference)
    if kind == "NRS_MSASPEC":
        keys = {"quadrant": "quadrant", "shutter_x": "xcen", "shutter_y": "ycen"}
        chosen = np.ones(len(table), bool)
        for column, name in keys.items():
            chosen &= table[column] == part.get_meta(name)
        words = "shutter " + ", ".join(str(part.get_meta(name)) for name in keys.values())
    else:
        names = [value.decode() if isinstance(value, bytes) else str(value) for value in table["slit_id"]]
        words = f"slit {part.get_meta('name')}"
        chosen = np.array([name.strip() == part.get_meta("name") for name in names])
    if not chosen.any():
        raise SkipPart(f"the area reference has no row for {words}")
    return float(table["pixarea"][chosen][0]) * ARCSEC2


def areas_of_slices(reference, slice_number):
    """Return the area of each pixel of an exposure of the IFU [sr]: float64 array (ny, nx), NaN between the slices.

    Parameters
    ----------
    reference : DataModel
        Its table AREA has a row for each slice.
    slice_number : int array (ny, nx)
        From 0; -1 between the slices.
    """
    table = _area_table(reference)
    areas = np.full(max(int(slice_number.max()), int(table["slice_id"].max())) + 2, np.nan)
    areas[table["slice_id"]] = np.asarray(table["pixarea"], np.float64) * ARCSEC2
    return areas[slice_number]


def _area_table(reference):
    table = table_of(reference, "area_table")
    if table is None:
        raise ReferenceError_(
            f"an area reference with a table AREA is required, the file is a {reference.model_type}",
            where=str(reference.path or "a reference in memory"),
            hint="give one of this mode with override_area",
        )
    return table


def between_slices(sensitivity, wavelength):
    """Return a sensitivity with the pixels between the slices of the IFU flagged NON_SCIENCE."""
    outside = np.isnan(wavelength)
    return replace(sensitivity, dq=sensitivity.dq | np.where(outside, _NON_SCIENCE, np.uint32(0)))


def mrs_sensitivity(model, reference, follows_time, log):
    """Return the conversion of an exposure of MIRI MRS (`Sensitivity`).

    Parameters
    ----------
    model : DataModel
        The exposure.
    reference : MirMrsPhotomModel
        Factor and flags of each pixel, with coefficients of the change with time.
    follows_time : bool
        Whether the change with time is applied, where the reference has coefficients.
    log : logging.Logger
        Says for which channels there is a change with time.

    Notes
    -----
    TIMECOEFF_CHn (documentation 1.13.5: an exponential function that approaches a constant): sensitivity ``acoeff
    exp(-bcoeff dt / 100) + ccoeff``, of dt = 0 before x0, as measured of release 1.13.4. TIMECOEFF_POWERLAW_CHn (as
    measured of release 3.0.0): ``year1value ((dt + tsoft) / (365 + tsoft))^alpha``. ``dt`` is the time since x0 or t0
    in days. Linear in wavelength between the rows; the factor is divided by it.
    """
    cut = reference.cutout(model)
    factor, flags = np.array(cut.data, np.float64), np.zeros(cut.data.shape, np.uint32)
    if cut.dq is not None:
        flags |= cut.dq
    missing = ~np.isfinite(factor)
    flags[missing] |= _NON_SCIENCE | _DO_NOT_USE
    changes = _mrs_changes(model, reference) if follows_time else {}
    if changes:
        _follow_time(factor, changes, model, log)
    scalar = reference.get_meta("meta.photometry.conversion_megajanskys")
    return Sensitivity(np.where(missing, 0.0, factor), flags, scalar, SURFACE_UNIT)


def _mrs_changes(model, reference):
    """Channel -> list of (wavelengths, sensitivity at the time of the exposure relative to that of the reference)."""
    changes = {}
    for kind, relative in (("timecoeff_ch", _exponential), ("timecoeff_powerlaw_ch", _power_law)):
        for channel in (1, 2, 3, 4):
            table = table_of(reference, f"{kind}{channel}")
            if table is None or len(table) == 0:
                continue
            columns = {name: np.asarray(table[name], np.float64) for name in table.dtype.names}
            order = np.argsort(columns["binwave"])
            values = relative({name: column[order] for name, column in columns.items()}, mid_time_of(model))
            if not (np.isfinite(values) & (values > 0)).all():
                raise ReferenceError_(
                    f"the coefficients of the change with time give no positive sensitivity for channel {channel}",
                    where=str(reference.path or "a reference in memory"),
                    hint="mrs_time_correction=false leaves the change out",
                )
            changes.setdefault(channel, []).append((columns["binwave"][order], values))
    return changes


def _follow_time(factor, changes, model, log):
    """Divide the factor of each pixel of each slice by the change of its channel, in place."""
    from hexcal.steps.wcs.spectral import ifu_slices

    done = set()
    for part in ifu_slices(model):
        sees = np.isfinite(part.wavelength)
        for grid, values in changes.get(part.channel, ()):
            factor[part.window][sees] /= np.interp(part.wavelength[sees], grid, values)
            done.add(part.channel)
    log.info("Change of the sensitivity with time in channels: %s", ", ".join(map(str, sorted(done))) or "none")


def _exponential(of, now):
    units = np.maximum(now - of["x0"], 0.0) / 100.0
    return of["acoeff"] * np.exp(-of["bcoeff"] * units) + of["ccoeff"]


def _power_law(of, now):
    years = (now - of["t0"] + of["tsoft"]) / (_DAYS_PER_YEAR + of["tsoft"])
    with np.errstate(invalid="ignore"):
        return of["year1value"] * years ** of["alpha"]
