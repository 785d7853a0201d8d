"""The pointing from telemetry of a known attitude; velocity aberration; tables of pointings."""

import inspect
from dataclasses import fields

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from telemetry_files import END, START, attitude, raw, star_of, telemetry_of, write_telemetry

from hexcal import datamodels, observatories
from hexcal.errors import DataUnusable, InputError
from hexcal.steps.pointing import aberration, rotations, transforms, v1_calculate
from hexcal.steps.pointing.engdb import EngdbError
from hexcal.steps.pointing.set_telescope_pointing import add_wcs, calc_wcs_over_time, t_pars_from_model, update_wcs
from hexcal.steps.pointing.telemetry import first_pointing
from hexcal.steps.pointing.transforms import Methods, Transforms, WCSRef
from hexcal.steps.wcs import frames
from hexcal.steps.wcs.evaluate import evaluate_points

ATTITUDE = attitude()


@pytest.fixture
def telemetry(tmp_path):
    return str(write_telemetry(tmp_path / "telemetry.csv", telemetry_of(ATTITUDE)))


def _aperture(name="MIRIM_FULL"):
    return observatories.get("jwst").apertures[name]


@pytest.mark.req("PTG-11", "PTG-12", "PTG-13", "PTG-18")
@pytest.mark.parametrize("mode", ["COARSE", "NONE", "TRACK", "FINEGUIDE", "MOVING"])
def test_the_pointing_is_that_of_the_attitude(tmp_path, telemetry, mode):
    path = raw(tmp_path / "a_uncal.fits", ATTITUDE, mode)
    t_pars, found = add_wcs(path, engdb_url=telemetry)
    header = fits.getheader(path, "SCI")
    # The roll at the guide star is taken for that at the reference point of the guider: some mas where a star is
    # tracked.
    assert (header["RA_V1"], header["DEC_V1"], header["PA_V3"]) == pytest.approx((120.0, -30.0, 50.0), abs=2e-6)
    aperture = _aperture()
    assert (header["V2_REF"], header["V3_REF"]) == (aperture.v2_ref, aperture.v3_ref)
    assert (header["VPARITY"], header["V3I_YANG"]) == (-1, aperture.v3_idl_yang)
    # What the WCS makes of these keywords is the attitude again.
    pointing = frames.Pointing(*(header[name] for name in ("V2_REF", "V3_REF", "ROLL_REF", "RA_REF", "DEC_REF")))
    assert evaluate_points(frames.v2v3_to_sky(pointing), 0.0, 0.0) == pytest.approx((120.0, -30.0), abs=2e-7)
    assert header["PA_APER"] == pytest.approx(header["ROLL_REF"] + aperture.v3_idl_yang)
    tracking = mode not in ("COARSE", "NONE")
    assert t_pars.method is (Methods.TRACK if tracking else Methods.COARSE)
    assert fits.getheader(path)["ENGQLPTG"] == f"CALCULATED_{'TRACK' if tracking else 'COARSE'}_TR_202111"
    assert found.m_eci2v == pytest.approx(ATTITUDE, abs=3e-8)


@pytest.mark.req("PTG-13")
def test_images_get_a_tangent_plane_and_others_do_not(tmp_path, telemetry):
    path = raw(tmp_path / "a_uncal.fits", ATTITUDE)
    add_wcs(path, engdb_url=telemetry)
    header = fits.getheader(path, "SCI")
    wcs = WCS(header, naxis=2)
    assert wcs.all_pix2world([[692.5, 511.5]], 0)[0] == pytest.approx((header["RA_REF"], header["DEC_REF"]))
    # Upwards is towards the y axis of the aperture, whose position angle is PA_APER, but for the unequal sides of the
    # pixels.
    (_, _), (ra, dec) = wcs.all_pix2world([[692.5, 511.5], [692.5, 521.5]], 0)
    east = (ra - header["RA_REF"]) * np.cos(np.radians(dec))
    assert np.degrees(np.arctan2(east, dec - header["DEC_REF"])) == pytest.approx(header["PA_APER"], abs=0.3)
    corners = np.array(header["S_REGION"].split()[2:], float).reshape(4, 2)
    distance = np.hypot(
        (corners[:, 0] - header["RA_REF"]) * np.cos(np.radians(corners[:, 1])), corners[:, 1] - header["DEC_REF"]
    )
    assert distance * 3600 == pytest.approx([np.hypot(*corner) for corner in _aperture().corners], rel=1e-3)
    other = raw(tmp_path / "b_uncal.fits", ATTITUDE, aperture="MIRIFU_CHANNEL1A", exposure_type="MIR_MRS")
    add_wcs(other, engdb_url=telemetry)
    assert "CRVAL1" not in fits.getheader(other, "SCI") and "RA_REF" in fits.getheader(other, "SCI")


