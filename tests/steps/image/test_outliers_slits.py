"""outlier_detection of slits: planted cosmic rays, and nothing else, in dithered spectra of a star and a sky."""

import json

import numpy as np
import pytest
from tilted_slits import SHAPE, along, smooth, star, tilted_slit, wavelength

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.steps.image.outlier_detection import OutlierDetectionStep

SHIFTS = (-3.0, 0.0, 2.5)
HITS = [(0, 12, 20), (0, 5, 41), (1, 16, 33), (2, 22, 8), (2, 14, 50)]


def profile(position):
    """A star on a sky."""
    return 5 * star(width=2.0)(position) + 0.2


def exposures(shifts=SHIFTS, hits=HITS, seed=1):
    """Dithered slits with noise and cosmic rays, named as files are."""
    rng = np.random.default_rng(seed)
    slits = []
    for number, shift in enumerate(shifts):
        slit = tilted_slit(profile, smooth, shift)
        slit.data = slit.data + rng.normal(0, 1, SHAPE).astype("f4")
        for exposure, row, column in hits:
            if exposure == number:
                slit.data[row, column] += 400
        slit.meta.filename = f"nod{number}_cal.fits"
        slits.append(slit)
    return slits


def found(result):
    """(exposure, row, column) of the outliers."""
    return {
        (number, int(y), int(x)) for number, slit in enumerate(result) for y, x in np.argwhere(slit.dq & pixel.OUTLIER)
    }


@pytest.mark.parametrize("errors", ["exposure", "median"])
def test_cosmic_rays_are_found(errors):
    given = exposures()
    before = given[0].dq.copy()
    result = OutlierDetectionStep.call(given, slit_errors=errors)
    outliers = found(result)
    assert set(HITS) <= outliers
    # Beside a detection the limits are lower, which may catch a pixel of noise; nothing else may be flagged.
    beside = {(n, y + dy, x + dx) for n, y, x in HITS for dy in (-1, 0, 1) for dx in (-1, 0, 1)}
    assert outliers <= beside
    for number, row, column in outliers:
        assert result[number].dq[row, column] & pixel.DO_NOT_USE
    assert all(slit.meta.cal_step.outlier_detection == "COMPLETE" for slit in result)
    np.testing.assert_array_equal(given[0].dq, before)


def test_nothing_is_found_where_nothing_is():
    assert not found(OutlierDetectionStep.call(exposures(hits=())))


def test_outliers_can_be_made_nan():
    result = OutlierDetectionStep.call(exposures(), set_nan=True)
    for number, row, column in HITS:
        assert np.isnan(result[number].data[row, column]) and np.isnan(result[number].var_rnoise[row, column])


def test_of_two_exposures_the_lower_value_is_right():
    hits = [(0, 12, 20)]
    result = OutlierDetectionStep.call(exposures((-3.0, 0.0), hits), two_values="lower")
    assert set(hits) <= found(result)
    assert all(number == 0 for number, _, _ in found(result))


def test_a_single_exposure_is_left(caplog):
    result = OutlierDetectionStep.call(exposures((0.0,), [(0, 12, 20)]))
    assert not found(result)
    assert "only one exposure" in caplog.text


def test_products_of_many_slits_are_compared_slit_by_slit():
    models = []
    for number, slit in enumerate(exposures()):
        other = tilted_slit(profile, smooth, SHIFTS[number])
        model = datamodels.MultiSlitModel()
        model.update(slit)
        model.meta.exposure.type, model.meta.instrument.name = "NRS_FIXEDSLIT", "NIRSPEC"
        model.meta.filename = f"e{number}_cal.fits"
        slit.name, other.name = "S200A1", "S400A1"
        model.slits = [slit, other]
        models.append(model)
    result = OutlierDetectionStep.call(models)
    assert set(HITS) <= found([model.slits[0] for model in result])
    assert not found([model.slits[1] for model in result])


