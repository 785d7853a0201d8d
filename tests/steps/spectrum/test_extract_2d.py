"""extract_2d of NIRSpec: cutouts, wavelengths, places, sources, chosen slits, bad input."""

import nirspec_spectra as nirspec
import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.step import AssignWcsStep, Extract2dStep
from hexcal.steps.wcs import nirspec_slits
from hexcal.steps.wcs.spectral import slit_coordinates


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return nirspec.write_references(tmp_path_factory.mktemp("nirspec"))


def _assigned(folder, model):
    return AssignWcsStep.call(model, **nirspec.overrides(folder))


@pytest.fixture(scope="module")
def exposure(folder):
    model = nirspec.exposure(vparity=-1, v3yangle=138.0)
    model.meta.dither.x_offset, model.meta.dither.y_offset = 0.0, 0.0
    return _assigned(folder, model)


@pytest.fixture(scope="module")
def slits(exposure):
    return Extract2dStep.call(exposure)


@pytest.mark.req("EX2D-01", "EX2D-03", "EX2D-05", "EX2D-20")
def test_slits_are_cut_out_at_their_boxes(exposure, slits):
    assert isinstance(slits, datamodels.MultiSlitModel) and slits.meta.cal_step.extract_2d == "COMPLETE"
    assert [slit.name for slit in slits.slits] == ["S200A1", "S200A2", "S400A1", "S1600A1"]
    for number, slit in zip(range(-101, -105, -1), slits.slits, strict=True):
        (x_low, x_high), (y_low, y_high) = nirspec_slits.box_of_slit(exposure.meta.wcs, number)
        x, y = slit.xstart - 1, slit.ystart - 1
        assert 0 <= x_low - (x - 0.5) < 1 and 0 <= x_high - (x + slit.xsize - 0.5) < 1
        assert y - 0.5 == y_low and y + slit.ysize - 0.5 == y_high
        window = np.s_[y : y + slit.ysize, x : x + slit.xsize]
        for name in ("data", "err", "dq", "var_poisson", "var_rnoise"):
            assert np.array_equal(getattr(slit, name), getattr(exposure, name)[window])
        assert slit.meta.wcsinfo.dispersion_direction == 1 and slit.meta.wcsinfo.s_region.startswith("POLYGON ICRS")
        assert not np.shares_memory(slit.data, exposure.data)


def test_wavelengths_are_those_of_the_optics(slits):
    for slit, centre in zip(slits.slits, nirspec.SLITS, strict=False):
        x, y = np.meshgrid(np.arange(slit.xsize) + slit.xstart - 1.0, np.arange(slit.ysize) + slit.ystart - 1.0)
        slit_y, wavelength = nirspec.truth(centre, nirspec.SLIT_SIZE, x, y)
        inside = np.abs(slit_y) <= 0.55
        assert np.array_equal(np.isfinite(slit.wavelength), inside)
        assert np.abs(slit.wavelength - wavelength)[inside].max() < 3e-7
        assert slit.wavelength.dtype == np.float32


def test_a_product_is_read_with_its_coordinates(slits, tmp_path):
    slits.save(tmp_path / "slits.fits")
    stored = datamodels.open(tmp_path / "slits.fits")
    for slit, true in zip(stored.slits, slits.slits, strict=True):
        for found, expected in zip(slit_coordinates(slit), slit_coordinates(true), strict=True):
            assert np.array_equal(found, expected, equal_nan=True)
        assert (slit.shutter_id, slit.source_id) == (true.shutter_id, true.source_id)


