"""Neutral references: for any exposure, and without any change of its counts."""

import numpy as np
import pytest

from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.models.open import open as open_model
from hexcal.models.science import ImageModel, Level1bModel
from hexcal.simulate.exposure import simulate
from hexcal.simulate.mode import exposure_mode
from hexcal.simulate.neutral import neutral_references
from hexcal.simulate.reference_files import save_references


@pytest.mark.parametrize(("instrument", "subarray"), [("NIRCAM", "SUB160"), ("MIRI", "SUB64")])
def test_they_change_nothing(instrument, subarray, tmp_path):
    exposure = simulate(exposure_mode(instrument, subarray_name=subarray, n_groups=3), seed=1).exposure
    references = neutral_references(exposure)
    assert not references["dark"].data.any()
    assert not references["reset" if instrument == "MIRI" else "superbias"].data.any()
    coefficients = references["linearity"].coeffs
    assert (coefficients[0] == 0).all()
    assert (coefficients[1] == 1).all()
    assert (references["saturation"].data == 65535).all()
    assert references["ipc"].data.sum() == references["ipc"].data[1, 1] == 1
    save_references(references, tmp_path)
    mask = open_model(tmp_path / "mask.fits").cutout(exposure)
    assert np.array_equal(
        (mask.dq & pixel.REFERENCE_PIXEL) != 0, exposure_mode(instrument, subarray_name=subarray).reference_pixels()
    )
    for path in tmp_path.iterdir():
        assert open_model(path).meta.reftype == path.stem.upper()


def test_other_instruments():
    exposure = Level1bModel(np.zeros((1, 2, 64, 2048), np.uint16))
    exposure.meta.instrument.name, exposure.meta.instrument.detector = "NIRISS", "NIS"
    exposure.meta.subarray.name, exposure.meta.subarray.xstart, exposure.meta.subarray.ystart = "SUBSTRIP96", 1, 1803
    references = neutral_references(exposure)
    assert references["gain"].shape == (64, 2048)
    assert references["mask"].meta.subarray.fastaxis == -2


def test_what_is_missing_is_named():
    with pytest.raises(InputError, match="INSTRUME"):
        neutral_references(Level1bModel(np.zeros((1, 2, 8, 8), np.uint16)))
    image = ImageModel(np.zeros((8, 8), np.float32))
    image.meta.instrument.name, image.meta.instrument.detector = "NIRCAM", "NRCA1"
    with pytest.raises(InputError, match="ramps"):
        neutral_references(image)
