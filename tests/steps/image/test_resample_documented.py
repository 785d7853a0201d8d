"""Resampling from Python: ResampleData, drizzle_arrays, get_drizpars."""

import numpy as np
import pytest
from astropy.io import fits
from sky_projections import point, tangent_plane

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.resample.resample import OutputTooLargeError, ResampleData
from hexcal.step import ResampleStep

SHAPE, SCALE, RA, DEC = (30, 40), 1e-5, 10.0, -20.0


def exposure(number, dx=0.0, dy=0.0):
    random = np.random.default_rng(number)
    image = datamodels.ImageModel(random.normal(5, 1, SHAPE).astype("f4"))
    image.var_rnoise = random.uniform(0.5, 2, SHAPE).astype("f4")
    image.dq = (random.random(SHAPE) < 0.05).astype("u4")
    image.dq[random.random(SHAPE) < 0.05] |= 4
    image.meta.telescope, image.meta.instrument.name, image.meta.instrument.detector = "JWST", "NIRCAM", "NRCA1"
    image.meta.exposure.type, image.meta.instrument.filter = "NRC_IMAGE", "F200W"
    image.meta.filename = f"jw00001001001_02101_0000{number + 1}_nrca1_cal.fits"
    image.meta.observation.exposure_number = str(number + 1)
    image.meta.exposure.exposure_time = 100.0 + number
    ra, dec = RA - dx * SCALE / np.cos(np.radians(DEC)), DEC + dy * SCALE
    image.meta.wcs = tangent_plane(ra, dec, SCALE, ((SHAPE[1] - 1) / 2, (SHAPE[0] - 1) / 2), SHAPE)
    return point(image, ra_ref=ra, dec_ref=dec, roll_ref=0.0, v3yangle=0.0, vparity=-1)


def pair():
    return [exposure(0), exposure(1, 3.3, -2.7)]


@pytest.mark.req("RSMP-26")
def test_the_mosaic_is_that_of_the_step():
    step = ResampleStep.call(pair(), override_drizpars="N/A", pixfrac=0.8, exact_pixmap=True)
    (product,) = ResampleData(pair(), pixfrac=0.8, good_bits="~DO_NOT_USE", exact_pixmap=True).do_drizzle()
    for name in ("data", "wht", "con", "err"):
        assert np.array_equal(getattr(product, name), getattr(step, name), equal_nan=True), name
    assert product.meta.exposure.exposure_time == 201.0
    fewer = ResampleData(pair(), pixfrac=0.8).resample_many_to_one()
    with fewer.borrowed(0) as strict:
        assert strict.wht.sum() < product.wht.sum(), "of flagged pixels none counts by default"
    coarse = ResampleData(pair(), output="a.fits", pscale_ratio=2.0, good_bits=None).do_drizzle()
    with coarse.borrowed(0) as model:
        assert model.meta.filename == "a.fits" and model.shape[0] < product.shape[0] / 1.9


@pytest.mark.req("RSMP-26")
def test_each_exposure_by_itself():
    data = ResampleData(pair(), single=True, good_bits="~1")
    products = list(data.do_drizzle())
    assert len(products) == 2 == len(data.resample_many_to_many()) and products[0].shape == products[1].shape
    with pytest.raises(InputError):
        ResampleData([])
    with pytest.raises(OutputTooLargeError):
        ResampleData(pair(), pscale=1e-6).do_drizzle()


@pytest.mark.req("RSMP-26")
def test_metadata_and_times_of_all():
    data, output = ResampleData(pair()), datamodels.ImageModel((2, 2))
    data.update_exposure_times(output)
    assert output.meta.exposure.exposure_time == 201.0
    data.blend_output_metadata(output)
    assert len(output.hdrtab) == 2 and output.meta.instrument.filter == "F200W"


def arrays(shape=(36, 46)):
    wcs = tangent_plane(RA, DEC, SCALE, ((shape[1] - 1) / 2, (shape[0] - 1) / 2), shape)
    return wcs, np.zeros(shape, "f4"), np.zeros(shape, "f4"), np.zeros((2, *shape), "i4")


