"""The configuration, names of files, and which makers there are."""

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
    assert set(yaml.safe_load(text)) >= {"inputfiles", "output", "combine", *MAKERS}


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
