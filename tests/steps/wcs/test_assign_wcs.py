"""assign_wcs on images: the transforms by known geometry, keywords, kinds of exposures, bad input."""

import logging

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from sky_projections import POINTING, camera, point, write_wcs_references

from hexcal import datamodels
from hexcal.core import registry
from hexcal.errors import InputError, ParameterError, ReferenceError_
from hexcal.step import AssignWcsStep
from hexcal.steps.wcs import frames
from hexcal.steps.wcs.evaluate import evaluate_points
from hexcal.steps.wcs.sip import update_fits_wcsinfo

MODES = {
    "NRC_IMAGE": ("NIRCAM", "NRCA1", "F200W", "CLEAR"),
    "NIS_IMAGE": ("NIRISS", "NIS", "CLEAR", "F200W"),
    "MIR_IMAGE": ("MIRI", "MIRIMAGE", "F770W", None),
    "FGS_IMAGE": ("FGS", "GUIDER1", None, None),
}

IMAGING = """FGS_IMAGE FGS_FOCUS FGS_SKYFLAT FGS_INTFLAT MIR_IMAGE MIR_TACQ MIR_LYOT MIR_4QPM MIR_CORONCAL MIR_TACONFIRM
NRC_IMAGE NRC_TSIMAGE NRC_FOCUS NRC_TACONFIRM NRC_TACQ NRC_CORON NIS_IMAGE NIS_TACQ NIS_TACONFIRM NIS_FOCUS NIS_AMI"""