def test_tracking_takes_the_position_of_the_guide_star_from_the_catalogue(tmp_path, telemetry):
    path = raw(tmp_path / "a_uncal.fits", ATTITUDE, "TRACK")
    model = datamodels.open(path)
    model.meta.guidestar.gs_dec += 1 / 3600
    update_wcs(model, engdb_url=telemetry)
    assert model.meta.pointing.dec_v1 == pytest.approx(-30.0 + 1 / 3600, abs=1e-7)
    model.meta.guidestar.gs_ra = None
    with pytest.raises(InputError, match="position of the guide star"):
        update_wcs(model, engdb_url=telemetry)
    _, given = update_wcs(datamodels.open(path), engdb_url=telemetry, v3pa_at_gs=60.0)
    ra, dec = star_of(ATTITUDE)
    seen = rotations.position_angle(aberration.unit_vector(ra, dec), given.m_eci2v[2])
    assert seen == pytest.approx(60.0, abs=0.01)


@pytest.mark.req("PTG-06", "PTG-07")
def test_without_telemetry_the_target_is_taken_where_that_is_allowed(tmp_path):
    path = raw(tmp_path / "a_uncal.fits", ATTITUDE)
    early = write_telemetry(tmp_path / "early.csv", telemetry_of(ATTITUDE), times=(START - 30 / 86400,))
    add_wcs(path, engdb_url=early)
    assert fits.getheader(path, "SCI")["RA_V1"] == pytest.approx(120.0, abs=1e-6)
    with pytest.raises(DataUnusable, match="no value of SA_ZATTEST1 within 10 s"):
        add_wcs(path, engdb_url=early, tolerance=10)
    add_wcs(path, engdb_url=early, tolerance=10, allow_default=True, default_pa_v3=20.0)
    header = fits.getheader(path, "SCI")
    assert (header["RA_REF"], header["DEC_REF"], header["PA_V3"]) == (121.0, -31.0, 20.0)
    assert fits.getheader(path)["ENGQLPTG"] == "PLANNED"


def test_telemetry_that_is_only_zeros_or_incomplete_is_none(tmp_path):
    path = raw(tmp_path / "a_uncal.fits", ATTITUDE)
    before = path.read_bytes()
    zeros = write_telemetry(tmp_path / "zeros.csv", dict.fromkeys(telemetry_of(ATTITUDE), 0.0))
    with pytest.raises(DataUnusable, match="only zeros"):
        add_wcs(path, engdb_url=zeros)
    lacking = write_telemetry(tmp_path / "lacking.csv", telemetry_of(ATTITUDE), without=("SA_ZFGGSCMDX",))
    with pytest.raises(EngdbError, match="no values of SA_ZFGGSCMDX"):
        add_wcs(path, engdb_url=lacking)
    assert path.read_bytes() == before


@pytest.mark.req("PTG-03", "PTG-05")
def test_only_raw_exposures_and_rates_are_updated(tmp_path, telemetry):
    ramp = datamodels.RampModel((1, 2, 8, 8))
    ramp.update(datamodels.open(raw(tmp_path / "a_uncal.fits", ATTITUDE)))
    ramp.meta.exposure.ngroups = 2
    ramp.save(tmp_path / "a_ramp.fits")
    with pytest.raises(InputError, match="only raw exposures and rates are updated"):
        add_wcs(tmp_path / "a_ramp.fits", engdb_url=telemetry)
    add_wcs(tmp_path / "a_ramp.fits", engdb_url=telemetry, allow_any_file=True)
    assert datamodels.open(tmp_path / "a_ramp.fits").meta.pointing.pa_v3 == pytest.approx(50.0, abs=1e-6)


@pytest.mark.req("PTG-10", "PTG-24")
def test_a_dry_run_writes_nothing_and_rotations_can_be_kept_and_given(tmp_path, telemetry):
    path = raw(tmp_path / "a_uncal.fits", ATTITUDE)
    before = path.read_bytes()
    _, found = add_wcs(
        path, engdb_url=telemetry, dry_run=True, save_transforms=tmp_path / "t.asdf", reduce_func=first_pointing
    )
    assert path.read_bytes() == before
    again = Transforms.from_asdf(tmp_path / "t.asdf")
    assert np.array_equal(again.m_eci2v, found.m_eci2v) and again.m_eci2fgs1 is None
    other = attitude(10.0, 20.0, 30.0)
    model = datamodels.open(path)
    update_wcs(model, engdb_url=telemetry, override_transforms={"m_eci2v": other})
    assert (model.meta.pointing.ra_v1, model.meta.pointing.pa_v3) == pytest.approx((10.0, 30.0))


