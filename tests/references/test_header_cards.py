"""The header of an exposure without opening it as a model."""

import gzip
import sys

import pytest
from astropy.io import fits
from exposures import write_uncal

from hexcal.errors import InputError
from hexcal.references.header_cards import ModelHeader, read_header


def write(path, **values):
    header = fits.Header()
    for name, value in values.items():
        header[name.replace("_", "-")] = value
    fits.PrimaryHDU(header=header).writeto(path)
    return str(path)


def test_values(tmp_path):
    path = write(
        tmp_path / "a.fits",
        A="it's / not a comment",
        B=12,
        C=-1.5,
        D=True,
        E=False,
        DATE_OBS="2021-05-06",
        F="",
        G="x" * 200,
        H=1e20,
    )
    header = read_header(path)
    assert header["A"] == "it's / not a comment"
    assert (header["B"], header["C"], header["D"], header["E"], header["H"]) == (12, -1.5, True, False, 1e20)
    assert header["DATE-OBS"] == "2021-05-06"
    assert header["F"] == ""
    assert header["NAXIS"] == 0


@pytest.mark.parametrize("keyword", ["LONGTEXT", "HIERARCH ESO DET CHIP NAME", "HIERARCH WAVELENGTH"])
@pytest.mark.parametrize("value", ["short", "it's " * 40, "a & b" * 30 + "&", "x / y" * 25, 12, -1.5e-30, True])
def test_long_keywords_texts_and_comments_are_read(tmp_path, keyword, value):
    header = fits.Header()
    header[keyword] = (value, "a comment / with 'marks' & more")
    header["AFTER"] = 3
    fits.PrimaryHDU(header=header).writeto(tmp_path / "a.fits", output_verify="silentfix")
    found = read_header(str(tmp_path / "a.fits"))
    expected = value.rstrip() if isinstance(value, str) else value
    assert (found[keyword.removeprefix("HIERARCH ")], found["AFTER"]) == (expected, 3)


def test_many_cards(tmp_path):
    path = write(tmp_path / "a.fits", **{f"K{number}": number for number in range(300)})
    assert read_header(path)["K299"] == 299


def test_the_same_as_astropy(tmp_path):
    path = write_uncal(tmp_path)
    ours, theirs = read_header(str(path)), fits.getheader(path)
    for name in (
        "TELESCOP",
        "INSTRUME",
        "DETECTOR",
        "READPATT",
        "SUBARRAY",
        "DATE-OBS",
        "TIME-OBS",
        "EXP_TYPE",
        "SUBSIZE1",
        "NGROUPS",
    ):
        assert ours.get(name) == theirs.get(name)


def test_a_compressed_file_is_opened_as_a_model(tmp_path):
    path = write_uncal(tmp_path)
    packed = tmp_path / "packed_uncal.fits.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    header = read_header(str(packed))
    assert isinstance(header, ModelHeader)
    assert header.get("META.INSTRUMENT.NAME") == "NIRCAM"
    assert header.get("TELESCOP") == "JWST"
    assert header.get("META.INSTRUMENT.GRATING") is None
    assert header.get("INSTRUME", "none") == "none"


@pytest.mark.parametrize(
    "content", [b"", b"SIMPLE  =", b"SIMPLE  =" + b" " * 3000, b"nonsense" * 1000, b"SIMPLE  = \xff" + b" " * 5000]
)
def test_what_is_no_exposure(tmp_path, content):
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_header(str(path))


def test_missing(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_header(str(tmp_path / "none.fits"))
    with pytest.raises(InputError, match="an exposure is required, this is a directory"):
        read_header(str(tmp_path))


def test_choosing_needs_neither_numpy_nor_astropy(tmp_path):
    import subprocess

    path = write(tmp_path / "a.fits", INSTRUME="NIRCAM")
    program = (
        "import sys; from hexcal.cli.main import guarded; from hexcal.cli.crds import main\n"
        f"guarded(main, ['bestrefs', {path!r}, '--cache', 'none'])\n"
        "sys.exit(any(name in sys.modules for name in ('numpy', 'astropy', 'asdf', 'pydantic')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, capture_output=True).returncode == 0
