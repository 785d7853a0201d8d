"""Drizzling, compared with a slow twin and with the drizzle library."""

import warnings

import numpy as np
import pytest

from hexcal.kernels.overlap import cover
from hexcal.steps.image.drizzling import KERNELS, Drizzle, Exposure, weights_of


def grid(angle, ratio, shape=(70, 90), margin=4.0):
    """Positions in a mosaic of the pixels of a slightly distorted, turned image, and the shape of the mosaic.

    All of it well inside.
    """
    yy, xx = np.mgrid[: shape[0], : shape[1]].astype(float)
    u, v = xx - 45 + 2e-5 * (xx - 45) ** 2, yy - 35 + 3e-5 * (xx - 45) * (yy - 35)
    x = (np.cos(angle) * u - np.sin(angle) * v) / ratio
    y = (np.sin(angle) * u + np.cos(angle) * v) / ratio
    x, y = x - x.min() + margin, y - y.min() + margin
    return x, y, (int(y.max() + margin + 1), int(x.max() + margin + 1))


def exposure(seed=1, shape=(70, 90), ratio=1.0):
    random = np.random.default_rng(seed)
    dq = (random.random(shape) < 0.03).astype(np.uint32)
    variances = tuple(random.uniform(0.5, 2, shape).astype(np.float32) for _ in range(3))
    weights = weights_of(dq, 1, variances[0])
    return Exposure(random.normal(10, 3, shape).astype(np.float32), weights, variances, dq, ratio=ratio)


def polygon_area(points):
    x, y = np.array(points).T
    return 0.5 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))


def clipped(points, axis, edge, keep_below):
    """Cut a polygon at a line of the grid (Sutherland & Hodgman)."""
    result = []
    for number, point in enumerate(points):
        former = points[number - 1]
        inside, was_inside = ((p[axis] <= edge) if keep_below else (p[axis] >= edge) for p in (point, former))
        if inside != was_inside:
            t = (edge - former[axis]) / (point[axis] - former[axis])
            result.append(tuple(f + t * (p - f) for f, p in zip(former, point, strict=True)))
        if inside:
            result.append(point)
    return result


