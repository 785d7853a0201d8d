"""assign_mtwcs: the target of the solar system stands still in the last frame, the sky in the one before."""

import json
import logging

import numpy as np
import pytest
from astropy.io import fits
from sky_projections import tangent_plane

from hexcal import datamodels
from hexcal.core import registry
from hexcal.errors import InputError
from hexcal.step import AssignMTWcsStep
from hexcal.steps.wcs.assign_mtwcs import average, following


def exposures(folder, targets, kind="moving", wcs=tangent_plane, start=10.0):
    """Exposures of one field in which the target is at other places of the sky, as an association; returns its path."""
    names = []
    for number, (ra, dec) in enumerate(targets):
        model = datamodels.ImageModel((16, 24))
        model.meta.telescope, model.meta.exposure.type = "JWST", "NRC_IMAGE"
        model.meta.target.type = kind
        model.meta.wcsinfo.mt_ra, model.meta.wcsinfo.mt_dec = ra, dec
        model.meta.wcs = wcs(ra=start) if wcs else None
        names.append(f"jw00001001001_02101_0000{number}_nrca1_cal.fits")
        model.save(folder / names[-1])
    members = [{"expname": name, "exptype": "science"} for name in names]
    table = {"asn_type": "image3", "asn_rule": "test", "asn_id": "a3001", "asn_pool": "none", "program": "00001"}
    (folder / "asn.json").write_text(json.dumps({**table, "products": [{"name": "product", "members": members}]}))
    return folder / "asn.json"


@pytest.mark.req("MTWCS-01", "MTWCS-03", "MTWCS-04", "MTWCS-05", "MTWCS-06")
def test_the_target_is_at_one_place_in_all_exposures(tmp_path):
    targets = [(10.00, -20.00), (10.01, -19.99), (10.05, -19.96)]
    result = AssignMTWcsStep.call(str(exposures(tmp_path, targets)), output_dir=str(tmp_path))
    assert len(result) == 3
    for model, target in zip(result, targets, strict=True):
        assert (model.meta.wcsinfo.mt_avra, model.meta.wcsinfo.mt_avdec) == pytest.approx((10.02, -19.98333333333333))
        wcs = model.meta.wcs
        assert wcs.available_frames == ["detector", "world", "moving_target"]
        pixel = tangent_plane().invert(*target, with_bounding_box=False)
        assert wcs(*pixel, with_bounding_box=False) == pytest.approx((10.02, -19.98333333333333), abs=1e-9)
        assert wcs.get_transform("detector", "world")(3.0, 4.0) == tangent_plane()(3.0, 4.0)
        assert wcs.bounding_box == tangent_plane().bounding_box
        assert model.meta.cal_step.assign_mtwcs == "COMPLETE"


@pytest.mark.req("MTWCS-08", "REG-05")
def test_products_are_named_after_the_exposures(tmp_path):
    cls = registry.find("jwst.assign_mtwcs.AssignMTWcsStep")
    assert cls is registry.find("assign_mtwcs") is AssignMTWcsStep and not cls.reference_file_types
    defaults = cls().parameters
    assert (defaults.suffix, defaults.output_use_model) == ("assign_mtwcs", True)
    AssignMTWcsStep.call(
        str(exposures(tmp_path, [(10.0, -20.0), (10.1, -20.0)])), save_results=True, output_dir=str(tmp_path)
    )
    path = tmp_path / "jw00001001001_02101_00001_nrca1_assign_mtwcs.fits"
    header = fits.getheader(path, "SCI")
    assert header["MT_AVRA"] == pytest.approx(10.05) and fits.getheader(path)["S_MTWCS"] == "COMPLETE"
    model = datamodels.open(path)
    assert model.meta.wcs.output_frame.name == "moving_target"
    corner = np.array(header["S_REGION"].split()[2:4], float)
    assert model.meta.wcs(-0.5, -0.5) == pytest.approx(tuple(corner), abs=1e-8)


@pytest.mark.req("MTWCS-02")
@pytest.mark.parametrize("kind", ["FIXED", "GENERIC"])
def test_a_target_that_does_not_move_is_left_alone(tmp_path, kind):
    result = AssignMTWcsStep.call(str(exposures(tmp_path, [(10.0, -20.0), (10.1, -20.0)], kind)))
    for model in result:
        assert model.meta.cal_step.assign_mtwcs == "SKIPPED" and model.meta.wcs.available_frames == [
            "detector",
            "world",
        ]
        assert model.meta.wcsinfo.mt_avra is None


