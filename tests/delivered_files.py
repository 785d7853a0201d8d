"""Reference files as they are delivered, and with faults, for tests."""

import numpy as np
from astropy.io import fits

HISTORY = ("DOCUMENT: report 12", "SOFTWARE: darks 1.0", "DATA USED: jw1, jw2", "DIFFERENCES: none")
FLAGS = ((0, 1, "DO_NOT_USE", "bad"), (1, 2, "HOT", "hot"))


def dark(path, drop=(), arrays=None, flags=FLAGS, history=HISTORY, **changes):
    """A right dark for NRCA1, SUB64P, with changed keywords (None leaves one out).

    Or without some extensions, or with other arrays.
    """
    keywords = {
        "TELESCOP": "JWST",
        "INSTRUME": "NIRCAM",
        "DETECTOR": "NRCA1",
        "REFTYPE": "DARK",
        "DATAMODL": "DarkModel",
        "DATE": "2024-01-01T00:00:00",
        "FILENAME": "dark.fits",
        "USEAFTER": "2023-04-05T06:07:08",
        "PEDIGREE": "INFLIGHT 2022-06-05 2022-06-07",
        "AUTHOR": "A. Nother",
        "DESCRIP": "mean of 20 darks",
        "READPATT": "RAPID",
        "P_READPA": "RAPID|BRIGHT1|",
        "SUBARRAY": "SUB64",
        "SUBSTRT1": 1,
        "SUBSTRT2": 1,
        "SUBSIZE1": 8,
        "SUBSIZE2": 6,
        "FASTAXIS": -1,
        "SLOWAXIS": 2,
        **changes,
    }
    header = fits.Header({name: value for name, value in keywords.items() if value is not None})
    for line in history:
        header["HISTORY"] = line
    quality = np.zeros((6, 8), "u4")
    quality[0, 0] = 1
    data = {"SCI": np.ones((3, 6, 8), "f4"), "ERR": np.full((3, 6, 8), 0.1, "f4"), "DQ": quality, **(arrays or {})}
    hdus = [fits.PrimaryHDU(header=header)]
    hdus += [fits.ImageHDU(array, name=name) for name, array in data.items() if name not in drop]
    if "DQ_DEF" not in drop:
        table = np.array(list(flags), [("BIT", "i4"), ("VALUE", "u4"), ("NAME", "S40"), ("DESCRIPTION", "S80")])
        hdus.append(fits.BinTableHDU(table, name="DQ_DEF"))
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return str(path)


def told(made, level="errors"):
    return [(finding.where, finding.text) for finding in getattr(made, level)]
