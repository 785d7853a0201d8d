"""The cross artifact of MIRI MRS: light that a detector spreads along its rows."""

import numpy as np

from hexcal.kernels.compiled import helper, kernel

_TO_SIGMA = 1.0 / (2.0 * np.sqrt(2.0 * np.log(2.0)))
"""Standard deviation of a Gaussian, of its width at half maximum."""


@helper
def _profile(parameters, profile):
    """Light at each distance from a pixel, as a share of its own: a Lorentzian and two pairs of Gaussians."""
    lorentz_width, lorentz_scale, width, offset, scale_1, scale_2 = parameters
    n = profile.size // 2
    gamma_2 = (0.5 * lorentz_width) ** 2
    two_var = 2.0 * (width * _TO_SIGMA) ** 2
    for k in range(n + 1):
        value = 0.0
        if lorentz_scale != 0.0:
            value += lorentz_scale * gamma_2 / (gamma_2 + k * k)
        if scale_1 != 0.0:
            value += scale_1 * (np.exp(-((k - offset) ** 2) / two_var) + np.exp(-((k + offset) ** 2) / two_var))
        if scale_2 != 0.0:
            far = 2.0 * offset
            value += scale_2 * (
                np.exp(-((k - far) ** 2) / (4.0 * two_var)) + np.exp(-((k + far) ** 2) / (4.0 * two_var))
            )
        profile[n + k] = value
        profile[n - k] = value


@kernel
def spread_along_rows(first_row, last_row, image, gives_light, edges, parameters, spread):
    """Add up, at each pixel, the light that all pixels of its row spread to it.

    Parameters
    ----------
    first_row, last_row : int
        Rows ``first_row <= y < last_row`` are worked on.
    image : float32 array (ny, nx)
        Count rates, DN/s.
    gives_light : bool array (ny, nx)
        Pixels that count as sources.
    edges : int64 array (nparts + 1)
        Columns where the parts of the detector, one for each channel, begin and end.
    parameters : float64 array (nparts, ny, 6)
        Of each row of the detector: width at half maximum (pixels) and scale of the Lorentzian; width at half maximum,
        distance of the inner pair (pixels), scale of the inner and of the outer pair of Gaussians. All scales 0: the
        part spreads no light.
    spread : float64 array (ny, nx)
        Result, DN/s.
    """
    nx = image.shape[1]
    profile = np.empty(2 * nx - 1)
    for y in range(first_row, last_row):
        row = spread[y]
        for x in range(nx):
            row[x] = 0.0
        for part in range(edges.size - 1):
            own = parameters[part, y]
            if own[1] == 0.0 and own[4] == 0.0 and own[5] == 0.0:
                continue
            _profile(own, profile)
            for source in range(edges[part], edges[part + 1]):
                if not gives_light[y, source]:
                    continue
                light = np.float64(image[y, source])
                first = nx - 1 - source
                for x in range(nx):
                    row[x] += light * profile[first + x]
