"""Reference files certified: right ones pass, and each fault is named."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from crds_caches import make_cache
from delivered_files import FLAGS, HISTORY, dark, told

from hexcal.errors import ParameterError
from hexcal.references.context import open_context
from hexcal.references.delivery.certify import certify
from hexcal.references.parkeys import legal_values


@pytest.fixture
def context(tmp_path, monkeypatch):
    for name in ("CRDS_CONTEXT", "CRDS_OBSERVATORY", "CRDS_PATH", "CRDS_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    return open_context("jwst_0002.pmap", make_cache(tmp_path / "cache"))


@pytest.mark.req("REF-04", "REF-05")
def test_a_right_file(tmp_path, context):
    made = certify(dark(tmp_path / "dark.fits"), "jwst", context=context)
    assert made.findings == []
    assert (made.reference_type, made.instrument) == ("dark", "NIRCAM")
    assert made.rule == "jwst_nircam_dark_0002.rmap: NRCA1, RAPID|BRIGHT1, SUB64, 2023-04-05 06:07:08"
    assert made.previous == "jwst_nircam_dark_0003.fits"


@pytest.mark.req("REF-04", "REF-05", "S2C-03")
@pytest.mark.parametrize("keyword", ["TELESCOP", "INSTRUME", "REFTYPE", "USEAFTER", "PEDIGREE", "AUTHOR", "DESCRIP"])
@pytest.mark.parametrize("value", [None, " "])
def test_required_keywords(tmp_path, keyword, value):
    made = certify(dark(tmp_path / "dark.fits", **{keyword: value}), "jwst")
    assert (keyword, "none") in [(where, text.rpartition(" ")[2]) for where, text in told(made)]


@pytest.mark.req("REF-05", "S2C-03")
@pytest.mark.parametrize("keyword", ["DATAMODL", "DATE", "FILENAME"])
def test_usual_keywords(tmp_path, keyword):
    made = certify(dark(tmp_path / "dark.fits", **{keyword: None}), "jwst")
    assert (keyword, "none") in [(where, text.rpartition(" ")[2]) for where, text in told(made, "warnings")]


@pytest.mark.req("REF-04")
@pytest.mark.parametrize(
    "keyword", ["SUBARRAY", "SUBSTRT1", "SUBSIZE1", "SUBSTRT2", "SUBSIZE2", "FASTAXIS", "SLOWAXIS"]
)
def test_keywords_of_an_image_of_the_detector(tmp_path, keyword):
    made = certify(dark(tmp_path / "dark.fits", **{keyword: None}), "jwst")
    assert told(made) == [(keyword, "required for an image of the detector, the file has none")]


@pytest.mark.req("REF-04")
@pytest.mark.parametrize(
    ("value", "level"),
    [
        ("2023-04-05T06:07:08.25", None),
        ("2023-04-05", "warnings"),
        ("2023-04-05 06:07:08", "warnings"),
        ("2023-02-30T00:00:00", "errors"),
        ("soon", "errors"),
        # Nobody can know which is the month.
        ("01/02/2020", "errors"),
        ("01-02-2020 00:00:00", "errors"),
        ("01/02/20", "errors"),
    ],
)
def test_useafter(tmp_path, value, level):
    made = certify(dark(tmp_path / "dark.fits", USEAFTER=value), "jwst")
    found = {finding.level + "s" for finding in made.findings if finding.where == "USEAFTER"}
    assert found == ({level} if level else set())
    assert level is None or all("T" in finding.text for finding in made.findings if finding.where == "USEAFTER")


@pytest.mark.req("REF-04")
@pytest.mark.parametrize(
    ("value", "level"),
    [
        ("GROUND", None),
        ("DUMMY", None),
        ("SIMULATION", None),
        ("Dummy", "warnings"),
        ("FLIGHT", "errors"),
        ("INFLIGHT", "errors"),
        ("INFLIGHT 2022-06-05", "errors"),
        ("INFLIGHT 2022-06-07 2022-06-05", "errors"),
        ("INFLIGHT 05/06/2022 07/06/2022", "errors"),
        ("GROUND 2022-06-05 2022-06-07", "errors"),
    ],
)
def test_pedigree(tmp_path, value, level):
    made = certify(dark(tmp_path / "dark.fits", PEDIGREE=value), "jwst")
    found = {finding.level + "s" for finding in made.findings if finding.where == "PEDIGREE"}
    assert found == ({level} if level else set())


@pytest.mark.req("REF-04")
def test_history(tmp_path):
    without = certify(dark(tmp_path / "dark.fits", history=()), "jwst")
    assert told(without, "warnings") == [("HISTORY", "should say how the file was made, the file has none")]
    partly = certify(dark(tmp_path / "dark.fits", history=HISTORY[:3]), "jwst")
    assert told(partly, "warnings")[0][1].endswith("no entry for DIFFERENCES")


@pytest.mark.req("REF-13")
def test_read_out_directions(tmp_path):
    made = certify(dark(tmp_path / "dark.fits", FASTAXIS=1), "jwst")
    assert told(made, "warnings") == [
        ("FASTAXIS", "is -1 for NRCA1 in the orientation of science data, the file has 1")
    ]


def test_detector_of_another_instrument(tmp_path):
    made = certify(dark(tmp_path / "dark.fits", DETECTOR="NRS1", FASTAXIS=2, SLOWAXIS=1), "jwst")
    assert ("DETECTOR", "must be one of NIRCAM, NRS1 belongs to NIRSPEC") in told(made)


@pytest.mark.parametrize(
    ("parameter", "values"),
    [
        pytest.param(
            "META.INSTRUMENT.PUPIL",
            "CLEAR F162M F164N F323N F405N F466N F470N GRISMV2 GRISMV3 CLEARP F090W F115W F140M F150W F158M F200W "
            "GR700XD NRM",
            marks=pytest.mark.req("REF-07"),
        ),
        pytest.param(
            "META.EXPOSURE.TYPE",
            "FGS_IMAGE FGS_FOCUS FGS_SKYFLAT FGS_INTFLAT FGS_DARK MIR_IMAGE MIR_TACQ MIR_LYOT MIR_4QPM "
            "MIR_LRS-FIXEDSLIT MIR_LRS-SLITLESS MIR_MRS "
            "MIR_DARK MIR_FLATIMAGE MIR_FLATMRS MIR_CORONCAL NRC_IMAGE NRC_GRISM NRC_TACQ NRC_TACONFIRM NRC_CORON "
            "NRC_TSIMAGE NRC_TSGRISM NRC_FOCUS "
            "NRC_DARK NRC_FLAT NRC_LED NIS_IMAGE NIS_TACQ NIS_TACONFIRM NIS_WFSS NIS_SOSS NIS_AMI NIS_FOCUS NIS_DARK "
            "NIS_LAMP NRS_TASLIT NRS_TACQ "
            "NRS_TACONFIRM NRS_CONFIRM NRS_FIXEDSLIT NRS_AUTOWAVE NRS_IFU NRS_MSASPEC NRS_AUTOFLAT NRS_IMAGE NRS_FOCUS "
            "NRS_DARK NRS_LAMP NRS_BOTA "
            "NRS_BRIGHTOBJ NRS_MIMF",
            marks=pytest.mark.req("REF-08"),
        ),
        pytest.param(
            "META.EXPOSURE.READPATT",
            "SLOW FAST FASTGRPAVG FASTINTAVG DEEP8 DEEP2 MEDIUM8 MEDIUM2 SHALLOW4 SHALLOW2 BRIGHT2 BRIGHT1 RAPID "
            "NRSRAPID NRS NRSN16R4 NRSIRS2RAPID "
            "NIS NISRAPID ID ACQ1 ACQ2 TRACK FINEGUIDE FGS60 FGS840 FGS7850 FGSRAPID FGS",
            marks=pytest.mark.req("REF-09"),
        ),
        pytest.param(
            "META.INSTRUMENT.DETECTOR",
            "GUIDER1 GUIDER2 NIS NRCA1 NRCA2 NRCA3 NRCA4 NRCB1 NRCB2 NRCB3 NRCB4 NRCALONG NRCBLONG NRS1 NRS2 "
            "MIRIFULONG MIRIFUSHORT MIRIMAGE",
            marks=pytest.mark.req("REF-10"),
        ),
    ],
)
def test_documented_values_are_legal(tmp_path, parameter, values):
    """Each of them, and nothing that is not a value, passes."""
    keyword = {"META.INSTRUMENT.PUPIL": "PUPIL", "META.EXPOSURE.TYPE": "EXP_TYPE", "META.EXPOSURE.READPATT": "READPATT"}
    keyword = keyword.get(parameter, "DETECTOR")
    assert set(values.split()) <= legal_values("jwst", parameter)
    made = certify(dark(tmp_path / "dark.fits", **{keyword: "NONSENSE", "P_READPA": None}), "jwst")
    assert [where for where, text in told(made, "warnings") if "not among the allowed values" in text] == [keyword]


def test_values_that_are_not_legal(tmp_path):
    made = certify(dark(tmp_path / "dark.fits", READPATT="RAPIDO", P_READPA="RAPID|BRIGT1|"), "jwst")
    assert told(made, "warnings") == [
        ("READPATT", "'RAPIDO' is not among the allowed values; nearest is RAPID"),
        ("P_READPA", "'BRIGT1' is not among the allowed values; nearest is BRIGHT1"),
    ]


@pytest.mark.req("REF-03")
def test_data_in_the_primary_part(tmp_path):
    path = dark(tmp_path / "dark.fits")
    with fits.open(path) as hdus:
        hdus[0].data = np.zeros((2, 3), "f4")
        hdus.writeto(path, overwrite=True)
    assert told(certify(path, "jwst"), "warnings") == [
        ("PRIMARY", "should have no data, it has an array of shape (2, 3)")
    ]


def test_extensions_of_the_type(tmp_path):
    made = certify(dark(tmp_path / "dark.fits", drop=("SCI", "DQ")), "jwst")
    assert told(made) == [("SCI", "is required for this type; found: ERR, DQ_DEF")]
    assert told(made, "warnings") == [("DQ", "is usual for this type; found: ERR, DQ_DEF")]


def test_dimensions(tmp_path):
    made = certify(dark(tmp_path / "dark.fits", arrays={"SCI": np.ones((6, 8), "f4")}), "jwst")
    assert told(made) == [("SCI", "must have 3 dimensions, its shape is (6, 8)")]


def test_arrays_of_other_sizes(tmp_path):
    made = certify(dark(tmp_path / "dark.fits", arrays={"DQ": np.zeros((6, 9), "u4")}), "jwst")
    assert told(made) == [("SCI, ERR, DQ", "must be of the same size, they are SCI (6, 8), ERR (6, 8), DQ (6, 9)")]


def test_window_and_array(tmp_path):
    made = certify(dark(tmp_path / "dark.fits", SUBSIZE1=6, SUBSIZE2=8), "jwst")
    assert told(made) == [("SUBSIZE1, SUBSIZE2", "must be the size of SCI, 8 x 6; they are 6 x 8")]
    off = certify(dark(tmp_path / "dark.fits", SUBSTRT1=2045), "jwst")
    assert told(off) == [("SUBSTRT1, SUBSTRT2", "the window from x=2045, y=1 of 8 x 6 must lie on NRCA1, 2048 x 2048")]


def test_window_of_a_known_subarray(tmp_path):
    made = certify(dark(tmp_path / "dark.fits", SUBARRAY="SUB160"), "jwst")
    assert told(made, "warnings") == [
        ("SUBARRAY", "SUB160 of NRCA1 begins at x=1889, y=1889 and is 160 x 160; the file has x=1, y=1, 8 x 6")
    ]


@pytest.mark.req("RT-49")
@pytest.mark.parametrize(
    ("flags", "level", "text"),
    [
        (((0, 1, "DO_NOT_USE", ""), (2, 2, "HOT", "")), "errors", "VALUE of HOT must be 2**BIT, it is 2 with BIT 2"),
        (
            ((0, 1, "DO_NOT_USE", ""), (0, 1, "HOT", "")),
            "errors",
            "each VALUE must stand for one flag, 1 are given twice",
        ),
        (
            ((0, 1, "DO_NOT_USE", ""), (1, 2, "TEPID", "")),
            "warnings",
            "these flags are not in the master list, and are not used: TEPID",
        ),
    ],
)
def test_definitions_of_flags(tmp_path, flags, level, text):
    made = certify(dark(tmp_path / "dark.fits", flags=flags), "jwst")
    assert told(made, level) == [("DQ_DEF", text)]


@pytest.mark.req("RT-49")
def test_columns_of_the_definitions(tmp_path):
    path = dark(tmp_path / "dark.fits")
    with fits.open(path) as hdus:
        hdus["DQ_DEF"].columns.change_name("NAME", "FLAG")
        hdus.writeto(path, overwrite=True)
    assert (
        "DQ_DEF",
        "must have the columns BIT, VALUE, NAME, DESCRIPTION; it has BIT, VALUE, FLAG, DESCRIPTION",
    ) in told(certify(path, "jwst"))


def test_flags_without_definition(tmp_path):
    made = certify(dark(tmp_path / "dark.fits", flags=FLAGS[1:]), "jwst")
    assert told(made, "warnings") == [("DQ", "has bits that DQ_DEF does not define: [0]")]


def test_values_that_are_not_finite(tmp_path):
    data = np.ones((3, 6, 8), "f4")
    data[0, 0, :2] = np.nan, np.inf
    made = certify(dark(tmp_path / "dark.fits", arrays={"SCI": data, "ERR": data * np.nan}), "jwst")
    assert told(made, "warnings") == [("SCI", "2 of 144 values are not finite (1.4 %)")]
    assert told(made) == [("ERR", "has no finite value")]


def test_columns_of_a_table(tmp_path):
    path = tmp_path / "photom.fits"
    dark(path, drop=("SCI", "ERR", "DQ", "DQ_DEF"), REFTYPE="PHOTOM", DATAMODL="NrcImgPhotomModel")
    table = np.zeros(1, [("filter", "S12"), ("pupil", "S12"), ("photmjsr", "f4")])
    with fits.open(path) as hdus:
        hdus.append(fits.BinTableHDU(table, name="PHOTOM"))
        hdus.writeto(path, overwrite=True)
    assert told(certify(path, "jwst")) == [
        ("PHOTOM", "must have the columns UNCERTAINTY; it has FILTER, PUPIL, PHOTMJSR")
    ]


def test_trees(tmp_path, context):
    """A JSON file has its keywords at the top level."""
    keywords = {
        "REFTYPE": "MSAOPER",
        "telescop": "JWST",
        "INSTRUME": "NIRSPEC",
        "USEAFTER": "2023-04-05T06:07:08",
        "PEDIGREE": "GROUND",
        "AUTHOR": "A. Nother",
        "DESCRIP": "failed shutters",
        "HISTORY": "DOCUMENT, SOFTWARE, DATA USED, DIFFERENCES",
        "DATAMODL": "none",
        "DATE": "2024-01-01",
    }
    path = tmp_path / "msaoper.json"
    path.write_text(json.dumps({**keywords, "msaoper": []}))
    assert certify(path, "jwst").findings == []
    path.write_text(json.dumps({**keywords, "msaopr": []}))
    assert [where for where, _ in told(certify(path, "jwst"))] == ["msaoper"]


def test_type_that_was_asked_for(tmp_path):
    path = dark(tmp_path / "dark.fits")
    assert ("REFTYPE", "must be FLAT, it is DARK") in told(certify(path, "jwst", "flat"))
    with pytest.raises(ParameterError, match="unknown type of reference 'darc'") as error:
        certify(path, "jwst", "darc")
    assert error.value.hint == "did you mean 'dark'?"


@pytest.mark.req("REF-01")
def test_names(tmp_path):
    path = dark(tmp_path / "jwst_nircam_flat_0007.fits")
    assert told(certify(path, "jwst"), "warnings") == [
        ("name", "should be jwst_nircam_dark_0007 after INSTRUME and REFTYPE, it is jwst_nircam_flat_0007")
    ]
    shutil.copy(path, tmp_path / "jwst_nircam_dark_0007.fits")
    assert certify(tmp_path / "jwst_nircam_dark_0007.fits", "jwst").findings == []


@pytest.mark.parametrize(
    ("name", "content", "where"),
    [
        ("a.fits", b"no file", "file"),
        ("a.fits", b"", "file"),
        ("a.asdf", b"no file", "file"),
        ("a.json", b"{", "file"),
        ("a.txt", b"", "name"),
        ("absent.fits", None, "file"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, content, where):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    ((found, _),) = told(certify(tmp_path / name, "jwst"))
    assert found == where


@pytest.mark.parametrize("less", [4000, 7000])
def test_a_truncated_file(tmp_path, less):
    """Cut in the middle of an array, or of a header."""
    path = Path(dark(tmp_path / "dark.fits"))
    path.write_bytes(path.read_bytes()[:-less])
    ((where, found),) = told(certify(path, "jwst"))
    assert where == "file"
    assert "truncated" in found


# ---- real files


def test_real_files(real_data):
    """Delivered files have no errors but those that they really have."""
    context = open_context("jwst_0541.pmap", real_data / "crds_cache", "jwst")
    expected = {
        "dflat_PRISM_32x512.fits": "TELESCOP",
        "msa_fs_configuration.fits.gz": "REFTYPE",
        "jwst_nirspec_apcorr_ifu_dummy.asdf": "meta.instrument.name",
    }
    names = [
        *expected,
        "jwst_miri_flat_0413.fits",
        "jwst_miri_psfmask_0001.fits",
        "jwst_nirspec_dark_0046.fits",
        "jwst_nirspec_superbias_0075.fits",
        "jwst_nirspec_fflat_0017.fits",
        "jwst_nirspec_pathloss_0002.fits",
        "jwst_nirspec_area_0020.fits",
        "jwst_niriss_superbias_0111.fits",
        "jwst_nircam_photom_0064.fits",
        "miri_wcs/jwst_miri_filteroffset_0004.asdf",
        "miri_new_readnoise_file.fits",
    ]
    for name in names:
        made = certify(real_data / "references" / name, "jwst", context=context)
        # Some old files ask for other rules than the newest context has, where a rule of their own would be a special
        # case.
        found = [finding for finding in made.errors if not finding.where.endswith(".rmap")]
        assert (found[0].where if found else None) == expected.get(name), name
