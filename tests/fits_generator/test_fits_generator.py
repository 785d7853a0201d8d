"""Exposures of ground tests become raw exposures: templates, proposal files, orientation, names."""

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels
from hexcal.cli import start
from hexcal.cli.main import main
from hexcal.errors import InputError
from hexcal.fits_generator import create_data, generate, read_proposal, read_template
from hexcal.fits_generator.level1b import TEMPLATES, orient
from hexcal.fits_generator.proposal import EXPOSURE_TYPES
from hexcal.observatories.jwst.detectors import detector

NIRCAM = {"SCA_ID": 481, "NINT": 2, "NGROUP": 3, "READOUT": "RAPID", "FILTER": "F200W", "PUPIL": "CLEAR", "OBS_ID": "x"}


def write(path, shape=(6, 2048, 2048), **header):
    """An exposure of a ground test, whose pixels tell where they were read."""
    data = np.zeros(shape, np.uint16)
    data += (np.arange(shape[-2])[:, None] * 7 + np.arange(shape[-1])).astype(np.uint16) % 60000
    data += np.arange(shape[0], dtype=np.uint16)[:, None, None]
    fits.PrimaryHDU(data, fits.Header({**NIRCAM, **header})).writeto(path)
    return data


def block(base, exp_type="NRC_IMAGE", subarray=""):
    return f"<Detector><base>{base}</base><subarray>{subarray}</subarray><exp_type>{exp_type}</exp_type></Detector>"


def proposal(path, *visits):
    """Write a proposal: of each visit the exposures, of each exposure its detectors."""
    lines = ['<Proposal title="A test"><Observation>']
    for exposures in visits:
        lines.append("<Visit><VisitGroup><ParallelSequenceID><Activity>")
        lines += [f"<Exposure>{''.join(exposure)}</Exposure>" for exposure in exposures]
        lines.append("</Activity></ParallelSequenceID></VisitGroup></Visit>")
    path.write_text("\n".join([*lines, "</Observation></Proposal>"]))
    return path


@pytest.mark.req("FITSG-01", "FITSG-03", "FITSG-04", "FITSG-15")
def test_an_exposure_becomes_a_raw_one(tmp_path, monkeypatch, capsys):
    raw = write(tmp_path / "ground.fits")
    proposal(tmp_path / "12345.prop", [[block("ground.fits")]])
    assert main(["create_data", str(tmp_path), "--output-dir", str(tmp_path / "out")]) == 0
    (path,) = (tmp_path / "out").iterdir()
    assert path.name == "jw12345001001_01101_0001_nrca1_uncal.fits" and path.name in capsys.readouterr().out
    with fits.open(path) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "SCI"]
        header = hdus["SCI"].header
        assert (header["BITPIX"], header["BZERO"], header["BSCALE"], header["BUNIT"]) == (16, 32768, 1, "DN")
        assert hdus["SCI"].data.shape == (2, 3, 2048, 2048)
        # The first amplifier of NRCA1 reads from right to left.
        assert np.array_equal(hdus["SCI"].data[1, 2], raw[5][:, ::-1])
    model = datamodels.open(path)
    assert type(model) is datamodels.Level1bModel and model.meta.instrument.filter == "F200W"
    assert (model.meta.instrument.module, model.meta.instrument.channel) == ("A", "SHORT")
    assert (model.meta.exposure.nints, model.meta.exposure.ngroups) == (2, 3)
    assert model.meta.observation.program_number == "12345" and model.meta.program.title == "A test"
    monkeypatch.setattr("sys.argv", ["create_data", str(tmp_path / "nothing")])
    assert start.create_data() == 1


@pytest.mark.req("FITSG-01")
@pytest.mark.parametrize("name", ["NRCA1", "NRCA2", "NRS1", "NRS2", "NIS", "GUIDER1", "GUIDER2", "MIRIMAGE"])
def test_the_fast_axis_runs_where_the_documents_say(name):
    facts = detector(name)
    fast, slow = np.meshgrid(np.arange(3), np.arange(3))
    for counts, axis in ((fast, facts.fastaxis), (slow, facts.slowaxis)):
        turned = orient(counts, facts.fastaxis, facts.slowaxis)
        along = np.diff(turned, axis=1 if abs(axis) == 1 else 0)
        assert (along == np.sign(axis)).all()


