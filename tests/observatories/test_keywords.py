"""The JWST keyword dictionary: consistent in itself, complete for the documents and for real files."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hexcal.observatories import KeywordTable, get

KEYWORDS = get("jwst").keywords
REAL = Path(os.environ.get("HEXCAL_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))


def words(text):
    return text.split()


STATUS = words("""S_AMIANA S_AMIAVG S_AMINOR S_BARSHA S_BKDSUB S_COMB1D S_DARK S_DQINIT S_EXTR1D S_EXTR2D S_FLAT
    S_FRINGE S_FRSTFR S_GANSCL S_GRPSCL S_GUICDS S_IFUCUB S_IMPRNT S_IPC S_JUMP S_KLIP S_LASTFR S_LINEAR S_MIREMI
    S_MRSMAT S_MSAFLG S_OUTLIR S_PERSIS S_PHOTOM S_PSFALI S_PSFSTK S_PTHLOS S_RAMP S_REFPIX S_RESAMP S_RESET S_RSCD
    S_SATURA S_SKYMAT S_SRCCAT S_SRCTYP S_STRAY S_SUPERB S_TELEMI S_TSPHOT S_TWKREG S_WCS S_WFSCOM S_WHTLIT S_MSBSUB
    S_NSCLEN S_WAVCOR""")

REQUIRED = {
    "REFTYPE": "meta.reftype", "DESCRIP": "meta.description", "AUTHOR": "meta.author", "USEAFTER": "meta.useafter",
    "PEDIGREE": "meta.pedigree", "TELESCOP": "meta.telescope", "INSTRUME": "meta.instrument.name",
    "DATAMODL": "meta.model_type", "DATE": "meta.date", "FILENAME": "meta.filename", "SUBARRAY": "meta.subarray.name",
    "SUBSTRT1": "meta.subarray.xstart", "SUBSIZE1": "meta.subarray.xsize", "SUBSTRT2": "meta.subarray.ystart",
    "SUBSIZE2": "meta.subarray.ysize", "FASTAXIS": "meta.subarray.fastaxis", "SLOWAXIS": "meta.subarray.slowaxis",
    "EXP_TYPE": "meta.exposure.type", "READPATT": "meta.exposure.readpatt", "NRS_NORM": None, "NRS_REF": None,
    "P_READPA": "meta.exposure.p_readpatt", "GAINFACT": "meta.exposure.gain_factor", "EXSEGNUM": None, "EXSEGTOT": None,
    "INTSTART": None, "INTEND": None, "CRDS_CTX": "meta.ref_file.crds.context_used",
    "CRDS_VER": "meta.ref_file.crds.sw_version", "R_DARK": "meta.ref_file.dark.name", "TSOVISIT": "meta.visit.tsovisit",
    "PRIMECRS": None,
}  # fmt: skip

# Cards of real files that no model maps, and why. They are carried along untouched.
IN_ANY_HDU = {
    "FITS": "SIMPLE BITPIX EXTEND PCOUNT GCOUNT XTENSION EXTNAME EXTVER EXTLEVEL INHERIT BSCALE BZERO TFIELDS CHECKSUM "
    "DATASUM LONGSTRN NEXTEND O_BZERO",
    "statistics written by the makers of a reference file": "NEXP MEAN STDDEV MODE SKEW KURTOSIS MEDIAN MINIMUM "
    "MAXIMUM S_N NMBR_BD PRCT_BD",
    "names of DQ planes beside DQ_DEF": "DQ_1 DQ_2 DQ_3 DQ_4 DQ_5 DQ_6",
    "IRAF": "IRAF-TLM",
    "unit of a DQ array, which has none": "BUNIT",
}
IN_PRIMARY = {
    "MIRI simulator": """CREATOR DETTEMP ROWRSETS FRMRSETS GRPAVG INTAVG CRMETHOD CRMODE GCR_FLUX CRNUM CRNUMPIX
        SUBBURST DETROWS DETCOLS SMPSKIP WELL REQTIME RDNOISE GAINCF MAXDN SRCTYPE""",
    "instrument teams' own notes in reference files": """MODELNAM DETSETNG SCA_ID VERSION TEMP LITREF COMPNAME SYSTEM
        COL_STRT ROW_STRT NCOLS NROWS VERIFIED CERTIFYD ORIGFILE TYPE GWAXTILT GWAYTILT""",
    "MSA metadata file, read by its own reader": "PPSDBVER PNTG_SEQ MSACFG10 MSACFG36",
    "MIRI ground test of 2017": """ROWSTART COLSTART ROOTNAME EXP_ID INT_ID READ_ID WALLTIME FRMRSTS INITLRST RSTWIDTH
        DET_JPL SCAIDJPL EXPTIME INTTIME TIME-END""",
}
EXTENSIONS_OF_TEAMS = {"PSVAR", "UNIVAR", "UNC", "PS", "UNI"}
STRUCTURE = re.compile(r"(NAXIS|TTYPE|TFORM|TUNIT|TDIM|TNULL|TSCAL|TZERO|TDISP)\d*$")


def test_every_card_has_one_meaning():
    seen = set()
    for entry in KEYWORDS:
        for model in entry.models or ("",):
            key = (entry.keyword, entry.hdu.upper(), model)
            assert key not in seen, f"{key} stands twice"
            seen.add(key)


def test_rows_are_legal():
    for entry in KEYWORDS:
        assert re.fullmatch(r"[A-Z0-9_-]{1,8}", entry.keyword), entry
        assert re.fullmatch(r"[A-Za-z0-9_]+(\.[a-z0-9_]+)*", entry.path), entry
        assert entry.type in ("str", "int", "float", "bool"), entry
        assert (entry.comment + entry.section).isascii(), entry
        assert not KEYWORDS.is_branch(entry.path), f"{entry.path} is a value and a branch"


def test_one_path_one_card_per_model_class():
    models = {"ImageModel", *(name for entry in KEYWORDS for name in entry.models)}
    hdus = {entry.hdu for entry in KEYWORDS}
    for model in models:
        paths = [entry.path for hdu in hdus for entry in KEYWORDS.of_hdu(hdu, model)]
        assert len(paths) == len(set(paths)), model


@pytest.mark.req("STAT-02", "STAT-03", "STAT-04")
@pytest.mark.parametrize("keyword", STATUS)
def test_status_keywords(keyword):
    entry = KEYWORDS.of_card(keyword)
    assert entry.path.startswith("meta.cal_step.")
    assert {"COMPLETE", "SKIPPED"} <= set(entry.allowed)


def test_group_scale_status_is_read_in_the_spelling_of_the_documents():
    assert KEYWORDS.of_card("S_GRPSC").keyword == "S_GRPSCL"
    assert KEYWORDS.of_card("S_GRPSCl").keyword == "S_GRPSCL"


@pytest.mark.req("REF-04", "REF-05", "REF-06", "NAME-07")
@pytest.mark.parametrize(("keyword", "path"), REQUIRED.items())
def test_keywords_of_the_documents(keyword, path):
    entry = KEYWORDS.of_card(keyword)
    assert entry is not None
    assert path is None or entry.path == path


@pytest.mark.req("REF-06", "REF-07", "REF-09", "REF-10")
@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("GRATING", "G140M G235M G395M G140H G235H G395H PRISM MIRROR"),
        ("CHANNEL", "1 2 3 4 12 34 SHORT LONG"),
        ("BAND", "SHORT MEDIUM LONG N/A"),
        ("PUPIL", "CLEAR F162M F164N F323N F405N F466N F470N CLEARP F090W F115W F140M F150W F158M F200W GR700XD NRM"),
        (
            "READPATT",
            "SLOW FAST FASTGRPAVG FASTINTAVG DEEP8 RAPID NRSRAPID NRS NRSN16R4 NRSIRS2RAPID NIS NISRAPID ID FGS60 "
            "FGS840 FGS7850 FGS",
        ),
        ("DETECTOR", "GUIDER1 GUIDER2 NIS NRCA1 NRCB4 NRCALONG NRCBLONG NRS1 NRS2 MIRIFULONG MIRIFUSHORT MIRIMAGE"),
        ("EXP_TYPE", "FGS_DARK MIR_DARK NRS_BOTA NRS_TASLIT NIS_TACONFIRM NRC_LED MIR_CORONCAL"),
        ("LAMP", "OFF NONE"),
    ],
)
def test_values_named_by_the_documents_are_allowed(keyword, values):
    assert set(values.split()) <= set(KEYWORDS.of_card(keyword).allowed)


def test_units_and_world_coordinates_stand_with_their_arrays():
    assert KEYWORDS.of_path("meta.bunit_data").hdu == "SCI"
    assert KEYWORDS.of_path("meta.bunit_err").hdu == "ERR"
    assert KEYWORDS.of_card("CRPIX1", "SCI").path == "meta.wcsinfo.crpix1"
    assert KEYWORDS.of_card("CRPIX1", "PRIMARY") is None
    assert KEYWORDS.of_card("SRCTYPE", "SCI").path == "meta.target.source_type"
    assert KEYWORDS.of_card("SRCTYPE", "SCI", "SlitModel").path == "source_type"
    assert KEYWORDS.of_path("meta.photometry.pixelarea_steradians", "ImageModel").hdu == "SCI"
    assert KEYWORDS.of_path("meta.photometry.pixelarea_steradians", "PixelAreaModel").hdu == "PRIMARY"


def test_aliases_lead_to_known_keywords_and_hide_none():
    for old, new in KEYWORDS.keyword_aliases.items():
        assert KEYWORDS.of_card(new) is not None
        assert all(entry.keyword != old for entry in KEYWORDS)
    for old, new in KEYWORDS.path_aliases.items():
        assert KEYWORDS.of_path(new).path == new
        assert all(entry.path != old for entry in KEYWORDS)


def test_the_keywords_load_without_numpy_and_astropy():
    code = """
        import sys
        from hexcal import observatories

        observatories.get("jwst").keywords
        assert not {"numpy", "astropy", "asdf"} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, env=_environment())


