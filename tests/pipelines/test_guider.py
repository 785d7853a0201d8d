"""calwebb_guider: order, products, what it takes."""

import numpy as np
import pytest
from astropy.io import fits
from exposures import NIRCAM, write_references, write_uncal

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.errors import InputError
from hexcal.observatories.jwst.exposure_types import exposure_types, pipelines
from hexcal.pipeline import GuiderPipeline

FGS = {"INSTRUME": "FGS", "DETECTOR": "GUIDER1", "FASTAXIS": -2, "SLOWAXIS": -1}
TABLES = {
    "FGS_ID-IMAGE": {"Flight Reference Stars": 4, "Planned Reference Stars": 10},
    "FGS_ID-STACK": {"Flight Reference Stars": 4, "Planned Reference Stars": 10},
    "FGS_TRACK": {"Pointing": 12, "FGS Centroid Packet": 17, "Track subarray table": 5},
    "FGS_FINEGUIDE": {"Pointing": 12, "FGS Centroid Packet": 17},
}
SHAPES = {"FGS_FINEGUIDE": (5, 8, 8, 8), "FGS_ACQ1": (6, 2, 16, 24), "FGS_TRACK": (7, 2, 16, 24)}
NAMES = {
    "FGS_ID-IMAGE": "gs-id_1_image-",
    "FGS_ID-STACK": "gs-id_1_stacked-",
    "FGS_ACQ1": "gs-acq1_2022123010203_",
    "FGS_ACQ2": "gs-acq2_2022123010203_",
    "FGS_TRACK": "gs-track_2022123010203_",
    "FGS_FINEGUIDE": "gs-fg_2022123010203_",
}


def table(name, n_columns):
    columns = [fits.Column(f"value_{i}", "D", array=np.arange(3.0) + i, unit="mas") for i in range(n_columns - 1)]
    columns.append(fits.Column("label", "23A", array=np.array(["a", "bc", ""])))
    return fits.BinTableHDU.from_columns(columns, name=name)


def write_exposure(folder, function):
    shape = SHAPES.get(function, (2, 2, 16, 24))
    data = np.full(shape, 1000, np.uint16)
    data[:, shape[1] // 2 :] += (20 * np.arange(1, shape[0] + 1))[:, None, None, None].astype(np.uint16)
    name = f"jw00001001001_{NAMES[function]}uncal.fits"
    extra = [table(name, number) for name, number in TABLES.get(function, {}).items()]
    write_references(folder / "refs", shape, FGS, flat=np.full(shape[-2:], 2, "f4"))
    header = {"EXP_TYPE": function, "TGROUP": 0.5, "READPATT": "FGS", "DATAMODL": "GuiderRawModel"}
    return write_uncal(folder, data=data, mode=FGS, name=name, extra=extra, **header)


@pytest.mark.req("GUIDER-01", "GUIDER-05")
def test_steps_and_exposure_types():
    assert list(GuiderPipeline.step_defs) == ["dq_init", "guider_cds", "flat_field"]
    assert set(exposure_types("guider")) == set(NAMES)
    assert all(pipelines(function) == ("calwebb_guider",) for function in NAMES)


@pytest.mark.req("GUIDER-03", "GUIDER-04", "GUIDER-06", "GS-17", "GS-04")
@pytest.mark.parametrize("function", NAMES)
def test_products_of_all_functions(function, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write_exposure(tmp_path, function)
    assert main(["run", "calwebb_guider", str(path), "--references=refs"]) == 0
    with fits.open(tmp_path / f"jw00001001001_{NAMES[function]}cal.fits") as product, fits.open(path) as raw:
        nints, _, ny, nx = raw["SCI"].data.shape
        nints = 1 if "_ID-" in function else nints
        assert product["SCI"].data.shape == product["ERR"].data.shape == (nints, ny, nx)
        assert product["DQ"].data.shape == (ny, nx)
        assert [product[name].data.dtype.newbyteorder("=") for name in ("SCI", "ERR", "DQ")] == ["f4", "f4", "u4"]
        assert np.allclose(product["SCI"].data[0], 20 / 0.5 / 2)
        assert product[0].header["DATAMODL"] == "GuiderCalModel"
        assert product["SCI"].header["BUNIT"] == "DN/s"
        assert [product[0].header[key] for key in ("S_DQINIT", "S_GUICDS", "S_FLAT")] == ["COMPLETE"] * 3
        for name, number in TABLES.get(function, {}).items():
            assert len(product[name].columns) == number
            assert product[name].columns.units == raw[name].columns.units
            assert all((product[name].data[key] == raw[name].data[key]).all() for key in raw[name].columns.names)
        assert len(product) == 5 + len(TABLES.get(function, {}))


def test_an_exposure_of_the_sky_is_refused(tmp_path):
    write_uncal(tmp_path, mode=NIRCAM, name="x_uncal.fits")
    with pytest.raises(InputError, match="GuiderRawModel"):
        GuiderPipeline.call(tmp_path / "x_uncal.fits", references=str(tmp_path))


@pytest.mark.parametrize("profile", [None, "3.0.0", "recommended"])
def test_a_real_exposure_of_acquisition(profile, real_data, tmp_path):
    path = real_data / "stage1" / "fgs_acq1_uncal.fits"
    raw = datamodels.open(path)
    ny, nx = raw.shape[-2:]
    mode = {**FGS, "DETECTOR": raw.meta.instrument.detector}
    references = write_references(tmp_path / "refs", raw.shape, mode, flat=np.ones((ny, nx), "f4"))
    for name in ("mask", "flat", "gain", "readnoise"):
        with fits.open(references / f"{name}.fits", mode="update") as file:
            for key in ("SUBSTRT1", "SUBSTRT2"):
                file[0].header[key] = raw.meta.subarray.xstart if key[-1] == "1" else raw.meta.subarray.ystart
    result = GuiderPipeline.call(path, references=str(references), profile=profile)
    assert result.shape == (6, 128, 128)
    reads = raw.data.astype(np.float32)
    assert np.allclose(result.data, (reads[:, 1] - reads[:, 0]) / raw.meta.exposure.group_time)
    # The guide star: where the counts are highest in all six integrations.
    peaks = {tuple(np.unravel_index(np.argmax(image), image.shape)) for image in result.data}
    assert len({(y // 8, x // 8) for y, x in peaks}) <= 4
    assert (result.err > 0).all()
