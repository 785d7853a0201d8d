"""Spectra in two dimensions: slits where they lie on the detector, and rectified spectra with their wavelengths."""

from dataclasses import dataclass

import numpy as np

from hexcal.report.show import scales
from hexcal.report.show.images import flagged_pixels, plane_of, size_of
from hexcal.report.show.view import MOST_PANELS, Panel, View, array_of, chosen_parts, name_of, title_of, unit_of
from hexcal.steps.wcs.sky_angles import eastward

_OUTLINE = "#39d0ff"
_MANY = 20
"""From so many slits on their names are written small."""


def slits_view(model, path, look):
    """Return the view of a file of slits: rectified ones one above the other, others where they lie on the detector."""
    slits = chosen_parts(model.parts(), look, str(path))
    if look.slit is not None or is_rectified(model, slits[0]):
        panels = [slit_panel(slit, look, name_of(slit, number + 1), model) for number, slit in _first(slits)]
        left = len(slits) - len(panels)
        return View(title_of(model, path), panels, note=f"{left} more slits: --slit NAME" if left else "")
    return View(title_of(model, path), [_detector_panel(model, slits, look)])


def slit_view(model, path, look):
    """Return the view of a file of one slit."""
    return View(title_of(model, path), [slit_panel(model, look, model.get_meta("name"), model)])


def is_rectified(*models):
    """Whether one of the models says that it was resampled."""
    steps = [str(model.get_meta("meta.cal_step.resample")) for model in models]
    return "COMPLETE" in steps


def _first(slits):
    return list(enumerate(slits))[:MOST_PANELS]


def _detector_panel(model, slits, look):
    pieces = [_piece(slit, look, model) for slit in slits]
    left, bottom = (min(getattr(piece, axis) for piece in pieces) for axis in ("x", "y"))
    width = max(piece.x + piece.image.shape[1] for piece in pieces) - left
    height = max(piece.y + piece.image.shape[0] for piece in pieces) - bottom
    extent = (left - 0.5, left + width - 0.5, bottom - 0.5, bottom + height - 0.5)
    # Point sources and extended ones have units of their own, and so colours of their own.
    units = list(dict.fromkeys(piece.unit for piece in pieces))
    frames = {unit: np.full((height, width), np.nan) for unit in units}
    flagged = np.zeros((height, width), bool)
    for piece in pieces:
        target = np.s_[piece.y - bottom :, piece.x - left :]
        ny, nx = piece.image.shape
        seen = np.isfinite(piece.image)
        frames[piece.unit][target][:ny, :nx][seen] = piece.image[seen]
        if piece.flagged is not None:
            flagged[target][:ny, :nx] |= piece.flagged & piece.inside

    def draw(axes):
        aspect = "equal" if max(width, height) < 4 * min(width, height) else "auto"
        axes.set_facecolor("0.55")
        for unit in units:
            scales.draw_image(axes, frames[unit], unit, look.scale, extent, aspect, bad="none")
        if look.flags:
            scales.mark_flags(axes, flagged, extent)
        for number, (piece, slit) in enumerate(zip(pieces, slits, strict=True)):
            _outline(axes, piece, name_of(slit, number + 1), len(slits) > _MANY)
        # Room for the names, which stand to the left of the slits.
        axes.set_xlim(extent[0] - 0.1 * width, extent[1])
        axes.set(xlabel="x (pixel of the detector)", ylabel="y (pixel of the detector)")
        axes.set_title(f"{pieces[0].hdu}: {len(slits)} slits", fontsize=10)

    across, up = size_of((height, width))
    return Panel(draw, across + len(units) - 1, up)


@dataclass(frozen=True)
class _Piece:
    """A slit on the detector: column and row of its corner (from 1), its image, and which pixels belong to it."""

    x: int
    y: int
    image: np.ndarray
    inside: np.ndarray
    flagged: np.ndarray | None
    unit: str
    hdu: str


def _piece(slit, look, container):
    name, array = array_of(slit, look)
    image = np.asarray(plane_of(array, look, slit.path)[0], float)
    x, y = (int(slit.get_meta(place) or 1) for place in ("xstart", "ystart"))
    flagged, _ = flagged_pixels(slit, look, image.shape)
    inside = _inside(slit, image)
    return _Piece(x, y, image, inside, flagged, unit_of(slit, name, container), slit.specs[name].hdu)


def _inside(slit, image):
    """Which pixels of a cut-out belong to the slit: those with a wavelength, or with a value."""
    wavelength = np.asarray(slit.wavelength) if slit.has("wavelength") else None
    if wavelength is None or wavelength.shape != image.shape or not np.any(wavelength > 0):
        return np.isfinite(image)
    return np.isfinite(wavelength) & (wavelength > 0)


