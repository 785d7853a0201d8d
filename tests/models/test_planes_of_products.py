"""A product that is opened and saved has the planes that it had, whatever its class."""

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels

_SHAPES = {1: (6,), 2: (4, 5), 3: (2, 4, 5), 4: (2, 3, 4, 5)}


def _filled():
    """Names of the classes that have documented arrays, which are made where a file has none."""
    names = sorted({*datamodels.__all__, *dir(datamodels)})
    return [name for name in names if _has_filled(name, getattr(datamodels, name))]


def _has_filled(name, cls):
    if not isinstance(cls, type) or not issubclass(cls, datamodels.DataModel) or cls.primary not in cls.specs:
        return False
    return cls.__name__ == name and any(getattr(spec, "fill", None) is not None for spec in cls.specs.values())


def _bare(path, name):
    """Write a product of a class with nothing but its primary array, as mosaics and rectified slits are without DQ."""
    cls = getattr(datamodels, name)
    spec = cls.specs[cls.primary]
    shape = next(shape for count, shape in _SHAPES.items() if not spec.ndim or count in spec.ndim)
    whole = cls(np.ones(shape, spec.dtype)).save(path)
    with fits.open(whole) as hdus:
        kept = [hdu for hdu in hdus if hdu.name in ("PRIMARY", "ASDF", *(name.upper() for name in spec.hdus))]
        kept[0].header.pop("NEXTEND", None)
        fits.HDUList(kept).writeto(path, overwrite=True)
    return path


def _planes(path):
    with fits.open(path) as hdus:
        return [hdu.name for hdu in hdus]


@pytest.mark.parametrize("name", _filled())
def test_a_product_keeps_its_planes(tmp_path, name):
    path = _bare(tmp_path / "bare.fits", name)
    model = datamodels.open(path)
    assert model.model_type == name
    model.save(tmp_path / "again.fits")
    assert _planes(tmp_path / "again.fits") == _planes(path)


def test_slits_keep_their_planes(tmp_path):
    whole = datamodels.MultiSlitModel()
    whole.slits = [datamodels.SlitModel(np.ones((4, 5), "f4")) for _ in range(2)]
    whole.save(tmp_path / "whole.fits")
    with fits.open(tmp_path / "whole.fits") as hdus:
        kept = [hdu for hdu in hdus if hdu.name in ("PRIMARY", "SCI", "ASDF")]
        kept[0].header.pop("NEXTEND", None)
        fits.HDUList(kept).writeto(tmp_path / "bare.fits")
    datamodels.open(tmp_path / "bare.fits").save(tmp_path / "again.fits")
    assert _planes(tmp_path / "again.fits") == ["PRIMARY", "SCI", "SCI", "ASDF"]


def test_what_is_used_is_written(tmp_path):
    model = datamodels.open(_bare(tmp_path / "bare.fits", "ImageModel"))
    model.dq[1, 2] = 4
    model.save(tmp_path / "again.fits")
    assert _planes(tmp_path / "again.fits") == ["PRIMARY", "SCI", "DQ", "ASDF"]


def test_a_raw_exposure_as_a_ramp_has_the_planes_of_a_ramp(tmp_path):
    raw = datamodels.Level1bModel(np.ones((1, 3, 4, 5), "u2")).save(tmp_path / "a_uncal.fits")
    datamodels.RampModel(raw).save(tmp_path / "a_ramp.fits")
    assert {"PIXELDQ", "GROUPDQ"} <= set(_planes(tmp_path / "a_ramp.fits"))
