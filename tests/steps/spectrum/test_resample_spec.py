"""Rectified spectra: what is known of the scene comes back, on a grid that is linear on the sky."""

import numpy as np
import pytest
from slits import make_slits, slit_wcs
from tilted_slits import SCALE, SHAPE, TANGENT, smooth, star, tilted_slit

from hexcal import datamodels
from hexcal.errors import InputError, ParameterError, ResourceError
from hexcal.models.dqflags import pixel
from hexcal.steps.spectrum.resample_spec import ResampleSpecStep
from hexcal.steps.spectrum.slit_grid import slit_grid
from hexcal.steps.spectrum.slit_resampling import coordinates_of, resampled_values


def rectify(models, **parameters):
    return ResampleSpecStep.call(models, **{"fillval": "NAN", **parameters})


def spectrum_of(result, dispaxis=1):
    """Sum along the slit, and wavelengths, away from the ends."""
    data = result.data if dispaxis == 1 else result.data.T
    waves = (result.wavelength if dispaxis == 1 else result.wavelength.T)[0]
    return np.nansum(data, axis=0)[5:-5], waves[5:-5]


@pytest.mark.parametrize("dispaxis", [1, 2])
@pytest.mark.req("RSMP-03")
def test_the_flux_of_a_source_is_kept_at_each_wavelength(dispaxis):
    flux, waves = spectrum_of(rectify(tilted_slit(star(), smooth, dispaxis=dispaxis), pixfrac=1.0), dispaxis)
    assert np.allclose(flux, smooth(waves), rtol=2e-3)


@pytest.mark.parametrize("seed", [1, 2])
def test_weights_that_scatter_from_pixel_to_pixel_leave_no_noise_in_a_star_as_recommended(seed):
    scatter = {}
    for profile in ("documents", "recommended"):
        slit = tilted_slit(star(), smooth)
        # As a flat field with a scatter of 3 % leaves them.
        slit.var_rnoise *= np.random.default_rng(seed).normal(1, 0.03, SHAPE).astype(np.float32) ** 2
        flux, waves = spectrum_of(rectify(slit, profile=profile))
        ratio = flux / smooth(waves)
        scatter[profile] = np.std(np.diff(ratio))
    assert scatter["recommended"] < 3e-4 and scatter["documents"] > 5 * scatter["recommended"]


def test_wavelengths_are_those_of_the_middle_of_the_slit_and_the_line_on_the_sky_is_straight():
    slit = tilted_slit(star(), smooth)
    result = rectify(slit)
    seen = slit.meta.wcs(np.arange(SHAPE[1], dtype=float), np.full(SHAPE[1], (SHAPE[0] - 1) / 2))[2]
    assert np.allclose(result.wavelength[3], seen, atol=1e-3)
    y = np.arange(result.shape[0], dtype=float)
    ra, dec, wave = result.meta.wcs(np.full(len(y), 7.0), y)
    assert np.ptp(wave) == 0
    steps = np.hypot(np.diff(ra) * np.cos(np.radians(dec[1:])), np.diff(dec))
    assert np.allclose(steps, SCALE, rtol=1e-5)
    assert np.allclose(np.degrees(np.arctan2(np.diff(ra) * np.cos(np.radians(dec[1:])), np.diff(dec))), 30, atol=1e-3)


def test_the_wcs_of_the_product_leads_back_to_the_pixels_and_can_be_stored(tmp_path):
    rectify(tilted_slit(star(), smooth)).save(tmp_path / "x_s2d.fits")
    with datamodels.open(tmp_path / "x_s2d.fits") as stored:
        x, y = np.meshgrid([0.0, 20.5, 59.0], [1.0, 10.25])
        assert np.allclose(stored.meta.wcs.invert(*stored.meta.wcs(x, y)), (x, y), atol=1e-6)
        assert stored.meta.wcs.bounding_box is not None
        assert stored.meta.cal_step.resample == "COMPLETE"


