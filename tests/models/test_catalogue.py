"""Catalogues in text files (ECSV)."""

import numpy as np
import pytest
from astropy import units
from astropy.table import QTable, Table

from hexcal import datamodels
from hexcal.errors import InputError


@pytest.fixture
def catalogue():
    table = QTable({"label": [1, 2], "flux": np.array([1.5, 2.5]) * units.Jy}, meta={"aperture": "small"})
    return datamodels.CatalogModel(table)


def test_a_catalogue_keeps_rows_units_and_metadata(tmp_path, catalogue):
    catalogue.meta.telescope = "JWST"
    catalogue.save(tmp_path / "x_cat.ecsv")
    again = datamodels.open(tmp_path / "x_cat.ecsv")
    assert type(again) is datamodels.CatalogModel
    assert list(again.table["flux"]) == [1.5, 2.5] and again.table["flux"].unit == units.Jy
    assert again.meta.aperture == "small" and again.meta.telescope == "JWST"
    assert again.meta.filename == "x_cat.ecsv" and again.meta.model_type == "CatalogModel"
    assert Table.read(tmp_path / "x_cat.ecsv").meta["aperture"] == "small"
    assert repr(again) == "<CatalogModel of 2 rows from x_cat.ecsv>"


def test_a_copy_is_independent(catalogue):
    other = catalogue.copy()
    other.table["label"][0] = 9
    other.meta.aperture = "large"
    assert catalogue.table["label"][0] == 1 and catalogue.meta.aperture == "small"


def test_a_catalogue_is_written_as_ecsv_only(tmp_path, catalogue):
    with pytest.raises(InputError, match=r"written as .ecsv"):
        catalogue.save(tmp_path / "x_cat.fits")
    catalogue.save(tmp_path / "x.ecsv")
    with pytest.raises(InputError, match="the file already exists"):
        catalogue.save(tmp_path / "x.ecsv", overwrite=False)


def test_what_is_no_catalogue_is_refused_with_its_name(tmp_path):
    (tmp_path / "x.ecsv").write_text("nothing of the kind")
    with pytest.raises(InputError, match=r"not readable as a catalogue") as raised:
        datamodels.open(tmp_path / "x.ecsv")
    assert "x.ecsv" in str(raised.value)
    with pytest.raises(InputError, match="needs a table of astropy"):
        datamodels.CatalogModel([1, 2])