def found_attitude(pointing):
    """The attitude that the quaternion and the matrix to the guider stand for."""
    return rotations.v2siaf(_aperture("FGS1_FULL_OSS")).T @ pointing.j2fgs_matrix @ rotations.eci2j(pointing.q)


@pytest.mark.req("PTG-04")
def test_a_file_of_no_known_model_can_be_taken_for_a_raw_exposure(tmp_path, telemetry):
    path = tmp_path / "a_uncal.fits"
    with fits.open(raw(tmp_path / "b_uncal.fits", ATTITUDE)) as hdus:
        del hdus[0].header["DATAMODL"], hdus[0].header["NEXTEND"]
        fits.HDUList([hdus[0], fits.ImageHDU(name="SCI")]).writeto(path)
    with pytest.raises(InputError, match="this is a DataModel"):
        add_wcs(path, engdb_url=telemetry)
    add_wcs(path, engdb_url=telemetry, force_level1bmodel=True)
    assert fits.getheader(path, "SCI")["PA_V3"] == pytest.approx(50.0, abs=2e-6)


@pytest.mark.req("PTG-09")
def test_the_guider_of_the_coarse_method_can_be_given(tmp_path):
    telemetry = write_telemetry(tmp_path / "telemetry.csv", telemetry_of(ATTITUDE, "FGS2_FULL_OSS"))
    model = datamodels.open(raw(tmp_path / "a_uncal.fits", ATTITUDE))
    update_wcs(model, engdb_url=telemetry, fgsid=2)
    assert (model.meta.pointing.ra_v1, model.meta.pointing.pa_v3) == pytest.approx((120.0, 50.0), abs=2e-6)
    # Telemetry says that it is the first: the two are 184 arcsec apart.
    update_wcs(model, engdb_url=telemetry)
    assert abs(model.meta.pointing.ra_v1 - 120.0) > 0.01
    with pytest.raises(InputError, match="no guider 3"):
        update_wcs(model, engdb_url=telemetry, fgsid=3)


@pytest.mark.req("PTG-02", "PTG-14")
def test_the_functions_take_the_documented_parameters():
    shared = "siaf_path=None prd=None engdb_url=None fgsid=None tolerance=60 allow_default=False reduce_func=None"
    first = "filename allow_any_file=False force_level1bmodel=False default_pa_v3=0.0"
    documented = {
        add_wcs: f"{first} {shared} dry_run=False save_transforms=None **transform_kwargs",
        update_wcs: f"model default_pa_v3=0.0 default_roll_ref=0.0 {shared} **transform_kwargs",
    }
    for function, expected in documented.items():
        assert [str(item) for item in inspect.signature(function).parameters.values()] == expected.split()


@pytest.mark.req("PTG-15", "PTG-16", "PTG-17", "PTG-22", "PTG-23", "PTG-25")
def test_the_steps_on_the_way(tmp_path, telemetry):
    names = (
        "eci2fgs1 eci2gs eci2j eci2siaf eci2sifov eci2v fgs12sifov fgsx2gs gs2gsapp j2fgs1 sifov2v sifov_fsm_delta "
        "v2siaf"
    )
    assert [item.name for item in fields(Transforms)] == [*(f"m_{name}" for name in names.split()), "override"]
    model = datamodels.open(raw(tmp_path / "a_uncal.fits", ATTITUDE))
    t_pars = t_pars_from_model(model, engdb_url=telemetry)
    assert t_pars.as_reprdict()["pcs_mode"] == "'COARSE'" and t_pars.pointing is None
    t_pars.update_pointing()
    assert t_pars.pointing.fgsid == 1 and found_attitude(t_pars.pointing) == pytest.approx(ATTITUDE, abs=1e-9)
    wcsinfo, vinfo, found = transforms.calc_wcs(t_pars)
    assert isinstance(wcsinfo, WCSRef) and vinfo == pytest.approx((120.0, -30.0, 50.0), abs=2e-7)
    again = transforms.calc_transforms(t_pars)
    assert np.array_equal(again.m_eci2siaf, found.m_eci2siaf)
    # From the sky to the ideal frame of the aperture, what looks out first.
    assert found.m_eci2siaf[0] == pytest.approx(aberration.unit_vector(wcsinfo.ra, wcsinfo.dec), abs=1e-12)
    times, wcsinfos, vinfos = calc_wcs_over_time(START, END, t_pars)
    assert len(times) == len(wcsinfos) == len(vinfos) == 3 and times[0].mjd == pytest.approx(START)
    assert wcsinfos[1] == pytest.approx(wcsinfo, abs=1e-9)


