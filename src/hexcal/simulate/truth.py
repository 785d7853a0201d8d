"""What was put into an exposure, and its file."""

from dataclasses import dataclass

import numpy as np

from hexcal.simulate import cosmic_rays


@dataclass(frozen=True)
class Truth:
    """The truth of one exposure.

    Attributes
    ----------
    rate : float32 array (ny, nx), DN/s
        What a perfect calibration would measure: the scene times the response of each pixel, dark current not included. 0 in reference pixels.
    dq : uint32 array (ny, nx)
        Bad and reference pixels, master flags.
    cosmic_rays : structured array
        One row per pixel hit; columns in `hexcal.simulate.cosmic_rays`.
    stars : structured array
        x, y (0-based pixels) and rate (DN/s) of the stars.
    shape : tuple
        (nints, ngroups, ny, nx) of the exposure.
    seed : int
    """

    rate: np.ndarray
    dq: np.ndarray
    cosmic_rays: np.ndarray
    stars: np.ndarray
    shape: tuple
    seed: int

    def cosmic_ray_mask(self):
        """Return where charge of a cosmic ray first appears: bool (nints, ngroups, ny, nx)."""
        return cosmic_rays.mask(self.cosmic_rays, self.shape)

    def save(self, path):
        """Write a FITS file: RATE, DQ, COSMIC_RAYS, STARS."""
        from astropy.io import fits

        from hexcal.models.fits_writer import atomic

        primary = fits.PrimaryHDU()
        primary.header["SEED"] = (self.seed, "of the simulation")
        for keyword, value in zip(("NINTS", "NGROUPS"), self.shape[:2], strict=True):
            primary.header[keyword] = value
        rate, dq = fits.ImageHDU(self.rate, name="RATE"), fits.ImageHDU(self.dq, name="DQ")
        rate.header["BUNIT"] = "DN/s"
        hits, stars = fits.BinTableHDU(self.cosmic_rays, name="COSMIC_RAYS"), fits.BinTableHDU(self.stars, name="STARS")
        with atomic(path) as stream:
            fits.HDUList([primary, rate, dq, hits, stars]).writeto(stream)
        return str(path)


def read_truth(path):
    """Read what `Truth.save` wrote."""
    from astropy.io import fits

    with fits.open(path, memmap=False) as file:
        rate, dq = (np.ascontiguousarray(file[name].data, dtype) for name, dtype in (("RATE", np.float32), ("DQ", np.uint32)))
        hits, stars = (np.array(file[name].data.tolist(), dtype=_native(file[name].data.dtype)) for name in ("COSMIC_RAYS", "STARS"))
        header = file[0].header
        return Truth(rate, dq, hits, stars, (header["NINTS"], header["NGROUPS"], *rate.shape), header["SEED"])


def _native(dtype):
    return [(name, dtype[name].newbyteorder("=")) for name in dtype.names]