def image(exposure_type="NRC_IMAGE", shape=(64, 96), start=(1, 1), kind=datamodels.ImageModel, **changes):
    instrument, detector, filter_, pupil = MODES.get(exposure_type) or MODES[exposure_type[:3] + "_IMAGE"]
    model = point(kind(shape), **changes)
    model.update({"meta": {"telescope": "JWST", "instrument": {"name": instrument, "detector": detector}}})
    model.meta.instrument.filter, model.meta.instrument.pupil = filter_, pupil
    model.meta.exposure.type = exposure_type
    model.meta.subarray.xstart, model.meta.subarray.ystart = start
    return model


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Reference files of each instrument."""
    made = {}
    for instrument, detector, filter_, pupil in MODES.values():
        entry = {"filter": filter_, "pupil": pupil or "N/A", "column_offset": 0.25, "row_offset": -0.5}
        other = {"filter": "F999", "pupil": "N/A", "column_offset": 9.0, "row_offset": 9.0}
        folder = tmp_path_factory.mktemp(instrument)
        made[instrument] = write_wcs_references(folder, instrument, detector, offsets=[other, entry])
    return made


@pytest.fixture
def assign(folders):
    def run(model, **parameters):
        return AssignWcsStep.call(model, references=str(folders[model.meta.instrument.name]), **parameters)

    return run


def _vector(lon, lat):
    lon, lat = np.radians(lon), np.radians(lat)
    return np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def _seen(v2, v3, v2_ref, v3_ref, ra_ref, dec_ref, roll_ref):
    """Where on the sky a point of the focal plane looks.

    From its distance and position angle to the reference point (spherical trigonometry).

    V3 points to position angle `roll_ref` at the reference point; V2 is 90 degrees east of it.
    """
    at, ref = _vector(v2 / 3600, v3 / 3600), _vector(v2_ref / 3600, v3_ref / 3600)
    north = _vector(v2_ref / 3600, v3_ref / 3600 + 90)
    east = np.cross(north, ref)
    angle = np.arctan2(at.T @ east, at.T @ north) + np.radians(roll_ref)
    distance = np.arctan2(np.linalg.norm(np.cross(ref, at.T), axis=-1), at.T @ ref)
    dec_0 = np.radians(dec_ref)
    dec = np.arcsin(np.sin(dec_0) * np.cos(distance) + np.cos(dec_0) * np.sin(distance) * np.cos(angle))
    ra = np.arctan2(np.sin(angle) * np.sin(distance) * np.cos(dec_0), np.cos(distance) - np.sin(dec_0) * np.sin(dec))
    return (ra_ref + np.degrees(ra)) % 360, np.degrees(dec)


@pytest.mark.req("AWCS-02", "AWCS-03", "AWCS-04")
@pytest.mark.parametrize("ra", [53.16, 0.001])
def test_a_point_of_the_focal_plane_sees_what_spherical_trigonometry_says(ra):
    pointing = frames.Pointing(120.0, -520.0, 41.0, ra, -27.79)
    v2, v3 = np.meshgrid(np.linspace(60, 180, 5), np.linspace(-600, -400, 6))
    sky = evaluate_points(frames.v2v3_to_sky(pointing), v2, v3)
    expected = np.array([_seen(a, b, 120.0, -520.0, ra, -27.79, 41.0) for a, b in zip(v2.flat, v3.flat, strict=True)])
    assert np.abs(np.array(sky).reshape(2, -1).T - expected).max() < 1e-11
    assert evaluate_points(frames.v2v3_to_sky(pointing), 120.0, -520.0) == pytest.approx((ra, -27.79), abs=1e-12)


@pytest.mark.req("AWCS-05")
def test_aberration_stretches_the_field_about_the_reference_point():
    corrected = frames.velocity_aberration(1.0001, 120.0, -520.0)
    assert evaluate_points(corrected, 120.0, -520.0) == pytest.approx((120.0, -520.0), abs=1e-10)
    assert evaluate_points(corrected, 220.0, -720.0) == pytest.approx((220.01, -720.02), abs=1e-10)
    without = frames.velocity_aberration(None, 120.0, -520.0)
    assert evaluate_points(without, 220.0, -720.0) == (220.0, -720.0)


@pytest.mark.req("AWCS-01", "AWCS-08", "AWCS-25", "AWCS-26", "AWCS-29", "AWCS-31")
@pytest.mark.parametrize("exposure_type", IMAGING.split())
def test_an_image_of_each_instrument(assign, exposure_type):
    result = assign(image(exposure_type, start=(101, 201)))
    wcs = result.meta.wcs
    assert wcs.available_frames == ["detector", "v2v3", "v2v3vacorr", "world"]
    x, y = np.meshgrid(np.linspace(0, 95, 4), np.linspace(0, 63, 3))
    offset = (0.0, 0.0) if exposure_type.startswith("FGS") else (0.25, -0.5)
    v2, v3 = camera()(x + 100 + offset[0], y + 200 + offset[1])
    assert np.array(wcs.get_transform("detector", "v2v3")(x, y)) == pytest.approx(np.array([v2, v3]), abs=1e-9)
    stretched = [reference + 1.0001 * (value - reference) for value, reference in ((v2, 120.0), (v3, -520.0))]
    keywords = {name: POINTING[name] for name in POINTING}
    expected = [_seen(a, b, **keywords) for a, b in zip(*(value.ravel() for value in stretched), strict=True)]
    sky = np.array(wcs(x, y)).reshape(2, -1).T
    assert sky == pytest.approx(np.array(expected), abs=1e-10)
    assert np.array(wcs.invert(*wcs(x, y))) == pytest.approx(np.array([x, y]), abs=2e-3)
    assert result.meta.cal_step.assign_wcs == "COMPLETE" and result.meta.ref_file.distortion.name == "distortion.asdf"


@pytest.mark.req("AWCS-08", "AWCS-48")
def test_images_per_integration_have_one_wcs(assign, tmp_path):
    result = assign(image(shape=(3, 64, 96), kind=datamodels.CubeModel))
    assert result.meta.wcs(5, 7) == pytest.approx(assign(image()).meta.wcs(5, 7), abs=1e-12)
    assert result.meta.wcs.bounding_box.bounding_box() == ((-0.5, 95.5), (-0.5, 63.5))
    result.save(tmp_path / "a.fits")
    header = fits.getheader(tmp_path / "a.fits")
    assert header["S_WCS"] == "COMPLETE"
    assert datamodels.open(tmp_path / "a.fits").meta.wcs(5, 7) == pytest.approx(result.meta.wcs(5, 7), abs=1e-12)


def test_any_two_frames_have_a_transform_both_ways(assign):
    wcs = assign(image()).meta.wcs
    names = wcs.available_frames
    for i, start in enumerate(names):
        for end in names[i + 1 :]:
            at = wcs.get_transform("detector", start)(10.0, 20.0) if i else (10.0, 20.0)
            there = wcs.get_transform(start, end)(*at)
            assert wcs.get_transform(end, start)(*there) == pytest.approx(at, abs=2e-3)


def test_a_box_of_the_distortion_file_holds_for_full_frames(tmp_path):
    transform = camera()
    transform.bounding_box = ((4.0, 90.0), (-0.5, 60.0))
    folder = write_wcs_references(tmp_path, transform=transform)
    run = AssignWcsStep(references=str(folder))
    assert run.run(image()).meta.wcs.bounding_box.bounding_box() == ((-0.5, 60.0), (4.0, 90.0))
    assert run.run(image(start=(1, 9))).meta.wcs.bounding_box.bounding_box() == ((-0.5, 95.5), (-0.5, 63.5))


def test_s_region_is_the_outline(assign):
    result = assign(image())
    values = np.array(result.meta.wcsinfo.s_region.split()[2:], float).reshape(4, 2)
    x, y = result.meta.wcs.invert(*values.T, with_bounding_box=False)
    assert np.column_stack([x, y]) == pytest.approx(
        np.array([[-0.5, -0.5], [-0.5, 63.5], [95.5, 63.5], [95.5, -0.5]]), abs=1e-2
    )


@pytest.mark.req("AWCS-15", "AWCS-16")
def test_fits_keywords_approximate_the_wcs(assign, tmp_path):
    model = image(shape=(1024, 1024))
    model.meta.wcsinfo.pc1_1, model.meta.wcsinfo.cdelt1 = 0.5, 1.0
    result = assign(model)
    result.save(tmp_path / "a.fits")
    header = fits.getheader(tmp_path / "a.fits", "SCI")
    assert header["CTYPE1"] == "RA---TAN-SIP" and "PC1_1" not in header and "CDELT1" not in header
    x, y = np.meshgrid(np.linspace(0, 1023, 9), np.linspace(0, 1023, 9))
    ra, dec = result.meta.wcs(x, y)
    found = WCS(header)
    there, back = np.array(found.all_pix2world(x, y, 0)), np.array(found.all_world2pix(ra, dec, 0))
    assert np.hypot(*(there - (ra, dec))).max() < 0.1 * 0.03 / 3600
    assert np.hypot(*(back - (x, y))).max() < 0.1
    without = assign(model, sip_approx=False)
    assert without.meta.wcsinfo.a_order is None and without.meta.wcsinfo.pc1_1 == 0.5


@pytest.mark.req("AWCS-17", "AWCS-18", "AWCS-19", "AWCS-20", "AWCS-21")
def test_parameters_of_the_approximation(assign, caplog):
    model = image(shape=(1024, 1024))
    defaults = AssignWcsStep().parameters
    assert (defaults.sip_max_pix_error, defaults.sip_max_inv_pix_error, defaults.sip_npoints) == (0.1, 0.1, 12)
    assert defaults.sip_degree is None and defaults.sip_inv_degree is None
    lowest = assign(model).meta.wcsinfo
    assert (lowest.a_order, lowest.b_order, lowest.ap_order) == (2, 2, 2)
    assert assign(model, sip_max_inv_pix_error=1e-4).meta.wcsinfo.ap_order == 3
    loose = assign(model, sip_max_pix_error=50.0, sip_max_inv_pix_error=50.0).meta.wcsinfo
    assert loose.ctype1 == "RA---TAN" and loose.a_order is None
    given = assign(
        model, sip_degree=4, sip_inv_degree=5, sip_max_pix_error=50.0, sip_max_inv_pix_error=50.0
    ).meta.wcsinfo
    assert (given.a_order, given.ap_order, given.bp_order) == (4, 5, 5)
    assert assign(model, sip_npoints=30).meta.wcsinfo.a_2_0 != lowest.a_2_0
    with pytest.raises(ParameterError, match="sip_degree"):
        AssignWcsStep(sip_degree=7)
    with pytest.raises(ParameterError, match="sip_inv_degree"):
        AssignWcsStep(sip_inv_degree=7)
    with caplog.at_level(logging.WARNING, logger="hexcal"):
        rough = assign(model, sip_max_inv_pix_error=1e-12).meta.wcsinfo
    assert rough.ap_order is not None and "less well than asked for: " in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="hexcal"):
        assert assign(model, sip_npoints=3, sip_degree=6).meta.wcsinfo.a_order is None
    assert "not updated" in caplog.text


@pytest.mark.req("AWCS-43", "AWCS-44", "AWCS-45")
def test_the_approximation_as_a_function(assign):
    model = assign(image(shape=(1024, 1024)), sip_approx=False)
    header = update_fits_wcsinfo(model)
    assert (header["A_ORDER"], header["CRPIX1"], "AP_ORDER" in header) == (2, 512.5, False)
    assert model.meta.wcsinfo.a_2_0 == header["A_2_0"] and model.meta.wcsinfo.crpix1 == 512.5
    assert update_fits_wcsinfo(model, crpix=(100.0, 200.0))["CRPIX2"] == 200.0
    # From now on the reference pixel is that of the header.
    assert update_fits_wcsinfo(model, degree=3)["CRPIX2"] == 200.0 and model.meta.wcsinfo.a_order == 3
    assert update_fits_wcsinfo(model, degree=[4, 5])["A_ORDER"] == 4
    assert update_fits_wcsinfo(model, max_inv_pix_error=0.1)["AP_ORDER"] == 2
    assert update_fits_wcsinfo(model, inv_degree=4, max_inv_pix_error=0.1)["AP_ORDER"] == 4
    assert update_fits_wcsinfo(model, projection="SIN")["CTYPE1"] == "RA---SIN-SIP"
    small = update_fits_wcsinfo(model, bounding_box=((0, 100), (0, 100)), max_pix_error=0.1)
    assert "A_ORDER" not in small and small["CTYPE1"] == "RA---TAN"
    other = assign(image(shape=(1024, 1024), ra_ref=20.0)).meta.wcs
    assert update_fits_wcsinfo(model, imwcs=other)["CRVAL1"] == pytest.approx(20.0, abs=0.02)
    before = model.meta.wcsinfo.crval1
    with pytest.raises(ValueError, match="does not reach the accuracy"):
        update_fits_wcsinfo(model, max_pix_error=1e-15, crpix=(1.0, 1.0))
    assert model.meta.wcsinfo.crval1 == before
    with pytest.raises(ParameterError, match="degree must be from 1 to 6"):
        update_fits_wcsinfo(model, degree=[3, 8])
    with pytest.raises(InputError, match="a WCS is required"):
        update_fits_wcsinfo(datamodels.ImageModel((4, 4)))


@pytest.mark.req("AWCS-24")
def test_a_distortion_file_holds_a_transform(tmp_path):
    folder = write_wcs_references(tmp_path, transform="a straight line")
    with pytest.raises(ReferenceError_, match="with a transform from pixels to V2V3, named 'model'"):
        AssignWcsStep.call(image(), references=str(folder))


@pytest.mark.parametrize("name", ["v2_ref", "v3_ref", "roll_ref", "ra_ref", "dec_ref"])
def test_without_pointing_there_is_no_wcs(assign, name):
    with pytest.raises(InputError, match=rf"pointing is needed .*: {name.upper()} not in the header"):
        assign(image(**{name: None}))


def test_without_aberration_factor_the_field_is_not_stretched(assign, caplog):
    with caplog.at_level(logging.WARNING, logger="hexcal"):
        wcs = assign(image(scale=None)).meta.wcs
    assert wcs.get_transform("v2v3", "v2v3vacorr")(1.0, 2.0) == (1.0, 2.0) and "no VA_SCALE" in caplog.text


def test_without_offsets_of_the_filters_they_are_zero(assign):
    found = assign(image(), override_filteroffset="N/A").meta.wcs.get_transform("detector", "v2v3")(3.0, 4.0)
    assert found == pytest.approx(camera()(3.0, 4.0), abs=1e-12)
    other = image()
    other.meta.instrument.filter = "F115W"
    assert assign(other).meta.wcs.get_transform("detector", "v2v3")(3.0, 4.0) == pytest.approx(found, abs=1e-12)


@pytest.mark.parametrize("exposure_type", ["NRC_DARK", "MIR_FLATIMAGE", "NRC_LED"])
def test_what_does_not_see_the_sky_is_skipped(assign, exposure_type):
    result = assign(image(exposure_type))
    assert result.meta.cal_step.assign_wcs == "SKIPPED" and result.meta.wcs is None


def test_slitless_spectra_are_refused(assign):
    with pytest.raises(InputError, match="does not yet assign the WCS of exposures of type NIS_WFSS"):
        assign(image("NIS_WFSS"))


def test_the_exposure_type_must_be_known(assign):
    model = image()
    model.meta.exposure.type = None
    with pytest.raises(InputError, match="EXP_TYPE is needed"):
        assign(model)


@pytest.mark.req("REG-06")
def test_the_step_under_its_documented_names():
    cls = registry.find("assign_wcs")
    assert cls is registry.find("jwst.assign_wcs.AssignWcsStep") is AssignWcsStep
    documented = (
        "distortion filteroffset specwcs regions wavelengthrange camera collimator disperser fore fpa msa ote ifupost "
        "ifufore ifuslicer"
    )
    assert cls.reference_file_types == [*documented.split(), "chromcorr"], "the last one is of release 3.0.0"


def test_miri_with_its_real_reference_files(real_data):
    """Positions in V2V3 of the reference point of the imager.

    SIAF, MIRIM_FULL: V2 -453.37, V3 -374.07 for the centre of its field.
    """
    folder = real_data / "references" / "miri_wcs"
    model = image("MIR_IMAGE", shape=(1024, 1032), v2_ref=-453.37, v3_ref=-374.07)
    result = AssignWcsStep.call(
        model,
        override_distortion=str(folder / "jwst_miri_imager_distortion_flt9.asdf"),
        override_filteroffset=str(folder / "jwst_miri_filteroffset_full_flt9.asdf"),
    )
    v2, v3 = result.meta.wcs.get_transform("detector", "v2v3")(692.5, 511.5)
    assert np.hypot(v2 + 453.37, v3 + 374.07) < 1.0
    assert result.meta.wcs(692.5, 511.5) == pytest.approx((53.16, -27.79), abs=1 / 3600)


@pytest.mark.parametrize("kind", ["distortion", "filteroffset"])
def test_a_reference_of_another_detector_is_refused(assign, folders, kind):
    wrong = str(folders["MIRI"] / f"{kind}.asdf")
    with pytest.raises(ReferenceError_, match=f"the {kind} reference is for INSTRUME = MIRI, the exposure has NIRCAM"):
        assign(image(), **{f"override_{kind}": wrong})