@pytest.mark.req("PTG-19")
def test_methods_know_their_functions_and_telemetry(tmp_path, telemetry):
    methods = transforms.Methods
    names = {
        "COARSE": "coarse_tr_202111",
        "TRACK": "track_tr_202111",
        "OPS": "ops_tr_202111",
        "default": "ops_tr_202111",
    }
    for name, value in names.items():
        assert methods[name] is methods(value) and (name == "default" or methods[f"{name}_TR_202111"] is methods[name])
    t_pars = t_pars_from_model(datamodels.open(raw(tmp_path / "a_uncal.fits", ATTITUDE)), engdb_url=telemetry)
    t_pars.update_pointing()
    wcsinfo, vinfo, found = methods.COARSE.func(t_pars)
    assert vinfo == pytest.approx((120.0, -30.0, 50.0), abs=2e-7) and isinstance(wcsinfo, WCSRef)
    assert np.array_equal(methods.COARSE.calc_func(t_pars).m_eci2v, found.m_eci2v)
    assert t_pars.method is methods.default
    assert methods.TRACK.calc_func(t_pars).m_eci2gs is None and found.m_eci2gs is not None
    assert set(methods.COARSE.mnemonics) < set(methods.TRACK.mnemonics)
    assert "SA_ZATTEST1" in methods.COARSE.mnemonics and "SA_ZFGGSPOSX" in methods.TRACK.mnemonics


def test_bad_input_is_named(tmp_path, telemetry):
    model = datamodels.open(raw(tmp_path / "a_uncal.fits", ATTITUDE))
    model.meta.aperture.name = "MIRIM_FUL"
    with pytest.raises(InputError, match="did you mean 'MIRIM_FULL'"):
        update_wcs(model, engdb_url=telemetry)
    model.meta.aperture.name = None
    with pytest.raises(InputError, match=r"aperture \(APERNAME\) is needed"):
        update_wcs(model, engdb_url=telemetry)
    model.meta.aperture.name, model.meta.exposure.start_time = "MIRIM_FULL", None
    with pytest.raises(InputError, match="EXPSTART"):
        update_wcs(model, engdb_url=telemetry)
    with pytest.raises(InputError, match="one table of apertures"):
        update_wcs(model, prd="PRDOPSSOC-071")


def test_aberration_of_the_guide_star_moves_a_coarse_pointing(tmp_path, telemetry):
    """The attitude is a true one.

    What the telescope sees lies in truth where it would not seem to be, were the telescope at rest.
    """
    still = datamodels.open(raw(tmp_path / "a_uncal.fits", ATTITUDE))
    moving = datamodels.open(raw(tmp_path / "b_uncal.fits", ATTITUDE, velocity=(20.0, -10.0, 5.0)))
    update_wcs(still, engdb_url=telemetry)
    update_wcs(moving, engdb_url=telemetry)
    a, b = (aberration.unit_vector(model.meta.pointing.ra_v1, model.meta.pointing.dec_v1) for model in (still, moving))
    beta = np.array([20.0, -10.0, 5.0]) / aberration.SPEED_OF_LIGHT
    shift = aberration.apparent(a, beta) - a
    assert np.linalg.norm(shift) > 4e-5
    assert a - b == pytest.approx(shift, abs=3e-7)


def test_the_real_transforms_follow_the_same_chain(real_data):
    found = Transforms.from_asdf(real_data / "pointing" / "tforms_coarse_tr_202111.asdf")
    chain = rotations.Z_TO_X @ found.m_gs2gsapp @ found.m_fgsx2gs @ found.m_j2fgs1 @ found.m_eci2j
    assert found.m_eci2gs == pytest.approx(chain, abs=1e-12)
    assert found.m_eci2siaf == pytest.approx(rotations.Z_TO_X @ found.m_v2siaf @ found.m_eci2v, abs=1e-12)
    place = np.degrees([np.arctan2(found.m_fgsx2gs[2, 0], found.m_fgsx2gs[0, 0]), -np.arcsin(found.m_fgsx2gs[1, 2])])
    assert found.m_fgsx2gs == pytest.approx(rotations.fgs2gs(place * 3600), abs=1e-12)


