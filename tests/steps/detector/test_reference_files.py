"""Reference files of the detector steps in the layout of the documents, written without Hexcal."""

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels
from hexcal.models.dqflags import pixel
from hexcal.observatories.jwst.detectors import detector
from hexcal.steps.detector.dq_init import DQInitStep
from hexcal.steps.detector.superbias import SuperBiasStep

NY, NX = 8, 12
DEFINITION = [(0, 1, "DO_NOT_USE", "bad"), (1, 2, "HOT", "hot"), (2, 4, "DEAD", "dead")]


def definition():
    columns = [("BIT", "i4"), ("VALUE", "i4"), ("NAME", "S40"), ("DESCRIPTION", "S80")]
    return fits.BinTableHDU(np.array(DEFINITION, columns), name="DQ_DEF")


def write(path, kind, model_type, instrument="NIRCAM", **arrays):
    """A reference of the documents: images, then the definition of its flags, 8-bit."""
    keywords = {"TELESCOP": "JWST", "REFTYPE": kind.upper(), "DATAMODL": model_type, "INSTRUME": instrument}
    hdus = [fits.PrimaryHDU(header=fits.Header(keywords))]
    hdus += [fits.ImageHDU(array, name=name.upper()) for name, array in arrays.items()]
    fits.HDUList([*hdus, *([definition()] if "dq" in arrays else [])]).writeto(path)
    return path


def flags():
    image = np.zeros((NY, NX), np.uint8)
    image[1, 2], image[3, 4] = 2, 5
    return image


LAYOUTS = [
    # row, type, model, arrays
    ("DQINIT-07", "mask", "MaskModel", {}),
    ("SBIAS-08", "superbias", "SuperBiasModel", {"sci": (NY, NX), "err": (NY, NX)}),
    ("RESET-06", "reset", "ResetModel", {"sci": (2, 15, NY, NX), "err": (2, 15, NY, NX)}),
    ("PERS-20", "trapdensity", "TrapDensityModel", {"sci": (NY, NX)}),
    ("PERS-21", "persat", "PersistenceSatModel", {"sci": (NY, NX)}),
]


@pytest.mark.parametrize(
    ("kind", "name", "shapes"),
    [pytest.param(*row[1:], marks=pytest.mark.req(row[0]), id=row[1]) for row in LAYOUTS],
)
def test_documented_layout_is_read(kind, name, shapes, tmp_path):
    rng = np.random.default_rng(1)
    arrays = {key: rng.normal(0, 1, shape).astype("f4") for key, shape in shapes.items()}
    path = write(tmp_path / f"{kind}.fits", kind, name, **arrays, dq=flags())
    with datamodels.open(path) as model:
        assert type(model).__name__ == name
        for key, array in arrays.items():
            np.testing.assert_array_equal(getattr(model, {"sci": "data"}.get(key, key)), array)
        expected = np.zeros((NY, NX), np.uint32)
        expected[1, 2], expected[3, 4] = pixel.HOT, pixel.DO_NOT_USE | pixel.DEAD
        np.testing.assert_array_equal(model.dq, expected)
        assert model.dq_def.dtype.names == ("BIT", "VALUE", "NAME", "DESCRIPTION")


@pytest.mark.req("PERS-22")
def test_families_of_traps(tmp_path):
    columns = [(name, "f4") for name in ("capture0", "capture1", "capture2", "decay_param")]
    table = np.array([(180, -0.0004, 60, -0.0005), (150, -0.002, 100, -0.005), (90, -0.02, 200, -0.03)], columns)
    header = fits.Header({"TELESCOP": "JWST", "REFTYPE": "TRAPPARS", "DATAMODL": "TrapParsModel"})
    fits.HDUList([fits.PrimaryHDU(header=header), fits.BinTableHDU(table, name="TRAPPARS")]).writeto(
        tmp_path / "t.fits"
    )
    with datamodels.open(tmp_path / "t.fits") as model:
        assert type(model) is datamodels.TrapParsModel
        for name in table.dtype.names:
            np.testing.assert_array_equal(model.trappars_table[name], table[name])


