"""Drizzling: the one core of all resampling to a regular grid.

Fruchter & Hook 2002 (PASP 114, 144): each pixel of an exposure, shrunk to a drop, is laid on the mosaic through the map
between the two, and its value is shared out by the overlap. Values are surface brightness.
"""

from dataclasses import dataclass

import numpy as np

from hexcal.core.bands import run_bands
from hexcal.errors import ParameterError, unknown_name

KERNELS = ("square", "gaussian", "point", "tophat", "turbo", "lanczos2", "lanczos3")
IN_A_PLANE = 32
"""Exposures that one plane of the context holds."""
_SLIVER = 1e-10
"""Part of the largest weight below which the sum over the edges of pixels gives rounding errors."""
_SMOOTH_WEIGHTS, _SMOOTH_VALUES = 1e6, 1e8
"""Up to these ratios of the largest to the median the sum over the edges of pixels is exact to float32."""


@dataclass
class Exposure:
    """What is drizzled of one exposure: arrays (ny, nx).

    Attributes
    ----------
    data : float32 array
        Surface brightness.
    weights : float32 array
        As of `weights_of`.
    variances : tuple of float32 arrays, optional
        VAR_RNOISE, VAR_POISSON, VAR_FLAT; one that is None counts as 0.
    dq : uint32 array, optional
        Flags to be carried along.
    level : float
        Background, which is subtracted.
    importance : float
        How much its variances count among those of others; 0: as the inverse of the resampled read noise, for weights
        that are its inverse too.
    ratio : float
        Size of a pixel of the mosaic in pixels of the exposure; for kernels other than ``square`` and ``point``.
    """

    data: np.ndarray
    weights: np.ndarray
    variances: tuple | None = None
    dq: np.ndarray | None = None
    level: float = 0.0
    importance: float = 0.0
    ratio: float = 1.0


@dataclass
class Resampled:
    """A finished mosaic: arrays (ny, nx); those that were not asked for are None.

    Attributes
    ----------
    data, weights : float32 array
        Surface brightness, and the sum of the weights (0 where no exposure contributed).
    var_rnoise, var_poisson, var_flat : float32 array or None
        NaN where no exposure contributed.
    context : int32 array (planes, ny, nx) or None
        Bit k of plane p: whether exposure 32 p + k contributed.
    dq : uint32 array or None
        Flags of all pixels that contributed.
    """

    data: np.ndarray
    weights: np.ndarray
    var_rnoise: np.ndarray | None = None
    var_poisson: np.ndarray | None = None
    var_flat: np.ndarray | None = None
    context: np.ndarray | None = None
    dq: np.ndarray | None = None

    def scale_variances(self, factor):
        """Multiply the variances by a number, in place."""
        for variance in (self.var_rnoise, self.var_poisson, self.var_flat):
            if variance is not None and factor != 1:
                variance *= np.float32(factor)


def weights_of(dq, bad, var_rnoise=None, constant=0.0, threads=None):
    """Return the weight of each pixel.

    Parameters
    ----------
    dq : uint32 array (ny, nx)
        Flags.
    bad : int
        Flags of pixels that do not count: weight 0.
    var_rnoise : float32 array (ny, nx), optional
        Inverse-variance weights, 1 / variance; a pixel whose variance is not positive does not count.
    constant : float
        Without variances the weight of all pixels; 0 stands for 1.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    float32 array (ny, nx)

    Notes
    -----
    Casertano et al. 2000 (AJ 120, 2747), appendix A2.
    """
    from hexcal.kernels.drizzle import weigh

    weights = np.empty(dq.shape, np.float32)
    variance, constant = (weights, constant or 1.0) if var_rnoise is None else (var_rnoise, 0.0)
    run_bands(weigh, dq.shape[0], weights, dq, np.uint32(bad), variance, float(constant), threads=threads)
    return weights


