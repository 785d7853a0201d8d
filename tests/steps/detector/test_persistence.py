"""Persistence: charge that traps captured and release."""

from pathlib import Path

import numpy as np
import pytest
from exposures import TRAPS, write_traps

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.models.dqflags import group, pixel
from hexcal.steps.detector.persistence import PersistenceStep, correct

FAMILIES = np.abs(TRAPS)
SHAPE = (2, 5, 8, 9)
GROUP_TIME, FRAME_TIME = 4.0, 2.0


@pytest.fixture
def rng():
    return np.random.default_rng(4)


@pytest.fixture
def references(tmp_path):
    """Files of references with 20000 DN of full well; one pixel of each has no valid value."""
    folder = tmp_path / "refs"
    folder.mkdir()
    write_traps(folder, SHAPE[-2:])
    return str(folder)


def ramp_of(rng, start=60000.0, faint=False):
    rate = 10 ** rng.uniform(1, 2 if faint else 4.2, SHAPE[-2:])
    ramp = datamodels.RampModel(np.cumsum(rng.poisson(rate, SHAPE), axis=1).astype(np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name, ramp.meta.exposure.type = "JWST", "NIRCAM", "NRC_IMAGE"
    exposure = ramp.meta.exposure
    exposure.group_time, exposure.frame_time = GROUP_TIME, FRAME_TIME
    exposure.nresets_at_start = exposure.nresets_between_ints = 1
    exposure.start_time, exposure.end_time = start, start + 0.001
    return ramp


@pytest.fixture
def run(references, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(ramp, name="x", **parameters):
        ramp.save(f"{name}_linearity.fits")
        return PersistenceStep.call(f"{name}_linearity.fits", references=references, **parameters)

    return call


def plain(data, flags, filled, density):
    """The documents' formulas, one integration after the other."""
    data, filled = data.astype(np.float64), [plane.copy() for plane in filled]
    persistence = np.zeros(data.shape)
    for number, (ramp, dq) in enumerate(zip(data, flags, strict=True)):
        steps = np.where(dq[1:] & group.SATURATED != 0, 1e9, np.diff(ramp, axis=0))
        bad = (dq[1:] & group.SATURATED != 0).sum(0) + (dq[1:] & group.JUMP_DET != 0).sum(0)
        n_used, steps = len(steps) - bad, np.cumsum(np.sort(steps, axis=0), axis=0)
        slope = np.take_along_axis(steps, np.maximum(n_used - 1, 0)[None], 0)[0] / np.maximum(n_used, 1)
        slope = np.where(n_used > 0, slope, 0)
        for k in range(len(ramp)):
            persistence[number, k] = persistence[number, k - 1] if k else 0
            for f, (*_, decay) in enumerate(FAMILIES):
                if number and k == 0:
                    filled[f] *= np.exp(-FRAME_TIME * decay)
                persistence[number, k] += filled[f] * (1 - np.exp(-GROUP_TIME * decay))
                filled[f] *= np.exp(-GROUP_TIME * decay)
            ramp[k] -= persistence[number, k]
        above = (ramp > 20000).sum(0)
        time = FRAME_TIME + (len(ramp) - above) * GROUP_TIME
        for f, (slow, rate, instant, _) in enumerate(FAMILIES):
            tau = 1 / rate
            new = time**2 * (slow + instant) / 2 + slow * (time * tau + tau**2) * np.exp(-time / tau) - slow * tau**2
            new *= 2 * density * (slope / 20000 / GROUP_TIME) ** 2
            new = np.where(ramp[0] > 20000, density * instant, new)
            new += np.where(
                above > 0, (density * slow - (new - density * instant)) * (1 - np.exp(-above * GROUP_TIME / tau)), 0
            )
            for k in range(1, len(ramp)):
                jump = np.maximum(ramp[k] - ramp[k - 1] - slope, 0)
                left = (len(ramp) - k - 0.5) * GROUP_TIME
                cosmic_ray = 2 * density * jump * (slow * (1 - np.exp(-left / tau)) + instant)
                new += np.where(dq[k] & group.JUMP_DET != 0, cosmic_ray, 0)
            filled[f] += new
    return persistence, np.array(filled)


@pytest.mark.req("PERS-02", "PERS-04", "PERS-07", "PERS-08", "PERS-09", "PERS-10", "PERS-11", "PERS-12", "PERS-13")
@pytest.mark.req("PERS-14")
@pytest.mark.parametrize("threads", [1, 3])
def test_equal_to_the_plain_way(rng, threads):
    data = ramp_of(rng).data
    flags = np.zeros(SHAPE, np.uint8)
    hit = rng.random(SHAPE) < 0.1
    flags[:, 1:] = np.where(hit, group.JUMP_DET, 0)[:, 1:]
    data += np.cumsum(np.where(flags != 0, 900, 0), axis=1).astype(np.float32)
    flags |= np.where(data > 40000, group.SATURATED, 0).astype(np.uint8)
    filled, pixel_dq = 100 * rng.random((3, *SHAPE[-2:])), np.zeros(SHAPE[-2:], np.uint32)
    density = rng.uniform(0.5, 1.5, SHAPE[-2:])
    expected, traps = plain(data, flags, filled, density)
    full_well = np.full(SHAPE[-2:], 20000.0)
    times = GROUP_TIME, np.full(2, FRAME_TIME)
    before = data.copy()
    found = correct(
        data, flags, pixel_dq, filled, (density, full_well, FAMILIES), times, 1e4, keep=True, threads=threads
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    np.testing.assert_allclose(filled, traps, rtol=1e-4)
    np.testing.assert_allclose(data, before - found, rtol=1e-4, atol=4e-3)
    np.testing.assert_array_equal(pixel_dq != 0, (expected >= 1e4).any((0, 1)))


@pytest.mark.req("PERS-03", "PERS-16", "PERS-18", "PERS-19", "PERS-23", "GS-02", "SFX-31")
def test_what_one_exposure_fills_the_next_one_sees(rng, run):
    run(ramp_of(rng), "first")
    assert not Path("first_output_pers.fits").exists()
    faint = ramp_of(rng, start=60000.002, faint=True)
    result = run(faint, "second", input_trapsfilled="first_trapsfilled.fits", save_persistence=True)
    assert result.meta.cal_step.persistence == "COMPLETE"
    persistence = datamodels.open("second_output_pers.fits").data
    np.testing.assert_allclose(result.data + persistence, faint.data, rtol=1e-5, atol=1e-2)
    assert type(result) is type(datamodels.open("second_output_pers.fits")) is datamodels.RampModel
    assert type(datamodels.open("first_trapsfilled.fits")) is datamodels.TrapsFilledModel
    filled = datamodels.open("first_trapsfilled.fits").data
    assert filled.shape == (3, *SHAPE[-2:]) and filled.dtype == np.float32
    decayed = filled * np.exp(-0.001 * 86400 * FAMILIES[:, 3])[:, None, None]
    first_group = (decayed * (1 - np.exp(-GROUP_TIME * FAMILIES[:, 3]))[:, None, None]).sum(0)
    np.testing.assert_allclose(persistence[0, 0], first_group, rtol=1e-3)
    assert np.nanmax(first_group) > 1 and first_group[0, 0] == 0


@pytest.mark.req("PERS-15", "PERS-17")
def test_much_persistence_is_flagged(rng, run):
    run(ramp_of(rng), "first")
    faint = ramp_of(rng, start=60000.002, faint=True)
    result = run(
        faint, "second", input_trapsfilled="first_trapsfilled.fits", flag_pers_cutoff=3.0, save_persistence=True
    )
    largest = datamodels.open("second_output_pers.fits").data.max(axis=(0, 1))
    np.testing.assert_array_equal(result.pixeldq & pixel.PERSISTENCE != 0, largest >= 3.0)
    assert 0 < (largest >= 3).sum() < largest.size
    assert PersistenceStep().flag_pers_cutoff == 40.0


def test_files_that_do_not_belong_to_the_exposure_are_refused(rng, run, tmp_path):
    run(ramp_of(rng), "first")
    small = ramp_of(rng)
    traps = datamodels.open("first_trapsfilled.fits")
    traps.data = traps.data[:, :4]
    traps.save("small_trapsfilled.fits")
    with pytest.raises(InputError, match="families and the pixels"):
        run(small, "second", input_trapsfilled="small_trapsfilled.fits")


def test_one_group_and_nan_are_no_fault(rng, run):
    ramp = ramp_of(rng)
    ramp.data[:, 2, 3, 3] = np.nan
    run(ramp, "nan")
    assert np.isfinite(datamodels.open("nan_trapsfilled.fits").data).all()
    short = datamodels.RampModel(ramp.data[:, :1].copy())
    short.update(ramp)
    run(short, "short")
    assert (datamodels.open("short_trapsfilled.fits").data > 0).any()


@pytest.mark.req("PERS-01")
def test_without_references_the_input_goes_on(rng, tmp_path):
    (tmp_path / "none").mkdir()
    ramp = ramp_of(rng)
    result = PersistenceStep.call(ramp, references=str(tmp_path / "none"))
    assert result.meta.cal_step.persistence == "SKIPPED"
    np.testing.assert_array_equal(result.data, ramp.data)
