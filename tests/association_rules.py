"""What the tables of JWST make of a few exposures, as short texts."""

import re

from hexcal.associations.rules import jwst_level2, jwst_level3
from hexcal.associations.rules.jwst_names import candidate_id
from hexcal.associations.tables.pruning import prune
from hexcal.associations.tables.search import exposures_of, search

RULE_SETS = [jwst_level2.RULE_SET, jwst_level3.RULE_SET]


def kept(rows, candidates=None, whole=True, rule_sets=RULE_SETS):
    """Return what the tables find in some rows (list of Found), without repetitions."""
    return prune(search(exposures_of(rows, rule_sets), rule_sets, candidates, whole))


def texts(rows, level=None, names=False, **options):
    """Return one text for each association (sorted list).

    ``Lv2Image image2 o001: 1 rate science, 2 rate background``: rule, type, candidate, and number, suffix and role of
    each member; with `names`, the name of the product after the candidate. `level` keeps one level only: ``"Lv2"`` or
    ``"Lv3"``.
    """
    found = [one for one in kept(rows, **options) if level in (None, one.rule_set.name)]
    return sorted(_text(one, names) for one in found)


def _text(found, names):
    product = found.said["products"][0]
    name = f" {product['name']}" if names else ""
    members = ", ".join(f"{_short(one['expname'])} {one['exptype']}" for one in product["members"])
    return f"{found.rule.name[4:]} {found.rule.type} {candidate_id(found.candidate)}{name}: {members}"


def _short(name):
    """Number and suffix of the exposure of a member; the suffix alone of the product of an association."""
    exposure = re.match(r"jw\d{11}_\d{5}_0*(\d+)_[a-z0-9]+_([a-z0-9]+)\.fits$", name)
    return f"{exposure[1]} {exposure[2]}" if exposure else name.rpartition("_")[2]