def _environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def real_files():
    return sorted([*REAL.rglob("*.fits"), *REAL.rglob("*.fits.gz")]) if REAL.is_dir() else []


@pytest.mark.skipif(not real_files(), reason=f"no real data in {REAL} (set HEXCAL_REAL_DATA)")
@pytest.mark.req("DM-08")
def test_every_card_of_real_files_is_known():
    fits = pytest.importorskip("astropy.io.fits")
    anywhere = set(" ".join(IN_ANY_HDU.values()).split())
    primary = set(" ".join(IN_PRIMARY.values()).split())
    unknown = set()
    for filename in real_files():
        with fits.open(filename) as hdus:
            model = hdus[0].header.get("DATAMODL")
            for hdu in hdus:
                for keyword in set(hdu.header) - {"", "COMMENT", "HISTORY"}:
                    accounted = (
                        keyword in anywhere or STRUCTURE.match(keyword) or hdu.name.upper() in EXTENSIONS_OF_TEAMS
                    )
                    if accounted or (hdu.name == "PRIMARY" and keyword in primary):
                        continue
                    # What belongs in the primary header and was repeated in an extension keeps its primary meaning.
                    if KEYWORDS.of_card(keyword, hdu.name, model) is None and (
                        hdu.name == "PRIMARY" or KEYWORDS.of_card(keyword) is None
                    ):
                        unknown.add((keyword, hdu.name, filename.name))
    assert not unknown


@pytest.mark.skipif(not real_files(), reason=f"no real data in {REAL} (set HEXCAL_REAL_DATA)")
def test_cards_of_flight_products_are_in_the_order_of_the_table():
    fits = pytest.importorskip("astropy.io.fits")
    place = {id(entry): number for number, entry in enumerate(KEYWORDS)}
    for filename in sorted((REAL / "products").rglob("jw*.fits*")):
        with fits.open(filename) as hdus:
            for hdu in hdus:
                model = hdus[0].header.get("DATAMODL")
                entries = [KEYWORDS.of_card(card.keyword, hdu.name, model) for card in hdu.header.cards]
                places = [place[id(entry)] for entry in entries if entry is not None]
                assert places == sorted(places), (filename.name, hdu.name)


def test_from_folder_reads_what_the_observatory_holds():
    assert len(KeywordTable.from_folder(get("jwst").folder)) == len(KEYWORDS) > 850