@pytest.mark.req("RSMP-27", "RSMP-28")
def test_images_are_added_in_place():
    clean = [_clean(image) for image in pair()]
    step = ResampleStep.call(clean, override_drizpars="N/A", exact_pixmap=True)
    values, weights = np.zeros(step.shape, "f4"), np.zeros(step.shape, "f4")
    context = np.zeros((2, *step.shape), "i4")
    for number, image in zip((1, 34), pair(), strict=True):
        version, beside, lines = ResampleData.drizzle_arrays(
            image.data, 1 / image.var_rnoise, image.meta.wcs, step.meta.wcs, values, weights, context, uniqid=number
        )
        assert isinstance(version, str) and beside < 100 and lines <= 2
    seen = weights > 0
    assert np.array_equal(seen, step.wht > 0) and seen.sum() > 1000
    np.testing.assert_allclose(values[seen], step.data[seen], rtol=1e-4)
    np.testing.assert_allclose(weights[seen], step.wht[seen], rtol=1e-4)
    assert set(np.unique(context[0])) == {0, 1} and set(np.unique(context[1])) == {0, 2}


def _clean(image):
    image.dq[:] = 0
    return image


@pytest.mark.req("RSMP-27", "RSMP-28")
def test_scales_limits_and_fill():
    image, (wcs, values, weights, context) = exposure(0), arrays()
    ones = np.ones(SHAPE, "f4")
    how = {"iscale": 3.0, "wtscale": 2.0, "xmin": 5, "xmax": 9, "ymin": 3, "fillval": "-7"}
    ResampleData.drizzle_arrays(ones, None, image.meta.wcs, wcs, values, weights, context[0], **how)
    seen = weights > 0
    assert values[seen] == pytest.approx(3.0) and (values[~seen] == -7).all()
    assert weights.sum() == pytest.approx(2.0 * 5 * (SHAPE[0] - 3), rel=1e-4)
    assert set(np.unique(context[0])) == {0, 1}
    far = exposure(1, 1000.0)
    assert ResampleData.drizzle_arrays(ones, None, far.meta.wcs, wcs, values, weights)[1:] == (ones.size, SHAPE[0])
    with pytest.raises(InputError, match="one shape"):
        ResampleData.drizzle_arrays(ones, ones[1:], image.meta.wcs, wcs, values, weights)


@pytest.mark.req("RSMP-31", "RSMP-32")
def test_parameters_of_a_reference_file(tmp_path):
    kinds = [("numimages", "i4"), ("filter", "S12"), ("pixfrac", "f4"), ("kernel", "S12"), ("fillval", "f4")]
    kinds += [("wht_type", "S12"), ("stepsize", "i4")]
    rows = [(1, "ANY", 1.0, "square", 0.0, "exptime", 10), (2, "F200W", 0.6, "gaussian", 1.5, "ivm", 10)]
    rows += [(4, "F200W", 0.5, "point", 2.5, "ivm", 10), (2, "F444W", 0.4, "turbo", 0.0, "ivm", 10)]
    header = fits.Header({"TELESCOP": "JWST", "REFTYPE": "DRIZPARS", "DATAMODL": "DrizParsModel", "INSTRUME": "NIRCAM"})
    table = fits.BinTableHDU(np.array(rows, kinds), name="DRIZPARS")
    fits.HDUList([fits.PrimaryHDU(header=header), table]).writeto(tmp_path / "drizpars.fits")
    assert datamodels.open(tmp_path / "drizpars.fits").model_type == "DrizParsModel"
    assert len(datamodels.DrizParsModel(tmp_path / "drizpars.fits").drizpars_table.dtype.names) == 7

    class Undecided(ResampleStep):
        class Parameters(ResampleStep.Parameters):
            pixfrac: float | None = None
            kernel: str | None = None
            fillval: str | None = None

    path = tmp_path / "drizpars.fits"
    of_the_file = {"pixfrac": pytest.approx(0.6), "kernel": "gaussian", "fillval": "1.5"}
    found = Undecided().get_drizpars(path, pair())
    assert found == {**of_the_file, "weight_type": "ivm"}
    assert Undecided(pixfrac=0.9).get_drizpars(path, pair())["pixfrac"] == 0.9
    assert Undecided().get_drizpars(path, pair()[:1])["kernel"] == "square"
    own = ResampleStep().get_drizpars(path, pair())
    assert own == {"pixfrac": 1.0, "kernel": "square", "fillval": "INDEF", "weight_type": "ivm"}
