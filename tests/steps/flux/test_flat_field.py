"""Dividing by the flat field."""

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.models.dqflags import pixel
from hexcal.steps.flux.flat_field import FlatFieldStep, usable_flat

SHAPE = (3, 4)
NO_FLAT = pixel.NO_FLAT_FIELD | pixel.DO_NOT_USE


def make_image(shape=SHAPE, kind=datamodels.ImageModel, value=12.0):
    image = kind(np.full(shape, value, np.float32))
    image.meta.telescope, image.meta.instrument.name, image.meta.instrument.detector = "JWST", "NIRISS", "NIS"
    image.meta.exposure.type = "NIS_IMAGE"
    image.var_poisson, image.var_rnoise = np.full(shape, 9, np.float32), np.full(shape, 16, np.float32)
    image.err = np.full(shape, 5, np.float32)
    return image


def make_guider(shape=(2, *SHAPE)):
    model = datamodels.GuiderCalModel(np.full(shape, 12, np.float32), err=np.full(shape, 3, np.float32))
    model.meta.telescope, model.meta.instrument.name = "JWST", "FGS"
    model.meta.exposure.type = "FGS_ACQ1"
    return model


def make_flat(value=2.0, err=0.1, shape=SHAPE):
    flat = datamodels.FlatModel(np.full(shape, value, np.float32))
    flat.err, flat.dq = np.full(shape, err, np.float32), np.zeros(shape, np.uint32)
    return flat


@pytest.mark.req("FLAT-06", "FLAT-07", "ERR-05")
@pytest.mark.parametrize(("kind", "shape"), [(datamodels.ImageModel, SHAPE), (datamodels.CubeModel, (2, *SHAPE))])
def test_data_and_variances_are_divided(kind, shape):
    result = FlatFieldStep.call(make_image(shape, kind), override_flat=make_flat())
    assert result.shape == shape
    assert (result.data == 6).all()
    assert np.allclose(result.var_poisson, 9 / 4)
    assert np.allclose(result.var_rnoise, 16 / 4)
    # With the divided signal; the standard propagation of errors.
    assert np.allclose(result.var_flat, (6 / 2 * 0.1) ** 2)
    assert np.allclose(result.err, np.sqrt(9 / 4 + 16 / 4 + 0.09))
    assert result.meta.cal_step.flat_field == "COMPLETE"


@pytest.mark.req("FLAT-08", "ERR-06")
def test_guider_exposures_have_no_variances():
    result = FlatFieldStep.call(make_guider(), override_flat=make_flat())
    assert (result.data == 6).all()
    assert np.allclose(result.err, np.sqrt(3**2 + 0.09))


def test_errors_without_variances_are_divided():
    image = make_image()
    image.var_poisson = image.var_rnoise = None
    result = FlatFieldStep.call(image, override_flat=make_flat())
    assert np.allclose(result.err, np.sqrt(2.5**2 + 0.09))


@pytest.mark.req("FLAT-03", "FLAT-04", "FLAT-05")
def test_pixels_without_a_flat_field_are_flagged_and_not_divided():
    flat = make_flat()
    flat.data[0, :2] = np.nan, 0
    flat.dq[1, 0], flat.dq[1, 1], flat.dq[1, 2] = pixel.NO_FLAT_FIELD, pixel.UNRELIABLE_FLAT, pixel.DO_NOT_USE
    guider = FlatFieldStep.call(make_guider(), override_flat=flat)
    assert guider.dq[0].tolist() == [NO_FLAT, NO_FLAT, 0, 0]
    assert guider.dq[1].tolist() == [NO_FLAT, pixel.UNRELIABLE_FLAT, pixel.DO_NOT_USE, 0]
    assert guider.data[0, 0].tolist() == [12, 12, 6, 6]
    assert guider.data[0, 1].tolist() == [12, 6, 12, 6]
    image = FlatFieldStep.call(make_image(), override_flat=flat)
    assert np.array_equal(image.dq, guider.dq)
    assert np.array_equal(np.isnan(image.data), image.dq & pixel.DO_NOT_USE != 0)


