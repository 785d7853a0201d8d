"""The plug-in of TMT: tables consistent in themselves, complete for the mappings, and found as any plug-in is."""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hexcal import observatories
from hexcal.observatories import tmt
from hexcal.observatories.tmt.calibrations import calibrations

KEYWORDS = observatories.get("tmt").keywords
SOURCE = Path(observatories.__file__).parents[1]


def test_found_by_entry_point():
    points = {point.name: point.value for point in importlib.metadata.entry_points(group=observatories.GROUP)}
    assert points["tmt"] == "hexcal.observatories.tmt:observatory"
    assert observatories.get("TMT") is tmt.observatory
    assert observatories.get("ligeriri") is tmt.ligeriri
    assert observatories.of_header({"TELESCOP": "TMT"}) is tmt.observatory
    assert observatories.of_header({"TELESCOP": "Keck"}) is tmt.ligeriri
    assert set(observatories.names()) >= {"jwst", "tmt", "ligeriri"}


def test_every_card_and_path_stands_once():
    assert len({(row.keyword, row.hdu) for row in KEYWORDS}) == len(KEYWORDS)
    assert len({row.path for row in KEYWORDS}) == len(KEYWORDS)


def test_rows_are_legal():
    for row in KEYWORDS:
        assert re.fullmatch(r"[A-Z0-9_-]{1,8}", row.keyword), row
        assert re.fullmatch(r"meta(\.[a-z0-9_]+)+", row.path), row
        assert row.type in ("str", "int", "float", "bool"), row
        assert (row.comment + row.section).isascii(), row
        assert row.comment, row
        assert not KEYWORDS.is_branch(row.path), row


@pytest.mark.req("TMT-02")
@pytest.mark.parametrize("observatory", ["tmt", "ligeriri"])
def test_every_parameter_of_the_mappings_has_a_keyword(real_data, observatory):
    """Instruments and types stand in the mappings; what the plug-in adds is where the header has each parameter."""
    parameters = set()
    for path in (real_data / "crds_cache" / "mappings" / observatory).glob("*.[pr]map"):
        text = path.read_text()
        parkey = ast.literal_eval(text[text.index("(", text.index("'parkey'")) : _end_of_parkey(text)])
        parameters |= {name for group in parkey for name in ([group] if isinstance(group, str) else group)}
    assert {"META.INSTRUMENT.NAME", "META.INSTRUMENT.DETECTOR", "META.SUBARRAY.NAME"} <= parameters
    for name in parameters:
        assert observatories.get(observatory).keywords.of_path(name.lower()), name


def _end_of_parkey(text):
    depth, start = 0, text.index("(", text.index("'parkey'"))
    for position in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return position + 1
    raise AssertionError("no end")


@pytest.mark.req("TMT-02")
def test_no_line_about_them_outside_the_plug_in():
    for room in ("kernels", "models", "references", "core", "steps", "pipelines"):
        for path in (SOURCE / room).rglob("*.py"):
            found = re.search(r"(?i)\b(tmt|liger\w*|iris\w*)\b", path.read_text(encoding="utf-8"))
            assert found is None, f"{path}: {found[0]}"


def test_rules_of_associations_are_in_modules_of_their_own():
    for path in (SOURCE / "associations").rglob("*.py"):
        found = re.search(r"(?i)\b(tmt|liger\w*|iris\w*)\b", path.read_text(encoding="utf-8"))
        assert found is None or path.name.startswith("iris"), f"{path}: {found[0]}"


@pytest.mark.req("TMT-05")
def test_calibrations():
    known = calibrations()
    assert set(known) == {
        "atmospheric dispersion residual",
        "arc lamp spectra",
        "bad pixel map",
        "dark frame",
        "environment metadata",
        "fiber image",
        "flux calibration star",
        "instrument configuration",
        "lenslet scan",
        "NFIRAOS configuration",
        "pinhole grid",
        "PSF metadata",
        "PSF star",
        "sky frame",
        "telescope pointing configuration",
    }
    assert {name for name, one in known.items() if one.spectrograph_only} == {"arc lamp spectra", "lenslet scan"}
    assert {name for name, one in known.items() if not one.real_time} == {
        "fiber image",
        "flux calibration star",
        "lenslet scan",
        "pinhole grid",
        "PSF metadata",
        "PSF star",
    }
    assert (known["sky frame"].kind, known["sky frame"].source) == ("image or cube", "on sky")


PLUGIN = '''
import os

from hexcal.datamodels import ImageModel
from hexcal.observatories import Observatory

observatory = Observatory("elt", "ELT", os.path.dirname(__file__), ("MICADO",))


class Frame(ImageModel):
    """A frame with a question of its own."""

    @property
    def is_dark(self):
        return self.meta.exposure.type == "DARK"
'''
# A dash for an empty cell.
TABLES = {
    "keywords.tsv": """path keyword hdu type allowed comment section models
meta.telescope TELESCOP PRIMARY str - - - -
meta.instrument.name INSTRUME PRIMARY str - - - -
meta.exposure.type EXP_TYPE PRIMARY str SCI|DARK - - -
meta.model_type DATAMODL PRIMARY str - - - -
meta.date DATE PRIMARY str - - - -
meta.filename FILENAME PRIMARY str - - - -""",
    "models.tsv": """model base reftype comment
MicadoModel elt_plugin:Frame - Frame
MicadoSpareModel MicadoModel - Spare""",
    "model_arrays.tsv": """model name hdu dtype dimensions fill shape
MicadoModel data SCI f4 2 - primary
MicadoSpareModel spare SPARE f4 1|2 7 whole""",
}
USE = """
import sys
import numpy as np
from hexcal import datamodels, observatories
assert "elt" in observatories.names(), observatories.names()
model = datamodels.MicadoSpareModel(np.ones((2, 3), "f4"))
assert model.meta.instrument.name == "MICADO"
model.meta.exposure.type = "DARK"
model.save(sys.argv[1])
again = datamodels.open(sys.argv[1])
assert type(again) is datamodels.MicadoSpareModel and again.is_dark, again
assert again.spare.tolist() == [[7] * 3] * 2
print(again)
"""


def test_another_plug_in_is_installed_and_brings_its_models(tmp_path):
    """A package that nobody here knows: tables, an entry point, and a class that a model of its tables extends."""
    package, info = tmp_path / "elt_plugin", tmp_path / "elt_plugin-1.0.dist-info"
    package.mkdir()
    info.mkdir()
    (package / "__init__.py").write_text(PLUGIN)
    for name, text in TABLES.items():
        (package / name).write_text(text.replace(" ", "\t").replace("-", "") + "\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elt-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hexcal.observatories]\nelt = elt_plugin:observatory\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    words = [sys.executable, "-c", USE, str(tmp_path / "x.fits")]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "<MicadoSpareModel(2, 3) from x.fits>" in done.stdout
