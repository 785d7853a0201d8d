"""Types of reference files of the detector steps.

By what the real rules choose them, which step asks for them, which model opens them, what certify wants.
"""

import numpy as np
import pytest
from astropy.io import fits
from delivered_files import dark

from hexcal import datamodels, step
from hexcal.references.context import keywords_of, open_context
from hexcal.references.delivery.certify import certify

INSTRUMENTS = ("FGS", "MIRI", "NIRCAM", "NIRISS", "NIRSPEC")
WINDOW = "SUBSTRT1 SUBSTRT2 SUBSIZE1 SUBSIZE2"
# Step, keywords that decide by instrument ("" for all others; None: no such references), model, arrays: name ->
# dimensions.
TYPES = {
    "ipc": ("IPCStep", {"": "DETECTOR"}, "IPCModel", {"SCI": 2}),
    "linearity": (
        "LinearityStep",
        {"MIRI": "DETECTOR SUBARRAY BAND FILTER", "": "DETECTOR SUBARRAY"},
        "LinearityModel",
        {"COEFFS": 3, "DQ": 2},
    ),
    "mask": (
        "DQInitStep",
        {"FGS": "DETECTOR SUBARRAY EXP_TYPE", "NIRSPEC": "DETECTOR SUBARRAY READPATT", "": "DETECTOR SUBARRAY"},
        "MaskModel",
        {"DQ": 2},
    ),
    # The documents do not say what decides about it, and the rules of this context have none.
    "reset": ("ResetStep", {"": None}, "ResetModel", {"SCI": 4, "ERR": 4, "DQ": 2}),
    "saturation": (
        "SaturationStep",
        {"NIRSPEC": "DETECTOR SUBARRAY", "": "DETECTOR"},
        "SaturationModel",
        {"SCI": 2, "DQ": 2},
    ),
    "superbias": (
        "SuperBiasStep",
        {"MIRI": None, "NIRSPEC": f"DETECTOR READPATT SUBARRAY {WINDOW}", "": "DETECTOR READPATT SUBARRAY"},
        "SuperBiasModel",
        {"SCI": 2, "ERR": 2, "DQ": 2},
    ),
}


@pytest.fixture
def real(real_data, monkeypatch):
    """The newest real context."""
    return open_context("newest", str(real_data / "crds_cache"), "jwst")


def reference(path, kind):
    """A file in the documented layout."""
    _, _, model, arrays = TYPES[kind]
    window = (3, 3) if kind == "ipc" else (6, 8)
    made = {
        name: np.ones((*(4,) * (dimensions - 2), *window), "u4" if name == "DQ" else "f4")
        for name, dimensions in arrays.items()
    }
    drop = {"SCI", "ERR", "DQ", *(() if "DQ" in arrays else ("DQ_DEF",))} - made.keys()
    keywords = {"REFTYPE": kind.upper(), "DATAMODL": model, "FILENAME": path.name, "EXP_TYPE": "NRC_IMAGE"}
    if kind == "reset":
        keywords |= {"INSTRUME": "MIRI", "DETECTOR": "MIRIMAGE", "FASTAXIS": 1, "EXP_TYPE": "MIR_IMAGE"}
        keywords |= {"READPATT": "FAST", "P_READPA": None, "SUBARRAY": "CUSTOM"}
    return dark(path, drop, made, **keywords)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("ipc", marks=pytest.mark.req("RT-19")),
        pytest.param("linearity", marks=pytest.mark.req("RT-20")),
        pytest.param("mask", marks=pytest.mark.req("RT-21")),
        pytest.param("reset", marks=pytest.mark.req("RT-34")),
        pytest.param("saturation", marks=pytest.mark.req("RT-36")),
        pytest.param("superbias", marks=pytest.mark.req("RT-40")),
    ],
)
def test_a_type_of_the_detector_steps(kind, real, tmp_path):
    name, deciding, model, arrays = TYPES[kind]
    assert kind in getattr(step, name).reference_types
    for instrument in INSTRUMENTS:
        wanted = deciding.get(instrument, deciding[""])
        rules = real.rules(instrument, kind)
        if wanted is None:
            assert rules == "N/A"
            continue
        keywords = {name for parameter in rules.parameters for name in keywords_of("jwst", parameter)[:1]}
        assert keywords == {*wanted.split(), "DATE-OBS", "TIME-OBS"}, instrument
    path = reference(tmp_path / f"{kind}.fits", kind)
    opened = datamodels.open(path)
    assert type(opened).__name__ == model
    for extension, dimensions in arrays.items():
        assert getattr(opened, "data" if extension == "SCI" else extension.lower()).ndim == dimensions
    assert [str(finding) for finding in certify(path, "jwst").errors] == []
    with fits.open(path, mode="update") as hdus:
        del hdus[next(iter(arrays))]
    assert [finding.where for finding in certify(path, "jwst").errors] == [next(iter(arrays))]
