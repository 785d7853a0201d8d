"""Simulated exposures of the guider functions, and what calwebb_guider finds in them."""

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels
from hexcal.errors import HexcalError
from hexcal.models.dqflags import pixel
from hexcal.observatories.jwst.exposure_types import exposure_types
from hexcal.pipeline import GuiderPipeline
from hexcal.simulate.guider import FUNCTIONS, simulate_guider
from hexcal.simulate.truth import read_truth

SMALL = {"id": (160, 160), "stack": (160, 160)}


@pytest.mark.req("GUIDER-06")
def test_all_functions_in_their_sizes():
    assert {function.exp_type for function in FUNCTIONS.values()} == set(exposure_types("guider"))
    sizes = {name: (*function.shape[::-1], function.n_groups) for name, function in FUNCTIONS.items()}
    assert sizes == {"id": (2048, 2024, 2), "stack": (2048, 2304, 2), "acq1": (128, 128, 2), "acq2": (32, 32, 2),
                     "track": (32, 32, 2), "fineguide": (8, 8, 8)}  # fmt: skip
    assert [FUNCTIONS[name].n_ints for name in ("id", "stack", "acq1", "acq2")] == [2, 2, 6, 5]
    acq1 = simulate_guider("acq1")
    assert acq1.exposure.shape == acq1.truth.shape == (6, 2, 128, 128)
    with pytest.raises(HexcalError, match="fineguide"):
        simulate_guider("fineguid")


@pytest.mark.req("GS-07")
@pytest.mark.parametrize(("function", "rows"), [("id", 2024), ("stack", 2304)])
def test_identification_in_its_full_size(function, rows, tmp_path):
    written = simulate_guider(function, seed=2).save(tmp_path)
    tables = {"FLIGHT REFERENCE STARS": 4, "PLANNED REFERENCE STARS": 10}
    product = GuiderPipeline.call(written["exposure"], references=written["references"]).save(tmp_path / "x_cal.fits")
    with fits.open(written["exposure"]) as raw, fits.open(product) as calibrated:
        assert raw["SCI"].data.shape == (2, 2, rows, 2048)
        for name, kind in (("SCI", "f4"), ("ERR", "f4"), ("DQ", "u4")):
            data = calibrated[name].data
            assert data.shape == ((rows, 2048) if name == "DQ" else (1, rows, 2048))
            assert data.dtype.newbyteorder("=") == kind
        assert calibrated["SCI"].header["BUNIT"] == "DN/s" and "ASDF" in calibrated
        for hdus in (raw, calibrated):
            named = {hdu.name.upper(): hdu for hdu in hdus}
            assert {name: len(named[name].columns) for name in tables} == tables


