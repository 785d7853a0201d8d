"""Small pools of JWST exposures for tests of associations."""

from hexcal.associations.pool import AssociationPool

COLUMNS = (
    "filename obs_id program obs_num visit act_id exp_type instrume detector channel targetid pntgtype expspcin "
    "dithptin mostilno filter pupil "
    "patttype numdthpt subpxpns patt_num subarray grating fxd_slit band asn_candidate exposerr is_psf is_imprt "
    "bkgdtarg tsovisit visitype "
    "msametfl lamp opmode dms_note"
).split()
_INSTRUMENTS = {
    "fgs": ("fgs", "guider1"),
    "mir": ("miri", "mirimage"),
    "nis": ("niriss", "nis"),
    "nrc": ("nircam", "nrcb2"),
    "nrs": ("nirspec", "nrs1"),
}


def candidates(*pairs):
    """Return the text of a pool for some candidates: ``candidates("o001", ("c1000", "background"))``."""
    return str([(one, "observation") if isinstance(one, str) else one for one in pairs])


def exposure(number, exp_type="nrc_image", **columns):
    """Return one row (dict of str to str); what is not given is that of a NIRCam image of observation 1."""
    instrument, detector = _INSTRUMENTS[exp_type[:3]]
    detector = columns.get("detector", detector)
    observation = int(columns.get("obs_num", 1))
    row = dict.fromkeys(COLUMNS, "null") | {
        "filename": f"jw00001{observation:03d}001_02101_{number:05d}_{detector}_uncal.fits",
        "program": "00001",
        "obs_num": str(observation),
        "exp_type": exp_type,
        "instrume": instrument,
        "detector": detector,
        "targetid": "1",
        "pntgtype": "science",
        "filter": "f115w",
        "pupil": "clear" if instrument in ("nircam", "niriss") else "null",
        "grating": "g140m" if instrument == "nirspec" else "null",
        "subarray": "full",
        "bkgdtarg": "f",
        "tsovisit": "f",
        "visitype": "prime_targeted_fixed",
        "asn_candidate": candidates(f"o{observation:03d}"),
    }
    return row | {name: str(value).lower() for name, value in columns.items()}


def pool(*rows, name="made.csv"):
    """Return a pool of rows."""
    made = AssociationPool([[row[column] for row in rows] for column in COLUMNS], names=COLUMNS)
    made.meta["pool_file"] = name
    return made


def contents(associations):
    """Return what associations say, without numbers.

    Rule, type, candidate, products with their members (sorted list).
    """
    return sorted(
        (
            one["asn_rule"],
            one["asn_type"],
            one["asn_id"],
            sorted(
                (product["name"], sorted((member["expname"], member["exptype"]) for member in product["members"]))
                for product in one["products"]
            ),
        )
        for one in associations
    )


USER_RULES = '''
from hexcal.associations import Association, RegistryMarker
from hexcal.associations.lib.constraint import AttrConstraint, Constraint
from hexcal.associations.lib.dms_base import DMSBaseMixin


@RegistryMarker.rule
class Asn_SameFilter(Association):
    """Exposures through one filter."""

    def __init__(self, version_id=None):
        self.constraints = Constraint(
            [
                AttrConstraint(name="filter", sources=["filter"], invalid_values=["null"]),
                AttrConstraint(name="asn_candidate", sources=["asn_candidate"], evaluate=True),
            ]
        )
        super().__init__(version_id=version_id)
        self.data["products"] = [{"name": "mine", "members": []}]

    def _add(self, item):
        self["products"][0]["members"].append({"expname": item["filename"], "exptype": "science"})


@RegistryMarker.rule
class Asn_Named(DMSBaseMixin):
    """Exposures through one filter, wherever they belong, with names of the observatory's manner."""

    def __init__(self, version_id=None):
        self.constraints = AttrConstraint(name="filter", sources=["filter"], invalid_values=["null"])
        super().__init__(version_id=version_id)
        self.data["asn_type"] = "mine"

    def _add(self, item):
        if not self.data.get("products"):
            self.new_product(item["filter"])
        self.current_product["members"].append({"expname": item["filename"], "exptype": "science"})
        self.update_asn(item)
'''
