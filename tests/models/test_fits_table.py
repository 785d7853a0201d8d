"""Cards and plain tables are written, and plain tables read, as astropy does; it is the twin of both."""

import io

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from hexcal.models import fits_table, fits_writer
from hexcal.models.fits_header import Header, formatted
from hexcal.models.fits_source import FitsSource

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(np.float32),
    st.sampled_from([np.bool_(True), np.int16(-3), np.uint32(7), np.float64(1e-300), -0.0, 1e16, 123456789012345678.0]),
    TEXT,
)


@settings(max_examples=300, deadline=None)
@given(st.from_regex(r"[A-Z][A-Z0-9_-]{0,7}", fullmatch=True), VALUES, TEXT.map(lambda text: text[:30].strip()))
def test_a_card_is_formatted_as_by_astropy(keyword, value, comment):
    if keyword in ("HISTORY", "COMMENT", "CONTINUE", "END", "HIERARCH", "XTENSION", "SIMPLE"):
        return
    card = formatted(keyword, value, comment)
    assert len(card) % 80 == 0
    if len(card) == 80 and "'" not in str(value) and (not comment or f" / {comment}" in card):
        # A comment that does not fit is cut here; astropy cuts it with a warning.
        assert card == str(fits.Card(keyword, value, comment))
    read = fits.Card.fromstring(card)
    assert read.value == (value.rstrip() if isinstance(value, str) else pytest.approx(value, rel=1e-12, abs=1e-320))


@pytest.mark.parametrize("length", range(60, 75))
@pytest.mark.parametrize("comment", ["", "Gain reference file name"])
def test_a_text_that_just_fits_on_a_card_loses_its_comment_rather_than_a_letter(length, comment):
    card = formatted("R_GAIN", "x" * length, comment)
    assert len(card) % 80 == 0 and fits.Header.fromstring(card)["R_GAIN"] == "x" * length


KINDS = ("?", "u1", "i2", "i4", "i8", "u2", "u4", "u8", "f4", "f8", "c8", "c16", "S7")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_a_plain_table_is_stored_as_by_astropy(kind, shape):
    if kind == "S7" and shape:
        pytest.skip("a column of arrays of texts is left to astropy")
    rng = np.random.default_rng(1)
    table = np.zeros(4, [("a", "f4"), ("column", kind, shape), ("z", "i2")])
    raw = rng.integers(0, 100, (4, *shape))
    table["column"] = raw.astype(str).astype("S7") if kind == "S7" else raw % 2 if kind == "?" else raw
    cards, content = fits_table.plain_units(table)
    twin = io.BytesIO()
    fits.BinTableHDU(table).writeto(twin)
    assert twin.getvalue()[-len(content) :] == content
    header = fits.Header.fromstring("".join(cards))
    for name in ("NAXIS1", "NAXIS2", "TFIELDS", "TTYPE2", "TFORM2", "TZERO2", "TDIM2"):
        assert header.get(name) == fits.Header.fromstring(twin.getvalue()[2880:].decode("latin1")).get(name), name


@pytest.mark.parametrize("kind", ["?", "u1", "i2", "i4", "i8", "u2", "u4", "u8", "f4", "f8", "c8", "S7"])
def test_a_plain_table_is_read_as_by_astropy(kind, tmp_path):
    table = np.zeros(3, [("a", kind), ("b", "f8", (2, 3))])
    table["a"] = [b"x", b"yz ", b""] if kind == "S7" else [1, 0, 1]
    table["b"] = np.arange(18).reshape(3, 2, 3)
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(table, name="T")]).writeto(tmp_path / "t.fits")
    source = FitsSource(tmp_path / "t.fits")
    plain = source.plain_table(source.find("T"))
    assert type(plain) is np.ndarray and plain.dtype["b"].shape == (2, 3) and plain["a"].dtype.isnative
    twin = source.table(source.find("T"))
    assert np.array_equal(plain["a"].astype(str) if kind == "S7" else plain["a"], twin["a"])
    assert np.array_equal(plain["b"], twin["b"])


@pytest.mark.parametrize(
    "column",
    [
        fits.Column("a", "PE()", array=np.array([np.ones(2), np.ones(3)], object)),
        fits.Column("a", "J", null=-1, array=np.array([1, 2])),
    ],
    ids=["variable length", "with a value for none"],
)
def test_columns_that_are_not_plain_are_left_to_astropy(column, tmp_path):
    hdu = fits.BinTableHDU.from_columns([column], name="T")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "t.fits")
    source = FitsSource(tmp_path / "t.fits")
    extension = source.find("T")
    assert fits_table.read_plain(extension.header, bytes(source.raw_bytes(extension))) is None
    assert isinstance(source.plain_table(extension), fits.FITS_rec)


def test_a_table_with_units_keeps_them(tmp_path):
    columns = fits.ColDefs([fits.Column("a", "E", unit="um", array=np.ones(2, np.float32))])
    table = fits.FITS_rec.from_columns(columns)
    assert fits_table.plain_units(table) is None
    primary = [formatted("SIMPLE", True), formatted("BITPIX", 8), formatted("NAXIS", 0), formatted("EXTEND", True)]
    fits_writer.write(tmp_path / "t.fits", [(primary, None), ([], table)])
    with fits.open(tmp_path / "t.fits") as hdus:
        assert hdus[1].columns["a"].unit == "um"


def test_a_header_without_columns_is_no_plain_table():
    assert fits_table.read_plain(Header("SIMPLE  =                    T".ljust(80)), b"") is None
