"""Association rules of a plug-in: a package that nobody here knows brings its own, and the command uses them."""

import json
import os
import subprocess
import sys

PLUGIN = """
import os

from hexcal.observatories import Observatory

observatory = Observatory("elt", "ELT", os.path.dirname(__file__), ("MICADO",), association_rules=("elt_rules.rules",))
"""
RULES = '''
"""Which exposures of MICADO belong together."""

from hexcal.associations.pool_terms import PoolTerms
from hexcal.associations.tables.table import Rule, RuleSet, when
from hexcal.associations.tables.within import within

MOSAIC = Rule(
    "Asn_Micado",
    "micado2",
    "An image with the two twilight flats that are nearest in time, within three days.",
    same=("detector", "filter"),
    members={"science": when(kind="object"), "flat": when(kind="twilight")},
    needs=("science", "flat"),
    related={"flat": (within("mjd_obs", days=3, nearest=2, reason="the wheel turns on the fourth"),)},
    anywhere=("flat",),
    alone=True,
)


def describe(rule, members, candidate):
    listed = [{"expname": exposure.file_name, "exptype": role} for exposure, role in members]
    return {"target": "none", "products": [{"name": members[0][0].name.removesuffix(".fits"), "members": listed}]}


RULE_SET = RuleSet(
    "Micado",
    (MOSAIC,),
    facts=lambda values: {},
    accepts=lambda candidate, members: True,
    describe=describe,
    identifier=lambda candidate: candidate[0] if candidate else "a3001",
    whole=frozenset({"Asn_Micado"}),
    prefix="elt",
)
POOL = PoolTerms(needed=("filename", "kind", "mjd_obs"), kind="kind", kinds=frozenset({"object", "twilight"}))
'''
TABLE = """FILENAME|TELESCOP|KIND|DETECTOR|FILTER|MJD_OBS|PROGRAM
a.fits|ELT|OBJECT|1|K|100.0|77
b.fits|ELT|OBJECT|1|J|100.0|77
f1.fits|ELT|TWILIGHT|1|K|98.5|null
f2.fits|ELT|TWILIGHT|1|K|101.0|null
f3.fits|ELT|TWILIGHT|1|K|102.5|null
f4.fits|ELT|TWILIGHT|1|J|104.0|null
"""


def installed(folder):
    """Install the made-up package in a folder; returns the environment in which it is found."""
    package, info = folder / "elt_rules", folder / "elt_rules-1.0.dist-info"
    package.mkdir()
    info.mkdir()
    (package / "__init__.py").write_text(PLUGIN)
    (package / "rules.py").write_text(RULES)
    columns = ("path", "keyword", "hdu", "type", "allowed", "comment", "section", "models")
    (package / "keywords.tsv").write_text("\t".join(columns) + "\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elt-rules\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hexcal.observatories]\nelt = elt_rules:observatory\n")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])}


def generate(folder, environment, *words):
    code = "import sys; from hexcal.cli.main import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", code, "asn", "generate", "pool.csv", *words]
    return subprocess.run(words, env=environment, cwd=folder, capture_output=True, text=True, check=False)


def test_rules_of_a_package_are_used_for_its_pools(tmp_path):
    environment = installed(tmp_path)
    (tmp_path / "pool.csv").write_text(TABLE)
    done = generate(tmp_path, environment)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("*_asn.json")
    assert path.name == "elt00077-a3001_micado2_00001_asn.json"
    (product,) = json.loads(path.read_text())["products"]
    assert [(one["expname"], one["exptype"]) for one in product["members"]] == [
        ("a.fits", "science"),
        ("f1.fits", "flat"),
        ("f2.fits", "flat"),
    ]


def test_its_terms_hold_for_its_pools(tmp_path):
    environment = installed(tmp_path)
    (tmp_path / "pool.csv").write_text(TABLE.replace("MJD_OBS", "MJD"))
    done = generate(tmp_path, environment)
    assert done.returncode == 1 and "mjd_obs" in done.stderr
    (tmp_path / "elt_rules" / "rules.py").write_text("import a_package_that_is_missing\n")
    done = generate(tmp_path, environment)
    assert done.returncode == 1 and "elt_rules.rules" in done.stderr and "Traceback" not in done.stderr