def _outline(axes, piece, name, is_small):
    """Draw the edges of a slit, and write its name at its left end."""
    x, y, inside = piece.x, piece.y, piece.inside
    columns = np.flatnonzero(inside.any(axis=0))
    if not columns.size:
        return
    low = inside[:, columns].argmax(axis=0) + y - 0.5
    high = y + inside.shape[0] - inside[::-1, columns].argmax(axis=0) - 0.5
    across = columns + x
    around = np.concatenate([across, across[::-1], across[:1]]), np.concatenate([low, high[::-1], low[:1]])
    axes.plot(*around, color=_OUTLINE, linewidth=0.8, label=name)
    size = 6 if is_small else 9
    place = axes.annotate(
        name, (across[0], 0.5 * (low[0] + high[0])), xytext=(-4, 0), textcoords="offset points", ha="right",
        va="center", fontsize=size, color=_OUTLINE,
    )  # fmt: skip
    place.set_path_effects(_shadow())


def _shadow():
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2, foreground="0.15")]


def slit_panel(slit, look, label, container):
    """Return the panel of one slit with its wavelengths to the right.

    Parameters
    ----------
    slit : DataModel
    look : Look
    label : str
        Name of the slit.
    container : DataModel
        What says of the slit what it does not say itself.
    """
    name, array = array_of(slit, look)
    image, what = plane_of(array, look, slit.path)
    flagged, flags = flagged_pixels(slit, look, image.shape)
    wavelengths, offsets = axes_of(slit, container)
    if dispersion_axis(slit, container) == 2:
        image, flagged = image.T, None if flagged is None else flagged.T
    source = slit.get_meta("source_type") or container.get_meta("meta.target.source_type")

    def draw(axes):
        scales.draw_image(axes, image, unit_of(slit, name, container), look.scale, aspect="auto")
        axes.set_xlim(*scales.seen_columns(image))
        if flagged is not None:
            scales.mark_flags(axes, flagged)
        if wavelengths is None:
            axes.set_xlabel("along the dispersion (pixel)")
        else:
            scales.number_axis(axes.xaxis, wavelengths, "wavelength (µm)", 10)
        if offsets is None:
            axes.set_ylabel("along the slit (pixel)")
        else:
            scales.number_axis(axes.yaxis, offsets, "along the slit (arcsec)", 6)
        words = (label, slit.specs[name].hdu, str(source).lower() if source else "", what, flags)
        axes.set_title(", ".join(word for word in words if word), fontsize=10)

    return Panel(draw, 12.0, float(np.clip(1.2 + 0.05 * image.shape[0], 2.2, 6.0)))


def dispersion_axis(slit, container):
    """Return 1 if wavelengths change along rows, 2 if along columns (DISPAXIS)."""
    value = slit.get_meta("meta.wcsinfo.dispersion_direction")
    return value or container.get_meta("meta.wcsinfo.dispersion_direction") or 1


def axes_of(slit, container):
    """Return wavelengths along the dispersion (µm), and offsets along the slit (arcsec); each None if not known.

    Both are those of the middle row and column, the offsets from the middle of the slit.
    """
    vertical = dispersion_axis(slit, container) == 2
    ny, nx = slit.data.shape[-2:]
    wcs = slit.get_meta("meta.wcs") if slit.hasattr("meta.wcs") else None
    wavelengths = None
    if slit.has("wavelength") and np.any(np.isfinite(slit.wavelength)):
        plane = np.asarray(slit.wavelength, float)
        plane = np.where(plane > 0, plane, np.nan)
        wavelengths = _middle(plane.T if vertical else plane)
    elif wcs is not None:
        x, y = np.arange(nx, dtype=float), np.full(nx, (ny - 1) / 2)
        x, y = (np.full(ny, (nx - 1) / 2), np.arange(ny, dtype=float)) if vertical else (x, y)
        wavelengths = _monotonic(np.asarray(wcs(x, y)[2], float))
    return wavelengths, None if wcs is None else _offsets(wcs, nx, ny, vertical)


def _middle(plane):
    """The row of a plane in which most wavelengths are known, nearest to the middle."""
    known = np.count_nonzero(np.isfinite(plane), axis=1)
    rows = np.flatnonzero(known >= 0.98 * known.max())
    return _monotonic(plane[rows[np.argmin(np.abs(rows - (len(plane) - 1) / 2))]])


def _monotonic(values):
    """Wavelengths as they are, or None if they neither grow nor fall along the row."""
    change = np.diff(values[np.isfinite(values)])
    return values if change.size and (np.all(change > 0) or np.all(change < 0)) else None


def _offsets(wcs, nx, ny, vertical):
    """Signed distance on the sky from the middle of the slit, arcsec; None if it is not known."""
    n, across = (nx, (ny - 1) / 2) if vertical else (ny, (nx - 1) / 2)
    along = np.arange(n, dtype=float)
    x, y = (along, np.full(n, across)) if vertical else (np.full(n, across), along)
    ra, dec = (np.asarray(value, float) for value in wcs(x, y)[:2])
    known = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    if known.size < 2:
        return None
    zero = known[len(known) // 2]
    east = eastward(ra, ra[zero], dec[zero]) * 3600
    north = (dec - dec[zero]) * 3600
    return _monotonic(np.hypot(east, north) * np.sign(along - zero))
