"""The plan of a programme: stage 1 of each exposure, associations, and what is made of each of them."""

import json
import os
from collections import defaultdict
from pathlib import Path

from hexcal.associations.classes.registry import AssociationRegistry
from hexcal.associations.generator import generate_for_candidates
from hexcal.associations.pool_rows import rows_of_headers
from hexcal.associations.saving import texts_of
from hexcal.core import registry
from hexcal.errors import HexcalError
from hexcal.models import formats
from hexcal.observatories.jwst.exposure_types import is_tso
from hexcal.observatories.jwst.exposure_types import pipelines as pipelines_of
from hexcal.workflow import estimates
from hexcal.workflow.exposures import Rejected, split
from hexcal.workflow.jobs import Job, Plan

_RATES = ("rate", "rateints")
PIPELINES = {
    "tso-image2": "calwebb_image2",
    "wfs-image2": "calwebb_image2",
    "nrslamp-spec2": "calwebb_spec2",
    "tso-spec2": "calwebb_spec2",
}
"""Types of associations whose pipeline is not called after them."""


def pipeline_of(asn_type):
    """Return the pipeline of a type of associations."""
    return PIPELINES.get(asn_type, f"calwebb_{asn_type}")


def plan_of(exposures, out, rules_of=None, pool=None, last_stage=3):
    """Plan what has to be made of exposures.

    Parameters
    ----------
    exposures : list of Exposure
        Of one observatory.
    out : path-like
        Folder of the products, and of the files of the associations.
    rules_of : str, optional
        Release whose association rules are used.
    pool : path-like, optional
        Pool that says what belongs together; default: one that is made of the headers.
    last_stage : int
        The last stage that is planned, 1 to 3.

    Returns
    -------
    Plan
    """
    plan = Plan()
    planner = _Planner(plan, Path(out))
    exposures = [exposure for exposure in exposures if planner.stage1(exposure)]
    if last_stage > 1 and exposures:
        planner.associations(exposures, rules_of, pool, last_stage)
    for pipeline, names in sorted(planner.not_built.items()):
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        plan.notes.append(f"{', '.join(names[:3])}{more}: this version has no {pipeline}")
    return plan


