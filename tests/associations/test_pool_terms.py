"""Whose exposures a pool holds, and what the rules of an observatory ask of it."""

import logging

import pytest

from hexcal import observatories
from hexcal.associations.mkpool import mkpool
from hexcal.associations.pool import AssociationPool
from hexcal.associations.pool_terms import PoolTerms, check_pool, observatory_of, terms_of
from hexcal.cli.main import main
from hexcal.errors import InputError

TERMS = PoolTerms(needed=("filename", "imtype"), kind="imtype", kinds=frozenset({"sci", "dark"}))


def pool(**columns):
    return AssociationPool(columns)


@pytest.mark.parametrize(
    ("column", "name"),
    [(["TMT", "tmt"], "tmt"), (["jwst", "--"], "jwst"), (["null", "NULL"], "jwst"), (["Keck", "null"], "ligeriri")],
)
def test_the_observatory_of_a_pool(column, name):
    assert observatory_of(pool(FILENAME=["a", "b"], TELESCOP=column)) == name


def test_a_pool_that_does_not_say_is_of_jwst():
    assert observatory_of(pool(filename=["a"])) == "jwst"
    assert observatory_of(pool(filename=["a"]), default="tmt") == "tmt"


def test_two_observatories_or_one_that_is_not_known():
    with pytest.raises(InputError, match="jwst, tmt"):
        observatory_of(pool(telescop=["jwst", "tmt"]))
    with pytest.raises(InputError, match=r"HST.*\n.*column TELESCOP"):
        observatory_of(pool(telescop=["hst"]))


def test_what_jwst_asks():
    terms = terms_of("jwst")
    assert {"filename", "program", "exp_type", "asn_candidate"} <= set(terms.needed)
    assert terms.kind == "exp_type" and "nrc_image" in terms.kinds and not terms.has_strays


def test_a_pool_of_which_nothing_can_be_made():
    with pytest.raises(InputError, match="imtype"):
        check_pool(pool(filename=["a"]), TERMS)
    with pytest.raises(InputError, match="no exposure"):
        check_pool(pool(filename=[], imtype=[]), TERMS)
    with pytest.raises(InputError, match="did you mean 'dark'"):
        check_pool(pool(filename=["a", "b"], imtype=["darc", "null"]), TERMS)


def test_one_of_several_columns_is_enough():
    terms = PoolTerms(needed=("filename", "expstart|date-obs"))
    check_pool(pool(filename=["a"], **{"date-obs": ["2025-06-01"]}), terms)
    with pytest.raises(InputError, match="need: expstart or date-obs"):
        check_pool(pool(filename=["a"]), terms)


def test_strange_and_repeated_exposures_are_told(caplog):
    with caplog.at_level(logging.WARNING):
        check_pool(pool(filename=["a", "a", "b"], imtype=["sci", "sci", "bias"]), TERMS)
    assert "'bias' (row 3: b)" in caplog.text and "such as a in rows 1, 2" in caplog.text
    caplog.clear()
    check_pool(pool(filename=["a"], imtype=["anything"]), PoolTerms(needed=("filename",)))
    assert not caplog.text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--observatory", "tmtt"], "did you mean 'tmt'"),
        (["--observatory", "ligeriri"], "brings no association rules"),
        (["--observatory", "tmt", "--ignore-default", "-r", "rules.py"], "give one of the two"),
    ],
)
def test_a_wrong_observatory_leaves_nothing_behind(tmp_path, capsys, words, expected):
    pool(filename=["a"], telescop=["tmt"], imtype=["sci"]).write(tmp_path / "pool.csv")
    assert main(["asn", "generate", str(tmp_path / "pool.csv"), "-p", str(tmp_path / "out"), *words]) == 1
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_option_decides_where_the_pool_does_not_say(tmp_path, capsys):
    values = {
        "instrume": "iris",
        "detector": "iris1",
        "instmode": "img",
        "effexptm": "60",
        "filter": "k",
        "imtype": "sci",
        "expstart": "60827.3",
    }
    pool(**{name: [value] for name, value in {"filename": "a.fits", **values}.items()}).write(tmp_path / "pool.csv")
    words = ["asn", "generate", str(tmp_path / "pool.csv"), "--dry-run"]
    assert main(words) == 1
    assert "exp_type" in capsys.readouterr().err
    assert main([*words, "--observatory", "TMT"]) == 0
    assert "1 association of 1 exposures" in capsys.readouterr().out


def test_a_telescope_that_is_not_known_makes_a_pool_as_jwst_does(tmp_path):
    from astropy.io import fits

    made = fits.PrimaryHDU()
    made.header.update({"TELESCOP": "HST", "OBSERVTN": "3"})
    made.writeto(tmp_path / "a.fits")
    assert list(mkpool([tmp_path / "a.fits"])["asn_candidate"]) == ["[('o003', 'observation')]"]


@pytest.mark.req("TMT-12")
def test_the_instrument_decides_whose_a_pool_is(monkeypatch):
    """Two observatories of one telescope: the columns TELESCOP and INSTRUME together say whose the exposures are."""
    other = observatories.Observatory("other", "Keck", "nowhere", ("OSIRIS",))
    known = {"other": other, **{name: observatories.get(name) for name in observatories._plugins()}}
    monkeypatch.setattr(observatories, "_plugins", lambda: known)
    monkeypatch.setattr(observatories, "get", lambda name: known[name])
    assert observatory_of(pool(TELESCOP=["keck"], INSTRUME=["osiris"])) == "other"
    assert observatory_of(pool(TELESCOP=["keck"], INSTRUME=["liger"])) == "ligeriri"
    with pytest.raises(InputError, match="set INSTRUME"):
        observatory_of(pool(TELESCOP=["keck"]))
