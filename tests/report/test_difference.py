"""How two products differ."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from hexcal.cli.main import main
from hexcal.report.difference import Tolerance, compare


def product(path, change=None, **keywords):
    """A product with an image, flags and a table; `change` alters the HDUs."""
    image = np.arange(12, dtype="f4").reshape(3, 4)
    image[0, 0] = np.nan
    table = np.array([(1.0, "a"), (2.0, "b")], dtype=[("FLUX", "f8"), ("NAME", "U4")])
    hdus = fits.HDUList(
        [
            fits.PrimaryHDU(header=fits.Header({"FILTER": "F200W", "DATE": "now", **keywords})),
            fits.ImageHDU(image, name="SCI"),
            fits.ImageHDU(np.zeros((3, 4), "i4"), name="DQ"),
            fits.BinTableHDU(table, name="EXTRACT1D"),
        ]
    )
    if change is not None:
        change(hdus)
    hdus.writeto(path, overwrite=True)
    return path


def texts(first, second, *options, **more):
    return [str(item) for item in compare(first, second, *options, **more).differences]


def test_products_made_at_different_times_do_not_differ(tmp_path):
    assert texts(product(tmp_path / "a.fits"), product(tmp_path / "b.fits", DATE="later")) == []


def test_a_value_a_flag_a_keyword_and_a_table_are_told(tmp_path):
    def change(hdus):
        hdus["SCI"].data[1, 2] += 0.5
        hdus["DQ"].data[2, 2] = 5
        hdus["EXTRACT1D"].data["FLUX"][1] = 3.0
        hdus["EXTRACT1D"].data["NAME"][0] = "z"

    found = texts(product(tmp_path / "a.fits"), product(tmp_path / "b.fits", change, FILTER="F115W"))
    assert found == [
        "PRIMARY FILTER: F200W | F115W",
        "SCI: 1 of 12 values differ, by up to 0.5 (relative 0.0769); the largest at index [1, 2], from 0: 6 | 6.5",
        "DQ: 1 of 12 differ: DO_NOT_USE 1, JUMP_DET 1",
        "EXTRACT1D FLUX: 1 of 2 values differ, by up to 1 (relative 0.333); the largest at index [1], from 0: 2 | 3",
        "EXTRACT1D NAME: 1 of 2 texts differ",
    ]


def test_tolerances_hold_for_numbers_only(tmp_path):
    def change(hdus):
        hdus["SCI"].data[1, 2] *= 1.001
        hdus["DQ"].data[2, 2] = 1

    a, b = product(tmp_path / "a.fits"), product(tmp_path / "b.fits", change)
    assert len(texts(a, b, Tolerance(relative=0.01))) == 1
    assert texts(a, b, Tolerance(relative=0.01), ignored=["dq"]) == []


def test_values_that_are_nan_in_one_only_differ(tmp_path):
    def change(hdus):
        hdus["SCI"].data[2, 3] = np.nan

    (text,) = texts(product(tmp_path / "a.fits"), product(tmp_path / "b.fits", change), Tolerance(1.0, 1e9))
    assert "1 are NaN in one of them only" in text


def test_extensions_and_shapes_are_told(tmp_path):
    def change(hdus):
        hdus["SCI"].data = np.zeros((2, 2), "f4")
        del hdus["DQ"]

    found = texts(product(tmp_path / "a.fits"), product(tmp_path / "b.fits", change))
    assert "SCI: 3 x 4 | 2 x 2" in found and "DQ: only in a.fits" in found
    (tmp_path / "new").mkdir()
    found = texts(product(tmp_path / "a.fits", change), product(tmp_path / "new" / "a.fits"))
    assert f"DQ: only in {tmp_path / 'new' / 'a.fits'}" in found


def test_the_command_has_three_exit_statuses(tmp_path, capfd):
    def change(hdus):
        hdus["SCI"].data[1, 1] = 99

    a, b = product(tmp_path / "a.fits"), product(tmp_path / "b.fits", change)
    assert main(["diff", str(a), str(a)]) == 0
    assert main(["diff", str(a), str(b), "--picture", str(tmp_path / "d.png")]) == 1
    assert (tmp_path / "d.png").read_bytes().startswith(b"\x89PNG")
    assert main(["diff", str(a), str(tmp_path / "nowhere.fits")]) == 2
    assert "does not exist" in capfd.readouterr().err


def test_catalogues_are_compared(tmp_path):
    for name, flux in (("a", 1.0), ("b", 1.5)):
        Table({"label": [1], "flux": [flux]}).write(tmp_path / f"{name}.ecsv", format="ascii.ecsv")
    assert "flux: 1 of 1 values differ" in texts(tmp_path / "a.ecsv", tmp_path / "b.ecsv")[0]


@pytest.mark.parametrize("content", [b"", b"no FITS at all"])
def test_a_broken_file_is_an_error_not_a_difference(tmp_path, content, capfd):
    (tmp_path / "x.fits").write_bytes(content)
    assert main(["diff", str(tmp_path / "x.fits"), str(product(tmp_path / "a.fits"))]) == 2
