"""Pixels of spectra that are filled in with estimates."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.models.dqflags import pixel
from hexcal.steps.spectrum.pixel_replace import PixelReplaceStep, fill_by_gradient, fill_by_profile

SHAPE = (15, 40)
BAD = [(7, 10), (6, 20), (3, 25), (9, 30), (9, 31)]
VARIANCES = {"var_poisson": 0.6, "var_rnoise": 0.3, "var_flat": 0.1}


def spectrum():
    """A profile that does not change, times a spectrum: the profile of adjacent columns is exact."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return (np.exp(-0.5 * ((y - 7) / 1.5) ** 2) + 0.05) * (100 + 3 * x + 20 * np.sin(x / 3))


def slit(values=None, bad=BAD, exposure_type="NRS_FIXEDSLIT", kind=datamodels.SlitModel, axis=1):
    values = spectrum() if values is None else values
    model = kind(values.astype("f4"))
    model.err = np.sqrt(np.abs(values)).astype("f4")
    model.dq = np.zeros(values.shape, "u4")
    for name, share in VARIANCES.items():
        setattr(model, name, (share * np.abs(values)).astype("f4"))
    for at in bad:
        at = at if axis == 1 else at[::-1]
        model.dq[(..., *at)] = pixel.DO_NOT_USE
        for name in ("data", "err", *VARIANCES):
            getattr(model, name)[(..., *at)] = np.nan
    model.meta.telescope, model.meta.exposure.type = "JWST", exposure_type
    model.meta.instrument.name = "MIRI" if exposure_type.startswith("MIR") else "NIRSPEC"
    model.meta.wcsinfo.dispersion_direction = axis
    return model


def run(model, **parameters):
    return PixelReplaceStep.call(model, skip=False, **parameters)


@pytest.mark.req("PXRP-01", "PXRP-02", "PXRP-03")
@pytest.mark.parametrize("n_adjacent", [2, 3])
def test_a_constant_profile_is_found_exactly(n_adjacent):
    result = run(slit(), n_adjacent_cols=n_adjacent)
    np.testing.assert_allclose(result.data, spectrum(), rtol=1e-5)
    flagged = np.zeros(SHAPE, "u4")
    flagged[tuple(np.transpose(BAD))] = pixel.FLUX_ESTIMATED
    assert np.array_equal(result.dq, flagged)
    assert all(np.isfinite(getattr(result, name)).all() for name in ("err", *VARIANCES))


def by_hand(model, row, column, n_adjacent):
    """The estimate of one pixel, in plain words."""
    data = np.where(model.dq & 1, np.nan, model.data.astype(float))
    beside = [c for c in range(max(0, column - n_adjacent), min(SHAPE[1], column + n_adjacent + 1)) if c != column]
    largest = [np.nanmax(np.abs(data[:, c])) for c in beside]
    profile = np.nanmedian([data[:, c] / top for c, top in zip(beside, largest, strict=True)], axis=0)
    good = np.isfinite(data[:, column]) & np.isfinite(profile)
    scale = np.abs(data[good, column] * profile[good]).sum() / (profile[good] ** 2).sum()
    scale *= -1 if np.nanmax(data[:, column]) < 0 else 1
    spread = np.nanmedian([model.err[row, c] / top for c, top in zip(beside, largest, strict=True)])
    return scale * profile[row], abs(scale) * spread


def test_noise_and_errors_as_by_hand():
    model = slit(spectrum() + np.random.default_rng(2).normal(0, 2, SHAPE))
    result = run(model)
    for row, column in BAD:
        value, error = by_hand(model, row, column, 3)
        assert result.data[row, column] == pytest.approx(value, rel=1e-5)
        assert result.err[row, column] == pytest.approx(error, rel=1e-5)
        for name, share in VARIANCES.items():
            assert getattr(result, name)[row, column] == pytest.approx(share * error**2, rel=1e-4)


def test_neighbours_that_are_all_noise_give_their_median():
    """Nothing above 5 sigma beside it: a profile divided by a maximum of noise would be noise times noise."""
    values = np.random.default_rng(5).normal(0, 1, SHAPE)
    model = slit(values)
    model.err[...] = 1
    for row, column in BAD:
        model.err[row, column] = np.nan
    result = run(model)
    data, columns = np.where(model.dq & 1, np.nan, model.data), [27, 28, 29, 31, 32, 33]
    assert result.data[9, 30] == pytest.approx(np.nanmedian(data[9, columns]), rel=1e-6)
    assert result.err[9, 30] == 1
    model.data[2, 28] = 5.01  # one pixel of one neighbour is enough for a profile
    assert result.data[9, 30] != run(model).data[9, 30] == pytest.approx(by_hand(model, 9, 30, 3)[0], rel=1e-5)


def test_negative_light_stays_negative():
    """A source of the other nod, subtracted with a background: whether its neighbours are negative too or not."""
    model = slit(-spectrum())
    np.testing.assert_allclose(run(model).data, -spectrum(), rtol=1e-5)
    values = spectrum()
    values[:, 10] *= -1
    result = run(slit(values, bad=[(7, 10)]))
    np.testing.assert_allclose(result.data, values, rtol=1e-5)
    assert result.err[7, 10] > 0


def test_a_column_of_zeros_gets_zeros():
    values = spectrum()
    values[:, 10] = 0
    assert run(slit(values, bad=[(7, 10)])).data[7, 10] == 0