def test_the_source_of_dithered_exposures_falls_on_one_place_and_each_is_in_the_context():
    exposures = [
        tilted_slit(star(shift), smooth, shift=shift, exposure_time=time) for shift, time in ((0, 10), (6, 30))
    ]
    # The source is at `shift` of the dithered slit, which is the same place on the sky.
    for model, shift in zip(exposures, (0, 6), strict=True):
        model.data[...] = tilted_slit(star(0), smooth, shift=shift).data
    result = rectify(exposures)
    profile = np.nansum(result.data, axis=1)
    centre = (profile * np.arange(len(profile))).sum() / profile.sum()
    width = np.sqrt((profile * (np.arange(len(profile)) - centre) ** 2).sum() / profile.sum())
    assert width == pytest.approx(2.0, abs=0.1)
    ra, dec, _ = result.meta.wcs(30.0, centre)
    assert np.hypot((ra - TANGENT[0]) * np.cos(np.radians(dec)), dec - TANGENT[1]) < 0.02 * SCALE
    flux, waves = spectrum_of(result)
    assert np.allclose(flux, smooth(waves), rtol=5e-3)
    assert set(np.unique(result.con)) == {0, 1, 2, 3}
    assert result.shape[0] >= SHAPE[0] + 6
    assert result.meta.exposure.exposure_time == 40


@pytest.mark.parametrize("ratio", [0.5, 2.0])
def test_another_pixel_scale_keeps_the_flux_and_divides_variances_by_the_ratio_of_the_areas(ratio):
    slit = tilted_slit(star(0.0, 4.0), smooth)
    usual, scaled = rectify(slit), rectify(slit, pixel_scale_ratio=ratio)
    one, _ = spectrum_of(usual)
    other, _ = spectrum_of(scaled)
    area = scaled.meta.photometry.pixelarea_steradians
    assert area == pytest.approx(2e-13 / ratio)
    assert np.allclose(other * area, one * 2e-13, rtol=5e-3)
    middle = np.s_[5:-5, 10:-10]
    assert np.nanmedian(scaled.var_rnoise[middle]) == pytest.approx(np.nanmedian(usual.var_rnoise[middle]) * ratio)
    slit.meta.bunit_data = "MJy"
    one, _ = spectrum_of(rectify(slit))
    other, _ = spectrum_of(rectify(slit, pixel_scale_ratio=ratio))
    assert np.allclose(other, one, rtol=5e-3)


def test_pixel_scale_is_the_size_of_the_pixels_along_the_slit():
    result = rectify(tilted_slit(star(), smooth), pixel_scale=0.05)
    ra, dec, _ = result.meta.wcs([5.0, 5.0], [10.0, 11.0])
    assert np.hypot((ra[1] - ra[0]) * np.cos(np.radians(dec[0])), dec[1] - dec[0]) * 3600 == pytest.approx(0.05)
    assert result.meta.resample.pixel_scale_ratio == pytest.approx(2.0, rel=1e-4)


def test_a_point_kernel_and_exposure_times_weigh_as_they_say():
    slit = tilted_slit(lambda position: 0 * position + 1, lambda wave: 0 * wave + 5, exposure_time=40)
    result = rectify(slit, kernel="point", weight_type="exptime")
    assert np.isclose(result.data[np.isfinite(result.data)], 5).all()
    assert set(np.unique(result.wht)) <= {0, 40, 80, 120}
    assert rectify(slit, fillval="INDEF", pixel_scale=0.02, kernel="point").data.min() == 0
    assert np.isnan(rectify(slit, pixel_scale=0.02, kernel="point").data).any()


def test_flagged_pixels_do_not_count_and_flags_are_carried_along_if_asked_for():
    slit = tilted_slit(star(), smooth)
    slit.data[10:12, 20:22], slit.dq[10:12, 20:22] = 1e9, pixel.DO_NOT_USE
    slit.dq[15, 30] = pixel.JUMP_DET
    result = rectify(slit, propagate_dq=True)
    assert np.nanmax(result.data) < 1e3
    assert (result.dq & pixel.JUMP_DET).any() and not (result.dq & pixel.DO_NOT_USE).any()
    assert rectify(slit).contents.arrays.get("dq") is None


def test_each_exposure_can_be_laid_on_the_common_grid_by_itself():
    exposures = [tilted_slit(star(), smooth, shift=shift) for shift in (0, 6)]
    alone, together = rectify(exposures, single=True), rectify(exposures)
    assert [one.shape for one in alone] == [together.shape] * 2
    assert np.isnan(alone[0].data).sum() > np.isnan(together.data).sum()