def test_what_is_nan_in_one_plane_is_so_in_all():
    image = make_image()
    image.data[0, 0], image.err[0, 1], image.var_poisson[0, 2] = np.nan, np.nan, np.nan
    flat = make_flat()
    flat.err[0, 3] = np.nan
    result = FlatFieldStep.call(image, override_flat=flat)
    # ERR is made anew from the variances.
    assert result.dq[0].tolist() == [1, 0, 1, 1]
    for plane in (result.data, result.err, result.var_poisson, result.var_rnoise, result.var_flat):
        assert np.isnan(plane[0]).tolist() == [True, False, True, True]
        assert np.isfinite(plane[1:]).all()


@pytest.mark.req("FLAT-32")
def test_multiplying_takes_the_division_back():
    image = make_image()
    flat = make_flat(err=0)
    flat.data[:] = np.random.default_rng(2).uniform(0.8, 1.2, SHAPE)
    back = FlatFieldStep.call(FlatFieldStep.call(image, override_flat=flat), override_flat=flat, inverse=True)
    for name in ("data", "err", "var_poisson", "var_rnoise"):
        assert np.allclose(getattr(back, name), getattr(image, name), rtol=1e-6)
    assert (back.var_flat == 0).all()


@pytest.mark.req("FLAT-02")
def test_the_subarray_is_cut_from_a_full_flat():
    image, flat = make_image(), make_flat(shape=(8, 10))
    flat.data[:] = np.arange(1, 81).reshape(8, 10)
    flat.meta.subarray.xstart = flat.meta.subarray.ystart = 1
    image.meta.subarray.xstart, image.meta.subarray.ystart = 3, 2
    result = FlatFieldStep.call(image, override_flat=flat)
    assert np.allclose(result.data, 12 / flat.data[1:4, 2:6])
    image.meta.subarray.xstart = 8
    with pytest.raises(ReferenceError_, match="does not cover"):
        FlatFieldStep.call(image, override_flat=flat)


@pytest.mark.req("FLAT-31")
def test_a_file_of_the_user_replaces_the_reference(tmp_path):
    make_flat(4.0).save(tmp_path / "mine.fits")
    given = {"user_supplied_flat": str(tmp_path / "mine.fits")}
    for reference in (make_flat(), "N/A"):
        assert (FlatFieldStep.call(make_image(), override_flat=reference, **given).data == 3).all()


def test_without_a_flat_field_the_step_is_skipped():
    result = FlatFieldStep.call(make_image(), override_flat="N/A")
    assert result.meta.cal_step.flat_field == "SKIPPED"
    assert (result.data == 12).all() and result.var_flat is None


def test_a_flat_without_flags_flags_what_cannot_be_divided():
    values, flags = usable_flat(np.float32([[1.5, 0, np.nan, -1]]))
    assert values.tolist() == [[1.5, 1, 1, -1]]
    assert flags.tolist() == [[0, NO_FLAT, NO_FLAT, 0]]


def test_the_block_size_does_not_show():
    rng = np.random.default_rng(4)
    shape = (5, 150, 900)
    cube, flat = make_image(shape, datamodels.CubeModel), make_flat(shape=shape[1:])
    cube.data[:], flat.data[:] = rng.normal(10, 3, shape), rng.uniform(0.5, 2, shape[1:])
    result = FlatFieldStep.call(cube, override_flat=flat)
    assert np.allclose(result.data, cube.data / flat.data, rtol=1e-6)
    assert np.allclose(result.var_flat, (cube.data / flat.data**2 * 0.1) ** 2, rtol=1e-5)


SIMPLE = {
    "NIRCAM": "NRC_IMAGE NRC_CORON NRC_TSIMAGE NRC_WFSS NRC_TSGRISM",
    "NIRISS": "NIS_IMAGE NIS_AMI NIS_WFSS NIS_SOSS",
    "MIRI": "MIR_IMAGE MIR_LYOT MIR_MRS MIR_LRS-FIXEDSLIT MIR_LRS-SLITLESS",
    "NIRSPEC": "NRS_IMAGE NRS_MIMF",
    "FGS": "FGS_IMAGE",
}


