"""The plug-in mechanism and the look-ups of a keyword dictionary."""

import pickle

import pytest

from hexcal import observatories
from hexcal.errors import InputError, ParameterError
from hexcal.observatories import Keyword, KeywordTable, Observatory
from hexcal.observatories.base import read_table


def row(path, keyword, hdu="PRIMARY", models=()):
    return Keyword(path, keyword, hdu, "str", (), "", "", models)


@pytest.fixture
def table():
    rows = [
        row("meta.telescope", "TELESCOP"),
        row("meta.area", "AREA", "SCI"),
        row("meta.area", "AREA", "PRIMARY", ("AreaModel",)),
        row("meta.target.kind", "KIND", "SCI"),
        row("kind", "KIND", "SCI", ("SlitModel",)),
        row("meta.only", "ONLY", "Odd Name", ("OddModel",)),
    ]
    return KeywordTable(rows, {"TELESCOPE": "TELESCOP"}, {"meta.observatory": "meta.telescope"})


def test_row_for_named_models_goes_before_the_general_one(table):
    assert table.of_card("kind", "sci").path == "meta.target.kind"
    assert table.of_card("KIND", "SCI", "SlitModel").path == "kind"
    assert table.of_path("meta.area").hdu == "SCI"
    assert table.of_path("meta.area", "AreaModel").hdu == "PRIMARY"


def test_card_of_another_model_class_is_still_recognised(table):
    assert table.of_card("ONLY", "ODD NAME", "ImageModel").path == "meta.only"
    assert table.of_card("ONLY", "SCI") is None


def test_no_path_is_written_to_two_hdus(table):
    assert [r.keyword for r in table.of_hdu("PRIMARY", "ImageModel")] == ["TELESCOP"]
    assert [r.keyword for r in table.of_hdu("PRIMARY", "AreaModel")] == ["TELESCOP", "AREA"]
    assert [r.path for r in table.of_hdu("SCI", "AreaModel")] == ["meta.target.kind"]
    assert [r.path for r in table.of_hdu("SCI", "SlitModel")] == ["meta.area", "kind"]


def test_old_spellings_are_read(table):
    assert table.of_card("TELESCOPE").path == "meta.telescope"
    assert table.of_path("meta.observatory").keyword == "TELESCOP"
    assert table.is_known("meta.observatory")


def test_branches(table):
    assert table.children("meta") == ("telescope", "area", "target", "only")
    assert table.children() == ("meta", "kind")
    assert table.children("meta.telescope") == ()
    assert table.is_branch("meta.target")
    assert not table.is_branch("meta.area")
    assert table.is_known("meta.target")
    assert not table.is_known("meta.targte")


@pytest.mark.parametrize(
    ("path", "guess"),
    [("meta.telescpe", "telescope"), ("meta.target.knid", "kind"), ("meta.target.telescope", "meta.telescope")],
)
def test_unknown_path_names_the_nearest(table, path, guess):
    error = table.unknown(path)
    assert isinstance(error, ParameterError)
    assert f"'{guess}'" in error.hint


def test_names_and_get():
    assert "jwst" in observatories.names()
    assert observatories.get("JWST").telescope == "JWST"
    with pytest.raises(InputError, match="did you mean 'jwst'"):
        observatories.get("jwts")


def test_of_header():
    assert observatories.of_header({"TELESCOP": "JWST    "}).name == "jwst"
    assert observatories.of_header({}, default="jwst").name == "jwst"
    with pytest.raises(InputError, match="TELESCOP is required"):
        observatories.of_header({"TELESCOP": " "})
    with pytest.raises(InputError, match="unknown value of TELESCOP 'HAL'"):
        observatories.of_header({"TELESCOP": "HAL"}, default="jwst")


class _Point:
    group = observatories.GROUP
    value = "elsewhere:thing"

    def __init__(self, name, thing):
        self.name, self._thing = name, thing

    def load(self):
        return self._thing


class _Missing(_Point):
    def load(self):
        raise ImportError("no module named 'elsewhere'")


@pytest.fixture
def install(monkeypatch):
    """Installs plug-ins for one test, in place of those that are."""

    def install(*points):
        monkeypatch.setattr(observatories, "entry_points_of", lambda group: [p for p in points if p.group == group])
        observatories._plugins.cache_clear()

    yield install
    observatories._plugins.cache_clear()


def test_installed_plugin_is_found_but_cannot_take_a_built_in_name(install, tmp_path):
    other = Observatory("tmt", "TMT", str(tmp_path))
    install(_Point("tmt", other), _Point("jwst", other), _Point("odd", object()))
    assert observatories.names() == ["jwst", "odd", "tmt"]
    assert observatories.get("tmt") is other
    assert observatories.get("jwst").telescope == "JWST"
    with pytest.raises(InputError, match="must provide an Observatory, not object"):
        observatories.get("odd")
    install(_Point("tmt", other))
    assert observatories.of_header({"TELESCOP": "tmt"}) is other


def test_a_broken_plugin_is_named_and_does_not_harm_others(install, tmp_path):
    other = Observatory("tmt", "TMT", str(tmp_path))
    install(_Missing("gone", None), _Point("tmt", other))
    assert observatories.of_header({"TELESCOP": "TMT"}) is other
    for ask in (lambda: observatories.get("gone"), lambda: observatories.of_header({"TELESCOP": "GONE"})):
        with pytest.raises(
            InputError, match=r"(?s)plug-in 'gone' cannot be loaded: ImportError: no module.*install its package"
        ):
            ask()


def test_table_with_a_wrong_row_is_refused_with_its_place(tmp_path):
    wrong = tmp_path / "keywords.tsv"
    wrong.write_text("a\tb\n1\t2\n1\n")
    with pytest.raises(InputError, match="row 3"):
        read_table(wrong, ("a", "b"))
    with pytest.raises(InputError, match="must name the columns"):
        read_table(wrong, ("b", "a"))
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path / "none.tsv", ("a",))


def test_alias_of_unknown_kind_is_refused(tmp_path):
    columns = "path\tkeyword\thdu\ttype\tallowed\tcomment\tsection\tmodels"
    (tmp_path / "keywords.tsv").write_text(columns + "\nmeta.a\tA\tPRIMARY\tstr\tx|y\t\t\tM|N\n")
    (tmp_path / "keyword_aliases.tsv").write_text("old\tnew\tkind\tnote\nB\tA\tcard\t\n")
    with pytest.raises(InputError, match="kind of an alias"):
        KeywordTable.from_folder(tmp_path)
    (tmp_path / "keyword_aliases.tsv").unlink()
    (entry,) = KeywordTable.from_folder(tmp_path)
    assert entry.allowed == ("x", "y")
    assert entry.models == ("M", "N")


def test_an_observatory_crosses_processes():
    jwst = observatories.get("jwst")
    assert len(jwst.keywords) > 800
    assert pickle.loads(pickle.dumps(jwst)) == jwst