def test_output_shape_and_output_wcs_give_the_grid(tmp_path):
    import asdf

    slit = tilted_slit(star(), smooth)
    assert rectify(slit, output_shape=[50, 40]).shape == (40, 50)
    usual = rectify(slit)
    asdf.AsdfFile({"wcs": usual.meta.wcs}).write_to(tmp_path / "grid.asdf")
    again = rectify(slit, output_wcs=str(tmp_path / "grid.asdf"))
    inside = np.s_[3:-3, 8:-8]
    assert np.allclose(again.data[inside], usual.data[inside], rtol=1e-4, atol=1e-4, equal_nan=True)
    asdf.AsdfFile({"wcs": 3}).write_to(tmp_path / "none.asdf")
    with pytest.raises(InputError, match="output_wcs must be an ASDF file"):
        rectify(slit, output_wcs=str(tmp_path / "none.asdf"))
    with pytest.raises(ParameterError):
        rectify(slit, output_shape=[0, 4])


@pytest.mark.parametrize(
    "given", [{"pixel_scale": 1e-12}, {"pixel_scale_ratio": 1e12}, {"output_shape": [10**8, 10**8]}]
)
def test_a_rectified_slit_of_absurd_size_is_refused_before_it_is_made(given):
    with pytest.raises(ResourceError, match=r"the rectified slit would have .* GiB"):
        rectify(tilted_slit(star(), smooth), **given)


@pytest.mark.parametrize("given", [{"pixel_scale": 1e30}, {"pixel_scale_ratio": 1e-300}])
def test_pixels_that_are_wider_than_any_field_are_refused(given):
    with pytest.raises(ParameterError, match="wider than any field"):
        rectify(make_slits(("S200A1",)), **given)


def test_slits_of_an_exposure_are_rectified_one_by_one_and_one_that_sees_nothing_is_left_out(caplog):
    slits = make_slits(("S200A1", "S400A1"))
    slits.slits[1].meta.wcsinfo.dispersion_direction = None
    result = rectify(slits)
    assert [slit.name for slit in result.slits] == ["S200A1"]
    assert "Not rectified: slit S400A1" in caplog.text and "DISPAXIS is None" in caplog.text
    assert "slit_frame" in result.slits[0].meta.wcs.available_frames
    assert result.slits[0].source_id == 1 and result.meta.cal_step.resample == "COMPLETE"


def test_exposures_of_slits_are_combined_by_source():
    exposures = [make_slits(("S200A1", "S400A1")) for _ in range(3)]
    result = rectify(exposures)
    assert [slit.name for slit in result.slits] == ["S200A1", "S400A1"]
    assert result.slits[0].con.max() == 7
    assert np.nanmedian(result.slits[0].var_rnoise) == pytest.approx(16 / 3, rel=1e-5)
    assert np.allclose(result.slits[0].data[np.isfinite(result.slits[0].data)], 12)


@pytest.mark.req("RSMP-07")
def test_integrations_are_not_rectified():
    cube = datamodels.CubeModel(np.zeros((2, *SHAPE), np.float32))
    cube.update(tilted_slit(star(), smooth))
    result = rectify(cube)
    assert result.meta.cal_step.resample == "SKIPPED" and result.shape == (2, *SHAPE)


def test_an_exposure_without_coordinates_is_an_error_that_says_what_to_do():
    slit = tilted_slit(star(), smooth)
    slit.meta.wcs = None
    with pytest.raises(InputError, match="assign_wcs"):
        rectify(slit)


def test_exposures_far_apart_are_refused():
    other = tilted_slit(star(), smooth, shift=1e5)
    with pytest.raises(InputError, match="too far apart"):
        rectify([tilted_slit(star(), smooth), other])


def test_arrays_can_be_laid_on_a_grid_without_a_step():
    slit = tilted_slit(star(), smooth)
    seen, window = coordinates_of(slit)
    grid = slit_grid([seen], 1, has_margin=False)
    result = resampled_values(slit.data[window], np.ones(seen.ra.shape, np.float32), grid, grid.positions(*seen))
    usual = rectify(slit)
    assert np.allclose(result.data, usual.data, rtol=1e-5, equal_nan=True)