class _Planner:
    """Adds jobs to a plan, and remembers which product each of them makes."""

    def __init__(self, plan, out):
        self.plan, self.out = plan, out
        self.makers = {}
        """(base of a product's name, stage) -> key of the job that makes it."""
        self.by_root = {}
        self.in_associations = set()
        """Exposures whose rates go into an association that is planned."""
        self.not_built = defaultdict(list)
        self.built = registry.aliases()

    def stage1(self, exposure):
        """Plan the first stage of an exposure; returns whether it can be a member of associations."""
        if exposure.observatory.name != "jwst":
            self.plan.rejected.append(
                Rejected(exposure.path, f"there are no pipelines for {exposure.observatory.telescope} yet")
            )
            return False
        try:
            pipelines = pipelines_of(exposure.exposure_type, exposure.is_tso)
        except HexcalError as error:
            self.plan.rejected.append(Rejected(exposure.path, f"{error.message} (EXP_TYPE)"))
            return False
        self.by_root[exposure.root.lower()] = exposure
        if exposure.level == "uncal":
            self._add(
                pipelines[0],
                exposure.root,
                1,
                source=exposure.path,
                members=((str(exposure.path), "science"),),
                reason=f"raw exposure of type {exposure.exposure_type}",
                shape=exposure.shape,
            )
        return len(pipelines) > 1

    def _add(self, pipeline, name, stage, *, shape, number=1, **details):
        if pipeline not in self.built:
            self.not_built[pipeline].append(name)
            return
        key = f"{pipeline} {name}"
        memory, seconds = estimates.of(pipeline, shape, number)
        self.plan.add(Job(key, pipeline, memory=memory, seconds=seconds, **details))
        self.makers[name.lower(), stage] = key

    def associations(self, exposures, rules_of, pool, last_stage):
        """Plan what is made of each association, those of stage 2 first."""
        if pool is None:
            # The rules name products after raw exposures, whatever level is there.
            table = rows_of_headers((f"{exposure.root}_uncal.fits", exposure.header) for exposure in exposures)
        else:
            from hexcal.associations.pool import AssociationPool

            table = AssociationPool.read(pool)
        rules = AssociationRegistry(observatory="jwst", rules_of=rules_of)
        associations = generate_for_candidates(table, rules)
        for association in associations:
            for product in association["products"]:
                for member in product["members"]:
                    member["expname"] = self._place(member["expname"])
        texts = texts_of(associations)
        stages = {
            name: _stage_of(association["asn_type"]) for name, association in zip(texts, associations, strict=True)
        }
        ordered = sorted(zip(texts, associations, strict=True), key=lambda pair: _order(pair[1]))
        for name, association in ordered:
            if _order(association) == 1:
                self._association(name, association, texts[name])
        for exposure in exposures:
            self._alone(exposure)
        for name, association in ordered:
            if _order(association) > 1 and stages[name] <= last_stage:
                self._association(name, association, texts[name])

    def _alone(self, exposure):
        """Plan the second stage of an exposure that no rule has put into an association."""
        pipelines = pipelines_of(exposure.exposure_type, exposure.is_tso)
        is_calibrated, root = exposure.level in ("cal", "calints"), exposure.root.lower()
        if len(pipelines) < 2 or is_calibrated or root in self.in_associations or (root, 2) in self.makers:
            return
        maker = self.makers.get((exposure.root.lower(), 1))
        suffix = "rateints" if is_tso(exposure.exposure_type, exposure.is_tso) else "rate"
        path = exposure.path if maker is None else self.out / f"{exposure.root}_{suffix}.fits"
        self._add(
            pipelines[1],
            exposure.root,
            2,
            source=path,
            members=((os.path.relpath(path, self.out), "science"),),
            needs=(maker,) if maker is not None else (),
            reason="no rule of associations takes it, so it is calibrated by itself",
            shape=exposure.shape,
        )

    def _place(self, name):
        """The name of a member: one that is there already, as it is reached from the folder of the products."""
        root, level = split(name)
        exposure = self.by_root.get(root.lower())
        if exposure is None or level != exposure.level:
            return name
        return os.path.relpath(exposure.path, self.out)

    def _association(self, name, association, text):
        """Plan the run of one association, if all that it needs is made or there."""
        kind, stage = association["asn_type"], _stage_of(association["asn_type"])
        members = [member for product in association["products"] for member in product["members"]]
        needs, absent = [], []
        for member in members:
            maker = self._maker(member["expname"])
            if maker is not None:
                needs.append(maker)
            elif not os.path.isfile(os.path.normpath(self.out / member["expname"])):
                absent.append(member["expname"])
        pipeline = pipeline_of(kind)
        products = [product["name"] for product in association["products"]]
        if absent and pipeline in self.built:
            self.plan.notes.append(f"{products[0]}: its member {absent[0]} does not exist, and nothing here makes it")
            return
        before = len(self.plan.jobs)
        self._add(
            pipeline,
            products[0],
            stage,
            source=self.out / name,
            members=tuple((member["expname"], member["exptype"]) for member in members),
            needs=tuple(dict.fromkeys(needs)),
            reason=f"its members, by the rule {_rule(association)}: {_counted(members)}",
            shape=self._shape(members),
            number=sum(member["exptype"] == "science" for member in members),
        )
        if len(self.plan.jobs) > before:
            self.plan.associations[name] = text
            parts = [split(os.path.basename(member["expname"])) for member in members]
            self.in_associations.update(root.lower() for root, level in parts if level in _RATES)

    def _maker(self, name):
        """Key of the job that makes a member, or None."""
        stem = formats.split(os.path.basename(name))[0]
        base, _, suffix = stem.rpartition("_")
        stages = (1,) if suffix in _RATES else (2, 3)
        return next(
            (self.makers[base.lower(), stage] for stage in stages if (base.lower(), stage) in self.makers), None
        )

    def _shape(self, members):
        shapes = [
            exposure.shape
            for member in members
            if (exposure := self.by_root.get(os.path.basename(member["expname"]).rpartition("_")[0].lower()))
            is not None
        ]
        return max(shapes, key=lambda shape: shape[0] * shape[2] * shape[3], default=(1, 1, 1, 1))


def _stage_of(kind):
    """The stage of a type of association: ``image2``, ``wfs-image3``, ``tso3``."""
    return 3 if kind.endswith("3") else 2


def _order(association):
    """Associations that others need come first.

    A grism exposure of stage 2 needs the catalogue of the mosaic of its direct images, which stage 3 makes.
    """
    kind = association["asn_type"]
    roles = {member["exptype"] for product in association["products"] for member in product["members"]}
    if _stage_of(kind) == 2:
        return 3 if roles & {"sourcecat", "segmap", "direct_image"} else 1
    return 2 if kind == "image3" else 4


def _rule(association):
    """The rule of an association: ``Asn_Lv3Image``, or ``Asn_Lv3SpectralTarget across observations``."""
    where, _, rule = association["asn_rule"].rpartition("_Asn_")
    return f"Asn_{rule}" + (" across observations" if where == "discover" else "")


def _counted(members):
    """How many members of each role: ``4 science, 2 background``."""
    counts = defaultdict(int)
    for member in members:
        counts[member["exptype"]] += 1
    return ", ".join(f"{count} {role}" for role, count in counts.items())


def as_json(plan, again=None):
    """Return a plan as a text in JSON; `again` says why jobs have to run (dict of key to reason)."""
    why = again or {}
    return json.dumps(
        {
            "jobs": [{**job.as_dict(), "runs": why.get(job.key)} for job in plan.jobs.values()],
            "associations": sorted(plan.associations),
            "rejected": [{"path": str(item.path), "reason": item.reason} for item in plan.rejected],
            "notes": plan.notes,
        },
        indent=1,
    )
