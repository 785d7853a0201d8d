"""A mask that has nothing but the reference pixels: where there is none yet, and where one would hide bad pixels.

The step that corrects by reference pixels knows them by their flag in the mask.
"""

from pathlib import Path
from typing import Any

import numpy as np

from hexcal.core.names import make_folder
from hexcal.models.dqflags import pixel
from hexcal.models.reference import MaskModel
from hexcal.reffiles.flags import definitions

FOLDER = "first_mask"


def path_of(folder: Path, exposure: Any) -> Path:
    """Return where the mask for the detector and window of an exposure (`Input`) is."""
    names = [exposure.value(key).lower() for key in ("DETECTOR", "SUBARRAY", "SUBSTRT1", "SUBSTRT2")]
    return folder / FOLDER / f"{'_'.join(name for name in names if name)}.fits"


def write(folder: Path, demand: Any) -> None:
    """Write the mask that the run for a `Demand` uses, if it uses one and it is not there."""
    from hexcal.models.open import open as open_model

    exposure = demand.member
    path = path_of(folder, exposure)
    if ("mask", str(path)) not in demand.references or path.is_file():
        return
    source: Any = open_model(exposure.path)
    make_folder(path.parent)
    of_exposure(source).save(path)


def of_exposure(source: Any) -> Any:
    """Return the mask for the detector and window of an exposure (a model)."""
    shape, meta = source.shape_of("data")[-2:], source.meta
    facts = source.observatory.detector(meta.instrument.detector)
    rows = np.arange(shape[0]) + (meta.subarray.ystart or 1) - 1
    columns = np.arange(shape[1]) + (meta.subarray.xstart or 1) - 1
    dq = np.zeros(shape, np.uint32)
    if shape[0] <= facts.rows:
        # Frames with interleaved reference pixels are taken apart by the step that corrects by them.
        dq[(rows < facts.bottom) | (rows >= facts.rows - facts.top)] = pixel.REFERENCE_PIXEL
        dq[:, (columns < facts.left) | (columns >= facts.columns - facts.right)] = pixel.REFERENCE_PIXEL
    mask = MaskModel(dq=dq, dq_def=definitions("DO_NOT_USE", "REFERENCE_PIXEL"))
    own = mask.meta
    own.telescope, own.instrument.name = meta.telescope, meta.instrument.name
    own.instrument.detector, own.subarray.name = meta.instrument.detector, meta.subarray.name
    for name in ("xstart", "ystart", "xsize", "ysize", "fastaxis", "slowaxis"):
        setattr(own.subarray, name, getattr(meta.subarray, name))
    own.reftype, own.pedigree, own.useafter = "MASK", "DUMMY", "2015-01-01T00:00:00"
    own.author, own.description = "Hexcal", "Reference pixels only, to begin with"
    return mask