@pytest.mark.req("V1-02", "V1-03")
def test_v1_over_time(tmp_path, telemetry):
    path = raw(tmp_path / "a_uncal.fits", ATTITUDE)
    table = v1_calculate.v1_calculate_from_models([path], engdb_url=telemetry)
    assert table.colnames == ["source", "obstime", "v1"] and len(table) == 3
    assert all(tuple(value) == pytest.approx((120.0, -30.0, 50.0), abs=2e-7) for value in table["v1"])
    assert table["obstime"].mjd == pytest.approx([START, (START + END) / 2, END], abs=1e-9)
    over = v1_calculate.v1_calculate_over_time(START, END - 1e-6, engdb_url=telemetry)
    assert list(over["source"]) == ["time range"] * 2 and isinstance(over["v1"][0], WCSRef)


@pytest.mark.req("V1-01")
def test_the_summary_compares_with_the_target(tmp_path, telemetry):
    path = raw(tmp_path / "a_uncal.fits", ATTITUDE)
    add_wcs(path, engdb_url=telemetry)
    row = v1_calculate.calc_deltas([path], ["meta.instrument.name"])[0]
    assert row["delta_v1"] == pytest.approx(1.3205, abs=1e-3) and row["meta.instrument.name"] == "MIRI"
    assert (
        row["delta_refpoint"] < row["delta_v1"] + 0.2
        and row["refpoint"].ra.deg == fits.getheader(path, "SCI")["RA_REF"]
    )


# ---- velocity aberration


def test_the_scale_is_how_much_small_distances_shrink():
    velocity, ra, dec = (25.0, -12.0, 9.0), 33.0, 44.0
    scale, *seen = aberration.aberration(velocity, ra, dec)
    beta = np.array(velocity) / aberration.SPEED_OF_LIGHT
    step = 1e-3
    near = aberration.apparent(aberration.unit_vector(ra, dec + step), beta)
    here = aberration.apparent(aberration.unit_vector(ra, dec), beta)
    assert np.linalg.norm(here) == pytest.approx(1.0, abs=1e-15)
    assert np.radians(step) / np.linalg.norm(near - here) == pytest.approx(scale, abs=1e-8)
    # Towards the motion nothing moves, and the sky is densest.
    direction = aberration.angles_of(np.array(velocity))
    ahead = aberration.aberration(velocity, *direction)
    assert ahead[1:] == pytest.approx(direction, abs=1e-12) and ahead[0] - 1 == pytest.approx(
        np.linalg.norm(beta), rel=1e-4
    )
    assert aberration.aberration((0.0, 0.0, 0.0), ra, dec) == pytest.approx((1.0, ra, dec))
    assert seen != [ra, dec]


def test_the_keywords_of_aberration_are_written(tmp_path):
    path = raw(tmp_path / "a_uncal.fits", ATTITUDE, velocity=(20.0, -10.0, 5.0))
    with pytest.raises(InputError, match="RA_REF, DEC_REF not in the header"):
        aberration.set_velocity_aberration(path)
    model = datamodels.open(path)
    model.meta.wcsinfo.ra_ref, model.meta.wcsinfo.dec_ref = 120.0, -30.0
    model.save(path)
    aberration.set_velocity_aberration(path)
    scale, ra, dec = aberration.aberration((20.0, -10.0, 5.0), 120.0, -30.0)
    assert fits.getheader(path, "SCI")["VA_SCALE"] == scale
    assert (fits.getheader(path)["VA_RA"], fits.getheader(path)["VA_DEC"]) == (ra, dec)


def test_a_guider_that_takes_the_exposure_is_not_the_one_that_steers_without_tracking(tmp_path):
    telemetry = write_telemetry(tmp_path / "telemetry.csv", telemetry_of(ATTITUDE, "FGS2_FULL_OSS"))
    model = datamodels.open(raw(tmp_path / "a_uncal.fits", ATTITUDE, aperture="FGS1_FULL", exposure_type="FGS_IMAGE"))
    model.meta.instrument.name, model.meta.instrument.detector = "FGS", "GUIDER1"
    update_wcs(model, engdb_url=telemetry)
    assert (model.meta.pointing.ra_v1, model.meta.pointing.pa_v3) == pytest.approx((120.0, 50.0), abs=2e-6)