def lamp_wcs():
    """A WCS of a lamp: it ends in the plane of the slits."""
    import gwcs
    from astropy import units
    from gwcs import coordinate_frames as frames

    stored = slit_wcs()
    plane = frames.Frame2D(name="plane", axes_order=(0, 1), unit=(units.m, units.m))
    micron = frames.SpectralFrame(name="wavelength", axes_order=(2,), unit=units.micron)
    steps = [(step.frame, step.transform) for step in stored.pipeline[:-1]]
    wcs = gwcs.WCS([*steps, (frames.CompositeFrame([plane, micron], name="msa_frame"), None)])
    wcs.bounding_box = stored.bounding_box
    return wcs


@pytest.mark.req("RSMP-08")
def test_spectra_of_lamps_are_linear_in_the_plane_of_the_slits():
    slits = make_slits(("S200A1",), exposure_type="NRS_LAMP")
    slits.slits[0].meta.wcs = lamp_wcs()
    result = rectify(slits).slits[0]
    assert result.meta.wcs.available_frames == ["detector", "msa_frame"]
    y = np.arange(result.shape[0], dtype=float)
    x_plane, y_plane, wave = result.meta.wcs(np.full(len(y), 3.0), y)
    assert np.ptp(x_plane) == pytest.approx(0, abs=1e-15) and np.allclose(np.diff(y_plane), np.diff(y_plane)[0])
    assert np.allclose(wave, 1.3)
    assert np.allclose(result.meta.wcs.invert(x_plane, y_plane, wave), (np.full(len(y), 3.0), y), atol=1e-8)
    assert np.allclose(result.data[np.isfinite(result.data)], 12) and result.meta.wcsinfo.s_region is None


_ARRAYS = ("SCI", "ERR", "WHT", "CON", "VAR_POISSON", "VAR_RNOISE", "VAR_FLAT")


@pytest.mark.req("RSMP-10")
def test_products_have_their_extensions_and_those_of_many_slits_a_set_for_each(tmp_path):
    from astropy.io import fits

    rectify(make_slits()).save(tmp_path / "many_s2d.fits")
    with fits.open(tmp_path / "many_s2d.fits") as hdus:
        for name in _ARRAYS:
            assert [hdu.ver for hdu in hdus if hdu.name == name] == [1, 2]
    rectify([tilted_slit(star(), smooth, shift=shift) for shift in (0, 3)]).save(tmp_path / "one_s2d.fits")
    with fits.open(tmp_path / "one_s2d.fits") as hdus:
        assert {*_ARRAYS, "WAVELENGTH", "HDRTAB", "ASDF"} <= {hdu.name for hdu in hdus}
        assert hdus["CON"].data.dtype.kind == "i" and hdus["CON"].data.ndim == 3 and len(hdus["HDRTAB"].data) == 2
    with datamodels.open(tmp_path / "one_s2d.fits") as again:
        again.save(tmp_path / "copy_s2d.fits")
        with fits.open(tmp_path / "copy_s2d.fits") as hdus:
            assert [hdu.name for hdu in hdus].count("HDRTAB") == 1


@pytest.mark.req("RSMP-04")
def test_each_exposure_has_its_bit_in_the_planes_of_the_context():
    result = rectify([make_slits(("S200A1",)) for _ in range(34)]).slits[0]
    assert result.con.shape[0] == 2
    used = result.con[:, result.wht > 0].view(np.uint32)
    assert (used[0] == 0xFFFFFFFF).all() and (used[1] == 0b11).all()


def test_exposures_in_different_units_are_told(caplog):
    slits = [tilted_slit(star(), smooth), tilted_slit(star(), smooth)]
    slits[0].meta.bunit_data, slits[1].meta.bunit_data = "MJy", "MJy"
    rectify(slits)
    assert "different units" not in caplog.text
    slits[1].meta.bunit_data = "MJy/sr"
    rectify(slits)
    assert "are in different units (MJy, MJy/sr)" in caplog.text