def test_the_target_is_in_its_slit_where_the_dither_says(folder):
    """The reference point of the aperture is put onto the centre of the slit; light of V2V3 is 40 degrees per metre."""
    x, y = nirspec.SLITS[0]
    model = nirspec.exposure(vparity=-1, v3yangle=0.0, v2_ref=x * 40 * 3600, v3_ref=y * 40 * 3600)
    model.meta.dither.x_offset, model.meta.dither.y_offset = -1.44, 2.88
    slits = Extract2dStep.call(_assigned(folder, model)).slits
    # Ideal x runs against V2, ideal y along V3: 1.44 arcsec are 1e-5 m.
    assert slits[0].source_xpos == pytest.approx(1e-5 / nirspec.SLIT_SIZE[0], rel=1e-6)
    assert slits[0].source_ypos == pytest.approx(2e-5 / nirspec.SLIT_SIZE[1], rel=1e-6)
    assert (slits[1].source_xpos, slits[1].source_ypos) == (0.0, 0.0)


@pytest.mark.req("EX2D-04")
def test_slits_are_chosen_by_name_or_source(exposure):
    assert [slit.name for slit in Extract2dStep.call(exposure, slit_name="S400A1").slits] == ["S400A1"]
    both = Extract2dStep.call(exposure, slit_names=["S200A2"], source_ids=["1"])
    assert [slit.name for slit in both.slits] == ["S200A1", "S200A2"]
    with pytest.raises(InputError, match="unknown slit 'S200B1'"):
        Extract2dStep.call(exposure, slit_name="S200B1")


@pytest.mark.req("EX2D-06")
def test_slitlets_carry_their_source(folder, tmp_path):
    rows = [nirspec.shutter(7, column, source=5 if column == 4 else 0, primary=column == 4, point=(0.4, 0.7))
            for column in (3, 4, 5)]  # fmt: skip
    path = nirspec.write_msa_file(tmp_path / "x_msa.fits", rows, [nirspec.source(5, 0.25)])
    product = Extract2dStep.call(_assigned(folder, nirspec.mos_exposure(path)), slit_name="7")
    product.save(tmp_path / "slits.fits")
    for slit in (product.slits[0], datamodels.open(tmp_path / "slits.fits").slits[0]):
        assert (slit.name, slit.slitlet_id, slit.quadrant, slit.shutter_state) == ("7", 7, 3, "1x1")
        assert (slit.source_xpos, slit.source_ypos) == pytest.approx((-0.1, 0.2), abs=1e-6)
        assert (slit.stellarity, slit.source_name, slit.source_ra) == (0.25, "1234_5", 58.0)
        assert (slit.xcen, slit.ycen, slit.slit_ymin, slit.slit_ymax) == (180, 4, -2.2, 2.2)
        assert slit.slit_xscale == pytest.approx(nirspec.PITCH[0] / nirspec.OPEN[0])


def test_bright_objects_keep_their_integrations(folder):
    model = nirspec.exposure("NRS_BRIGHTOBJ", shape=(3, *nirspec.SHAPE), kind=datamodels.CubeModel)
    product = Extract2dStep.call(_assigned(folder, model))
    assert isinstance(product, datamodels.SlitModel) and product.name == "S1600A1"
    assert product.shape == (3, product.ysize, product.xsize) and product.wavelength.shape == product.shape[1:]
    y, x = product.ystart - 1, product.xstart - 1
    assert np.array_equal(product.data[2], model.data[2, y : y + product.ysize, x : x + product.xsize])


def test_the_mean_of_all_integrations_of_a_bright_object_is_cut_out(folder):
    product = Extract2dStep.call(_assigned(folder, nirspec.exposure("NRS_BRIGHTOBJ")))
    assert isinstance(product, datamodels.SlitModel) and product.shape == (product.ysize, product.xsize)


@pytest.mark.req("EX2D-02")
def test_other_exposures(folder):
    image = nirspec.exposure("NRS_IMAGE")
    assert Extract2dStep.call(image).meta.cal_step.extract_2d == "SKIPPED"
    with pytest.raises(InputError, match="a WCS with slits is required"):
        Extract2dStep.call(nirspec.exposure())
    slitless = nirspec.exposure()
    slitless.meta.exposure.type = "NIS_WFSS"
    with pytest.raises(InputError, match="does not yet cut out spectra without slits"):
        Extract2dStep.call(slitless)