@pytest.mark.req("FITSG-05", "FITSG-08")
def test_levels_are_counted(tmp_path):
    for name in "abcd":
        (tmp_path / f"{name}.fits").touch()
    path = proposal(tmp_path / "77.prop", [[block("a.fits")], [block("b.fits"), block("c.fits")]], [[block("d.fits")]])
    members = read_proposal(path)
    assert [member.base.name for member in members] == ["a.fits", "b.fits", "c.fits", "d.fits"]
    assert [member.root for member in members] == [
        "jw00077001001_01101_0001",
        "jw00077001001_01101_0002",
        "jw00077001001_01101_0002",
        "jw00077001002_01101_0001",
    ]
    assert {member.title for member in members} == {"A test"}


@pytest.mark.req("FITSG-08")
def test_detectors_of_one_pointing(tmp_path):
    detectors = (("NRCA2", "a.fits"), ("NRCALONG", "b.fits"))
    for name, file in detectors:
        write(tmp_path / file, (6, 32, 32), DETECTOR=name)
        with fits.open(tmp_path / file, mode="update") as hdus:
            hdus[0].data = np.zeros((6, 2048, 2048), np.uint16)
    proposal(tmp_path / "12345.prop", [[block(file) for _, file in detectors]])
    names = [path.name for path in create_data(tmp_path)]
    assert names == [f"jw12345001001_01101_0001_{name.lower()}_uncal.fits" for name, _ in detectors]


@pytest.mark.req("FITSG-06")
def test_a_subarray_is_cut_out_of_the_full_frame(tmp_path):
    raw = write(tmp_path / "ground.fits")
    proposal(tmp_path / "12345.prop", [[block("ground.fits", subarray="SUB160")]])
    model = datamodels.open(create_data(tmp_path)[0])
    assert model.subarray == (1889, 1889, 160, 160)
    assert np.array_equal(model.data[0, 0], raw[0][:, ::-1][1888:2048, 1888:2048])
    proposal(tmp_path / "12345.prop", [[block("ground.fits", subarray="SUB999")]])
    with pytest.raises(InputError, match="SUB999"):
        create_data(tmp_path)


@pytest.mark.req("FITSG-07")
def test_types_of_exposures_are_the_documented_ones(tmp_path):
    (tmp_path / "a.fits").touch()
    documented = "MIR_LRS-SLITLESS MIR_FLAT NRC_FOCUS NRS_TASLIT NRS_AUTOWAVECAL NRS_MSA NIS_WFSS FGS_INTFLAT".split()
    assert {name: len(kinds.split()) for name, kinds in EXPOSURE_TYPES.items()} == {
        "MIRI": 9, "NIRCAM": 6, "NIRSPEC": 11, "NIRISS": 4, "FGS": 4
    }  # fmt: skip
    members = read_proposal(proposal(tmp_path / "1.prop", [[block("a.fits", kind) for kind in documented]]))
    assert [member.exp_type for member in members] == documented
    with pytest.raises(InputError, match="<exp_type> must be one of the documented ones, got 'NRC_MOON'"):
        read_proposal(proposal(tmp_path / "2.prop", [[block("a.fits", "NRC_MOON")]]))


def template(folder, text, **includes):
    for name, content in includes.items():
        (folder / f"{name}.inc").write_text(content)
    (folder / "x.gen.txt").write_text(text)
    return read_template(folder / "x.gen.txt")


FULL = """
# how an exposure is described
<<file my_kind>>
<<header primary>>
SIMPLE   = T
NAXIS    = / number of axes
#include "more.inc"
#include 'other.inc'
/ Words of the observatory
DETECTOR = { 0x1e1: 'NIR', \\
             0x1ee: 'MIR', \\
             }[input('SCA_ID')] / Detector type
PARASEQN = input('OBS_ID')[13:14] / Parallel Sequence ID
DURATION = input('END_TIME') - input('START') / [s] a/b
SLASH    = 'a/b' / with a slash
HALF     = (input('START') / 2)
GONE     = input(default=None)
TARGET   = program()
END_CDS  = date_and_time_to_cds(input('DATE-END'), input('TIME-END'))
DATE     = now()

<<header science>>
EXTNAME  = 'SCI'
OWN      = input()
<<data>>
input[0].data.reshape((1, 2, \\
    3, 4)).astype('uint16')

<<header error>>
EXTNAME  = 'ERR'
<<data>>
np.ones(output[1].data.shape, 'float32') * len(output)
"""


