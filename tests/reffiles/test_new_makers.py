"""Makers of emicorr, persistence, IRS2 and SIRS kernels, and further ways of the gain and the mask."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits
from calibrations import image_of, ramp, rates
from scipy import ndimage

from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.models.reference import MaskModel
from hexcal.reffiles.maker import Members
from hexcal.reffiles.registry import makers
from hexcal.steps.detector import emi_wave, miri_clock

LOG = logging.getLogger("test")
GAIN, READ = 2.05, 6.0


def made(label, pairs, inputs=(), **parameters):
    """What a maker makes of (kind, model) pairs, and the group itself."""
    maker, members = makers()[label], Members(pairs, inputs)
    return maker().make(members, maker.Parameters(**parameters), LOG), members


def miri_ramp(data):
    """A ramp of MIRI SUB64, whose frames take 0.085 s."""
    model = ramp(data, group_time=0.085)
    model.meta.instrument.name, model.meta.instrument.detector = "MIRI", "MIRIMAGE"
    model.meta.subarray.name, model.meta.exposure.readpatt = "SUB64", "FASTR1"
    model.meta.subarray.xstart = model.meta.subarray.ystart = 101
    model.meta.exposure.frame_time, model.meta.exposure.nsamples = 0.085, 1
    return model


@pytest.mark.req("RFF-122")
def test_the_wave_of_an_interference_is_found_with_its_frequency(caplog):
    rng = np.random.default_rng(1)
    n_rows, n_columns, frequency = 64, 72, 390.625
    row, frame = miri_clock.clocks(0.085, n_rows)
    shape = np.sin(2 * np.pi * (np.arange(64) + 0.5) / 64) + 0.4 * np.cos(4 * np.pi * (np.arange(64) + 0.5) / 64)
    darks = []
    for number in range(3):
        data = rng.normal(0, 4.0, (2, 30, n_rows, n_columns)).astype(np.float32) + 10000
        readout = emi_wave.Readout(1, row, frame, 32)
        for integration in range(2):
            # Each exposure begins at a phase of its own.
            emi_wave.subtract(data[integration], -5.0 * np.roll(shape, 11 * number), readout, frequency, integration)
        darks.append(("dark", miri_ramp(data)))
    with caplog.at_level(logging.INFO):
        model, _ = made("emicorr", darks, frequencies=[frequency], nbins=64)
    entry = model.tree["frequencies"]["Hz391"]
    wave = np.asarray(entry["phase_amplitudes"], float)
    best = max(np.corrcoef(wave, np.roll(5 * shape, shift))[0, 1] for shift in range(64))
    assert best > 0.99 and np.std(wave) == pytest.approx(np.std(5 * shape), rel=0.05)
    residual = min(np.std(wave - np.roll(5 * shape, shift)) for shift in range(64))
    assert residual < 0.5 and 0.02 < np.mean(entry["phase_amplitudes_error"]) < 0.5
    case = model.tree["subarray_cases"]["SUB64"]
    assert (case["rowclocks"], case["frameclocks"]) == (row, frame) and case["freqs"] == {"FAST": ["Hz391"]}
    assert "Lines in the periodogram: 390." in caplog.text
    with pytest.raises(InputError, match="do not fit a frame"):
        made("emicorr", darks, frequencies=[frequency], clocks=[row, 2 * frame])


def after_light(density, amounts, times, end=60000.0, n_darks=6):
    """A flat and darks that release traps after it, with their headers."""
    rng = np.random.default_rng(3)
    lit = ramp(np.broadcast_to(np.linspace(3000, 60000, 4)[:, None, None], (4, *density.shape))[None].copy())
    pairs, inputs = [("flat", lit)], [SimpleNamespace(kind="flat", mjd=end - 0.001, header={"EXPEND": end})]
    for number in range(n_darks):
        start = 60.0 + number * 900.0
        time = start + 40.0 * np.arange(1, 21)
        released = sum(size * np.exp(-start / tau) * -np.expm1(-(time - start) / tau)
                       for size, tau in zip(amounts, times, strict=True))  # fmt: skip
        data = released[:, None, None] * density + 0.01 * (time - start)[:, None, None]
        data = data + rng.normal(0, 2.0, data.shape)
        model = ramp(data[None], group_time=40.0)
        pairs.append(("dark", model))
        inputs.append(SimpleNamespace(kind="dark", mjd=end + start / 86400, header={}))
    return pairs, inputs


def test_traps_are_what_darks_release_after_light():
    density = np.random.default_rng(2).uniform(0.5, 1.5, (40, 48))
    amounts, times = (60.0, 120.0, 200.0), (100.0, 700.0, 4000.0)
    pairs, inputs = after_light(density, amounts, times)
    table = made("trappars", pairs, inputs, decay_times=list(times))[0].trappars_table
    assert np.allclose(table["capture2"], amounts, rtol=0.1) and np.all(table["capture0"] == 0)
    assert np.allclose(-1 / table["decay_param"], times)
    # Without the times: the released charge is the same.
    found = made("trappars", pairs, inputs)[0].trappars_table
    time = np.array([100.0, 1000.0, 5000.0])
    released = lambda sizes, taus: sum(s * -np.expm1(-time / t) for s, t in zip(sizes, taus, strict=True))  # noqa: E731
    assert np.allclose(released(found["capture2"], -1 / found["decay_param"]), released(amounts, times), rtol=0.1)
    assert len(found) == 3 and (found["capture2"] >= 0).all()
    map_, _ = made("trapdensity", pairs, inputs)
    assert np.median(map_.data) == pytest.approx(1, abs=0.01)
    assert np.std(map_.data / (density / np.median(density)) - 1) < 0.1
    with pytest.raises(InputError, match="darks that follow the flat"):
        made("trappars", pairs[:2], [inputs[0], SimpleNamespace(kind="dark", mjd=59999.0, header={})])


def test_the_full_well_of_persistence_is_that_above_the_bias():
    well = np.random.default_rng(5).normal(45000, 1500, (20, 24))
    signal = np.minimum(2500.0 * np.arange(1, 26)[:, None, None], well)
    signal[:, :4] = 100.0 * np.arange(1, 26)[:, None, None]
    model, _ = made("persat", [("flat", ramp(signal[None]))])
    assert np.allclose(model.data[4:], 0.97 * well[4:], rtol=1e-3)
    assert np.all(model.dq[:4] & pixel.NO_SAT_CHECK) and np.isfinite(model.data).all()


def test_the_kernels_of_sirs_follow_the_sides():
    from hexcal.steps.detector.refpix_sirs import convolution_kernels

    rng = np.random.default_rng(6)
    n = 2048
    darks = []
    for _ in range(2):
        data = rng.normal(0, 4.0, (1, 3, n, n)).astype(np.float32)
        drift = np.cumsum(rng.normal(0, 1.0, (3, n)), axis=1)
        data += (drift - drift.mean(axis=1, keepdims=True))[None, :, :, None].astype(np.float32)
        model = ramp(data)
        model.meta.subarray.xstart = model.meta.subarray.ystart = 1
        model.meta.subarray.fastaxis, model.meta.subarray.slowaxis = -1, 2
        model.meta.exposure.noutputs = 4
        darks.append(("dark", model))
    kernels = made("sirskernel", darks)[0].tree["nrca1"]
    gamma, zeta = np.asarray(kernels["gamma"]), np.asarray(kernels["zeta"])
    assert gamma.shape == zeta.shape == (4, n // 2 + 1) and gamma.dtype == np.float64
    # Slow drifts are what both sides show, half each; of fast noise the sides know nothing.
    assert np.allclose((gamma + zeta)[:, 1:20], 1, atol=0.1) and np.abs((gamma + zeta)[:, -200:]).max() < 0.3
    assert convolution_kernels(gamma, 0.5, 30).shape == (4, 61)
    window = ramp(np.zeros((1, 3, 64, 64)))
    window.meta.subarray.fastaxis, window.meta.subarray.slowaxis = -1, 2
    with pytest.raises(InputError, match="full frames"):
        made("sirskernel", [("dark", window)])


@pytest.mark.req("RFF-123")
def test_an_exposure_that_was_left_out_is_free_of_persistence_with_the_files_that_were_made():
    from hexcal.steps.detector.persistence import _families, _usable, correct

    rng = np.random.default_rng(8)
    density = np.exp(rng.normal(0, 0.3, (40, 40)))
    density /= np.median(density)
    pairs, inputs = after_light(density, amounts=(60.0, 150.0, 200.0), times=(250.0, 1200.0, 6000.0), n_darks=7)
    lit = np.broadcast_to(15000.0 * np.arange(1, 5)[:, None, None], (1, 4, 40, 40)).astype(np.float32)
    pairs[0] = ("flat", ramp(lit.copy()))
    held_out, start = pairs[4][1], (inputs[4].mjd - 60000.0) * 86400
    del pairs[4], inputs[4]
    # Slow traps look like dark current: a dark before the flat tells it.
    before = 0.01 * 40.0 * np.arange(1, 21)[:, None, None] + rng.normal(0, 2.0, (20, 40, 40))
    pairs.insert(0, ("dark", ramp(before[None], group_time=40.0)))
    inputs.insert(0, SimpleNamespace(kind="dark", mjd=59999.0, header={}))
    table, _ = made("trappars", pairs, inputs, full_well=50000.0)
    map_, _ = made("trapdensity", pairs, inputs)
    well, _ = made("persat", [("flat", ramp(np.minimum(5000.0 * np.arange(1, 26)[:, None, None], 50000 / 0.97)
                                            * np.ones((1, 25, 40, 40))))])  # fmt: skip
    families = _families(table)
    assert families.shape == (3, 4) and (families[:, 2] >= 0).all() and np.all(table.trappars_table["capture0"] == 0)
    pixels = (*_usable(map_, well), families)
    filled, pixel_dq = np.zeros((3, 40, 40)), np.zeros((40, 40), np.uint32)
    # What the flat fills, what is left of it when the dark begins, and what the dark shows then.
    flat_time = pairs[1][1].meta.exposure.group_time
    correct(lit.copy(), np.zeros(lit.shape, np.uint8), pixel_dq, filled, pixels, (flat_time, np.zeros(1)), 1e9)
    filled *= np.exp(-start * families[:, 3])[:, None, None]
    left, flags = held_out.data.copy(), np.zeros(held_out.shape, np.uint8)
    correct(left, flags, pixel_dq, filled, pixels, (40.0, np.zeros(1)), 1e9)
    current = 0.01 * 40.0 * np.arange(1, 21)[:, None, None]
    shown, rest = held_out.data[0] - current, left[0] - current
    assert np.mean(shown[-1]) > 10
    noise = np.std(rest[-1])
    assert abs(np.mean(rest[-1])) < 0.02 * np.mean(shown[-1]) and noise < 2.4
    # Also of pixels with many traps nothing is left.
    many = density > np.percentile(density, 90)
    assert abs(np.mean(rest[-1][many])) < 0.04 * np.mean(shown[-1][many])


@pytest.mark.req("RFF-124")
def test_the_weights_of_irs2_leave_no_more_noise_than_the_true_ones(caplog):
    from hexcal.simulate.irs2 import simulate_irs2, weights_table
    from hexcal.steps.detector import irs2
    from hexcal.steps.detector.refpix_irs2 import How, Weights, correct_frames

    def simulated(seed):
        simulation = simulate_irs2(n_groups=5, seed=seed, dark=True)
        model = ramp(simulation.exposure.data - simulation.references["superbias"].data)
        model.meta.instrument.name, model.meta.instrument.detector = "NIRSPEC", "NRS1"
        return model

    with caplog.at_level(logging.INFO):
        file, _ = made("refpix", [("dark", simulated(1))])
    assert "5 groups: " in caplog.text and "of 256 pairs" in caplog.text
    other, noise = simulated(2).data[0], {}
    for name, table in (("made", file.irs2_table), ("true", weights_table())):
        how = How("NRS1", Weights.of(table), np.zeros((5, 32, 2), bool))
        noise[name] = np.std(np.diff(correct_frames(other, how), axis=0)[:, 4:-4, 4:-4])
    raw = np.std(np.diff(other[:, irs2.normal_rows()], axis=0))
    assert noise["made"] < 1.01 * noise["true"] < 0.75 * raw
    with pytest.raises(InputError, match="3200 x 2048"):
        made("refpix", [("dark", ramp(np.zeros((1, 3, 64, 64))))])


def flats_and_darks(seed, alpha=0.0, shape=(96, 96), n_groups=16):
    """Two flats and two darks; neighbours share a part `alpha` of the signal."""
    rng = np.random.default_rng(seed)
    kernel = np.array([[0, alpha, 0], [alpha, 1 - 4 * alpha, alpha], [0, alpha, 0]])
    models = []
    for kind, rate in (("dark", 0.0), ("dark", 0.0), ("flat", 600.0), ("flat", 600.0)):
        counts = np.cumsum(rng.poisson(rate * GAIN, (n_groups, *shape)), axis=0) / GAIN
        if alpha:
            counts = np.stack([ndimage.convolve(image, kernel) for image in counts])
        models.append((kind, ramp((counts + rng.normal(0, READ, counts.shape))[None])))
    return models


@pytest.mark.req("RFF-102")
def test_the_gain_by_the_likelihood_of_all_reads_scatters_less():
    transfer, _ = made("gain", flats_and_darks(1))
    likely, _ = made("gain", flats_and_darks(1), method="likelihood")
    assert np.mean(likely.data) / GAIN == pytest.approx(1, abs=0.02)
    assert np.std(likely.data) < 0.8 * np.std(transfer.data)
    whole, _ = made("gain", flats_and_darks(1), region="whole", method="likelihood")
    assert np.ptp(whole.data) == 0 and whole.data[0, 0] / GAIN == pytest.approx(1, abs=0.02)


@pytest.mark.req("RFF-102")
def test_the_gain_of_miri_is_measured_at_low_signal(caplog):
    models = [(kind, miri_ramp(model.data)) for kind, model in flats_and_darks(2, n_groups=40)]
    with caplog.at_level(logging.WARNING):
        made("gain", models)
    assert "below 0.10 of the range" in caplog.text


@pytest.mark.req("RFF-101")
def test_shared_charge_raises_the_gain_of_single_pixels(caplog):
    with caplog.at_level(logging.INFO):
        single, _ = made("gain", flats_and_darks(3, alpha=0.006, shape=(256, 256)), region="whole")
        whole, _ = made("gain", flats_and_darks(3, alpha=0.006, shape=(256, 256)), region="whole", ipc_corrected=True)
    assert single.data[0, 0] / GAIN == pytest.approx(1.052, abs=0.015)
    assert whole.data[0, 0] / GAIN == pytest.approx(1.0, abs=0.025)
    assert "with the noise that neighbours share" in caplog.text


@pytest.mark.req("RFF-100")
def test_signals_must_be_linear_before_their_noise_is_taken():
    rng = np.random.default_rng(4)
    gains = []
    for linear in (True, False):
        flats = []
        for _ in range(2):
            counts = np.cumsum(rng.poisson(1700 * GAIN, (16, 96, 96)), axis=0) / GAIN
            seen = counts if linear else counts - 1.3e-6 * counts**2
            flats.append(("flat", ramp((seen + rng.normal(0, READ, counts.shape))[None])))
        darks = [("dark", ramp(rng.normal(0, READ, (1, 16, 96, 96)))) for _ in range(2)]
        gains.append(made("gain", [*darks, *flats], region="whole", max_signal=1.0)[0].data[0, 0] / GAIN)
    assert gains[0] == pytest.approx(1, abs=0.01) and gains[1] > 1.025


@pytest.mark.req("RFF-85")
def test_pedestals_and_jumps_of_darks_are_signs():
    rng = np.random.default_rng(8)
    shape, pairs, ramps = (40, 48), [], []
    for number in range(5):
        data = 3.0 * np.arange(1, 25)[:, None, None] + rng.normal(0, 4, (24, *shape)) + rng.normal(0, 8, shape)
        flags = np.zeros((1, 24, *shape), np.uint8)
        data[:, 5, 5] += 500  # a high pedestal: RC
        data[:, 6, 6] -= 500  # a low one
        flags[0, 1:, 7, 7] = 4  # jumps all the time
        if number == 0:
            data[:, 9, 9] += 500  # once is not enough
        ramps.append(ramp(data[None], flags))
        pairs.append(("dark", rates(rng.normal(0, 0.02, (2, *shape)))))
    maker, members = makers()["mask"], Members(pairs)
    members.also["jump", "dark"] = ramps
    mask = maker().make(members, maker.Parameters(), LOG).dq
    bad = np.uint32(pixel.DO_NOT_USE)
    assert mask[5, 5] == pixel.RC | bad and mask[6, 6] == pixel.OTHER_BAD_PIXEL | bad
    assert mask[7, 7] & pixel.TELEGRAPH and not mask[9, 9]
    others = mask.copy()
    others[[5, 6, 7], [5, 6, 7]] = 0
    assert np.count_nonzero(others) == 0
    renamed = maker.Parameters(flag_values={"hot": "HOT", "rc": "OTHER_BAD_PIXEL", "low_pedestal": "RC",
                                            "high_cr": "TELEGRAPH"}, dark_do_not_use=[])  # fmt: skip
    again = maker().make(members, renamed, LOG).dq
    assert again[5, 5] == pixel.OTHER_BAD_PIXEL and again[6, 6] == pixel.RC


def image_pairs(image, n=3):
    return [("flat", image_of(rates(image[None]))) for _ in range(n)]


@pytest.mark.req("RFF-82")
def test_dead_pixels_by_their_signal_and_by_a_surface(tmp_path):
    rng = np.random.default_rng(9)
    shape = (60, 70)
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = 100 * (1 + 0.2 * (x / 70 - 0.5) - 0.1 * (y / 60 - 0.5)) * rng.normal(1, 0.01, shape)
    image[10, 10] = 0.0
    for method in ("smoothed", "fit2d", "mean"):
        mask, _ = made("mask", image_pairs(image), flat_mean_normalization_method=method)
        assert mask.dq[10, 10] & pixel.DEAD and np.count_nonzero(mask.dq) == 1
    data = np.broadcast_to(100.0 * np.arange(1, 13)[:, None, None], (12, *shape)).copy()
    data[:, 20, 20] = 0.0
    maker, members = makers()["mask"], Members(image_pairs(image))
    members.also["jump", "flat"] = [ramp(data[None]) for _ in range(3)]
    dq = maker().make(members, maker.Parameters(dead_search_type="zero_signal"), LOG).dq
    assert dq[20, 20] & pixel.DEAD and not dq[10, 10] & pixel.DEAD
    # Bright at the end of a ramp: without a rate since it saturates, not dead.
    bright = np.full((1, 6, *shape), 60000.0)
    model = ramp(bright)
    model.save(tmp_path / "bright_uncal.fits")
    files = {"run_dead_flux_check": True, "dead_flux_check_files": [str(tmp_path / "bright_uncal.fits")]}
    assert not made("mask", image_pairs(image), **files)[0].dq[10, 10] & pixel.DEAD
    defaults = makers()["mask"].Parameters()
    expected = {
        "dead_search": True, "low_qe_and_open_search": True, "dead_search_type": "sigma_rate",
        "flat_mean_sigma_threshold": 3, "flat_mean_normalization_method": "smoothed", "smoothing_box_width": 15,
        "smoothing_type": "Box2D", "dead_sigma_threshold": 5.0, "run_dead_flux_check": False,
        "dead_flux_check_files": None, "flux_check": 45000, "max_low_qe_norm_signal": 0.5,
        "max_open_adj_norm_signal": 1.05, "dark_stdev_clipping_sigma": 5, "dark_max_clipping_iters": 5,
        "dark_noisy_threshold": 5, "max_saturated_fraction": 0.5, "max_jump_limit": 10, "jump_ratio_threshold": 5,
        "early_cutoff_fraction": 0.25, "pedestal_sigma_threshold": 5, "rc_fraction_threshold": 0.8,
        "low_pedestal_fraction": 0.8, "high_cr_fraction": 0.8,
        "flag_values": {"hot": "HOT", "rc": "RC", "low_pedestal": "OTHER_BAD_PIXEL", "high_cr": "TELEGRAPH"},
        "dark_do_not_use": ["hot", "rc", "low_pedestal", "high_cr"],
    }  # fmt: skip
    assert {name: getattr(defaults, name) for name in expected} == expected


@pytest.mark.req("RFF-73", "RFF-91")
def test_the_mask_keeps_its_limits_and_tells_what_changed(tmp_path, caplog):
    image = np.full((40, 40), 100.0) * np.random.default_rng(1).normal(1, 0.01, (40, 40))
    image[3, 4] = 0.0
    former = np.zeros((40, 40), np.uint32)
    former[8, 9] = pixel.DEAD
    MaskModel(dq=former).save(tmp_path / "former.fits")
    with caplog.at_level(logging.INFO):
        mask, _ = made("mask", image_pairs(image), former_mask=str(tmp_path / "former.fits"),
                       changes_list=str(tmp_path / "c"), output_list=str(tmp_path / "all.txt"))  # fmt: skip
    assert "DEAD: 1 pixels are new, 1 are no longer" in caplog.text and "DEAD: 1 pixels (" in caplog.text
    assert (tmp_path / "c.new.txt").read_text().split() == ["x", "y", "flag", "4", "3", "DEAD"]
    assert (tmp_path / "c.vanished.txt").read_text().split()[3:] == ["9", "8", "DEAD"]
    again, _ = made("mask", image_pairs(np.full((40, 40), 100.0)), manual_flag_file=str(tmp_path / "all.txt"))
    assert again.dq[3, 4] & pixel.DEAD
    mask.meta.telescope = "JWST"
    mask.save(tmp_path / "mask.fits")
    header = fits.getheader(tmp_path / "mask.fits")
    assert (header["BPMSIGMA"], header["BPMSMOTH"], header["BPMDEDSG"], header["BPMMXDED"]) == (3, 15, 5, 0.05)
    assert (header["BPMMXLQE"], header["BPMMXOAD"]) == (0.5, 1.05)
