"""Cosmic rays in one exposure of a narrow star with lines: all are found, and nothing else."""

import numpy as np
import pytest

from hexcal.models.dqflags import pixel
from hexcal.steps.image.outliers_neighbours import deviating

SHAPE = (14, 300)


def exposure(seed=1, sky=4.0, brightness=400.0, sigma=0.6, lean=0.02):
    """A star narrower than a pixel whose trace crosses rows, with lines, on a sky with a line: values, errors."""
    from scipy.special import erf

    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
    middle = 5.0 + lean * x
    edges = [erf((y + side - middle) / (sigma * np.sqrt(2))) for side in (-0.5, 0.5)]
    lines = sum(2 * np.exp(-0.5 * ((x - centre) / 1.1) ** 2) for centre in (60, 141, 230))
    light = 0.5 * (edges[1] - edges[0]) * brightness * (1 + lines) + sky * (1 + 5 * np.exp(-0.5 * ((x - 100) / 1) ** 2))
    errors = np.sqrt(1 + 0.2 * light)
    return (light + rng.normal(0, 1, SHAPE) * errors).astype("f4"), errors.astype("f4"), light


def places(rng, number):
    """Places that do not touch each other."""
    columns = rng.permutation(np.arange(6, SHAPE[1] - 6, 6))[:number]
    return [(int(rng.integers(1, SHAPE[0] - 1)), int(column)) for column in columns]


def flagged(data, errors, **more):
    found = deviating(data, errors, None, np.zeros(SHAPE, "u4"), 1, 5.0, **more)
    return {tuple(int(i) for i in place) for place in np.argwhere(found)}


def test_nothing_is_found_where_nothing_is():
    counts = [len(flagged(*exposure(seed)[:2])) for seed in range(8)]
    assert sum(counts) <= 2


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("with_others", [False, True])
def test_hits_are_found_on_the_star_and_beside_it(seed, with_others):
    data, errors, light = exposure(seed)
    hits = places(np.random.default_rng(seed), 30)
    for row, column in hits:
        data[row, column] += 40 * errors[row, column]
    found = flagged(data, errors, others=light.astype("f4") if with_others else None)
    assert len(set(hits) - found) <= (0 if with_others else 2)
    assert len(found - set(hits)) <= 2


def test_a_hit_of_two_rows_is_found_where_other_exposures_see_the_place():
    data, errors, light = exposure()
    hits = {(6, 40), (7, 40), (7, 120), (8, 120), (9, 200), (10, 200)}
    for place in hits:
        data[place] += 60 * errors[place]
    assert hits <= flagged(data, errors, others=light.astype("f4"))


def test_what_other_exposures_see_too_is_no_outlier():
    data, errors, light = exposure()
    light[2, 77] += 500
    data[2, 77] += 500
    assert (2, 77) in flagged(data, errors)
    assert (2, 77) not in flagged(data, errors, others=light.astype("f4"))


def test_a_line_of_a_source_without_continuum_is_no_outlier():
    """It is no wider than the line spread function, in three rows."""
    data, errors, _ = exposure()
    x = np.arange(SHAPE[1])
    for row, part in ((1, 0.1), (2, 0.8), (3, 0.1)):
        data[row] += 300 * part * np.exp(-0.5 * ((x - 180) / 0.9) ** 2).astype("f4")
    assert not {place for place in flagged(data, errors) if abs(place[1] - 180) < 4}


def test_the_end_of_a_slice_is_no_outlier():
    """The light of a row ends where the slice does."""
    data, errors, _ = exposure(brightness=0.0, sky=60.0)
    data[-1, 150:] = np.random.default_rng(4).normal(0, 1, 150)
    errors[-1, 150:] = 1
    assert not flagged(data, errors)


def test_hits_are_found_where_a_narrow_trace_crosses_the_rows():
    """The factor from row to row grows by a tenth and more from column to column."""
    clean, errors, light = exposure(brightness=2000.0, sigma=0.45, lean=0.025)
    row, columns = 8, [column for column in range(75, 170, 6) if 30 < light[8, column] < 1800]
    assert len(columns) >= 8
    missed, others = [], 0
    for column in columns:
        data = clean.copy()
        data[row, column] += 25 * errors[row, column]
        found = flagged(data, errors)
        missed += [column] * ((row, column) not in found)
        others += len(found - {(row, column)})
    assert len(missed) <= 1 and others <= 2, (columns, missed)


def test_two_hits_side_by_side_across_the_dispersion_are_found_at_the_edge_of_a_slice():
    data, errors, _ = exposure(brightness=0.0, sky=60.0)
    data[-1], errors[-1] = np.random.default_rng(4).normal(0, 1, SHAPE[1]), 1
    hits = {(row, column) for column in (40, 120, 200) for row in (SHAPE[0] - 4, SHAPE[0] - 3)}
    for place in hits:
        data[place] += 60 * errors[place]
    assert flagged(data, errors) == hits


def test_a_hit_beside_the_end_of_a_slice_is_found():
    data, errors, _ = exposure(brightness=0.0, sky=60.0)
    data[-1, 150:] = np.random.default_rng(4).normal(0, 1, 150)
    errors[-1, 150:] = 1
    data[-1, 149] += 25 * errors[-1, 149]
    assert flagged(data, errors) == {(SHAPE[0] - 1, 149)}


def test_the_error_of_the_flat_field_does_not_hide_a_hit():
    data, errors, _ = exposure()
    data[3, 50] += 200
    var_flat = (0.03 * data) ** 2
    total = np.sqrt(errors**2 + var_flat).astype("f4")
    found = deviating(data, total, var_flat, np.zeros(SHAPE, "u4"), 1, 5.0)
    assert found[3, 50] and np.count_nonzero(found) == 1


@pytest.mark.parametrize("dispaxis", [1, 2])
def test_directions_bad_pixels_and_threads(dispaxis, monkeypatch):
    data, errors, _ = exposure()
    data[9, 33] += 400
    dq = np.zeros(SHAPE, "u4")
    data[4, 90], dq[7, 20] = np.nan, pixel.DO_NOT_USE
    data[7, 20] += 1e4
    planes = [np.ascontiguousarray(plane if dispaxis == 1 else plane.T) for plane in (data, errors, dq)]
    before = [plane.tobytes() for plane in planes]
    results = []
    for threads in ("1", "3"):
        monkeypatch.setenv("HEXCAL_THREADS", threads)
        found = deviating(planes[0], planes[1], None, planes[2], dispaxis, 5.0)
        results.append(found.tobytes())
        found = found if dispaxis == 1 else found.T
        assert found[9, 33] and not found[7, 20] and not found[4, 90] and np.count_nonzero(found) <= 2
    assert results[0] == results[1] and before == [plane.tobytes() for plane in planes]
