"""`Main` and `main`: the generator from Python, with all that can go wrong before and while files are written."""

import json
import os

import pytest
from association_pools import USER_RULES, candidates, contents, exposure, pool

from hexcal.associations import AssociationError, AssociationPool, Main, load_asn, main
from hexcal.associations.saving import save_all, texts_of
from hexcal.errors import InputError, ParameterError, ResourceError


@pytest.fixture
def pool_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pool(exposure(1), exposure(2, detector="nrcb1"), exposure(3, "mir_mrs", channel="12", band="short")).write("p.csv")
    return "p.csv"


def files(folder="."):
    return sorted(name for name in os.listdir(folder) if name.endswith("_asn.json"))


@pytest.mark.req("CMD-05")
def test_main_in_steps(pool_file):
    made = Main([pool_file, "--all-candidates"])
    assert len(made.pool) == 3 and "Asn_Lv3Image" in made.rules and made.associations == []
    made.generate()
    assert {one["asn_type"] for one in made.associations} == {"image2", "image3", "spec2", "spec3"}
    assert files() == []
    made.save()
    assert len(files()) == len(made.associations)
    made.parse_args("other.csv --dry-run -i o001 o002", has_pool=False)
    assert (made.options.pool, made.options.dry_run, made.options.ids) == ("other.csv", True, ["o001", "o002"])
    made.parse_args("--merge", has_pool=True)
    assert made.options.merge


@pytest.mark.req("CMD-05", "CMD-01")
def test_with_a_pool_no_file_is_needed(tmp_path):
    made = Main.cli(["-p", str(tmp_path / "out")], pool=pool(exposure(1), name="given.csv"))
    assert isinstance(made, Main) and len(made.associations) == 2
    assert json.loads((tmp_path / "out" / files(tmp_path / "out")[0]).read_text())["asn_pool"] == "given.csv"


@pytest.mark.req("CMD-05")
def test_words_of_the_process(pool_file, monkeypatch):
    monkeypatch.setattr("sys.argv", ["asn_generate", pool_file, "--dry-run"])
    assert len(Main.cli().associations) == 5 and files() == []


@pytest.mark.req("CMD-06")
def test_main_function_returns_true_or_raises(pool_file):
    assert main([pool_file, "--dry-run"]) is True
    with pytest.raises(InputError, match="does not exist"):
        main(["none.csv"])


@pytest.mark.req("CMD-03", "CMD-03b")
def test_rules_of_users_add_to_the_default_ones(pool_file, tmp_path):
    (tmp_path / "mine.py").write_text(USER_RULES)
    default = {one["asn_rule"] for one in Main.cli([pool_file, "--dry-run"]).associations}
    both = {one["asn_rule"] for one in Main.cli([pool_file, "--dry-run", "-r", "mine.py"]).associations}
    alone = {
        one["asn_rule"] for one in Main.cli([pool_file, "--dry-run", "-r", "mine.py", "--ignore-default"]).associations
    }
    assert alone == {"candidate_Asn_SameFilter", "candidate_Asn_Named"} and both == default | alone
    with pytest.raises(ParameterError, match="leaves no rules"):
        Main([pool_file, "--ignore-default"])
    (tmp_path / "more.py").write_text(USER_RULES.replace("Asn_Named", "Asn_Other"))
    several = Main.cli([pool_file, "--dry-run", "-r", "mine.py", "-r", "more.py", "--ignore-default"])
    assert "candidate_Asn_Other" in {one["asn_rule"] for one in several.associations} and len(several.rules) == 3


def test_no_association_is_lost_to_another_of_the_same_name(pool_file, tmp_path):
    (tmp_path / "mine.py").write_text(USER_RULES)
    rows = exposure(1), exposure(2, filter="f200w")
    made = Main.cli(["-r", "mine.py", "--ignore-default", "-p", "out"], pool=pool(*rows))
    assert len(os.listdir("out")) == len(made.associations) == 4
    assert {"unnamed_association.json", "unnamed_association-2.json"} < set(os.listdir("out"))


