"""A file that is not whole is an error, wherever it was cut; a file that is whole opens, however little it holds."""

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from exposures import write_uncal

from hexcal import datamodels
from hexcal.errors import InputError, ParameterError
from hexcal.models.science import GROUP_COLUMNS


def everything_of(path):
    model = datamodels.open(path)
    model.whole_tree()
    for name in model.specs:
        getattr(model, name)
    return model


def raw(folder):
    table = np.zeros(3, [(name, dtype) for name, dtype in GROUP_COLUMNS])
    extra = [fits.ImageHDU(np.ones((1, 4, 5), "u2"), name="ZEROFRAME"), fits.BinTableHDU(table, name="GROUP")]
    model = datamodels.open(write_uncal(folder, (1, 3, 4, 5), extra=extra))
    model.meta.data_processing_software_version = "2026_1"
    return model.save(folder / "whole_uncal.fits")


def product(folder):
    model = datamodels.ImageModel(np.ones((4, 5), "f4"))
    model.dq[0, 0] = 1
    model.err[...] = 2
    model.var_poisson = np.ones((4, 5))
    model.meta.calibration_software_version = "1.0"
    return model.save(folder / "whole_rate.fits")


@pytest.mark.parametrize("make", [raw, product])
def test_a_file_cut_anywhere_is_an_error(tmp_path, make):
    content = Path(make(tmp_path)).read_bytes()
    random = np.random.default_rng(3).integers(1, len(content), 200)
    for length in sorted({*range(0, len(content), 2880), len(content) - 3000, len(content) - 1, *random.tolist()}):
        path = tmp_path / "cut.fits"
        path.write_bytes(content[:length])
        with pytest.raises(InputError):
            print(length, everything_of(path))


@pytest.mark.parametrize("make", [raw, product])
def test_a_product_of_others_that_was_cut_between_two_extensions_is_an_error(tmp_path, make):
    with fits.open(make(tmp_path)) as hdus:
        del hdus[0].header["NEXTEND"]
        hdus.writeto(tmp_path / "others.fits")
        for count in range(1, len(hdus)):
            fits.HDUList(list(hdus)[:count]).writeto(tmp_path / "cut.fits", overwrite=True)
            with pytest.raises(InputError, match="cut between two extensions"):
                datamodels.open(tmp_path / "cut.fits")
    assert everything_of(tmp_path / "others.fits").data.any()


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_a_packed_file_is_read_as_the_plain_one_and_cut_it_is_an_error(tmp_path, suffix, pack):
    path = raw(tmp_path)
    packed = pack(Path(path).read_bytes())
    (tmp_path / f"x_uncal.fits{suffix}").write_bytes(packed)
    model, plain = datamodels.open(tmp_path / f"x_uncal.fits{suffix}"), datamodels.open(path)
    assert np.array_equal(model.data, plain.data) and np.array_equal(model.group, plain.group)
    assert model.to_flat_dict(include_arrays=False) == plain.to_flat_dict(include_arrays=False)
    for length in (*range(20, len(packed), 97), len(packed) - 1):
        (tmp_path / f"cut.fits{suffix}").write_bytes(packed[:length])
        with pytest.raises(InputError):
            datamodels.open(tmp_path / f"cut.fits{suffix}")


def test_the_content_of_a_packed_file_is_given_back_and_read_again(tmp_path):
    path = tmp_path / "x_uncal.fits.gz"
    path.write_bytes(gzip.compress(Path(raw(tmp_path)).read_bytes()))
    model = datamodels.open(path)
    before = model.data.copy()
    model.close()
    assert model.contents.source._content is None and np.array_equal(model.data, before)


@pytest.mark.parametrize(
    ("start", "name"), [(b"PK\x03\x04", "zip"), (b"\x1f\x9d", "compress"), (b"\x28\xb5\x2f\xfd", "zstd")]
)
def test_another_packing_is_refused_by_its_name(tmp_path, start, name):
    (tmp_path / "x.fits").write_bytes(start + b"0" * 9000)
    with pytest.raises(InputError, match=f"packed with {name}"):
        datamodels.open(tmp_path / "x.fits")


def test_what_follows_the_last_extension_is_not_passed_over(tmp_path):
    content = Path(raw(tmp_path)).read_bytes()
    # A download that was broken off may have its full length, filled with zeros.
    (tmp_path / "x.fits").write_bytes(content + bytes(2880))
    with pytest.raises(InputError, match="required to begin with XTENSION"):
        datamodels.open(tmp_path / "x.fits")


@pytest.mark.parametrize("keywords", [{}, {"DATAMODL": "ImageModel"}, {"DATAMODL": "ImageModel", "TELESCOP": "JWST"}])
def test_an_image_with_nothing_but_sci_opens_with_the_documented_defaults(tmp_path, keywords):
    hdus = [fits.PrimaryHDU(header=fits.Header(keywords)), fits.ImageHDU(np.ones((3, 4), "f4"), name="SCI")]
    fits.HDUList(hdus).writeto(tmp_path / "x.fits")
    model = datamodels.open(tmp_path / "x.fits")
    assert type(model) is datamodels.ImageModel and not model.dq.any() and model.var_flat is None


def test_a_model_that_was_saved_without_its_array_opens_again(tmp_path):
    datamodels.ImageModel().save(tmp_path / "x.fits")
    assert datamodels.open(tmp_path / "x.fits").data is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"BITPIX": 7}, "BITPIX must be 8, 16, 32, 64, -32 or -64, found 7"),
        ({"NAXIS": 999}, "NAXIS is 999"),
        ({"NAXIS1": -5}, "NAXIS1 must be a whole number of 0 or more, found -5"),
        ({"NAXIS1": "five"}, "NAXIS1 must be a whole number of 0 or more, found 'five'"),
        ({"NAXIS1": 10**15}, "the file is truncated"),
    ],
)
def test_a_header_of_another_world_is_an_error_with_its_keyword(tmp_path, change, message):
    content = Path(raw(tmp_path)).read_bytes()
    start = content.index(b"XTENSION")
    for keyword, value in change.items():
        at = content.index(f"{keyword:8s}=".encode(), start)
        content = content[:at] + str(fits.Card(keyword, value)).encode() + content[at + 80 :]
    (tmp_path / "x.fits").write_bytes(content)
    with pytest.raises(InputError, match=message):
        datamodels.open(tmp_path / "x.fits")


def test_flags_of_another_shape_than_the_data_are_named(tmp_path):
    ramp = datamodels.RampModel((1, 3, 4, 5))
    ramp.pixeldq = np.zeros((3, 3), "u4")
    with pytest.raises(InputError, match=r"pixeldq must have shape \(4, 5\).*it has \(3, 3\)"):
        ramp.check()


def test_a_line_break_in_a_text_of_the_header_is_refused():
    with pytest.raises(ParameterError, match="one line of text"):
        datamodels.ImageModel().meta.target.proposer_name = "a\nb"
