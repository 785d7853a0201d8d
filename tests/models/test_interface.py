"""The customary interface of models: both what they have and what they refuse."""

import io

import numpy as np
import pytest
from astropy.io import fits
from exposures import write_uncal

from hexcal import datamodels
from hexcal.errors import InputError, ParameterError


@pytest.fixture
def image():
    model = datamodels.ImageModel(np.ones((4, 5), "f4"))
    model.meta.instrument.name = "NIRCAM"
    model.meta.target.catalog_name = "NGC 1"
    return model


HAVE = (
    "info search schema search_schema get_primary_array_name instance keys items values hasattr get_dtype get_default "
    "validate to_fits to_asdf from_fits "
    "from_asdf save update history to_flat_dict get_crds_parameters crds_observatory on_save on_init extend_schema "
    "add_schema_entry shape copy close "
    "find_fits_keyword add_history_entry getarray_noinit meta"
)


@pytest.mark.parametrize("name", HAVE.split())
def test_every_model_has(name):
    assert hasattr(datamodels.ImageModel, name)


def test_the_dict_like_part_holds_what_is_set_and_nothing_else(image):
    assert "meta.instrument.name" in image and "data" in image
    assert "meta.instrument.filter" not in image and "err" not in image and "nonsense" not in image and 3 not in image
    assert (
        list(image)
        == image.keys()
        == list(dict(image.items()))
        == ["data", "meta.instrument.name", "meta.target.catalog_name"]
    )
    assert image.values()[1:] == ["NIRCAM", "NGC 1"]
    assert image.hasattr("data") and not image.hasattr("dq") and image.meta.hasattr("instrument")
    assert list(image.meta.instrument.keys()) == ["name"]
    assert set(image.instance) == {"data", "meta"} and image.instance["meta"]["target"]["catalog_name"] == "NGC 1"


def test_a_flat_dict_with_and_without_arrays(image):
    assert np.array_equal(image.to_flat_dict()["data"], image.data)
    assert image.to_flat_dict(include_arrays=False) == image.get_crds_parameters() == {
        "meta.instrument.name": "NIRCAM",
        "meta.target.catalog_name": "NGC 1",
    }  # fmt: skip
    assert image.crds_observatory == "jwst"


def test_info_prints_a_tree(image, capsys):
    image.info()
    text = capsys.readouterr().out
    assert "data (array): float32 (4, 5)" in text and "catalog_name (str): NGC 1" in text
    image.info(max_rows=2)
    assert "more lines" in capsys.readouterr().out


def test_search_by_name_type_and_value(image):
    assert image.search("catalog").paths == ["meta.target.catalog_name"]
    assert image.search(key="catalog").node == "NGC 1"
    assert image.search(value="NIRC").path == "meta.instrument.name"
    assert image.search(type_=np.ndarray).paths == ["data"] and len(image.search("nowhere")) == 0
    assert "NGC 1" in repr(image.search("catalog")) and repr(image.search("nowhere")) == "No results found."


def test_the_schema_says_what_a_model_may_hold(image):
    properties = image.schema["properties"]
    assert properties["dq"]["datatype"] == "uint32" and properties["dq"]["fits_hdu"] == "DQ"
    name = properties["meta"]["properties"]["instrument"]["properties"]["name"]
    assert name["fits_keyword"] == "INSTRUME" and name["type"] == "string" and "NIRCAM" in name["enum"]
    assert ("meta.target.catalog_name", image.search_schema("catalog_name")[0][1]) in image.search_schema(
        "catalog_name"
    )


def test_types_and_defaults_of_arrays(image):
    assert image.get_primary_array_name() == "data" and datamodels.MultiSlitModel().get_primary_array_name() == ""
    assert image.get_dtype("dq") == np.uint32 and image.get_default("dq").shape == (4, 5)
    assert datamodels.RampModel().get_dtype("group").names[0] == "integration_number"
    assert len(datamodels.RampModel().get_default("int_times")) == 0
    with pytest.raises(AttributeError, match="did you mean 'data'"):
        image.get_dtype("dta")
    with pytest.raises(AttributeError, match="err is not set"):
        image.getarray_noinit("err")