@pytest.mark.req("GEN-04")
def test_orphans(pool_file):
    rows = exposure(1), exposure(2, "nrc_dark"), exposure(3, "nrc_led")
    made = Main.cli(["--save-orphans", "-p", "out"], pool=pool(*rows))
    assert list(made.orphaned["filename"]) == [rows[1]["filename"], rows[2]["filename"]]
    assert len(AssociationPool.read("out/orphaned.csv")) == 2
    Main.cli(["--save-orphans", "../left.csv", "-p", "out", "--format", "yaml"], pool=pool(*rows))
    assert list(AssociationPool.read("left.csv")["filename"]) == [rows[1]["filename"], rows[2]["filename"]]
    assert load_asn("out/jw00001-o001_image3_00001_asn.yaml")["asn_type"] == "image3"
    Main.cli([pool_file, "-p", "plain"])
    assert "orphaned.csv" not in os.listdir("plain")


def test_candidates_that_are_asked_for(pool_file, caplog):
    rows = exposure(1), exposure(2, obs_num=2)
    one = Main.cli(["--dry-run", "-i", "O002", "o077"], pool=pool(*rows))
    assert {a["asn_id"] for a in one.associations} == {
        "o002"
    } and "no exposure belongs to candidate o077" in caplog.text
    with pytest.raises(ParameterError, match="did you mean o001"):
        Main.cli(["--dry-run", "-i", "o01"], pool=pool(exposure(1)))
    whole = Main.cli(["--dry-run", "--discover"], pool=pool(*rows))
    assert {a["asn_rule"] for a in whole.associations} == {"discover_Asn_Lv3Image"}
    every = Main.cli(["--dry-run", "--all-candidates"], pool=pool(*rows))
    both = Main.cli(["--dry-run"], pool=pool(*rows))
    assert contents(both.associations) == sorted(contents(every.associations) + contents(whole.associations))


def test_not_finalized_associations_are_written_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    never = USER_RULES + "\n    @property\n    def is_valid(self):\n        return False\n"
    (tmp_path / "mine.py").write_text(never)
    words = ["-r", "mine.py", "--ignore-default", "-p", "out"]
    assert {a["asn_rule"] for a in Main.cli(words, pool=pool(exposure(1))).associations} == {"candidate_Asn_SameFilter"}
    made = Main.cli([*words, "--no-finalize"], pool=pool(exposure(1)))
    assert {a["asn_rule"] for a in made.associations} == {"candidate_Asn_SameFilter", "candidate_Asn_Named"}
    assert any("mine" in name for name in os.listdir("out"))


# ---- pools that are wrong


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[('o001', 'observation'", "cannot be read: "),
        ("[[('o001', 'observation')]]", "a list is inside the list"),
        ("[('o001', 'observation', 'x')]", "not a pair"),
        ("[('o001',)]", "not a pair"),
        ("[(1, 'observation')]", "not a pair"),
        ("[...]", "one is Ellipsis"),
        ("[__import__('os')]", "cannot be read"),
        ("(" * 5000, "cannot be read"),
    ],
)
def test_candidates_that_are_no_list(text, message):
    rows = exposure(1), exposure(2) | {"asn_candidate": text}
    with pytest.raises(InputError, match=f"(?s)list of pairs.*{message}.*row 2, column ASN_CANDIDATE") as raised:
        Main.cli(["--dry-run"], pool=pool(*rows))
    assert len(str(raised.value)) < 400


def test_odd_candidates_are_taken_as_they_are(caplog):
    itself = exposure(1, asn_candidate="[('c1000', 'c1000'), ('c1000', 'c1000'), ('o001', 'observation')]")
    made = Main.cli(["--dry-run"], pool=pool(itself))
    assert {a["asn_id"] for a in made.associations} == {"o001"}
    many = exposure(1, asn_candidate=candidates("o001", *((f"c{1000 + n}", "mosaic") for n in range(3000))))
    found = Main.cli(["--dry-run"], pool=pool(many)).associations
    assert sorted(a["asn_type"] for a in found) == ["image2", "image3"]
    Main.cli(["--dry-run"], pool=pool(exposure(1) | {"asn_candidate": "o001"}))
    assert "not lists; each is taken as one candidate (row 1: o001)" in caplog.text


