"""Pools made from headers."""

import numpy as np
import pytest
from astropy.io import fits

from hexcal.associations.mkpool import mkpool
from hexcal.associations.pool import AssociationPool
from hexcal.errors import InputError, ParameterError


def exposure(path, **keywords):
    made = fits.PrimaryHDU()
    made.header.update({"OBSERVTN": "007", "PROGRAM": "01234", "TARGNAME": "M-1", "EXP_TYPE": "NRC_IMAGE", **keywords})
    made.writeto(path)
    return path


@pytest.mark.req("CMD-13", "CMD-14")
def test_columns_are_the_keywords_and_what_rules_need_besides(tmp_path):
    first = exposure(tmp_path / "a_uncal.fits", TSOVISIT=True, DURATION=10.5)
    second = exposure(tmp_path / "b_uncal.fits", FILTER="F200W")
    pool = mkpool([first, str(second)])
    assert isinstance(pool, AssociationPool)
    assert pool.colnames == sorted(pool.colnames)
    items = pool.exposures()
    assert [item["filename"] for item in items] == ["a_uncal.fits", "b_uncal.fits"]
    assert [(item["tsovisit"], item["duration"], item["filter"]) for item in items] == [
        ("true", "10.5", "null"),
        ("null", "null", "f200w"),
    ]
    for item in items:
        assert item["asn_candidate"] == "[('o007', 'observation')]"
        assert (item["is_imprt"], item["pntgtype"], item["dms_note"]) == ("f", "science", "null")


@pytest.mark.req("CMD-13")
def test_exposures_may_be_open_already(tmp_path):
    path = exposure(tmp_path / "a_uncal.fits", FILENAME="a_uncal.fits")
    with fits.open(path) as hdus:
        assert list(mkpool([hdus])["filename"]) == ["a_uncal.fits"]
        assert list(mkpool([hdus[0]])["program"]) == ["01234"]
    header = fits.Header({"OBSERVTN": "001", "FILENAME": "x_uncal.fits"})
    assert list(mkpool([fits.ImageHDU(header=header)])["filename"]) == ["x_uncal.fits"]


@pytest.mark.req("CMD-13")
def test_options_of_getheader(tmp_path):
    path = exposure(tmp_path / "a_uncal.fits")
    fits.append(path, np.zeros(1), fits.Header({"OBSERVTN": "099", "EXTNAME": "OTHER"}))
    assert mkpool([path], extname="OTHER").exposures()[0]["asn_candidate"] == "[('o099', 'observation')]"


@pytest.mark.req("CMD-15")
@pytest.mark.parametrize(
    "given",
    [
        [("c1000", "background"), ("c1001", "coronagraphic")],
        "[('c1000','background'), ('c1001','coronagraphic')]",
    ],
)
def test_candidates_besides_the_observation(tmp_path, given):
    pool = mkpool([exposure(tmp_path / "a_uncal.fits")], asn_candidate=given)
    assert list(pool["asn_candidate"]) == [
        "[('o007', 'observation'), ('c1000', 'background'), ('c1001', 'coronagraphic')]"
    ]


@pytest.mark.req("CMD-17")
def test_values_for_all_exposures(tmp_path):
    paths = [exposure(tmp_path / name) for name in ("a_uncal.fits", "b_uncal.fits")]
    pool = mkpool(paths, dms_note="wfsc_los_jitter", is_imprt="t", pntgtype="target_acquisition")
    assert list(pool["dms_note"]) == ["wfsc_los_jitter"] * 2
    assert list(pool["is_imprt"]) == ["t"] * 2 and list(pool["pntgtype"]) == ["target_acquisition"] * 2


def test_a_header_that_says_imprint_stands_where_nothing_else_is_given(tmp_path):
    paths = [exposure(tmp_path / "a_uncal.fits", IS_IMPRT=True), exposure(tmp_path / "b_uncal.fits", IS_IMPRT=False)]
    assert list(mkpool(paths)["is_imprt"]) == ["t", "f"]
    assert list(mkpool(paths, is_imprt="t")["is_imprt"]) == ["t", "t"]


def test_a_target_has_one_number_however_often_it_comes(tmp_path):
    names = ["Z", "B", "Z", "A", "B"]
    paths = [exposure(tmp_path / f"{number}_uncal.fits", TARGNAME=name) for number, name in enumerate(names)]
    assert list(mkpool(paths)["targetid"]) == ["1", "2", "1", "3", "2"]
    proposed = exposure(tmp_path / "p_uncal.fits", TARGNAME="", TARGPROP="B")
    assert list(mkpool([*paths, proposed])["targetid"])[-1] == "2"


def test_undefined_keywords_comments_and_repeated_keywords(tmp_path):
    path = exposure(tmp_path / "a_uncal.fits")
    header = fits.getheader(path)
    header["NOTHING"] = fits.card.Undefined()
    header.add_comment("a comment")
    header.add_history("a history")
    header.add_blank("-----")
    header.append(("TWICE", 1))
    header.append(("TWICE", 2))
    fits.PrimaryHDU(header=header).writeto(path, overwrite=True)
    pool = mkpool([path])
    assert list(pool["nothing"]) == ["null"] and len(pool) == 1
    assert not {"comment", "history", ""} & set(pool.colnames)


def test_what_cannot_be_in_a_pool(tmp_path):
    good = exposure(tmp_path / "a_uncal.fits")
    with pytest.raises(InputError, match="at least one"):
        mkpool([])
    with pytest.raises(InputError, match="does not exist"):
        mkpool([good, tmp_path / "none.fits"])
    (tmp_path / "text.fits").write_text("no FITS")
    with pytest.raises(InputError, match="header cannot be read"):
        mkpool([tmp_path / "text.fits"])
    with pytest.raises(InputError, match="OBSERVTN"):
        mkpool([exposure(tmp_path / "o_uncal.fits", OBSERVTN="NULL")])
    with pytest.raises(InputError, match="FILENAME"):
        mkpool([fits.ImageHDU(header=fits.Header({"OBSERVTN": "001"}))])
    with pytest.raises(InputError, match="int"):
        mkpool([3])
    with pytest.raises(ParameterError, match="list of"):
        mkpool([good], asn_candidate="[('c1000', 'background'")


@pytest.mark.req("CMD-13", "CMD-15")
def test_real_products_give_the_columns_of_their_headers(real_data):
    paths = sorted((real_data / "products" / "ami").glob("*.fits"))
    items = mkpool(paths).exposures()
    assert [item["filename"] for item in items] == [path.name for path in paths]
    for item, path in zip(items, paths, strict=True):
        header = fits.getheader(path)
        assert item["asn_candidate"] == f"[('o{header['OBSERVTN']}', 'observation')]"
        assert item["is_psf"] == str(header["IS_PSF"]).lower() and item["exp_type"] == "nis_ami"
    # AB Dor and its reference star
    assert len({item["targetid"] for item in items}) == 2
