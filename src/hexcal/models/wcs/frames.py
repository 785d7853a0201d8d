"""The frames that Hexcal gives a WCS, as descriptions."""

from hexcal.models.wcs.description import Frame, Tagged, Unit

_ICRS = "tag:astropy.org:astropy/coordinates/frames/icrs-1.1.0"
_NAMES = {"pix": "pixel", "micron": "um"}
"""Names of units in files."""


def _frame(kind, name, **content):
    return Frame(kind, name, tuple(sorted(content.items())))


def _unit(name):
    return Unit(_NAMES.get(name, name))


def plane_frame(name, axes_names, unit="arcsec"):
    """Return a frame of two coordinates, such as pixels, or V2 and V3."""
    return _frame(
        "frame2d",
        name,
        axes_names=tuple(axes_names),
        axes_order=(0, 1),
        axis_physical_types=tuple(f"custom:{axis}" for axis in axes_names),
        unit=(_unit(unit), _unit(unit)),
    )


def spectral_frame(name="spectral", axis="wavelength"):
    """Return the frame of wavelengths, micron: the third axis of a frame."""
    return _frame(
        "spectral_frame",
        name,
        axes_names=(axis,),
        axes_order=(2,),
        axis_physical_types=("em.wl",),
        unit=(_unit("um"),),
    )


def sky_frame(name, axes_names=("lon", "lat")):
    """Return the frame of right ascension and declination, degrees, ICRS."""
    return _frame(
        "celestial_frame",
        name,
        axes_names=tuple(axes_names),
        axes_order=(0, 1),
        axis_physical_types=("pos.eq.ra", "pos.eq.dec"),
        reference_frame=Tagged(_ICRS, {"frame_attributes": {}}),
        unit=(_unit("deg"), _unit("deg")),
    )


def composite_frame(name, frames):
    """Return a frame of several frames."""
    return _frame("composite_frame", name, frames=tuple(frames))


def cube_frame(name):
    """Return the frame of the pixels of a cube."""
    return _frame(
        "frame",
        name,
        axes_names=("", "", ""),
        axes_order=(0, 1, 2),
        axes_type=("SPATIAL",) * 3,
        axis_physical_types=("custom:SPATIAL",) * 3,
        naxes=3,
        unit=(_unit("pix"),) * 3,
    )
