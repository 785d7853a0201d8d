#!/usr/bin/env python
"""Open products with the data models of the reference implementation. Runs in its private environment.

$PEER parity/reader.py FILE...     prints a JSON list of {"file", "model", "error"}
"""

import json
import sys
import warnings

import numpy as np
from astropy.io import fits
from stdatamodels.jwst import datamodels


def open_one(path):
    """Name of the model class; raises if an array or a keyword is not what the file holds."""
    with warnings.catch_warnings():
        # Values that its schema does not accept come as warnings.
        warnings.simplefilter("error", category=UserWarning)
        with datamodels.open(path) as model, fits.open(path) as hdus:
            name = "data" if model.hasattr("data") else "slope"
            first = hdus[1].data
            if not np.array_equal(getattr(model, name), first, equal_nan=True):
                raise ValueError(f"{name} is not the array of extension {hdus[1].name}")
            header = hdus[0].header
            for keyword, value in (
                ("INSTRUME", model.meta.instrument.name),
                ("NGROUPS", model.meta.exposure.ngroups),
                ("S_JUMP", model.meta.cal_step.jump),
                ("R_GAIN", model.meta.ref_file.gain.name),
            ):
                if header.get(keyword) != value:
                    raise ValueError(f"{keyword} is {header.get(keyword)!r} in the file and {value!r} in the model")
            return type(model).__name__


def main():
    report = []
    for path in sys.argv[1:]:
        try:
            report.append({"file": path, "model": open_one(path), "error": ""})
        except Exception as error:
            report.append({"file": path, "model": "", "error": f"{type(error).__name__}: {error}"})
    print(json.dumps(report))


if __name__ == "__main__":
    main()