def test_a_seed_gives_the_same_exposure(tmp_path):
    one, two, other = (simulate_guider("acq2", seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.exposure.data, two.exposure.data)
    assert not np.array_equal(one.exposure.data, other.exposure.data)
    written = one.save(tmp_path)
    assert np.array_equal(datamodels.open(written["exposure"]).data, one.exposure.data)
    assert np.array_equal(read_truth(written["truth"]).rate, one.truth.rate)


@pytest.fixture(scope="module", params=list(FUNCTIONS))
def calibrated(request, tmp_path_factory):
    simulation = simulate_guider(request.param, seed=7, shape=SMALL.get(request.param))
    written = simulation.save(tmp_path_factory.mktemp(request.param))
    return (
        simulation,
        written,
        GuiderPipeline.call(written["exposure"], references=written["references"], profile="recommended"),
    )


def test_errors_are_the_scatter_about_the_truth(calibrated):
    simulation, _, result = calibrated
    good = simulation.truth.dq == 0
    pull = ((result.data - simulation.truth.rate) / result.err)[:, good]
    assert pull.std() == pytest.approx(1, abs=0.03)
    # The smaller of two values is low by 0.564 of their error, and scatters by 0.826 of it: identification is so by
    # design.
    expected = -0.683 if simulation.function.exp_type.startswith("FGS_ID") else 0
    assert pull.mean() == pytest.approx(expected, abs=0.06)


def test_the_guide_star_has_its_rate(calibrated):
    simulation, _, result = calibrated
    good = simulation.truth.dq == 0
    rate = result.data.mean(axis=0)[good].sum()
    bias = 0.564 * (result.err / 0.826)[0][good].sum() if simulation.function.exp_type.startswith("FGS_ID") else 0
    noise = np.sqrt((result.err[:, good] ** 2).mean(axis=0).sum() / len(result.data))
    assert abs(rate + bias - simulation.truth.rate[good].sum()) < 5 * noise + 0.002 * simulation.truth.rate.sum()


@pytest.mark.req("GS-10", "GS-11", "GS-12", "GS-16")
def test_tables_and_flags_come_through(calibrated, tmp_path):
    simulation, written, result = calibrated
    path = result.save(tmp_path / "x_cal.fits")
    number = {"Flight Reference Stars": 4, "Planned Reference Stars": 10, "Pointing": 12, "FGS Centroid Packet": 17}
    number = {name.upper(): columns for name, columns in {**number, "Track subarray table": 5}.items()}
    with fits.open(path) as product, fits.open(written["exposure"]) as raw:
        tables = [hdu.name.upper() for hdu in raw if hdu.name.upper() in number]
        assert [hdu.name for hdu in product if hdu.name in number] == tables
        for name in tables:
            assert len(product[name].columns) == number[name]
            assert product[name].columns.formats == raw[name].columns.formats
            assert np.array_equal(product[name].data, raw[name].data)
        assert product["SCI"].header["NAXIS"] == 3 and product["DQ"].header["NAXIS"] == 2
    assert np.array_equal(result.dq & pixel.DEAD != 0, simulation.truth.dq != 0)


DOCUMENTED_TABLES = [
    ("GS-08", "id", "Flight Reference Stars", "reference_star_id:2A id_x:D id_y:D count_rate:D"),
    (
        "GS-09", "id", "Planned Reference Stars",
        "guide_star_order:J reference_star_id:12A ra:D dec:D id_x:D id_y:D fgs_mag:D fgs_mag_uncert:D count_rate:D "
        "count_rate_uncert:D",
    ),
    (
        "GS-13", "track", "Pointing",
        "time:D jitter:D delta_ddc_ra:D delta_ddc_dec:D delta_aperture_pa:D delta_v1_ra:D delta_v1_dec:D "
        "delta_v3_pa:D delta_j1_ra:D delta_j1_dec:D delta_j3_pa:D HGA_motion:J",
    ),
    (
        "GS-14", "track", "FGS Centroid Packet",
        "observatory_time:23A centroid_time:23A guide_star_position_x:D guide_star_position_y:D "
        "guide_star_instrument_counts_per_sec:D signal_to_noise_current_frame:D delta_signal:D delta_noise:D "
        "psf_width_x:J psf_width_y:J data_quality:J bad_pixel_flag:4A bad_centroid_dq_flag:50A "
        "cosmic_ray_hit_flag:5A sw_subwindow_loc_change_flag:5A "
        "guide_star_at_detector_subwindow_boundary_flag:5A subwindow_out_of_FOV_flag:5A",
    ),
    ("GS-15", "track", "Track subarray table", "observatory_time:23A x_corner:D y_corner:D x_size:I y_size:I"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("function", "name", "columns"),
    [pytest.param(*row[1:], marks=pytest.mark.req(row[0]), id=row[2]) for row in DOCUMENTED_TABLES],
)
def test_tables_of_guide_stars_have_the_documented_columns(function, name, columns, tmp_path):
    """Those of the raw exposure, which calwebb_guider passes on."""
    written = simulate_guider(function, seed=1, shape=SMALL.get(function)).save(tmp_path)
    result = GuiderPipeline.call(written["exposure"], references=written["references"])
    with fits.open(result.save(tmp_path / "x_cal.fits")) as product:
        assert " ".join(f"{column.name}:{column.format}" for column in product[name].columns) == columns