def source():
    words = {"SCA_ID": 494, "OBS_ID": "V123456789012Q45", "END_TIME": 12.5, "START": 2.5, "CMPLTCON": "yes"}
    words |= {"DATE-END": "2011-07-13", "TIME-END": "12:00:00", "COPIED": 3, "OWN": "first"}
    first = fits.PrimaryHDU(np.arange(24).reshape(2, 3, 4), fits.Header(words))
    return fits.HDUList([first, fits.ImageHDU(header=fits.Header({"OWN": "second"}))])


@pytest.mark.req("FITSG-09", "FITSG-10", "FITSG-11", "FITSG-12", "FITSG-13", "FITSG-14", "FITSG-15")
def test_a_template_makes_a_product(tmp_path):
    found = template(tmp_path, FULL, more="COPIED = input() / as it was\n", other="CMPLTCND = input('CMPLTCON')\n")
    assert found.name == "my_kind" and [hdu.name for hdu in found.hdus] == ["primary", "science", "error"]
    product = generate(found, {"program": [{"TARGET": "NGC 104"}]}, source())
    header = product[0].header
    assert (header["DETECTOR"], header.comments["DETECTOR"]) == ("MIR", "Detector type")
    assert (header["PARASEQN"], header["DURATION"], header.comments["DURATION"]) == ("Q", 10.0, "[s] a/b")
    assert (header["SLASH"], header["HALF"], header["TARGET"]) == ("a/b", 1.25, "NGC 104")
    assert (header["COPIED"], header["CMPLTCND"], header.comments["COPIED"]) == (3, "yes", "as it was")
    assert "GONE" not in header and header["NAXIS"] == 0 and "Words of the observatory" in str(header["COMMENT"])
    assert header["END_CDS"] == 19551.5 and header["DATE"].startswith("20")
    assert product[1].header["OWN"] == "second", "of the HDU that corresponds"
    assert product[1].data.shape == (1, 2, 3, 4) and product[1].data.dtype == np.uint16
    assert product[2].data.max() == 2.0 and product[2].data.dtype == np.float32


@pytest.mark.req("FITSG-09", "FITSG-10", "FITSG-11")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("<<header primary>>\n", "begins with a line <<file NAME>>"),
        ("<<file 2nd>>\n", "must be a Python identifier, got '2nd'"),
        ("<<file a>>\n<<header b-c>>\n", "must be a Python identifier"),
        ("<<file a>>\nX = 1\n", "<<header NAME>> is needed before 'X = 1'"),
        ("<<file a>>\n<<data>>\n", "<<header NAME>> and, after it, <<data>>"),
        ("<<file a>>\n<<header b>>\nTOOLONGWORD = 1\n", "of up to 8"),
        ("<<file a>>\n<<header b>>\nlower = 1\n", "of up to 8"),
        ('<<file a>>\n<<header b>>\n#include "gone.inc"\n', "gone.inc does not exist"),
        ('<<file a>>\n<<header b>>\n#include "x.gen.txt"\n', "in a circle|once"),
    ],
)
def test_templates_that_are_wrong_are_told_with_their_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        template(tmp_path, text)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("X = 1 +", "X = 1 \\+ cannot be evaluated: SyntaxError"),
        ("X = input('GONE')", "X: input has no keyword GONE"),
        ("X = open('/etc/passwd')", "NameError"),
        ("X = [1, 2]", "cannot have the value"),
        ("X =", "X has no expression"),
    ],
)
def test_expressions_that_fail_are_told_with_their_line(tmp_path, line, message):
    found = template(tmp_path, f"<<file a>>\n<<header b>>\n# words\n{line}\n")
    with pytest.raises(InputError, match=message) as error:
        generate(found, {}, source())
    assert str(error.value.where).endswith("x.gen.txt, line 4")


