"""The configuration, names of files, and which makers there are."""

import itertools

import pytest
import yaml

from hexcal.errors import InputError, ParameterError
from hexcal.reffiles import configuration, registry
from hexcal.reffiles.places import places_of
from hexcal.reffiles.template import text_of

MAKERS = registry.makers()


def read(tmp_path, *texts):
    paths = []
    for number, text in enumerate(texts):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text)
        paths.append(path)
    return configuration.read(paths, MAKERS)


@pytest.mark.req("RFF-13")
def test_the_example_is_a_configuration_that_changes_nothing(tmp_path):
    text = configuration.example(MAKERS)
    settings = read(tmp_path, text)
    assert settings.selection() == configuration.Configuration().selection()
    for maker in MAKERS.values():
        _, values = settings.of_maker(maker)
        assert maker.Parameters(**values) == maker.Parameters()
    keys = yaml.safe_load(text)
    assert set(keys) >= {"inputfiles", "output", "combine", "batch", "groups", "reffile4ssb", "quality", *MAKERS}
    assert {"instrument", "reflabels", "reftypes", "default_reflabels", "validation", "plugin_path"} <= set(keys)
    # A comment above each key that has a value.
    is_comment = lambda line: line.lstrip().startswith("#")  # noqa: E731
    pairs = [(above, line) for above, line in itertools.pairwise(text.splitlines()) if line.partition(":")[2]]
    bare = [line for above, line in pairs if not is_comment(line) and not is_comment(above)]
    assert bare == []


@pytest.mark.req("RFF-13", "RFF-16", "RFF-17")
def test_a_file_for_the_original_is_read(tmp_path):
    settings = read(
        tmp_path,
        "instrument: NIRCam\nreflabels: [bpm, rdnoise]\n"
        "inputfiles:\n  dateobs_fitskey: DATE-END\n  timeobs_fitskey: TIME-END\n  requiredfitskeys: INSTRUME,DETECTOR\n"
        "DD:\n  max_Delta_MJD: 2\nrdnoise:\n  reftype: readnoise\n  imtypes: DD\n  use_after: 2020-01-01\n",
    )
    assert settings.selection().time_keywords == ("DATE-END", "TIME-END")
    assert settings.selection().required == ("INSTRUME", "DETECTOR")
    assert settings.rules("DD", "readnoise").max_days == 2 and settings.rules("D+", "x").max_days is None
    usage, values = settings.of_maker(MAKERS["readnoise"])
    assert usage["imtypes"] == "DD" and "useafter" in values


@pytest.mark.req("RFF-25")
def test_later_files_and_options_stand_above(tmp_path):
    settings = read(tmp_path, "readnoise:\n  author: A\n  clipping_sigma: 3\n", "readnoise:\n  author: B\n")
    configuration.set_option(settings, "readnoise", "descrip", "mine")
    _, values = settings.of_maker(MAKERS["readnoise"])
    assert values == {"author": "B", "clipping_sigma": 3, "description": "mine"}
    assert settings.origins["readnoise.author"].endswith("1.yaml, line 2")


@pytest.mark.req("RFF-26")
@pytest.mark.parametrize(
    ("text", "where", "hint"),
    [
        ("DD:\n  max_Delta_MJ: 2\n", "line 2", "max_Delta_MJD"),
        ("readnoise:\n  clipping_sigm: 2\n", "line 2", "clipping_sigma"),
        ("readnois:\n  author: A\n", "line 1", "readnoise"),
        ("output:\n  outrootdr: x\n", "line 2", "outrootdir"),
        ("reftype: [dark]\n", "line 1", "reftypes"),
    ],
)
def test_a_typing_error_is_found_with_its_line(tmp_path, text, where, hint):
    with pytest.raises(ParameterError) as error:
        read(tmp_path, text)
    assert where in error.value.where and f"did you mean '{hint}'?" in error.value.hint


def test_what_is_no_yaml_is_an_error(tmp_path):
    with pytest.raises(InputError, match="not YAML"):
        read(tmp_path, "a: [1, 2\nb: }")
    with pytest.raises(InputError, match="does not exist"):
        configuration.read([tmp_path / "none.yaml"], MAKERS)
    with pytest.raises(InputError, match="'readnoise' is there twice: in lines 1 and 3"):
        read(tmp_path, "readnoise:\n  author: A\nreadnoise:\n  author: B\n")
    (tmp_path / "latin1.yaml").write_bytes("readnoise:\n  author: Müller\n".encode("latin-1"))
    with pytest.raises(InputError, match="no text in UTF-8"):
        configuration.read([tmp_path / "latin1.yaml"], MAKERS)


