"""A look within minutes: only the first groups of a ramp are read."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.models.open import open as open_model


@contextlib.contextmanager
def with_first_groups(path: str | os.PathLike[str], groups: int) -> Iterator[str]:
    """Make a copy of a raw exposure that has only its first groups, under its name in a folder that goes away.

    Parameters
    ----------
    path : path-like
        The raw exposure.
    groups : int
        How many groups are kept; all, if it has no more.

    Yields
    ------
    str
        Path of the copy.
    """
    ramp: Any = open_model(path)
    n_groups = ramp.meta.exposure.ngroups or ramp.shape_of("data")[1]
    if n_groups <= groups:
        yield str(path)
        return
    short = type(ramp)(ramp.read("data", np.s_[:, :groups]))
    short.update(ramp)
    for name in ("zeroframe", "int_times"):
        if name in ramp.specs and ramp.has(name):
            setattr(short, name, getattr(ramp, name))
    if "refout" in ramp.specs and ramp.has("refout"):
        short.refout = ramp.read("refout", np.s_[:, :groups])
    if "group" in ramp.specs and ramp.has("group"):
        groups_of: Any = ramp.group
        short.group = groups_of[groups_of["group_number"] <= groups]
    short.meta.exposure.ngroups = groups
    time = ramp.meta.exposure.group_time
    if time:
        short.meta.exposure.integration_time = time * groups
        short.meta.exposure.exposure_time = time * groups * (ramp.meta.exposure.nints or 1)
    with tempfile.TemporaryDirectory(prefix="hexcal-quick-") as folder:
        copy = Path(folder, Path(path).name)
        short.save(copy)
        yield str(copy)
