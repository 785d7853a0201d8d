"""outlier_detection of integral-field exposures: pixels that are bad in all exposures are found, and no others."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import ParameterError
from hexcal.models.dqflags import pixel
from hexcal.step import OutlierDetectionStep

SHAPE = (64, 72)
BAD = [(20, 30), (40, 11), (9, 60)]


def exposure(number, instrument="MIRI", detector="MIRIFUSHORT"):
    """A smooth scene with noise, bad pixels that all exposures have, and a cosmic ray that one has."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    data = 10 + 3 * np.sin(x / 9 + y / 11) + rng.normal(0, 0.1, SHAPE)
    for place in BAD:
        data[place] += 50
    data[30, 50 + number] += 80
    model = datamodels.IFUImageModel(data.astype("f4"))
    model.err, model.dq = np.full(SHAPE, 0.1, "f4"), np.zeros(SHAPE, "u4")
    border = np.ones(SHAPE, bool)
    border[4:-4, 4:-4] = False
    model.dq[border], model.data[border] = pixel.DO_NOT_USE, np.nan
    kind = "MIR_MRS" if instrument == "MIRI" else "NRS_IFU"
    meta = {"telescope": "JWST", "instrument": {"name": instrument, "detector": detector}, "exposure": {"type": kind}}
    model.update({"meta": {**meta, "filename": f"jw00001001001_0210{number}_00001_{detector.lower()}_cal.fits"}})
    return model


def flagged(model):
    return {tuple(int(i) for i in place) for place in np.argwhere(model.dq & pixel.OUTLIER)}


@pytest.mark.req("OUTL-29", "OUTL-30", "OUTL-31")
@pytest.mark.parametrize(("instrument", "detector"), [("MIRI", "MIRIFUSHORT"), ("NIRSPEC", "NRS1")])
def test_bad_pixels_of_all_exposures_are_flagged_and_cosmic_rays_of_one_are_not(instrument, detector):
    models = [exposure(number, instrument, detector) for number in range(1, 5)]
    before = [model.dq.copy() for model in models]
    result = OutlierDetectionStep.call(models, threshold_percent=99.9)
    for number, (model, dq) in enumerate(zip(result, before, strict=True), 1):
        found = flagged(model)
        assert set(BAD) <= found and (30, 50 + number) not in found and len(found) <= 5
        new = (model.dq & ~dq) != 0
        assert np.isnan(model.data[new]).all() and ((model.dq & pixel.DO_NOT_USE) > 0)[new].all()
        assert np.isfinite(model.err[new]).all()
        assert model.meta.cal_step.outlier_detection == "COMPLETE"


@pytest.mark.req("OUTL-34")
def test_detectors_are_flagged_by_themselves():
    models = [exposure(1), exposure(2), exposure(3, detector="MIRIFULONG")]
    models[2].data[...] = 5
    alone = flagged(OutlierDetectionStep.call([exposure(1), exposure(2)])[0])
    result = OutlierDetectionStep.call(models)
    assert flagged(result[0]) == flagged(result[1]) == alone
    assert not flagged(result[2])


@pytest.mark.req("OUTL-23", "OUTL-32")
def test_the_second_check_flags_what_has_no_difference():
    plain = flagged(OutlierDetectionStep.call([exposure(1), exposure(2)])[0])
    checked = flagged(OutlierDetectionStep.call([exposure(1), exposure(2)], ifu_second_check=True)[0])
    border = np.ones(SHAPE, bool)
    border[4:-4, 4:-4] = False
    assert checked == plain | {tuple(int(i) for i in place) for place in np.argwhere(border)}
    for text in ("7", "4 7", "a b", "-3 3"):
        with pytest.raises(ParameterError, match="odd"):
            OutlierDetectionStep.call([exposure(1), exposure(2)], kernel_size=text)


@pytest.mark.req("OUTL-33")
def test_the_differences_are_saved_where_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    models = [exposure(1), exposure(2)]
    result = OutlierDetectionStep.call(models, save_intermediate_results=True, kernel_size="5 7", set_nan=True)
    path = tmp_path / "jw00001001001_02101_00001_mirifushort_mirifushort_outlier_output.fits"
    saved = datamodels.open(path)
    assert saved.diffarr.shape == (2, *SHAPE)
    assert np.array_equal(np.fmin(*saved.diffarr), saved.minarr, equal_nan=True)
    assert np.allclose(saved.minarr / saved.normarr, saved.minnorm, equal_nan=True)
    assert (saved.meta.kernel_xsize, saved.meta.kernel_ysize) == (5, 7)
    new = (result[0].dq & pixel.OUTLIER) != 0
    assert np.isnan(result[0].err[new]).all()


def test_the_input_is_untouched_and_threads_do_not_matter(monkeypatch):
    results = []
    for threads in ("1", "3"):
        monkeypatch.setenv("HEXCAL_THREADS", threads)
        models = [exposure(1), exposure(2)]
        before = [(model.data.tobytes(), model.dq.tobytes()) for model in models]
        result = OutlierDetectionStep.call(models)
        assert [(model.data.tobytes(), model.dq.tobytes()) for model in models] == before
        results.append([(model.data.tobytes(), model.dq.tobytes()) for model in result])
    assert results[0] == results[1]


def test_nothing_usable_is_no_fault(caplog):
    models = [exposure(1), exposure(2)]
    models[0].data[...] = np.nan
    models[1].dq[...] |= pixel.DO_NOT_USE
    result = OutlierDetectionStep.call(models)
    assert not flagged(result[0]) and "no pixel has a neighbour" in caplog.text


@pytest.mark.parametrize(("instrument", "detector"), [("MIRI", "MIRIFUSHORT"), ("NIRSPEC", "NRS1")])
def test_the_light_of_a_sharp_star_is_no_outlier_where_outliers_must_be_isolated(instrument, detector):
    trace = np.s_[:, 25] if instrument == "MIRI" else np.s_[25, :]

    def flags(**parameters):
        models = [exposure(number, instrument, detector) for number in range(1, 4)]
        for model in models:
            model.data[trace] += 60
        return flagged(OutlierDetectionStep.call(models, threshold_percent=99.0, **parameters)[0])

    on_trace = {(y, x) for y, x in flags() if (x if instrument == "MIRI" else y) == 25}
    isolated = flags(ifu_isolated=True)
    assert len(on_trace) > 10 and set(BAD) <= isolated
    assert len({(y, x) for y, x in isolated if (x if instrument == "MIRI" else y) == 25}) <= 2


@pytest.mark.parametrize(("instrument", "detector"), [("MIRI", "MIRIFUSHORT"), ("NIRSPEC", "NRS1")])
def test_neighbours_find_cosmic_rays_of_one_exposure(instrument, detector):
    models = [exposure(number, instrument, detector) for number in range(1, 5)]
    result = OutlierDetectionStep.call(models, threshold_percent=99.9, neighbour_snr=5.0)
    for number, model in enumerate(result, 1):
        found = flagged(model)
        assert set(BAD) | {(30, 50 + number)} <= found and len(found) <= 7
        assert np.isnan(model.data[30, 50 + number]) and model.dq[30, 50 + number] & pixel.DO_NOT_USE
