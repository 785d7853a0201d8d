"""targ_centroid: a star at a known place of a verification image, and where it is in the spectrum's exposure."""

import asdf
import miri_spectra as miri
import numpy as np
import pytest
from sky_projections import tangent_plane

from hexcal import datamodels
from hexcal.models.dqflags import pixel
from hexcal.step import TargCentroidStep

SHAPE = (80, 90)
CENTRE = (50.0, 40.0)
SCALE = 0.11 / 3600


def image(x=52.3, y=38.6, **meta):
    """A verification image whose pixel `CENTRE` looks at the target."""
    yy, xx = np.mgrid[: SHAPE[0], : SHAPE[1]]
    data = 1e4 * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * 1.3**2))
    data += np.random.default_rng(1).normal(0, 1, SHAPE)
    model = datamodels.ImageModel(data.astype("f4"))
    model.dq = np.zeros(SHAPE, "u4")
    model.update({"meta": {"telescope": "JWST", "instrument": {"name": "MIRI", "detector": "MIRIMAGE"}}})
    model.meta.instrument.filter, model.meta.exposure.type = "F560W", "MIR_TACONFIRM"
    model.meta.wcs = tangent_plane(ra=53.16, dec=-27.79, scale=SCALE, centre=CENTRE, shape=SHAPE)
    for path, value in meta.items():
        model.set_meta(f"meta.{path.replace('__', '.')}", value)
    return model


@pytest.fixture
def folder(tmp_path):
    meta = {"telescope": "JWST", "instrument": {"name": "MIRI", "detector": "MIRIMAGE"}, "reftype": "filteroffset"}
    meta |= {"author": "test", "description": "test", "pedigree": "DUMMY", "useafter": "2020-01-01T00:00:00"}
    filters = [{"filter": "F560W", "pupil": "N/A", "column_offset": -0.08, "row_offset": -0.06}]
    tree = {"meta": {**meta, "model_type": "FilteroffsetModel"}, "filters": filters}
    asdf.AsdfFile(tree).write_to(tmp_path / "filteroffset.asdf")
    return tmp_path


def run(folder, science=None, **parameters):
    science = miri.lrs_exposure() if science is None else science
    return TargCentroidStep.call(science, references=str(folder), **{"skip": False, **parameters})


def positions(model):
    return [model.get_meta(name) for name in ("ta_xpos", "ta_ypos", "source_xpos", "source_ypos")]


def test_a_known_star(folder):
    path = image().save(folder / "ta_rate.fits")
    result = run(folder, ta_file=path)
    assert positions(result) == pytest.approx([52.3, 38.6, 52.22, 38.54], abs=2e-3)
    assert result.meta.cal_step.targ_centroid == "COMPLETE"
    again = datamodels.open(result.save(folder / "a_targ_centroid.fits"))
    assert positions(again) == positions(result)
    given = TargCentroidStep(skip=False, references=str(folder)).run(miri.lrs_exposure(), target_acquisition=image())
    assert positions(given) == positions(result)


def test_the_dither_and_the_subarray_move_it(folder):
    path = image(dither__x_offset=-0.55, subarray__xstart=11, subarray__ystart=21).save(folder / "ta_rate.fits")
    science = miri.lrs_exposure("MIR_LRS-SLITLESS", nints=2)
    science.meta.dither.x_offset = 0.55
    science.meta.subarray.xstart, science.meta.subarray.ystart = 1, 1
    assert positions(run(folder, science, ta_file=path))[2:] == pytest.approx([72.22, 58.54], abs=5e-3)


def test_bad_pixels_do_not_move_it(folder):
    model = image()
    model.data[36, 55], model.dq[36, 55], model.data[41, 49] = 1e6, pixel.DO_NOT_USE, np.nan
    result = run(folder, ta_file=model.save(folder / "ta_rate.fits"))
    assert positions(result)[:2] == pytest.approx([52.3, 38.6], abs=5e-3)


def test_what_it_cannot_do_is_said(folder, caplog):
    assert run(folder).meta.cal_step.targ_centroid == "SKIPPED" and "ta_file" in caplog.text
    path = image(exposure__type="MIR_TACQ").save(folder / "acq_rate.fits")
    assert run(folder, ta_file=path).meta.cal_step.targ_centroid == "SKIPPED" and "MIR_TACONFIRM" in caplog.text
    far = miri.lrs_exposure(ra_ref=53.2)
    path = image().save(folder / "ta_rate.fits")
    assert run(folder, far, ta_file=path).meta.cal_step.targ_centroid == "SKIPPED"
    assert "not enough usable pixels" in caplog.text
    model = image()
    model.meta.wcs = None
    path = model.save(folder / "without_rate.fits")
    assert run(folder, ta_file=path).meta.cal_step.targ_centroid == "SKIPPED" and "no coordinates" in caplog.text
    other = miri.mrs_exposure()
    other = datamodels.ImageModel(other)
    assert run(folder, other, ta_file=path).meta.cal_step.targ_centroid == "SKIPPED"


def test_it_is_off_by_default_and_leaves_the_input_alone(folder):
    science = miri.lrs_exposure()
    meta = science.to_flat_dict(include_arrays=False)
    path = image().save(folder / "ta_rate.fits")
    off = TargCentroidStep.call(science, references=str(folder), ta_file=path)
    assert off.meta.cal_step.targ_centroid == "SKIPPED"
    run(folder, science, ta_file=path)
    assert science.to_flat_dict(include_arrays=False) == meta