@pytest.mark.req("PXRP-04")
@pytest.mark.parametrize(("along", "across", "expected"), [(1.0, 5.0, 10.5), (5.0, 1.0, 20.5), (np.nan, 5.0, 22.5)])
def test_the_neighbours_along_the_smaller_gradient(along, across, expected):
    values = np.full((5, 6), 3.0)
    values[2, 1], values[2, 3], values[1, 2], values[3, 2] = 10, 10 + along, 20, 20 + across
    model = slit(values, bad=[(2, 2)])
    model.err[2, 1], model.err[2, 3], model.err[1, 2], model.err[3, 2] = 1, 3, 2, 6
    result = run(model, algorithm="mingrad")
    assert result.data[2, 2] == expected
    assert result.err[2, 2] == (2 if expected == 10.5 else 4)
    assert result.dq[2, 2] == pixel.FLUX_ESTIMATED


@pytest.mark.req("PXRP-04")
def test_no_estimate_between_missing_neighbours_or_at_an_edge():
    model = slit(bad=[(5, 5), (5, 6), (6, 5), (4, 5), (5, 4), (0, 9), (9, 39)])
    result = run(model, algorithm="mingrad")
    assert np.isnan(result.data[5, 5]) and result.dq[5, 5] == pixel.DO_NOT_USE
    assert np.isnan(result.data[0, 9]) and np.isnan(result.data[9, 39])
    assert np.isfinite(result.data[5, 6])


@pytest.mark.parametrize("algorithm", ["fit_profile", "mingrad"])
def test_dispersion_along_columns(algorithm):
    along_rows = run(slit(), algorithm=algorithm)
    model = slit(spectrum().T, exposure_type="MIR_LRS-FIXEDSLIT", axis=2)
    along_columns = run(model, algorithm=algorithm)
    assert np.array_equal(along_columns.data.T, along_rows.data)
    assert np.array_equal(along_columns.var_flat.T, along_rows.var_flat)


@pytest.mark.parametrize("algorithm", ["fit_profile", "mingrad"])
def test_each_integration_by_itself(algorithm):
    cube = np.stack([spectrum(), 2 * spectrum()])
    result = run(slit(cube, exposure_type="NRS_BRIGHTOBJ"), algorithm=algorithm)
    one = run(slit(), algorithm=algorithm)
    np.testing.assert_allclose(result.data, [one.data, 2 * one.data], rtol=1e-6)


def test_what_is_no_science_stays():
    model = slit(bad=[(7, 10), (7, 20)])
    model.dq[7, 10] |= pixel.NON_SCIENCE
    result = run(model)
    assert np.isnan(result.data[7, 10]) and result.dq[7, 10] == pixel.DO_NOT_USE | pixel.NON_SCIENCE
    result = run(model, algorithm="mingrad")
    assert np.isfinite(result.data[7, 10]) and result.dq[7, 10] & pixel.DO_NOT_USE


def test_a_column_without_good_pixels_stays():
    model = slit(bad=[(row, 12) for row in range(SHAPE[0])])
    result = run(model)
    assert np.isnan(result.data[:, 12]).all() and (result.dq[:, 12] == pixel.DO_NOT_USE).all()


def test_slices_of_an_ifu_do_not_see_each_other(monkeypatch):
    from hexcal.steps.wcs import spectral

    stacked = np.concatenate([spectrum(), np.full((2, SHAPE[1]), 1e6), 3 * spectrum()])
    model = slit(stacked, bad=[(7, 10), (24, 20)], exposure_type="NRS_IFU", kind=datamodels.IFUImageModel)
    planes = [np.ones(SHAPE)] * 5
    slices = [spectral.IFUSlice(number, 0, row, 0, *planes) for number, row in ((0, 0), (1, 17))]
    monkeypatch.setattr(spectral, "ifu_slices", lambda model: slices)
    result = run(model)
    np.testing.assert_allclose(result.data, stacked, rtol=1e-5)


@pytest.mark.req("PXRP-05", "PXRP-06")
def test_it_runs_only_where_it_is_asked_for():
    parameters = PixelReplaceStep().parameters
    assert parameters.skip is True and parameters.algorithm == "fit_profile" and parameters.n_adjacent_cols == 3
    assert PixelReplaceStep.reference_types == ()
    model = slit()
    for result in (PixelReplaceStep.call(model), run(model, algorithm="N/A")):
        assert result.meta.cal_step.pixel_replace == "SKIPPED"
        assert np.array_equal(result.data, model.data, equal_nan=True)


def test_a_model_of_the_trace_fills_what_it_knows(caplog):
    assert run(slit(), algorithm="trace_model").meta.cal_step.pixel_replace == "SKIPPED"
    assert "run adaptive_trace_model first" in caplog.text
    model = slit()
    model.trace_model = spectrum().astype("f4")
    model.trace_model[BAD[0]] = np.nan
    result = run(model, algorithm="trace_model")
    assert result.dq[BAD[0]] == pixel.DO_NOT_USE and np.isnan(result.data[BAD[0]])
    assert all(result.dq[at] == pixel.FLUX_ESTIMATED and np.isfinite(result.err[at]) for at in BAD[1:])
    np.testing.assert_allclose([result.data[at] for at in BAD[1:]], [spectrum()[at] for at in BAD[1:]], rtol=1e-5)


def test_a_spectrum_that_is_all_nan_is_left_out():
    result = run(slit(np.full(SHAPE, np.nan)))
    assert result.meta.cal_step.pixel_replace == "SKIPPED" and np.isnan(result.data).all()


@pytest.mark.parametrize("fill", [lambda image, n: fill_by_profile(image, None, 3, n), fill_by_gradient])
def test_the_number_of_threads_does_not_show(fill):
    results = []
    for threads in (1, 3):
        model = slit(spectrum() + np.random.default_rng(4).normal(0, 2, SHAPE))
        image = {name: getattr(model, name) for name in ("data", "err", "dq", *VARIANCES)}
        assert fill(image, threads) == len(BAD)
        results.append(b"".join(value.tobytes() for value in image.values()))
    assert results[0] == results[1]
