"""Inputs that were once reported as faults of the program: each is now understood, or refused in words that name it."""

import contextlib

import numpy as np
import pytest
from astropy.io import fits
from exposures import write_references, write_uncal

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.errors import HexcalError
from hexcal.models import bounds
from hexcal.step import JumpStep, SuperBiasStep

RAW = "x_uncal.fits"
RUN = ["run", "calwebb_detector1", RAW]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEXCAL_REFERENCES", str(write_references(tmp_path / "refs")))
    write_uncal(tmp_path, name=RAW)
    (tmp_path / "binary.cfg").write_bytes(bytes(range(256)))
    return tmp_path


def put_card(name, card, hdu=0):
    """Put 80 characters in place of a card of the raw file."""
    with fits.open(RAW) as hdus:
        start = hdus[hdu].fileinfo()["hdrLoc"]
    content = bytearray((path := datamodels.open(RAW).path).read_bytes())
    place = content.index(f"{name:8s}=".encode(), start)
    content[place : place + 80] = card.ljust(80).encode()
    path.write_bytes(content)


def eight_bits():
    with fits.open(RAW) as hdus:
        hdus["SCI"].data = (hdus["SCI"].data % 200).astype("u1")
        hdus.writeto(RAW, overwrite=True)


def with_asdf_text(text):
    tree = np.frombuffer(text.encode(), "u1")
    table = fits.BinTableHDU.from_columns(
        [fits.Column("ASDF_METADATA", f"{tree.size}B", array=tree[None])], name="ASDF"
    )
    with fits.open(RAW) as hdus:
        fits.HDUList([*(hdu.copy() for hdu in hdus), table]).writeto(RAW, overwrite=True)


def deep_association():
    with open("deep_asn.json", "w") as stream:
        stream.write("[" * 5000 + "]" * 5000)


HEAD = "#ASDF 1.0.0\n#ASDF_STANDARD 1.5.0\n%YAML 1.1\n--- \n"
COMMANDS = {
    "TFRAME = NAN, bare": (lambda: put_card("TFRAME", "TFRAME  = NAN"), RUN),
    "three numbers in one": (lambda: put_card("TFRAME", "TFRAME  = 1.0.0"), RUN),
    "a quote without end": (lambda: put_card("FILTER", "FILTER  = 'F200W"), RUN),
    "8-bit raw data": (eight_bits, RUN),
    "BITPIX 7": (lambda: put_card("BITPIX", "BITPIX  =                    7", 1), RUN),
    "NAXIS 999": (lambda: put_card("NAXIS", "NAXIS   =                  999", 1), RUN),
    "a tree that holds itself": (lambda: with_asdf_text(f"{HEAD}a: &x\n  b: *x\n...\n"), RUN),
    "an association 5000 deep": (deep_association, ["run", "calwebb_detector1", "deep_asn.json"]),
    "a reference without REFTYPE": (None, [*RUN, f"--steps.jump.override_gain={RAW}"]),
    "two inputs": (None, [*RUN, RAW]),
    "more than 64 bits": (None, [*RUN, "--steps.saturation.n_pix_grow_sat=99999999999999999999"]),
    "a binary parameter file": (None, ["run", "binary.cfg", RAW]),
    "a binary logging configuration": (None, [*RUN, f"--logcfg={RAW}"]),
    "a path of 5000 characters": (None, ["run", "calwebb_detector1", "x" * 5000]),
    "a negative seed": (None, ["simulate", "exposure", "--seed", "-1", "--output", "sim"]),
    "a sky that is no number": (None, ["simulate", "exposure", "--sky", "nan", "--output", "sim"]),
}


@pytest.mark.filterwarnings("ignore:.*breaks the FITS standard")
@pytest.mark.parametrize("row", COMMANDS)
def test_no_input_is_called_a_fault_of_the_program(folder, capsys, row):
    prepare, words = COMMANDS[row]
    if prepare is not None:
        prepare()
    status = main(words)
    error = capsys.readouterr().err
    assert "fault in the program" not in error and "Traceback" not in error
    if status:
        lines = error.strip().splitlines()
        assert len(lines) <= 5 and lines[0].startswith("hexcal: ") and all(len(line) < 1300 for line in lines)
        assert any(line.startswith(("  where:", "  next:")) for line in lines), error


def ramp():
    return datamodels.RampModel(datamodels.open(RAW))


def save_name_of_two_lines():
    model = ramp()
    model.meta.target.proposer_name = "a\nb"
    model.save("y.fits")


def run_with_flags_of_another_shape():
    model = ramp()
    model.pixeldq = np.zeros((3, 3), "u4")
    SuperBiasStep.call(model)


def open_compressed_blocks():
    asdf = pytest.importorskip("asdf")
    pytest.importorskip("lz4")
    asdf.AsdfFile({"data": np.zeros(1000)}).write_to("z.asdf", all_array_compression="lz4")
    datamodels.open("z.asdf").save("y.asdf")


CALLS = {
    "an array as override": lambda: JumpStep(override_gain=np.ones((2, 2))),
    "a hook that returns a text": lambda: SuperBiasStep.call(RAW, post_hooks=[lambda model: "x"]),
    "pixeldq of another shape": run_with_flags_of_another_shape,
    "a line break in metadata": save_name_of_two_lines,
    "no name to save under": lambda: datamodels.ImageModel((2, 2)).save(None),
    "in and iter": lambda: ("meta.x" in ramp(), list(iter(ramp()))),
    "lz4 blocks": open_compressed_blocks,
    "a deep answer of a server": lambda: bounds.from_json("[" * 5000 + "]" * 5000, "answer"),
}


@pytest.mark.parametrize("row", CALLS)
def test_no_call_ends_with_an_exception_of_another_library(folder, row):
    # It succeeds, or Hexcal says why not.
    with contextlib.suppress(HexcalError):
        CALLS[row]()