@pytest.mark.req("RFF-26")
@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("groups:\n  default:\n    max_Delta_MJD: two\n", "line 3", "max_Delta_MJD = 'two' is not valid"),
        ("D+:\n  range: {GWA_TILT: wide}\n", "line 2", "range = 'wide' is not valid"),
        ("DD:\n  min_members: 0\n", "line 2", "min_members = 0 is not valid"),
        ("inputfiles: 3\n", "line 1", "inputfiles must be a section of keys, got 3"),
        ("inputfiles:\n  basenamepattern: '*.fits'\n", "line 2", "no regular expression"),
        ("readnoise: 3\n", "line 1", "readnoise must be a section of keys, got 3"),
        ("readnoise:\n  clipping_sigma: big\n", "line 2", "clipping_sigma = 'big' is not valid"),
        ("readnoise:\n  imtypes: DDX\n", "line 2", "imtypes must be a pattern"),
        ("readnoise:\n  ssbsteps: refpx-\n", "line 2", "unknown step 'refpx'"),
        ("combine:\n  method: medain\n", "line 2", "method = 'medain' is not valid"),
        ("output:\n  runIDNdigits: many\n", "line 2", "runIDNdigits = 'many' is not valid"),
        ("test4ssb: perhaps\n", "line 1", "test4ssb = 'perhaps' is not valid"),
        ("reffile4ssb: {superbia: SELF}\n", "line 1", "unknown type of reference file 'superbia'"),
        ("dark:\n  reffile4ssb: {superbias: [a, b]}\n", "line 2", "dark.reffile4ssb.superbias must be a text"),
        ("quality:\n  dark:\n    medan: [1, 2]\n", "line 2", "there is no statistic 'medan'"),
        ("dark:\n  quality: {median: high}\n", "line 2", "limits of median must be"),
    ],
)
def test_a_value_of_the_wrong_kind_is_found_with_its_line(tmp_path, text, where, message):
    with pytest.raises(ParameterError) as error:
        read(tmp_path, text)
    assert where in error.value.where and message in error.value.message


def test_a_key_without_a_value_keeps_its_default(tmp_path):
    settings = read(
        tmp_path, "readnoise:\n  author: A\n", "readnoise:\noutput:\n  runIDNdigits:\n  runID:\nDD:\n  same:\n"
    )
    assert settings.of_maker(MAKERS["readnoise"])[1] == {"author": "A"}
    assert settings.section("output")["runIDNdigits"] == 3 and settings.section("output")["runID"] is None
    assert settings.rules("DD", "readnoise").same == ()


def test_switches_and_dates_are_understood_as_they_are_written(tmp_path):
    settings = read(tmp_path, "reftypes: superbias, dark\nrdnoise:\n  use_after: 2019-04-01 00:00:00\n")
    assert settings.general.reftypes == ["superbias", "dark"]
    assert settings.of_maker(MAKERS["readnoise"])[1] == {"useafter": "2019-04-01 00:00:00"}
    assert settings.origins["readnoise.useafter"].endswith("line 3")
    configuration.set_option(settings, "output", "skip_runID_ssbdir", "false")
    assert settings.section("output")["skip_runID_ssbdir"] is False


@pytest.mark.req("RFF-47", "RFF-48", "RFF-49", "RFF-50")
def test_names_and_folders_of_runs(tmp_path, monkeypatch):
    output = {**configuration.Configuration().section("output"), "outrootdir": str(tmp_path)}
    maker = MAKERS["dark"]
    first = places_of(output)
    assert first.individual(maker, 2) == tmp_path / "run000" / "dark" / "dark_run000.002.dark.fits"
    assert first.final(maker) == tmp_path / "run000" / "dark" / "dark_run000.dark.fits"
    assert first.products == tmp_path / "run000" / "ssb" and not (tmp_path / "run000").exists()
    (tmp_path / "run000").mkdir()
    assert places_of(output).run == "run000" and places_of(output, new_run=True).run == "run001"
    named = places_of({**output, "outsubdir": "nrc", "addsuffix": "v2", "runID": 7, "runIDNdigits": 2})
    assert named.final(maker) == tmp_path / "nrc" / "run07" / "dark" / "dark_nrc_run07.v2.dark.fits"
    monkeypatch.setenv("JWST_MKREFS_OUTDIR", str(tmp_path / "env"))
    assert places_of({**output, "outrootdir": None}).root == tmp_path / "env"


@pytest.mark.req("RFF-15")
def test_types_and_names_of_the_original_find_their_maker():
    assert registry.maker_of("rdnoise", MAKERS).label == "readnoise"
    assert registry.maker_of("bpm", MAKERS).label == "mask"
    with pytest.raises(ParameterError, match="did you mean"):
        registry.maker_of("readnoisee", MAKERS)


@pytest.mark.req("RFF-21")
def test_makers_come_after_those_that_they_use():
    chosen = [MAKERS["dark"], MAKERS["superbias"]]
    labels = lambda selves: [maker.label for maker in registry.in_order(chosen, selves)]  # noqa: E731
    assert labels({"dark": {"superbias"}}) == ["superbias", "dark"]
    assert labels({"superbias": {"dark"}}) == ["dark", "superbias"]
    with pytest.raises(ParameterError, match="superbias, dark"):
        labels({"dark": {"superbias"}, "superbias": {"dark"}})


@pytest.mark.req("RFF-53", "RFF-56")
def test_a_template_is_a_maker_that_works(tmp_path):
    path = tmp_path / "mkref_mine.py"
    path.write_text(text_of("my_bias"))
    found = registry.makers([path])
    assert found["my_bias"].reference_type == "superbias"
    assert registry.makers(folders=[tmp_path])["my_bias"].label == "my_bias"
    with pytest.raises(ParameterError, match="several makers make superbias"):
        registry.maker_of("superbias", {"a": found["my_bias"], "b": MAKERS["superbias"]})


def test_a_broken_maker_is_an_error_of_its_file(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text("import nothing_of_that_name\n")
    with pytest.raises(ParameterError, match="cannot be loaded") as error:
        registry.makers([path])
    assert str(path) in error.value.where
