"""Count rates of guider exposures."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.steps.guider.guider_cds import GuiderCdsStep

TIME, GAIN, NOISE = 0.5, 2.0, 4.0
CDS = ("FGS_ACQ1", "FGS_ACQ2", "FGS_TRACK")
IDENTIFICATION = ("FGS_ID-IMAGE", "FGS_ID-STACK")


def make_raw(function, differences, ngroups=2, shape=(3, 4)):
    """An exposure whose reads jump by `differences` (nints, DN) halfway."""
    data = np.full((len(differences), ngroups, *shape), 1000, np.float32)
    data[:, ngroups // 2 :] += np.array(differences, np.float32)[:, None, None, None]
    raw = datamodels.GuiderRawModel(data)
    raw.meta.telescope, raw.meta.instrument.name, raw.meta.instrument.detector = "JWST", "FGS", "GUIDER1"
    exposure = raw.meta.exposure
    exposure.type, exposure.group_time, exposure.nints, exposure.ngroups = function, TIME, len(differences), ngroups
    return raw


def references(shape=(3, 4), gain=GAIN, noise=NOISE):
    return {
        "override_gain": datamodels.GainModel(np.full(shape, gain, np.float32)),
        "override_readnoise": datamodels.ReadnoiseModel(np.full(shape, noise, np.float32)),
    }


def run(raw, **parameters):
    return GuiderCdsStep.call(raw, **{**references(), **parameters})


@pytest.mark.req("GUICDS-07", "GUICDS-01")
@pytest.mark.parametrize("function", CDS)
def test_each_integration_has_its_rate(function):
    result = run(make_raw(function, [10, 20, -5]))
    assert isinstance(result, datamodels.GuiderCalModel)
    assert result.shape == (3, 3, 4)
    assert np.allclose(result.data, np.array([20, 40, -10])[:, None, None])
    assert (result.meta.bunit_data, result.meta.bunit_err) == ("DN/s", "DN/s")
    assert result.meta.cal_step.guider_cds == "COMPLETE"


@pytest.mark.req("GUICDS-02", "GUICDS-01")
@pytest.mark.parametrize("function", IDENTIFICATION)
def test_identification_takes_the_smaller_of_two(function):
    raw = make_raw(function, [30, 20])
    raw.data[0, 1, 0, 0] = 1001
    result = run(raw)
    assert result.shape == (1, 3, 4)
    assert result.data[0, 0, 0] == 2
    assert np.allclose(result.data[0, 1:], 40)


@pytest.mark.req("GUICDS-01")
def test_fine_guiding_averages_four_reads_at_either_end():
    raw = make_raw("FGS_FINEGUIDE", [0, 0], 8)
    raw.data[:] = np.arange(8, dtype=np.float32)[:, None, None] ** 2
    expected = (np.mean([16, 25, 36, 49]) - np.mean([0, 1, 4, 9])) / TIME
    raw.data[1] *= 3
    result = run(raw)
    assert result.shape == (2, 3, 4)
    assert np.allclose(result.data, expected * np.array([1, 3])[:, None, None])


@pytest.mark.req("GUICDS-06")
@pytest.mark.parametrize("function", CDS)
def test_error_of_the_documents(function):
    result = run(make_raw(function, [100, -100]))
    read = 2 * NOISE**2 / TIME**2
    assert np.allclose(result.err[0], np.sqrt(100 / (TIME * GAIN) + read))
    assert np.allclose(result.err[1], np.sqrt(read))


@pytest.mark.req("GUICDS-03")
def test_identification_uses_default_values_unless_told_otherwise():
    raw = make_raw("FGS_ID-IMAGE", [100, 120])
    assert np.allclose(run(raw).err, np.sqrt(2 * 21**2 / TIME**2 + 100 / (TIME * 1.97139)))
    told = run(raw, identification_references=True)
    assert np.allclose(told.err, np.sqrt(2 * NOISE**2 / TIME**2 + 100 / (TIME * GAIN)))


@pytest.mark.req("GUICDS-08")
def test_without_references_there_are_default_values():
    given = run(make_raw("FGS_ACQ1", [100]), **references(gain=1.97139, noise=21))
    absent = run(make_raw("FGS_ACQ1", [100]), override_gain="N/A", override_readnoise="N/A")
    assert absent.meta.cal_step.guider_cds == "COMPLETE"
    assert np.array_equal(absent.data, given.data)
    assert np.allclose(absent.err, given.err, rtol=1e-6)


@pytest.mark.parametrize("function", [*CDS, *IDENTIFICATION, "FGS_FINEGUIDE"])
def test_propagated_errors_are_the_scatter(function):
    rng = np.random.default_rng(3)
    signal, nints, ngroups = 200.0, 2, 8 if function == "FGS_FINEGUIDE" else 2
    raw = make_raw(function, [0] * nints, ngroups, (150, 150))
    light = rng.poisson(signal * GAIN, (nints, 1, 150, 150)) / GAIN
    noise = rng.normal(0, NOISE / np.sqrt(2), raw.data.shape)
    raw.data[:] = 1000 + noise
    raw.data[:, ngroups // 2 :] += light.astype(np.float32)
    given = {**references((150, 150)), "error_formula": "propagated", "identification_references": True}
    result = GuiderCdsStep.call(raw, **given)
    pull = (result.data - result.data.mean()) / result.err
    assert pull.std() == pytest.approx(1, abs=0.02)


def test_nan_of_a_read_is_nan_of_its_rate_only():
    raw = make_raw("FGS_TRACK", [10, 20])
    raw.data[1, 0, 2, 3] = np.nan
    result = run(raw)
    assert np.isnan(result.data[1, 2, 3]) and np.isnan(result.err[1, 2, 3])
    assert np.isfinite(result.data).sum() == np.isfinite(result.err).sum() == result.data.size - 1


def test_flags_and_tables_stay():
    raw = make_raw("FGS_TRACK", [10, 20])
    raw.dq[1, 1] = pixel.HOT
    raw.pointing_table = np.array([(1.0, 2.0)], [("time", "f8"), ("jitter", "f8")])
    result = run(raw)
    assert result.dq[1, 1] == pixel.HOT and np.count_nonzero(result.dq) == 1
    assert result.pointing_table["jitter"][0] == 2
    assert result.centroid_table is None


@pytest.mark.parametrize(
    ("function", "nints", "ngroups", "words"),
    [
        ("FGS_ACQ1", 2, 1, "2 groups"),
        ("FGS_FINEGUIDE", 2, 2, "8 groups"),
        ("FGS_ID-IMAGE", 1, 2, "2 integrations"),
        ("FGS_IMAGE", 2, 2, "guider functions"),
    ],
)
def test_an_exposure_without_the_reads_of_its_function_is_refused(function, nints, ngroups, words):
    with pytest.raises(InputError, match=words):
        run(make_raw(function, [0] * nints, ngroups))


def test_no_rate_without_a_time():
    raw = make_raw("FGS_ACQ1", [10])
    raw.meta.exposure.group_time = None
    with pytest.raises(InputError, match="TGROUP"):
        run(raw)
