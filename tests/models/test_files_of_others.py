"""Whatever opens is saved whole.

Files of other software keep their images, tables and cards, whether anybody looked at them or not.
"""

import warnings

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hexcal import datamodels
from hexcal.errors import HexcalError

_NAMES = st.sampled_from([None, "SCI", "DQ", "ERR", "GROUP", "FOO", "my own"])
_TYPES = st.sampled_from(["u1", "i2", "u2", "i4", "u4", "i8", "f4", "f8"])
_OF_WRITING = {"FILENAME", "DATE", "DATAMODL"}


def values(dtype, shape, seed):
    """Values over the whole range of a type."""
    random = np.random.default_rng(seed)
    if dtype[0] == "f":
        return (random.normal(size=shape) * 10.0 ** random.integers(-30, 30, shape)).astype(dtype)
    limits = np.iinfo(dtype)
    return random.integers(limits.min, limits.max, shape, dtype, endpoint=True)


@st.composite
def image_hdus(draw, primary=False):
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    data, kind = (
        values(draw(_TYPES), shape, draw(st.integers(0, 99))),
        draw(st.sampled_from("plain scaled packed".split())),
    )
    if primary:
        hdu = fits.PrimaryHDU(data)
    elif kind == "packed" and data.dtype.itemsize < 8 and data.dtype.kind != "u" and len(shape) in (2, 3):
        hdu = fits.CompImageHDU(data, compression_type="GZIP_1", quantize_level=0)
    else:
        hdu = fits.ImageHDU(data)
    if kind == "scaled" and data.dtype.kind == "i" and data.dtype.itemsize < 8:
        hdu = type(hdu)(data * 0.5)
        hdu.scale("int16" if data.dtype.itemsize == 2 else "int32", bscale=0.5, bzero=32.0)
    return hdu


@st.composite
def table_hdus(draw):
    rows, seed = draw(st.integers(0, 4)), draw(st.integers(0, 99))
    made = [
        fits.Column(name=f"c{n}", format=code, array=values(dtype, rows, seed), **more)
        for n, (code, dtype, more) in enumerate(
            draw(
                st.lists(
                    st.sampled_from(
                        [
                            ("J", "i4", {}),
                            ("D", "f8", {"unit": "MJy"}),
                            ("I", "u2", {"bzero": 1 << 15}),
                            ("E", "f4", {}),
                            ("B", "u1", {"null": 7}),
                        ]
                    ),
                    min_size=1,
                    max_size=4,
                )
            )
        )
    ]
    if draw(st.booleans()):
        made.append(fits.Column(name="text", format="7A", array=np.array(["a", "bc  ", "", "efg"][:rows])))
        made.append(fits.Column(name="truth", format="L", array=np.arange(rows) % 2 == 0))
        made.append(fits.Column(name="block", format="6E", dim="(2,3)", array=np.arange(6 * rows).reshape(rows, 3, 2)))
    if draw(st.booleans()):
        lengths = np.array([np.arange(n, dtype="f4") for n in range(rows)] + [None], dtype=object)[:-1]
        made.append(fits.Column(name="varied", format="PE()", array=lengths))
    return fits.BinTableHDU.from_columns(made)


_CARDS = st.lists(
    st.tuples(
        st.sampled_from(["MYKEY", "OTHER", "TITLE", "TSOVISIT", "NGROUPS", "TFRAME", "HIERARCH my long name"]),
        st.one_of(
            st.booleans(),
            st.integers(-(2**60), 2**60),
            st.floats(allow_nan=False, allow_infinity=False, width=32),
            st.text("abc '&/=", max_size=90),
        ),
    ),
    max_size=5,
    unique_by=lambda card: card[0],
)
_ODD = st.lists(
    st.sampled_from(
        [
            "ODD     = NAN",
            "ODD2    = 1.0.0",
            "ODD3    = 'no end",
            "odd4    = 5",
            "ODD5    =7",
            "ODD6      text",
            "TFRAME  = NaN",
            "COMMENT  of others",
            "HISTORY done",
        ]
    ),
    max_size=3,
    unique=True,
)