@pytest.mark.req("GAINSC-06")
def test_a_map_of_gains(tmp_path):
    """One image, its unit in its header, and the keywords by which references are chosen."""
    image = np.random.default_rng(4).uniform(1, 3, (NY, NX)).astype("f4")
    path = write(tmp_path / "gain.fits", "gain", "GainModel", sci=image)
    with fits.open(path, mode="update") as hdus:
        hdus["SCI"].header["BUNIT"] = "ELECTRONS/DN"
        hdus[0].header.update(DETECTOR="NRCA1", SUBARRAY="FULL")
        assert hdus[0].data is None and len(hdus) == 2
    with datamodels.open(path) as model:
        assert type(model) is datamodels.GainModel and model.meta.bunit_data == "ELECTRONS/DN"
        assert (model.meta.instrument.detector, model.meta.subarray.name) == ("NRCA1", "FULL")
        np.testing.assert_array_equal(model.data, image)
        model.save(tmp_path / "again.fits")
    with fits.open(tmp_path / "again.fits") as hdus:
        assert hdus["SCI"].header["BUNIT"] == "ELECTRONS/DN" and hdus["SCI"].data.dtype == ">f4"
        assert [hdu.name for hdu in hdus if hdu.name != "ASDF"] == ["PRIMARY", "SCI"]


RSCD_NUMBERS = """tau ascale pow illum_zp illum_slope illum2 param3 crossopt sat_zp sat_slope sat_2 sat_mzp sat_rowterm
sat_scale""".split()


@pytest.mark.req("RSCD-06")
def test_the_table_of_the_correction_that_was_never_enabled(tmp_path):
    """Its rows are for a subarray, a read-out pattern, and odd or even rows."""
    columns = [("subarray", "S13"), ("readpatt", "S4"), ("rows", "S4"), *((name, "f4") for name in RSCD_NUMBERS)]
    rows = [(b"FULL", b"FAST", parity, *np.random.default_rng(5).random(14)) for parity in (b"EVEN", b"ODD")]
    header = fits.Header({"TELESCOP": "JWST", "REFTYPE": "RSCD", "DATAMODL": "RSCDModel", "INSTRUME": "MIRI"})
    table = np.array(rows, columns)
    path = tmp_path / "rscd.fits"
    fits.HDUList([fits.PrimaryHDU(header=header), fits.BinTableHDU(table, name="RSCD")]).writeto(path)
    with datamodels.open(path) as model:
        assert type(model) is datamodels.RSCDModel and len(model.rscd_table.dtype.names) == 17
        for name in ("subarray", "readpatt", "rows"):
            texts = [text.decode() if isinstance(text, bytes) else text for text in model.rscd_table[name]]
            assert [text.strip() for text in texts] == [text.decode() for text in table[name]]
        for name in RSCD_NUMBERS:
            np.testing.assert_array_equal(model.rscd_table[name], table[name])


@pytest.mark.req("DQINIT-07")
def test_a_mask_has_the_size_of_the_detector_without_the_reference_output(tmp_path):
    own = detector("MIRIMAGE")
    path = tmp_path / "mask.fits"
    write(path, "mask", "MaskModel", dq=np.zeros((own.rows, own.columns), np.uint8))
    ramp = datamodels.RampModel((1, 1, own.rows, own.columns))
    ramp.refout = np.zeros((1, 1, own.rows, own.columns // 4), np.float32)
    assert (own.rows, own.columns) == (1024, 1032)
    assert DQInitStep.call(ramp, override_mask=str(path)).meta.cal_step.dq_init == "COMPLETE"


@pytest.mark.req("DQINIT-06", "SBIAS-07")
def test_references_of_irs2_have_the_size_of_its_frames(tmp_path):
    """Interleaved reference pixels are pixels as any other."""
    shape = (3200, 2048)
    rng = np.random.default_rng(2)
    dq, bias = (rng.random(shape) < 0.01).astype(np.uint8), rng.normal(9000, 9, shape).astype("f4")
    write(tmp_path / "mask.fits", "mask", "MaskModel", "NIRSPEC", dq=dq)
    write(tmp_path / "superbias.fits", "superbias", "SuperBiasModel", "NIRSPEC", sci=bias, err=bias, dq=0 * dq)
    ramp = datamodels.RampModel(np.full((1, 1, *shape), 9010, "f4"))
    ramp.meta.instrument.name, ramp.meta.instrument.detector = "NIRSPEC", "NRS1"
    ramp.meta.exposure.readpatt, ramp.meta.subarray.name = "NRSIRS2RAPID", "FULL"
    where = ramp.meta.subarray
    where.xstart, where.ystart, where.xsize, where.ysize = 1, 1, 2048, 2048
    flagged = DQInitStep.call(ramp, override_mask=str(tmp_path / "mask.fits"))
    np.testing.assert_array_equal(flagged.pixeldq, dq)
    result = SuperBiasStep.call(flagged, override_superbias=str(tmp_path / "superbias.fits"))
    np.testing.assert_array_equal(result.data[0, 0], 9010 - bias)