@pytest.mark.req("FLAT-01")
@pytest.mark.parametrize(
    ("instrument", "exposure_type"), [(name, each) for name, types in SIMPLE.items() for each in types.split()]
)
def test_modes_with_one_flat_field(instrument, exposure_type):
    kind = datamodels.IFUImageModel if exposure_type == "MIR_MRS" else datamodels.ImageModel
    image = make_image(kind=kind)
    image.meta.instrument.detector = None
    image.meta.instrument.name, image.meta.exposure.type = instrument, exposure_type
    assert FlatFieldStep().references_needed(image) == ("flat",)
    assert (FlatFieldStep.call(image, override_flat=make_flat()).data == 6).all()


@pytest.mark.req("FLAT-29")
def test_reference_types():
    assert FlatFieldStep.reference_types == ("flat", "fflat", "sflat", "dflat")


def test_there_is_no_interpolated_flat_field_to_save(tmp_path, caplog):
    FlatFieldStep.call(
        make_image(), override_flat=make_flat(), save_interpolated_flat=True, output_dir=str(tmp_path), output_file="x"
    )
    assert "the flat field of this exposure is not interpolated" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["x_flat_field.fits"]


def test_a_flat_field_of_flight_in_its_subarray(real_data):
    image = make_image((224, 288))
    image.meta.instrument.name, image.meta.instrument.detector = "MIRI", "MIRIMAGE"
    image.meta.exposure.type, image.meta.subarray.name = "MIR_4QPM", "MASK1065"
    image.meta.subarray.xstart, image.meta.subarray.ystart = 1, 19
    path = real_data / "references" / "jwst_miri_flat_0413.fits"
    result = FlatFieldStep.call(image, override_flat=str(path))
    flat = datamodels.open(path)
    good = result.dq & pixel.DO_NOT_USE == 0
    assert 0.5 < good.mean() < 1
    assert np.allclose(result.data[good], 12 / flat.data[good])
    assert (result.dq & flat.dq == flat.dq).all()


@pytest.mark.req("FLAT-09")
def test_the_step_is_done_or_skipped_and_says_so():
    assert FlatFieldStep.call(make_image(), override_flat=make_flat()).meta.cal_step.flat_field == "COMPLETE"
    given = make_image()
    skipped = FlatFieldStep().skip_step(given)
    assert skipped.meta.cal_step.flat_field == "SKIPPED" and (skipped.data == 12).all()
    assert not given.loaded() and given.meta.cal_step.flat_field is None


@pytest.mark.req("FLAT-17")
@pytest.mark.parametrize(
    ("instrument", "shape"), [("NIRCAM", (2048, 2048)), ("MIRI", (1024, 1032)), ("NIRISS", (64, 64))]
)
def test_layout_of_the_reference_file(tmp_path, instrument, shape):
    flat = make_flat(shape=shape)
    kinds = [("BIT", "i4"), ("VALUE", "u4"), ("NAME", "S40"), ("DESCRIPTION", "S80")]
    flat.dq_def = np.array([(0, 1, "DO_NOT_USE", "")], kinds)
    flat.meta.instrument.name = instrument
    flat.save(tmp_path / "flat.fits")
    with fits.open(tmp_path / "flat.fits") as hdus:
        assert hdus[0].data is None and hdus[0].header["DATAMODL"] == "FlatModel"
        for name, kind in (("SCI", "f"), ("ERR", "f"), ("DQ", "u")):
            assert hdus[name].data.shape == shape and hdus[name].data.dtype.kind == kind
        assert hdus["DQ_DEF"].columns.names == ["BIT", "VALUE", "NAME", "DESCRIPTION"]
    image = make_image(shape)
    image.meta.instrument.name, image.meta.exposure.type = instrument, None
    result = FlatFieldStep.call(image, override_flat=str(tmp_path / "flat.fits"))
    assert (result.data == 6).all()