def test_a_moving_target_without_ephemeris_is_an_error(tmp_path):
    path = exposures(tmp_path, [(10.0, -20.0), (None, None), (10.1, -20.0)], "MOVING")
    with pytest.raises(InputError, match=r"\(MT_RA, MT_DEC\) is missing in 1 of 3 exposures") as error:
        AssignMTWcsStep.call(str(path), save_results=True, output_dir=str(tmp_path))
    assert "jw00001001001_02101_00001_nrca1_cal.fits" in str(error.value)
    assert not list(tmp_path.glob("*mtwcs*"))


def test_without_wcs_there_is_nothing_to_shift(tmp_path):
    with pytest.raises(InputError, match="needs a WCS that can be shifted"):
        AssignMTWcsStep.call(str(exposures(tmp_path, [(10.0, -20.0), (10.1, -20.0)], wcs=None)))


def test_the_average_of_right_ascensions_on_both_sides_of_zero():
    assert average([(359.99, 1.0), (0.01, 2.0), (0.03, 3.0)]) == pytest.approx((0.01, 2.0), abs=1e-12)
    assert average([(10.0, 1.0), (20.0, 2.0)]) == pytest.approx((15.0, 1.5))


@pytest.mark.parametrize("motion", ["shift", "rotation"])
def test_across_right_ascension_zero(motion):
    wcs = tangent_plane(ra=359.9999, dec=30.0)
    moved = following(wcs, (359.9999, 30.0), (0.0002, 30.001), motion)
    assert moved(11.5, 7.5) == pytest.approx((0.0002, 30.001), abs=1e-9)
    x, y = np.meshgrid(np.arange(24.0), np.arange(16.0))
    ra, _ = moved(x, y)
    assert ((ra >= 0) & (ra < 360)).all() and np.ptp((ra + 180) % 360) < 1e-3


def test_a_rotation_keeps_the_shape_of_the_field_and_north():
    wcs = tangent_plane(ra=10.0, dec=60.0, scale=1e-4)
    target, centre = (10.0005, 60.0003), (10.02, 61.0)
    moved = following(wcs, target, centre, "rotation")
    at = wcs.invert(*target)
    assert moved(*at) == pytest.approx(centre, abs=1e-10)
    east, north = wcs.invert(target[0], target[1] + 1e-4), wcs.invert(target[0] + 1e-4, target[1])
    assert moved(*east)[0] == pytest.approx(centre[0], abs=1e-9)
    width = (moved(*north)[0] - centre[0]) * np.cos(np.radians(centre[1]))
    assert width == pytest.approx(1e-4 * np.cos(np.radians(target[1])), rel=1e-5)
    shifted = following(wcs, target, centre)
    wide = (shifted(*north)[0] - centre[0]) * np.cos(np.radians(centre[1]))
    assert wide / width == pytest.approx(np.cos(np.radians(61.0)) / np.cos(np.radians(60.0003)), rel=1e-5)


def test_a_second_time_gives_the_same(caplog):
    once = following(tangent_plane(), (10.0, -20.0), (10.02, -20.01))
    twice = following(once, (10.0, -20.0), (10.03, -20.02))
    assert twice.available_frames == ["detector", "world", "moving_target"]
    assert twice(3.0, 4.0) == pytest.approx(following(tangent_plane(), (10.0, -20.0), (10.03, -20.02))(3.0, 4.0))
    assert once(3.0, 4.0)[0] == pytest.approx(tangent_plane()(3.0, 4.0)[0] + 0.02)


def test_the_log_says_where_the_target_is(tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="hexcal"):
        AssignMTWcsStep.call(str(exposures(tmp_path, [(10.0, -20.0), (10.1, -20.0)])), motion="rotation")
    assert "Average position of the target in 2 exposures: RA 10.050000, Dec -20.000000 degrees" in caplog.text


def test_a_rotation_keeps_distances_that_a_shift_changes():
    """The figure of the profile `recommended`."""

    def distance(wcs):
        (ra, other), (dec, another) = np.radians(wcs(np.array([160.0, 100.0]), np.array([100.0, 100.0])))
        haversine = np.sin((dec - another) / 2) ** 2 + np.cos(dec) * np.cos(another) * np.sin((ra - other) / 2) ** 2
        return np.degrees(2 * np.arcsin(np.sqrt(haversine))) * 3.6e6

    wcs = tangent_plane(ra=10.0, dec=-28.0, scale=1 / 3600, centre=(100, 100), shape=(201, 201))
    target, centre = (10.0, -28.0), (10.0, -28.0 + 1 / 60)
    assert distance(following(wcs, target, centre, "rotation")) == pytest.approx(distance(wcs), abs=1e-4)
    assert distance(following(wcs, target, centre)) - distance(wcs) == pytest.approx(9.3, abs=0.1)