@pytest.mark.req("FITSG-16")
def test_the_reference_template_includes_what_the_documents_name(tmp_path):
    text = (TEMPLATES / "level1b_nrs_ifu.gen.txt").read_text()
    for name in (
        "level1b observation_identifiers exposure_parameters program_information observation_information "
        "visit_information exposure_information target_information exposure_times exposure_time_parameters "
        "subarray_parameters nirspec_configuration lamp_configuration guide_star_information "
        "jwst_ephemeris_information spacecraft_pointing_information aperture_pointing_information wcs_parameters "
        "velocity_aberration_correction dither_pattern time_related level1b_sci_extension_basic"
    ).split():
        assert f"#include '{name}.gen.inc'" in text
    with fits.open(write_nirspec(tmp_path)) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "SCI", "ERR", "DQ"]
        assert (hdus["ERR"].data == 1).all() and hdus["ERR"].data.dtype.kind == "f"
        assert hdus["DQ"].data.dtype.newbyteorder("=") == np.int16 and not hdus["DQ"].data.any()
        assert hdus[0].header["GRATING"] == "G395H" and hdus[0].header["DETECTOR"] == "NRS1"


def write_nirspec(folder):
    write(folder / "ground.fits", (2, 2048, 2048), SCA_ID=491, NINT=1, NGROUP=2, GWA_POS="G395H")
    proposal(folder / "12345.prop", [[block("ground.fits", "NRS_IFU")]])
    return create_data(folder)[0]


@pytest.mark.parametrize("exp_type", ["MIR_IMAGE", "NRC_IMAGE", "NRS_FIXEDSLIT", "NIS_IMAGE", "FGS_IMAGE"])
def test_there_is_a_template_for_each_instrument(tmp_path, exp_type):
    instrument = next(name for name, kinds in EXPOSURE_TYPES.items() if exp_type in kinds.split())
    number = {"MIRI": 493, "NIRCAM": 486, "NIRSPEC": 492, "NIRISS": 496, "FGS": 498}[instrument]
    shape = (2, 1024, 1032) if instrument == "MIRI" else (2, 2048, 2048)
    write(
        tmp_path / "ground.fits", shape, SCA_ID=number, NINT=1, NGROUP=2, READOUT="FAST", FILTER="CLEAR", PUPIL="CLEAR"
    )
    proposal(tmp_path / "12345.prop", [[block("ground.fits", exp_type)]])
    model = datamodels.open(create_data(tmp_path)[0])
    assert model.meta.exposure.type == exp_type and model.shape == (1, *shape)


def test_bad_folders_are_told(tmp_path):
    with pytest.raises(InputError, match="found none"):
        create_data(tmp_path)
    proposal(tmp_path / "1.prop", [[block("none.fits")]])
    with pytest.raises(InputError, match="there is no 'none"):
        create_data(tmp_path)
    proposal(tmp_path / "1.prop", [[block("../1.prop")]])
    with pytest.raises(InputError, match="a file beside the proposal"):
        create_data(tmp_path)
    (tmp_path / "1.prop").write_text("<!DOCTYPE x [<!ENTITY a 'b'>]><Proposal/>")
    with pytest.raises(InputError, match="no entities"):
        create_data(tmp_path)
    (tmp_path / "1.prop").write_text("<Proposal><Visit/></Proposal>")
    with pytest.raises(InputError, match="only <Observation> is allowed, found <Visit>"):
        create_data(tmp_path)
    (tmp_path / "2.prop").touch()
    with pytest.raises(InputError, match=r"found 1\.prop, 2\.prop"):
        create_data(tmp_path)
    (tmp_path / "2.prop").unlink()
    write(tmp_path / "small.fits", (6, 100, 100))
    proposal(tmp_path / "1.prop", [[block("small.fits")]])
    with pytest.raises(InputError, match="2048 x 2048 pixels"):
        create_data(tmp_path)
    proposal(tmp_path / "1.prop", [[block("small.fits", "MIR_IMAGE")]])
    with pytest.raises(InputError, match="a detector of MIRI is needed"):
        create_data(tmp_path)
    assert not list(tmp_path.glob("*_uncal.fits"))