@st.composite
def files(draw):
    hdus = [draw(image_hdus(primary=True)) if draw(st.booleans()) else fits.PrimaryHDU()]
    hdus += draw(st.lists(st.one_of(image_hdus(), table_hdus()), max_size=4))
    odd = []
    for number, hdu in enumerate(hdus):
        name = draw(_NAMES) if number or draw(st.booleans()) else None
        if name:
            hdu.name = name
        if number and draw(st.booleans()):
            hdu.ver = draw(st.integers(1, 3))
        for keyword, value in draw(_CARDS):
            hdu.header[keyword] = value.rstrip() if isinstance(value, str) else value
        odd.append(draw(_ODD))
    return fits.HDUList(hdus), odd


def write(hdus, odd, path):
    """Write a file, with cards in it that astropy would not write."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hdus.writeto(path, overwrite=True)
        with fits.open(path, disable_image_compression=True) as written:
            places = [hdu.fileinfo() for hdu in written]
    content, result = path.read_bytes(), b""
    for place, cards in zip(places, odd, strict=True):
        header = content[place["hdrLoc"] : place["datLoc"]]
        end = next(at for at in range(0, len(header), 80) if header[at : at + 80].rstrip() == b"END")
        text = header[:end] + b"".join(card.ljust(80).encode() for card in cards) + b"END".ljust(80)
        result += (
            text.ljust(-(-len(text) // 2880) * 2880) + content[place["datLoc"] : place["datLoc"] + place["datSpan"]]
        )
    path.write_bytes(result)


def contents(path):
    """[(name, data, {(keyword, value)})] of every HDU; 10 and 10.0 are the same value."""
    from hexcal.models.fits_source import FitsSource
    from hexcal.models.fits_writer import is_structural

    with fits.open(path, memmap=False) as hdus, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = [hdu.data for hdu in hdus]
    found = []
    for extension, held in zip(FitsSource(path).extensions, data, strict=True):
        cards = {
            (card.keyword, float(card.value) if isinstance(card.value, int | float) else repr(card.value))
            for card in extension.header.cards
            if not is_structural(card.keyword)
            and card.keyword not in _OF_WRITING
            and not extension.is_of_storage(card.keyword)
        }
        found.append((extension.name, held, cards))
    return found


def same(data, other):
    if data is None or other is None:
        return data is other
    if data.dtype.names:
        return data.dtype.names == other.dtype.names and all(
            len(data) == len(other) and all(np.array_equal(a, b) for a, b in zip(data[name], other[name], strict=True))
            for name in data.dtype.names
        )
    return data.shape == other.shape and np.array_equal(data, other)


def lost(old, new):
    """What of the old HDUs is in none of the new ones: images and tables under their name, cards anywhere."""
    kept = set().union(*(cards for _, _, cards in new))
    missing = [card for _, _, cards in old for card in cards if card not in kept]
    for name, data, _ in old:
        if data is not None and not any(other == name and same(data, held) for other, held, _ in new):
            missing.append((name, data))
    return missing


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(made=files(), looks=st.booleans())
def test_whatever_opens_is_saved_whole(tmp_path_factory, made, looks):
    folder = tmp_path_factory.mktemp("any")
    write(*made, folder / "old.fits")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = datamodels.open(folder / "old.fits")
        if looks:
            for name in model.specs:
                try:
                    getattr(model, name)
                except HexcalError:
                    assert name in ("data", "dq", "err", "pixeldq", "groupdq", "group")
        model.save(folder / "new.fits")
        datamodels.open(folder / "new.fits").save(folder / "again.fits")
    old = contents(folder / "old.fits")
    assert not lost(old, contents(folder / "new.fits"))
    assert not lost(old, contents(folder / "again.fits"))