def test_repeated_and_unknown_exposures_are_said(caplog):
    made = Main.cli(["--dry-run"], pool=pool(exposure(1), exposure(1), exposure(2) | {"exp_type": "nrc_imag"}))
    assert len(made.associations) == 2
    assert "listed more than once" in caplog.text and "'nrc_imag' (row 3" in caplog.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("exp_type", "exptype"), r"lacks .*exp_type(?s:.)*exptype for exp_type\?"),
        (lambda text: text.replace("nrc_image", "nrc_imagee").replace("mir_mrs", "x"), "did you mean 'nrc_image'"),
        (lambda text: text.splitlines()[0] + "\n", "no exposure"),
        (lambda text: "", "pool is empty"),
        (lambda text: text.replace("|", ";"), "pool"),
        (lambda text: text.replace("|science|", "|"), "values, the header names"),
        (lambda text: text.replace("filename", "1"), "must name every column"),
    ],
)
def test_a_malformed_pool_leaves_nothing_behind(pool_file, tmp_path, change, message):
    path = tmp_path / "bad.csv"
    path.write_text(change((tmp_path / pool_file).read_text()))
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(InputError, match=message) as raised:
        Main.cli([str(path), "-p", "out"])
    assert len(str(raised.value).splitlines()) <= 5
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def broken(:\n", r"SyntaxError(?s:.)*mine\.py, line 1"),
        ("import no_such_module_x\n", r"no_such_module_x(?s:.)*line 1"),
        ("class Asn_X:\n    pass\n", "defines no rule"),
        ("from hexcal.associations import RegistryMarker\n@RegistryMarker.rule\nclass X:\n    pass\n", "subclass"),
        ("x = 1\n", "defines no rule"),
        (USER_RULES.replace('item["filter"]', "item.no_such"), r"AttributeError(?s:.)*mine\.py, line \d+, in _add"),
    ],
)
def test_bad_rules_of_users(pool_file, tmp_path, text, message):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(AssociationError, match=message) as raised:
        Main.cli([pool_file, "-r", "mine.py", "-p", "out"])
    assert len(str(raised.value).splitlines()) <= 5 and not (tmp_path / "out").exists()


# ---- folders that cannot be written to


def test_a_folder_that_is_a_file(pool_file, tmp_path):
    (tmp_path / "taken").write_text("mine")
    for folder in ("taken", "taken/below"):
        with pytest.raises(ResourceError, match="cannot be written"):
            Main.cli([pool_file, "-p", folder])
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_folder_in_the_place_of_a_file(pool_file, tmp_path):
    name = Main.cli([pool_file, "--dry-run"]).associations[-1].dump()[0]
    (tmp_path / "out" / name).mkdir(parents=True)
    with pytest.raises(ResourceError, match="there is a folder of that name"):
        Main.cli([pool_file, "-p", "out"])
    assert os.listdir("out") == [name]


def test_orphans_that_cannot_be_written_leave_no_association(pool_file, tmp_path):
    with pytest.raises(ResourceError, match="nowhere"):
        Main.cli([pool_file, "-p", "a/b/out", "--save-orphans", "nowhere/x.csv"])
    assert not (tmp_path / "a").exists()
    with pytest.raises(ParameterError, match="overwrite the pool"):
        Main.cli([pool_file, "--save-orphans", pool_file])
    assert len(AssociationPool.read(pool_file)) == 3


def test_a_full_disk_leaves_nothing(pool_file, tmp_path, monkeypatch):
    made = Main([pool_file])
    made.generate()
    texts = texts_of(made.associations)

    class Full(str):
        def encode(self, *_):
            raise OSError(28, "No space left on device")

    texts[list(texts)[2]] = Full()
    with pytest.raises(ResourceError, match="No space left"):
        save_all("new/out", texts)
    assert not (tmp_path / "new").exists()


def test_files_of_an_earlier_run_are_replaced_as_a_whole(pool_file):
    Main.cli([pool_file])
    before = files()
    Main.cli([pool_file])
    assert files() == before and not [name for name in os.listdir(".") if name.startswith(".asn_")]