@pytest.mark.req("OUTL-28")
@pytest.mark.parametrize("resamples", [True, False])
def test_intermediate_products(resamples, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = {"resample_data": resamples, "output_dir": str(tmp_path)}
    given = exposures() if resamples else exposures((0.0,) * 3)
    OutlierDetectionStep.call(given, save_results=True, **options)
    assert {path.name for path in tmp_path.glob("*.fits")} == {f"nod{number}_crf.fits" for number in range(3)}
    OutlierDetectionStep.call(given, save_intermediate_results=True, **options)
    names = {path.name for path in tmp_path.glob("*.fits")}
    assert ("nod0_outlier_s2d.fits" in names) is resamples
    assert {"nod2_blot.fits", "nod1_crf.fits"} <= names
    assert sum("median" in name for name in names) == 1


@pytest.mark.req("OUTL-28")
@pytest.mark.parametrize("dispaxis", [1, 2])
def test_exposures_of_one_place_are_compared_as_they_are(dispaxis):
    """Without resampling each pixel is compared with the median of that pixel: what no other exposure shares is out."""
    rng, given = np.random.default_rng(5), []
    for _ in range(4):
        slit = tilted_slit(profile, smooth, 0.0, dispaxis)
        slit.data = slit.data + rng.normal(0, 1, slit.shape).astype("f4")
        given.append(slit)
    given[2].data[10, 20] += 9
    given[0].data[14, 9] += 400
    given[0].dq[14, 9] |= pixel.DO_NOT_USE
    result = OutlierDetectionStep.call(given, resample_data=False)
    values = np.array([slit.data for slit in given])
    masked = values.copy()
    masked[0, 14, 9] = np.nan  # counts for no median, and is judged all the same
    expected = np.abs(values - np.nanmedian(masked, axis=0)) > 5
    for slit, twin in zip(result, expected, strict=True):
        np.testing.assert_array_equal((slit.dq & pixel.OUTLIER) != 0, twin)
    assert expected[2, 10, 20]


def test_without_resampling_shapes_must_be_the_same():
    with pytest.raises(InputError, match="without resample_data all exposures must have one shape"):
        OutlierDetectionStep.call([tilted_slit(profile, smooth, 0.0, axis) for axis in (1, 2)], resample_data=False)


@pytest.mark.parametrize("threads", [1, 3])
def test_same_bits_for_any_number_of_threads(threads, monkeypatch):
    reference = found(OutlierDetectionStep.call(exposures()))
    monkeypatch.setenv("HEXCAL_THREADS", str(threads))
    assert found(OutlierDetectionStep.call(exposures())) == reference


def test_flagged_and_missing_pixels_do_not_count():
    slits = exposures()
    slits[1].data[10:14, 25:30] = 1e6
    slits[1].dq[10:14, 25:30] |= pixel.DO_NOT_USE
    slits[2].data[18, :] = np.nan
    slits[2].err[18, :] = np.nan
    result = OutlierDetectionStep.call(slits)
    assert not any(number != 1 and 9 <= y <= 18 and 24 <= x <= 31 for number, y, x in found(result) - set(HITS))
    assert set(HITS) <= found(result)


def line(wave):
    """A continuum with a bright line."""
    return 30 + 900 * np.exp(-0.5 * ((wave - 1.65) / 0.05) ** 2)


def sharp_star(shift, dispaxis):
    """A source narrower than a pixel, in the middle of a pixel or between two."""
    slit = tilted_slit(lambda position: np.zeros_like(position), line, shift, dispaxis, error=0.3)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
    offset = along(x, y, shift)
    data = np.clip(1 - np.abs(offset), 0, None) ** 2 + 0.0
    data = (data / np.maximum(data.sum(axis=0), 1e-9) * line(wavelength(x, y))).astype("f4")
    slit.data = np.ascontiguousarray(data if dispaxis == 1 else data.T)
    return slit


@pytest.mark.parametrize("dispaxis", [1, 2])
def test_lines_of_a_source_that_exposures_sample_in_different_ways_are_no_outliers(dispaxis):
    shifts, hits = (-3.0, 0.5, 2.5), [(0, 8, 20), (1, 22, 40)]
    rng, given = np.random.default_rng(2), [sharp_star(shift, dispaxis) for shift in shifts]
    for slit in given:
        slit.data = slit.data + rng.normal(0, 0.3, slit.shape).astype("f4")
    for exposure, row, column in hits:
        given[exposure].data[(row, column) if dispaxis == 1 else (column, row)] += 50
    # One on the trace itself, beside the line.
    trace = int(np.argmax(given[1].data[:, 10] if dispaxis == 1 else given[1].data[10]))
    hits.append((1, trace, 10))
    given[1].data[(trace, 10) if dispaxis == 1 else (10, trace)] += 50
    planted = {(n, y, x) if dispaxis == 1 else (n, x, y) for n, y, x in hits}
    by_median, followed = (found(OutlierDetectionStep.call(given, slit_sampling=how)) for how in ("median", "followed"))
    assert planted <= followed and len(followed - planted) <= 3
    assert len(by_median - planted) > 10


@pytest.mark.parametrize("dispaxis", [1, 2])
def test_wavelengths_of_large_errors_are_compared_too_where_each_has_its_typical_weight(dispaxis):
    given, rng = [], np.random.default_rng(6)
    for shift in SHIFTS:
        slit = tilted_slit(profile, smooth, shift, dispaxis)
        error = np.where(np.arange(SHAPE[1]) < 25, 1.0, 4.0).astype("f4") * np.ones(SHAPE, "f4")
        error = np.ascontiguousarray(error if dispaxis == 1 else error.T)
        slit.err, slit.var_rnoise = error, error**2
        slit.data = slit.data + (error * rng.normal(0, 1, slit.shape)).astype("f4")
        given.append(slit)
    hits = [(0, 12, 10), (1, 16, 50)]
    for number, row, column in hits:
        given[number].data[(row, column) if dispaxis == 1 else (column, row)] += 400
    planted = {(n, y, x) if dispaxis == 1 else (n, x, y) for n, y, x in hits}
    of_slit, of_wavelengths = (
        found(OutlierDetectionStep.call(given, slit_weights=which)) for which in ("slit", "wavelength")
    )
    assert planted <= of_wavelengths and len(of_wavelengths - planted) < 8
    assert len(planted & of_slit) == 1


def test_less_room_is_left_only_where_the_sampling_is_followed():
    rng, given = np.random.default_rng(4), []
    for shift in SHIFTS:
        slit = tilted_slit(lambda position: 60 * star(width=1.0)(position), smooth, shift)
        slit.data = slit.data + rng.normal(0, 1, SHAPE).astype("f4")
        given.append(slit)
    trace = int(np.argmax(given[1].data[:, 20]))
    star_hit = (1, trace, 20)
    given[1].data[trace, 20] += 0.4 * given[1].data[trace, 20]

    def outliers(**words):
        return found(OutlierDetectionStep.call(given, **words))

    wide, narrow = (outliers(slit_sampling="followed", followed_scale=factor) for factor in (1.0, 0.125))
    assert star_hit in narrow - wide
    assert narrow == outliers(slit_sampling="followed", scale="0.15 0.0875")
    # Who takes the median instead has the limits of the documents, under a profile, too.
    documented = outliers(scale="1.2 0.7")
    assert outliers(followed_scale=0.125) == documented
    others = {"slit_weights": "slit", "two_values": "mean", "add_scatter": False}
    assert outliers(profile="recommended", slit_sampling="median", **others) == documented
    assert len(documented) > 0


@pytest.mark.req("OUTL-03")
def test_an_association_a_container_and_a_cube_come_back_with_flags(tmp_path):
    given, members = exposures(), []
    for slit in given:
        slit.save(tmp_path / slit.meta.filename)
        members.append({"expname": slit.meta.filename, "exptype": "science"})
    table = {"asn_type": "spec3", "asn_rule": "none", "asn_id": "a3001", "asn_pool": "none", "program": "1"}
    asn = tmp_path / "asn.json"
    asn.write_text(json.dumps({**table, "products": [{"name": "product", "members": members}]}))
    of_list = found(OutlierDetectionStep.call(given))
    assert set(HITS) <= of_list
    assert found(OutlierDetectionStep.call(datamodels.ModelContainer(given))) == of_list
    assert found(OutlierDetectionStep.call(str(asn))) == of_list
    # Each integration is compared with the median of all.
    cube = datamodels.CubeModel(np.random.default_rng(1).normal(10, 0.1, (5, 20, 24)).astype("f4"))
    cube.err = np.full(cube.shape, 0.1, "f4")
    cube.meta.telescope, cube.meta.instrument.name, cube.meta.exposure.type = "JWST", "MIRI", "MIR_LRS-SLITLESS"
    cube.data[3, 12, 7] += 50
    result = OutlierDetectionStep.call(cube)
    (result,) = result if not isinstance(result, datamodels.CubeModel) else (result,)
    flagged = np.argwhere(result.dq & pixel.OUTLIER).tolist()
    assert [3, 12, 7] in flagged and len(flagged) < 3


def test_neighbours_add_hits_and_nothing_else():
    """With limits that the comparison of exposures never reaches, what neighbours predict finds all."""
    far = {"snr": "1e9 1e9", "neighbour_snr": 5.0}
    asked = found(OutlierDetectionStep.call(exposures(), **far))
    assert set(HITS) <= asked and len(asked) <= len(HITS) + 2
    assert len(found(OutlierDetectionStep.call(exposures(hits=()), **far))) <= 2
    assert not found(OutlierDetectionStep.call(exposures(), snr="1e9 1e9"))
