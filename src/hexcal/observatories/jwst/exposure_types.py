"""The exposure types (EXP_TYPE) and the pipelines they go through."""

import os
from functools import cache
from typing import NamedTuple

from hexcal.errors import InputError, unknown_name
from hexcal.observatories.base import read_table

__all__ = ["ExposureType", "exposure_type", "exposure_types", "is_tso", "pipelines"]


class ExposureType(NamedTuple):
    """What an exposure type says about the processing.

    `stage1` is ``detector1``, ``dark`` or ``guider``; `stage2`, `stage3` and `stage3_tso` are names such as ``image2``
    or None. `tso` is ``always``, ``never``, or ``visit`` where the keyword TSOVISIT decides. `is_ifu`: slope images are
    IFU images. `documented`: listed in table 3 of the section on pipelines against exposure types; other rows are legal
    values of EXP_TYPE, routed like their kin.
    """

    name: str
    instrument: str
    stage1: str
    stage2: str | None
    stage3: str | None
    stage3_tso: str | None
    tso: str
    is_ifu: bool
    documented: bool


@cache
def _table():
    filename = os.path.join(os.path.dirname(os.path.abspath(__file__)), "exposure_types.tsv")
    columns = ("exp_type", "instrument", "stage1", "stage2", "stage3", "stage3_tso", "tso", "ifu", "documented", "wcs")
    return {
        name: ExposureType(
            name,
            instrument,
            stage1,
            stage2 or None,
            stage3 or None,
            stage3_tso or None,
            tso,
            ifu == "yes",
            documented == "yes",
        )
        for name, instrument, stage1, stage2, stage3, stage3_tso, tso, ifu, documented, _ in read_table(
            filename, columns
        )
    }


def exposure_types(stage1=None):
    """Return the names of all exposure types, or of those of one stage 1 pipeline.

    The pipelines are ``detector1``, ``dark`` and ``guider``.
    """
    return tuple(name for name, row in _table().items() if stage1 is None or row.stage1 == stage1)


def exposure_type(name):
    """Return the `ExposureType` of this name (value of EXP_TYPE).

    Raises
    ------
    InputError
        If it is not an exposure type.
    """
    facts = _table().get(str(name).strip().upper())
    if facts is None:
        raise unknown_name("exposure type", name, _table(), where="EXP_TYPE", error=InputError)
    return facts


def is_tso(name, tsovisit=None):
    """Whether an exposure is a time series.

    Parameters
    ----------
    name : str
        Value of EXP_TYPE.
    tsovisit : bool or None
        Value of TSOVISIT; asked only where the exposure type leaves it open.
    """
    rule = exposure_type(name).tso
    return rule == "always" or (rule == "visit" and bool(tsovisit))


def pipelines(name, tsovisit=None):
    """Return the pipelines of an exposure, in order.

    Parameters
    ----------
    name : str
        Value of EXP_TYPE.
    tsovisit : bool or None
        Value of TSOVISIT.

    Returns
    -------
    tuple of str
        Such as ``("calwebb_detector1", "calwebb_image2", "calwebb_image3")``.
    """
    row = exposure_type(name)
    last = row.stage3_tso if is_tso(name, tsovisit) else row.stage3
    return tuple(f"calwebb_{stage}" for stage in (row.stage1, row.stage2, last) if stage)