class Drizzle:
    """A mosaic that exposures are added to, one after the other.

    The memory is that of the mosaic and of one exposure. The bits do not depend on the number of threads.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the mosaic.
    kernel : str
        One of `KERNELS`.
    pixfrac : float
        Size of a drop, pixels of the exposure, from 0 to 1; 0 is the kernel ``point``.
    n_exposures : int
        How many will be added; 0: no context is kept.
    with_variances, with_dq : bool
        Whether variances and flags are carried along. Deviations (square roots of variances) are resampled as the
        values are, and the squares of what each exposure has in a pixel combined as those of a weighted mean: sum of
        u^2 v over the square of the sum of u, u being their importance.
    threads : int, optional
        Default: the number of the run.

    Raises
    ------
    ParameterError
        For an unknown kernel, or a drop size out of its bounds.
    """

    def __init__(
        self, shape, kernel="square", pixfrac=1.0, *, n_exposures=0, with_variances=False, with_dq=False, threads=None
    ):
        from hexcal.kernels.drizzle import Mosaic

        if kernel not in KERNELS:
            raise unknown_name("kernel", kernel, KERNELS, where="kernel")
        if not 0 <= pixfrac <= 1:
            raise ParameterError(f"pixfrac must be from 0 to 1, got {pixfrac}", where="pixfrac")
        self.shape, self.kernel, self.pixfrac = tuple(shape), "point" if pixfrac == 0 else kernel, float(pixfrac)
        self._with_variances, self._with_dq, self._threads, self._added = with_variances, with_dq, threads, 0
        none = (1, 1)
        like_variances = self.shape if with_variances else none
        self._context = np.zeros((-(-n_exposures // IN_A_PLANE), *self.shape), np.int32) if n_exposures else None
        self._sums = Mosaic(
            values=np.zeros(self.shape, np.float32),
            weights=np.zeros(self.shape, np.float32),
            importance=np.zeros(like_variances, np.float32),
            rnoise=np.zeros(like_variances, np.float32),
            poisson=np.zeros(like_variances, np.float32),
            flat=np.zeros(like_variances, np.float32),
            context=np.zeros(none, np.int32),
            dq=np.zeros(self.shape if with_dq else none, np.uint32),
        )

    def add(self, exposure, x, y):
        """Add an exposure.

        Parameters
        ----------
        exposure : Exposure
            The exposure.
        x, y : float64 array (ny, nx)
            Position of the centre of each of its pixels in the mosaic, 0-based; NaN: beside it.
        """
        from hexcal.kernels import drizzle as kernels

        source, reach = self._source(exposure, x, y)
        sums, bit = self._sums, 0
        if self._context is not None:
            plane, number = divmod(self._added, IN_A_PLANE)
            sums, bit = sums._replace(context=self._context[plane]), 1 << number
        self._added += 1
        largest = float(exposure.weights.max(initial=0.0))
        if largest <= 0:
            return
        if self._is_lattice(exposure, largest):
            run_bands(kernels.drizzle_whole, self.shape[0], source, sums, largest * _SLIVER, bit, threads=self._threads)
            return
        size = (self.pixfrac or 1.0, (self.pixfrac or 1.0) / exposure.ratio)
        most = int(2 * reach + 4) ** 2
        run_bands(kernels.drizzle, self.shape[0], source, sums, self._code(), size, most, bit, threads=self._threads)

    def couple(self, exposure, x, y, coupling, weights, along_x):
        """Note of an exposure of a slit how the pixels of the mosaic vary together because of it.

        Parameters
        ----------
        exposure, x, y
            As of `add`; the variances are used.
        coupling : hexcal.kernels.covariance.Coupling
            Changed in place.
        weights : float32 array (ny, nx)
            Of the mosaic of all exposures.
        along_x : bool
            Whether the light is dispersed along x.
        """
        from hexcal.kernels.covariance import couple_slit

        source, reach = self._source(exposure, x, y)
        size = (self.pixfrac or 1.0, (self.pixfrac or 1.0) / exposure.ratio)
        couple_slit(source, coupling, weights, self._code(), size, int(2 * reach + 4) ** 2, along_x)

    def leave_out(self):
        """Count an exposure that has nothing to add."""
        self._added += 1

    def _code(self):
        from hexcal.kernels import drizzle_spread as shapes

        codes = {"lanczos2": 2, "lanczos3": 3, "square": shapes.SQUARE, "point": shapes.POINT, "turbo": shapes.TURBO}
        return {**codes, "tophat": shapes.TOPHAT, "gaussian": shapes.GAUSSIAN}[self.kernel]

    def _source(self, exposure, x, y):
        """Return the exposure as the kernels take it, and how far a pixel may reach in the mosaic."""
        from hexcal.kernels.drizzle import BLOCK, Source, block_bounds

        reach = self._reach(exposure, x, y)
        y_low, y_high = np.empty((2, y.shape[0], -(-y.shape[1] // BLOCK)))
        run_bands(block_bounds, y.shape[0], y, reach, y_low, y_high, threads=self._threads)
        none = np.zeros((1, 1), np.float32)
        variances = (none, none, none)
        if self._with_variances:
            variances = tuple(
                np.zeros_like(exposure.data) if variance is None else variance for variance in exposure.variances or ()
            )
        source = Source(
            x=np.ascontiguousarray(x),
            y=np.ascontiguousarray(y),
            y_low=y_low,
            y_high=y_high,
            values=exposure.data,
            weights=exposure.weights,
            variances=variances,
            dq=exposure.dq if self._with_dq else np.zeros((1, 1), np.uint32),
            level=float(exposure.level),
            importance=float(exposure.importance),
            n_variances=3 if self._with_variances else 0,
            with_dq=self._with_dq,
        )
        return source, reach

    def _reach(self, exposure, x, y):
        """Pixels of the mosaic between the centre of a pixel and the farthest that it may fall on."""
        size = (self.pixfrac or 1.0) / exposure.ratio
        if self.kernel == "square":
            return 0.6 * _extent(x, y) + 0.6
        if self.kernel == "gaussian":
            return max(2.5 * size / 2.3548, 1.2 / exposure.ratio) + 1
        return {"point": 0.0, "turbo": size, "tophat": size, "lanczos2": 2 * size, "lanczos3": 3 * size}[
            self.kernel
        ] + 1

    def _is_lattice(self, exposure, largest):
        """Whether whole pixels can be added by their edges.

        Not where a few values are so large that their rounding would spoil the others.
        """
        if self.kernel != "square" or self.pixfrac != 1 or self._with_dq or min(exposure.data.shape) < 2:
            return False
        if largest > _SMOOTH_WEIGHTS * _typical(exposure.weights):
            return False
        sizes = np.fmax(np.fmax.reduce(exposure.data, axis=None), -np.fmin.reduce(exposure.data, axis=None))
        return bool(sizes <= _SMOOTH_VALUES * _typical(exposure.data))

    def finish(self, fill=np.nan):
        """Return the mosaic; nothing can be added afterwards.

        Parameters
        ----------
        fill : float
            Value of pixels that no exposure contributed to.

        Returns
        -------
        Resampled
        """
        sums, is_empty = self._sums, self._sums.weights == 0
        with np.errstate(divide="ignore", invalid="ignore"):
            np.divide(sums.values, sums.weights, out=sums.values)
            sums.values[is_empty] = fill
            if not self._with_variances:
                return Resampled(sums.values, sums.weights, context=self._context, dq=self._flags())
            importance = sums.importance
            for numerator in (sums.rnoise, sums.poisson, sums.flat):
                numerator /= importance
                numerator /= importance
        return Resampled(sums.values, sums.weights, sums.rnoise, sums.poisson, sums.flat, self._context, self._flags())

    def _flags(self):
        return self._sums.dq if self._with_dq else None


def _typical(values):
    """Median of the sizes of values that are not 0, from a sample of them.

    Infinity if there is none, so that nothing counts as large.
    """
    sample = np.abs(np.ravel(values)[:: max(1, values.size // 10007)])
    sample = sample[sample > 0]
    return float(np.median(sample)) if sample.size else np.inf


def _extent(x, y):
    """Largest width or height of a pixel of the exposure in the mosaic, from a sample of them."""
    rows = slice(None, None, max(1, x.shape[0] // 64))
    extents = [
        np.nanmax(np.abs(np.diff(values[rows], axis=1)), initial=0.0)
        + np.nanmax(np.abs(values[1:][rows] - values[:-1][rows]), initial=0.0)
        for values in (x, y)
    ]
    return float(max(extents)) or 1.0
