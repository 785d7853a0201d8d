"""Every model in every format that is offered: written, read back, equal."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels
from hexcal.errors import InputError, ParameterError
from hexcal.models import declared, dqflags, formats
from hexcal.models.datamodel import DataModel
from hexcal.models.layout import Array
from hexcal.models.reference import BY_TYPE
from hexcal.models.single import SCIENCE

CLASSES = {**declared.everywhere(), **{cls.__name__: cls for cls in BY_TYPE.values()}, **SCIENCE}


def array(spec, sizes, random):
    """Values of the whole range of an array of a model."""
    shape = tuple(sizes[-(spec.ndim[-1] if spec.ndim else 2) :])
    dtype = np.dtype(spec.dtype)
    if dtype.kind == "f":
        values = random.normal(size=shape).astype(dtype)
        values.flat[0] = np.nan
        return values
    limits = np.iinfo(dtype)
    return random.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def table(spec, random):
    columns = spec.columns or (("number", "i4"), ("value", "f8"), ("text", "S12"), ("matrix", "f4", (2, 2)))
    result = np.zeros(3, [(*column,) for column in columns])
    for name in result.dtype.names:
        kind, shape = result.dtype[name].base.kind, result[name].shape
        result[name] = b"a text" if kind == "S" else random.integers(0, 100, shape)
    return result


def fill(model, sizes, seed):
    random = np.random.default_rng(seed)
    # The primary array first: the shapes of others follow from it.
    for name in sorted(model.specs, key=lambda name: name != model.primary):
        spec = model.specs[name]
        setattr(model, name, array(spec, sizes, random) if isinstance(spec, Array) else table(spec, random))
    if {"dq", "dq_def"} <= set(model.specs):
        # Flags mean what their table says.
        flags = {str(flag): int(value) for flag, value in dqflags.of(model.observatory).items() if value}
        model.dq_def = [(value.bit_length() - 1, value, flag, "") for flag, value in flags.items()]
        model.dq &= np.bitwise_or.reduce(np.array(list(flags.values()), "u4"))
    return model


def made(cls, sizes, seed):
    model = cls()
    if hasattr(model, "parts_name"):
        setattr(model, model.parts_name, [fill(model.new_part(), sizes, seed + number) for number in range(3)])
    fill(model, sizes, seed)
    model.meta.target.proposer_name = "Müller, Zoë"
    model.meta.my_note = {"deep": [1, 2.5, "text", None, True]}
    model.history.append(
        "a long story of more than seventy-two characters, which a single card of a header cannot hold"
    )
    return model


def require_equal(model, other):
    assert type(other) is type(model) and len(model.parts()) == len(other.parts())
    for part, again in zip(model.parts(), other.parts(), strict=True):
        for name, spec in part.specs.items():
            old, new = getattr(part, name), getattr(again, name)
            assert (old is None) == (new is None), name
            if old is None:
                continue
            if isinstance(spec, Array):
                assert old.dtype == new.dtype and np.array_equal(old, new, equal_nan=old.dtype.kind == "f"), name
            else:
                assert old.dtype.names == new.dtype.names
                for column in old.dtype.names:
                    assert np.array_equal(np.asarray(old[column]).astype(new[column].dtype), np.asarray(new[column])), (
                        column
                    )
    assert other.meta.target.proposer_name == "Müller, Zoë" and other.history == model.history
    assert other.meta.my_note.deep == [1, 2.5, "text", None, True]


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_model_is_the_same_in_every_format(tmp_path, name):
    seed = sorted(CLASSES).index(name)
    sizes = np.random.default_rng(seed).integers(1, 5, 5).tolist()
    model = made(CLASSES[name], sizes, seed)
    for ending in formats.WRITTEN:
        model.save(tmp_path / f"x{ending}")
        require_equal(model, datamodels.open(tmp_path / f"x{ending}"))
    # And from ASDF to FITS.
    datamodels.open(tmp_path / "x.asdf").save(tmp_path / "y.fits")
    require_equal(model, datamodels.open(tmp_path / "y.fits"))


def test_a_name_that_ends_with_gz_is_packed(tmp_path):
    model = datamodels.ImageModel(np.zeros((50, 50), "f4"))
    model.save(tmp_path / "x.fits.gz")
    assert (tmp_path / "x.fits.gz").read_bytes()[:2] == b"\x1f\x8b" and (tmp_path / "x.fits.gz").stat().st_size < 10000
    (tmp_path / "x.fits").write_bytes(gzip.decompress((tmp_path / "x.fits.gz").read_bytes()))
    with fits.open(tmp_path / "x.fits") as hdus:
        hdus.verify("exception")
        assert hdus["SCI"].shape == (50, 50)


@pytest.mark.parametrize("name", ["x", "x.png", "x.fits.zip", "x.json", "x.fits.bz2", "x.hdf5"])
def test_a_name_of_another_format_is_refused_with_those_that_are_offered(tmp_path, name):
    with pytest.raises(ParameterError, match=r"saved as .fits, .fits.gz or .asdf"):
        datamodels.ImageModel((2, 2)).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_what_only_fits_has_comes_back_from_asdf(tmp_path):
    primary = fits.PrimaryHDU(np.arange(6, dtype="i2"), header=fits.Header({"TELESCOP": "JWST", "MYKEY": 42}))
    notes = fits.BinTableHDU(np.array([(1, b"a")], dtype=[("number", "i4"), ("text", "S3")]), name="NOTES")
    notes.header["AUTHOR"] = ("me", "who")
    extra = fits.ImageHDU(np.arange(6, dtype="u2").reshape(2, 3), name="EXTRA")
    fits.HDUList([primary, fits.ImageHDU(np.ones((3, 4), "f4"), name="SCI"), notes, extra, extra.copy()]).writeto(
        tmp_path / "x.fits"
    )
    datamodels.open(tmp_path / "x.fits").save(tmp_path / "x.asdf")
    datamodels.open(tmp_path / "x.asdf").save(tmp_path / "y.fits")
    with fits.open(tmp_path / "y.fits") as hdus:
        hdus.verify("exception")
        assert np.array_equal(hdus[0].data, np.arange(6)) and hdus[0].header["MYKEY"] == 42
        assert [hdu.name for hdu in hdus].count("EXTRA") == 2 and hdus["EXTRA"].data.dtype == np.uint16
        assert hdus["NOTES"].header["AUTHOR"] == "me" and hdus["NOTES"].data["text"][0] == "a"


def test_a_truncated_asdf_file_is_an_error(tmp_path):
    model = datamodels.ImageModel(np.arange(2000, dtype="f4").reshape(40, 50))
    content = Path(model.save(tmp_path / "x.asdf")).read_bytes()
    # The last bytes are a line feed and the end of an index that nobody needs.
    for length in (*range(0, len(content), 997), len(content) - 5):
        (tmp_path / "cut.asdf").write_bytes(content[:length])
        with pytest.raises(InputError):
            print(length, datamodels.open(tmp_path / "cut.asdf"))


def test_blocks_packed_with_a_package_that_is_not_there_are_an_error_that_names_it(tmp_path, monkeypatch):
    import sys

    import asdf

    if "lz4" not in sys.modules:
        monkeypatch.setitem(sys.modules, "lz4", None)
    content = asdf.AsdfFile({"meta": {"model_type": "ImageModel"}, "data": np.zeros((60, 60), "f4")})
    content.write_to(tmp_path / "x.asdf", all_array_compression="zlib")
    packed = (tmp_path / "x.asdf").read_bytes().replace(b"zlib", b"lz4\0")
    (tmp_path / "x.asdf").write_bytes(packed)
    with pytest.raises(InputError, match="lz4"):
        datamodels.open(tmp_path / "x.asdf")


def test_a_model_is_any_of_the_classes():
    assert len(CLASSES) > 20 and all(issubclass(cls, DataModel) for cls in CLASSES.values())
