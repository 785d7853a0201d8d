"""What was put into an exposure, and its file."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hexcal.simulate import cosmic_rays, showers, snowballs

_ADDED = "ADDED_"


@dataclass(frozen=True)
class Truth:
    """The truth of one exposure.

    Attributes
    ----------
    rate : float32 array (ny, nx), DN/s
        What a perfect calibration would measure: the scene times the response of each pixel, dark current not included.
        0 in reference pixels.
    dq : uint32 array (ny, nx)
        Bad and reference pixels, master flags.
    cosmic_rays : structured array
        One row per pixel hit; columns in `hexcal.simulate.cosmic_rays`.
    stars : structured array
        x, y (0-based pixels) and rate (DN/s) of the stars.
    shape : tuple
        (nints, ngroups, ny, nx) of the exposure.
    seed : int
    snowballs : structured array
        One row per snowball; columns in `hexcal.simulate.snowballs`. Their charge is in `cosmic_rays` as well.
    showers : structured array
        One row per shower; columns in `hexcal.simulate.showers`. Their charge is in `cosmic_rays` as well.
    added : dict of str to float32 array (nints, ngroups, ny, nx), DN
        What else each group reads: interference, persistence, flicker noise.
    """

    rate: np.ndarray
    dq: np.ndarray
    cosmic_rays: np.ndarray
    stars: np.ndarray
    shape: tuple
    seed: int
    snowballs: np.ndarray
    showers: np.ndarray = field(default_factory=lambda: np.zeros(0, list(showers.COLUMNS)))
    added: dict = field(default_factory=dict)

    def cosmic_ray_mask(self):
        """Return where charge of a cosmic ray first appears: bool (nints, ngroups, ny, nx)."""
        return cosmic_rays.mask(self.cosmic_rays, self.shape)

    def snowball_mask(self, radius="halo_radius"):
        """Return where a snowball first appears: bool (nints, ngroups, ny, nx); `radius` may be "core_radius"."""
        return snowballs.mask(self.snowballs, self.shape, radius)

    def shower_mask(self):
        """Return where a shower first appears: bool (nints, ngroups, ny, nx)."""
        return showers.mask(self.showers, self.shape)

    def save(self, path):
        """Write a FITS file: RATE, DQ, COSMIC_RAYS, STARS, SNOWBALLS, SHOWERS, ADDED_<NAME> for each plane added."""
        from astropy.io import fits

        from hexcal.files.atomic import atomic

        primary = fits.PrimaryHDU()
        primary.header["SEED"] = (self.seed, "of the simulation")
        for keyword, value in zip(("NINTS", "NGROUPS"), self.shape[:2], strict=True):
            primary.header[keyword] = value
        rate, dq = fits.ImageHDU(self.rate, name="RATE"), fits.ImageHDU(self.dq, name="DQ")
        rate.header["BUNIT"] = "DN/s"
        hits, stars = fits.BinTableHDU(self.cosmic_rays, name="COSMIC_RAYS"), fits.BinTableHDU(self.stars, name="STARS")
        events = fits.BinTableHDU(self.snowballs, name="SNOWBALLS"), fits.BinTableHDU(self.showers, name="SHOWERS")
        with atomic(path) as stream:
            planes = [fits.ImageHDU(plane, name=f"{_ADDED}{name.upper()}") for name, plane in self.added.items()]
            fits.HDUList([primary, rate, dq, hits, stars, *events, *planes]).writeto(stream)
        return str(path)


def read_truth(path):
    """Read what `Truth.save` wrote."""
    from astropy.io import fits

    rate, dq = (np.ascontiguousarray(fits.getdata(path, name), dtype) for name, dtype in (("RATE", "f4"), ("DQ", "u4")))
    tables = ("COSMIC_RAYS", "STARS", "SNOWBALLS", "SHOWERS")
    hits, stars, balls, clouds = (_native(fits.getdata(path, name)) for name in tables)
    header = fits.getheader(path)
    shape = (header["NINTS"], header["NGROUPS"], *rate.shape)
    with fits.open(path) as hdus:
        # Any: the type stubs of astropy do not know what an HDUList holds.
        planes: Any = [hdu for hdu in hdus if str(getattr(hdu, "name", "")).startswith(_ADDED)]
        added = {hdu.name.removeprefix(_ADDED).lower(): np.ascontiguousarray(hdu.data, "f4") for hdu in planes}
    return Truth(rate, dq, hits, stars, shape, header["SEED"], balls, clouds, added)


def _native(records: Any):
    """Copy a table of a FITS file to a plain structured array of native byte order."""
    table = np.empty(len(records), [(name, records.dtype[name].newbyteorder("=")) for name in records.dtype.names])
    for name in records.dtype.names:
        table[name] = records[name]
    return table