def test_models_are_made_of_dicts_and_updated_with_them(image):
    model = datamodels.ImageModel({"meta": {"target": {"catalog_name": "A"}}, "data": np.zeros((2, 2))})
    assert model.shape == (2, 2) and model.meta.target.catalog_name == "A"
    model.update({"meta": {"instrument": {"name": "MIRI"}}, "history": ["made"]})
    assert model.meta.instrument.name == "MIRI" and model.history == ["made"]
    with pytest.raises(ParameterError, match="NIRCAM"):
        model.update({"meta": {"instrument": {"name": "NIRCAN"}}})


def test_metadata_may_be_taken_over_in_part(image):
    other = datamodels.ImageModel((2, 2))
    other.meta.target.catalog_name, other.meta.instrument.filter = "A", "F200W"
    image.meta.target.catalog_name = None
    image.update(other, without=("meta.target.catalog_name",))
    assert image.meta.target.catalog_name is None and image.meta.instrument.filter == "F200W"


def test_history_may_be_replaced(image):
    image.history = ["a", {"description": "b"}]
    image.add_history_entry("c")
    image.history.append("d")
    assert image.history == ["a", "b", "c", "d"]


def test_saving_under_a_name_that_a_function_gives_and_under_the_name_that_it_has(tmp_path, image, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no file name to be saved under"):
        image.save()
    image.meta.filename = "x_cal.fits"
    assert image.save(lambda name: name.replace("cal", "crf")) == "x_crf.fits"
    assert image.save() == "x_crf.fits"
    with pytest.raises(InputError, match="the file already exists"):
        image.save("x_crf.fits", overwrite=False)


def test_to_fits_and_back(tmp_path, image):
    image.to_fits(tmp_path / "x.fits")
    again = datamodels.ImageModel.from_fits(tmp_path / "x.fits")
    assert np.array_equal(again.data, image.data) and again.meta.target.catalog_name == "NGC 1"


def test_to_asdf_and_back(tmp_path, image):
    image.to_asdf(tmp_path / "x.asdf")
    again = datamodels.ImageModel.from_asdf(tmp_path / "x.asdf")
    assert np.array_equal(again.data, image.data) and again.meta.target.catalog_name == "NGC 1"
    assert type(datamodels.open(tmp_path / "x.asdf")) is datamodels.ImageModel


def test_hooks_of_a_class_of_a_user(tmp_path):
    class Mine(datamodels.ImageModel):
        def on_init(self, init):
            self.meta.target.catalog_name = "mine"

        def on_save(self, path=None):
            super().on_save(path)
            self.meta.origin = f"saved as {path.name}"

    model = Mine((2, 3))
    model.save(tmp_path / "m.fits")
    header = fits.getheader(tmp_path / "m.fits")
    assert header["TARGNAME"] == "mine" if "TARGNAME" in header else model.meta.target.catalog_name == "mine"
    assert header["ORIGIN"] == "saved as m.fits" and header["FILENAME"] == "m.fits"


def test_validation_finds_what_a_file_had_wrong(tmp_path):
    write_uncal(tmp_path)
    path = next(tmp_path.glob("*_uncal.fits"))
    fits.setval(path, "NGROUPS", value="many")
    with pytest.raises(ParameterError, match=r"meta.exposure.ngroups must be of type int"):
        datamodels.open(path).validate()
    datamodels.ImageModel((2, 2)).validate()
    with pytest.raises(ParameterError):
        datamodels.Level1bModel(path, strict_validation=True)


def test_a_schema_may_be_extended(tmp_path, image):
    image.extend_schema(
        {
            "properties": {
                "meta": {"properties": {"lamp_used": {"type": "string", "fits_keyword": "LAMPUSED", "title": "lamp"}}},
                "background": {"fits_hdu": "BKG", "datatype": "float32", "ndim": 2},
            }
        }
    )
    assert image.meta.lamp_used is None and image.background is None
    image.meta.lamp_used, image.background = "ARGON", np.full((4, 5), 2.0)
    with pytest.raises(ParameterError, match="must be of type str"):
        image.meta.lamp_used = 3
    image.add_schema_entry("meta.lamps.number", {"type": "integer"})
    image.meta.lamps.number = 4
    copy = image.copy()
    copy.save(tmp_path / "x.fits")
    with fits.open(tmp_path / "x.fits") as hdus:
        assert hdus[0].header["LAMPUSED"] == "ARGON" and hdus[0].header.comments["LAMPUSED"] == "lamp"
        assert hdus["BKG"].data[1, 2] == 2.0
    again = datamodels.open(tmp_path / "x.fits")
    again.add_schema_entry("meta.lamp_used", {"type": "string", "fits_keyword": "LAMPUSED"})
    again.add_schema_entry("background", {"fits_hdu": "BKG", "datatype": "float32", "ndim": 2})
    assert again.meta.lamp_used == "ARGON" and again.background[0, 0] == 2.0 and again.meta.lamps.number == 4


def test_flags_as_names():
    from hexcal.datamodels import dqflags

    assert dqflags.dqflags_to_mnemonics(5, dqflags.pixel) == {"DO_NOT_USE", "JUMP_DET"}
    assert dqflags.dqflags_to_mnemonics(0, dqflags.pixel) == set()
    assert dqflags.interpret_bit_flags("DO_NOT_USE + SATURATED", mnemonic_map=dqflags.pixel) == 3
    assert dqflags.interpret_bit_flags("~DO_NOT_USE", mnemonic_map=dqflags.pixel) == -2
    assert dqflags.interpret_bit_flags("1, 4") == 5 and dqflags.interpret_bit_flags(None) is None
    with pytest.raises(AttributeError, match="did you mean 'SATURATED'"):
        dqflags.interpret_bit_flags("SATURATD", mnemonic_map=dqflags.pixel)


def test_arrays_of_a_user_are_kept(tmp_path, image):
    image.my_mask = np.arange(20).reshape(4, 5)
    image.save(tmp_path / "x.fits")
    assert np.array_equal(datamodels.open(tmp_path / "x.fits").my_mask, image.my_mask)
    del image.my_mask
    assert not hasattr(image, "my_mask")


def test_a_misspelt_array_is_refused(image):
    with pytest.raises(AttributeError, match="did you mean 'data'"):
        image.dta = np.zeros((4, 5))
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        image.nothing_of_the_kind = 3


def test_an_error_inside_a_property_is_not_an_unknown_attribute():
    class Mine(datamodels.ImageModel):
        @property
        def brightness(self):
            return self.data.no_such_method()

    with pytest.raises(AttributeError, match="no_such_method"):
        Mine((2, 2)).brightness  # noqa: B018


def test_documented_attributes_of_slits(tmp_path):
    slit = datamodels.SlitModel(np.ones((2, 3), "f4"))
    assert slit.name is None and slit.source_id is None and slit.shutter_state is None
    slit.name, slit.source_id, slit.xstart, slit.source_type = "12", 7, 30, "POINT"
    with pytest.raises(ParameterError, match="must be of type int"):
        slit.source_id = "seven"
    with pytest.raises(AttributeError, match="did you mean 'source_id'"):
        slit.source_idd = 7
    assert not hasattr(datamodels.ImageModel((2, 2)), "shutter_state")
    model = datamodels.MultiSlitModel()
    model.slits.append(slit)
    model.save(tmp_path / "m_cal.fits")
    header = fits.getheader(tmp_path / "m_cal.fits", "SCI", 1)
    assert (header["SLTNAME"], header["SOURCEID"], header["SLTSTRT1"], header["SRCTYPE"]) == ("12", 7, 30, "POINT")
    again = datamodels.open(tmp_path / "m_cal.fits")
    assert again.slits[0].name == "12" and again[0].source_id == 7


def test_slits_say_what_the_original_asks_them_for(tmp_path):
    """Its extract_1d asks each slit of a file for its instrument and exposure, which are those of the file."""
    import asdf

    model = datamodels.MultiSlitModel()
    model.meta.telescope, model.meta.instrument.name, model.meta.instrument.grating = "JWST", "NIRSPEC", "PRISM"
    model.meta.exposure.type, model.meta.exposure.nints = "NRS_FIXEDSLIT", 1
    for name in ("S200A1", "S400A1"):
        slit = datamodels.SlitModel(np.ones((2, 3), "f4"))
        slit.name = name
        model.slits.append(slit)
    model.slits[1].set_meta("meta.exposure.nints", 3)
    model.save(tmp_path / "x_cal.fits")
    content = fits.getdata(tmp_path / "x_cal.fits", "ASDF")["ASDF_METADATA"].tobytes()
    with asdf.open(io.BytesIO(content)) as file:
        first, second = file["slits"]
        assert first["meta"]["instrument"] == second["meta"]["instrument"] == {"name": "NIRSPEC", "grating": "PRISM"}
        assert first["meta"]["exposure"] == {"type": "NRS_FIXEDSLIT"}
        assert second["meta"]["exposure"] == {"type": "NRS_FIXEDSLIT", "nints": 3}