@pytest.mark.parametrize("seed", range(20))
def test_area_of_overlap_is_that_of_clipped_polygons(seed):
    random = np.random.default_rng(seed)
    angle, size = random.uniform(0, 2 * np.pi), random.uniform(0.1, 2.5)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * size / 2 + random.normal(0, 0.02, (4, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = [tuple(point) for point in corners @ turn.T + random.uniform(2.4, 2.6, 2)]
    cells = np.empty(36)
    area = cover(cells, 6, 6, tuple(p[0] for p in points), tuple(p[1] for p in points))
    assert area == pytest.approx(polygon_area(points))
    for row in range(6):
        for column in range(6):
            part = points
            for axis, low in ((0, column), (1, row)):
                part = clipped(clipped(part, axis, low, False), axis, low + 1, True)
            expected = polygon_area(part) if len(part) > 2 else 0
            assert cells[row * 6 + column] == pytest.approx(expected, abs=1e-12)


def by_library(kernel, pixfrac, one, x, y, shape):
    from drizzle.resample import Drizzle as Library

    library = Library(kernel=kernel, out_shape=shape, fillval="NAN")
    details = {"weight_map": one.weights, "pixfrac": pixfrac, "pixel_scale_ratio": one.ratio}
    with warnings.catch_warnings():
        # It warns that a Gaussian kernel does not conserve flux.
        warnings.simplefilter("ignore")
        library.add_image(one.data, exptime=1, pixmap=np.dstack([x, y]), **details)
    return library


@pytest.mark.req("RSMP-03", "RSMP-12")
@pytest.mark.parametrize("pixfrac", [1.0, 0.6])
@pytest.mark.parametrize(("angle", "ratio"), [(0.002, 1.0), (0.6, 1.0), (2.5, 0.5), (1.57, 1.3)])
@pytest.mark.parametrize("kernel", ["square", "point", "turbo", "gaussian"])
def test_as_the_drizzle_library(kernel, pixfrac, angle, ratio):
    x, y, shape = grid(angle, ratio)
    one = exposure(ratio=ratio)
    mosaic = Drizzle(shape, kernel, pixfrac, n_exposures=1)
    mosaic.add(one, x, y)
    result, library = mosaic.finish(), by_library(kernel, pixfrac, one, x, y, shape)
    assert np.array_equal(result.context, library.out_ctx)
    np.testing.assert_allclose(result.weights, library.out_wht, rtol=2e-6, atol=2e-6 * library.out_wht.max())
    firm = library.out_wht > 1e-4 * library.out_wht.max()
    np.testing.assert_allclose(result.data[firm], library.out_img[firm], rtol=1e-5)


@pytest.mark.req("RSMP-13")
@pytest.mark.parametrize("kernel", KERNELS)
def test_every_kernel_keeps_a_level_field(kernel):
    x, y, shape = grid(0.3, 1.0)
    one = exposure()
    one.data[:] = 7
    mosaic = Drizzle(shape, kernel, n_exposures=1)
    mosaic.add(one, x, y)
    result = mosaic.finish()
    firm = result.weights > 0.2 * np.nanmax(result.weights)
    assert firm.any()
    np.testing.assert_allclose(result.data[firm], 7, rtol=1e-5)


@pytest.mark.req("RSMP-13")
def test_a_top_hat_gives_all_to_the_pixels_within_its_circle():
    mosaic = Drizzle((9, 9), "tophat")
    one = Exposure(np.full((1, 1), 3, np.float32), np.ones((1, 1), np.float32), ratio=0.25)
    mosaic.add(one, np.array([[4.0]]), np.array([[4.0]]))
    yy, xx = np.mgrid[:9, :9] - 4
    assert np.array_equal(mosaic.finish().weights, (np.hypot(xx, yy) <= 2).astype(np.float32))


def test_flux_and_weight_are_conserved():
    x, y, shape = grid(0.4, 0.8)
    one = exposure(ratio=0.8)
    for pixfrac in (1.0, 0.5):
        mosaic = Drizzle(shape, "square", pixfrac)
        mosaic.add(one, x, y)
        result = mosaic.finish(0.0)
        total = np.sum(one.weights * one.data, dtype=float)
        assert np.sum(result.weights, dtype=float) == pytest.approx(one.weights.sum(dtype=float), rel=1e-6)
        assert np.sum(result.weights * result.data, dtype=float) == pytest.approx(total, rel=1e-6)


def without_hole(x):
    """Everything is known."""


def with_hole(x):
    x[20:23, 30:40] = np.nan


def with_ragged_ends(x):
    """As beside a tilted slit: nothing is known there."""
    for row in range(len(x)):
        x[row, : 3 + row // 2], x[row, -4 - (len(x) - row) // 3 :] = np.nan, np.nan


@pytest.mark.parametrize("known", [without_hole, with_hole, with_ragged_ends])
@pytest.mark.parametrize("angle", [0.03, 0.7, 1.6, 3.12, 3.3])
@pytest.mark.parametrize("mirrored", [False, True])
def test_adding_edges_is_adding_polygons(angle, known, mirrored):
    """The sum over the edges of whole pixels, and over polygons (which carry flags along too), give the same."""
    x, y, shape = grid(angle, 1.0, (70, 300))
    if mirrored:
        x = shape[1] - 1 - x
    known(x)
    results = []
    for with_dq in (False, True):
        mosaic = Drizzle(shape, n_exposures=2, with_variances=True, with_dq=with_dq)
        for seed in (1, 2):
            mosaic.add(exposure(seed, x.shape), x, y + 0.3 * seed)
        results.append(mosaic.finish())
    edges, polygons = results
    assert np.array_equal(edges.context, polygons.context)
    for name in ("weights", "data", "var_rnoise", "var_poisson", "var_flat"):
        one, other = getattr(edges, name), getattr(polygons, name)
        firm = polygons.weights > 1e-3
        np.testing.assert_allclose(one[firm], other[firm], rtol=3e-5)


@pytest.mark.parametrize(("kernel", "pixfrac"), [("square", 1.0), ("square", 0.7), ("gaussian", 1.0)])
def test_same_bits_for_any_number_of_threads(kernel, pixfrac):
    x, y, shape = grid(0.5, 1.0)
    results = []
    for threads in (1, 2, 5):
        mosaic = Drizzle(shape, kernel, pixfrac, n_exposures=1, with_variances=True, threads=threads)
        mosaic.add(exposure(), x, y)
        results.append(mosaic.finish())
    for other in results[1:]:
        for name in ("data", "weights", "context", "var_rnoise", "var_poisson", "var_flat"):
            assert np.array_equal(getattr(results[0], name), getattr(other, name), equal_nan=True)


def test_one_pixel_of_huge_weight_does_not_spoil_its_row():
    x, y, shape = grid(0.01, 1.0)
    one = exposure()
    one.weights[30, 10] = 1e14
    one.data[40, 10] = 1e15
    mosaic, library = Drizzle(shape), by_library("square", 1.0, one, x, y, shape)
    mosaic.add(one, x, y)
    far = np.s_[:, 40:]
    np.testing.assert_allclose(mosaic.finish().data[far], library.out_img[far], rtol=1e-5)


def test_nan_and_flagged_pixels_do_not_count():
    x, y, shape = grid(0.0, 1.0)
    one = exposure()
    one.data[10:20, 10:20] = np.nan
    mosaic = Drizzle(shape, n_exposures=1, with_variances=True)
    mosaic.add(one, x, y)
    result = mosaic.finish()
    assert np.isnan(result.data[shape[0] // 4, shape[1] // 5]) or np.isfinite(result.data).any()
    assert np.array_equal(np.isnan(result.data), result.weights == 0)
    one.weights[:] = 0
    empty = Drizzle(shape, n_exposures=1)
    empty.add(one, x, y)
    assert np.isnan(empty.finish().data).all()


@pytest.mark.req("RSMP-09")
def test_variances_of_one_exposure_are_squares_of_resampled_deviations():
    """And of several: read noise as the inverse of the sum of inverses, the others weighted with it."""
    x, y, shape = grid(0.3, 1.0)
    singles, both = [], Drizzle(shape, with_variances=True)
    for seed in (1, 2):
        one = exposure(seed)
        deviations = []
        for variance in one.variances:
            library = by_library("square", 1.0, Exposure(np.sqrt(variance), one.weights), x, y, shape)
            deviations.append(np.nan_to_num(library.out_img.astype(float)) ** 2)
        singles.append(deviations)
        both.add(one, x, y)
    result = both.finish()
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = [np.where(s[0] > 0, 1 / s[0], 0) for s in singles]
        firm = (result.weights > 0.1) & (sum(i > 0 for i in inverse) > 0)
        expected = [1 / sum(inverse)]
        expected += [
            sum(i**2 * s[k] for i, s in zip(inverse, singles, strict=True)) / sum(inverse) ** 2 for k in (1, 2)
        ]
    for found, true in zip((result.var_rnoise, result.var_poisson, result.var_flat), expected, strict=True):
        np.testing.assert_allclose(found[firm], true[firm], rtol=2e-5)


@pytest.mark.req("RSMP-04")
def test_context_has_a_plane_for_every_32_exposures():
    mosaic = Drizzle((3, 3), "point", n_exposures=34)
    for number in range(34):
        column = np.array([[float(number % 3)]])
        mosaic.add(Exposure(np.ones((1, 1), np.float32), np.ones((1, 1), np.float32)), column, column)
    context = mosaic.finish().context
    assert context.shape == (2, 3, 3)
    assert context.dtype == np.int32
    for number in range(34):
        word = context[number // 32, number % 3, number % 3].view(np.uint32)
        assert word & (1 << (number % 32))
    assert not context[:, 0, 1].any()
