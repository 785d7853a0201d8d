"""What both sides of steppars.py are given.

An exposure, caches with parameter references, parameter files, and the values of each case.
"""

import json
import pprint
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
JUMP, PIPELINE = "JumpStep", "Detector1Pipeline"
CLASSES = {JUMP: "jwst.jump.JumpStep", PIPELINE: "jwst.pipeline.Detector1Pipeline"}
NAMES = {JUMP: "jump", PIPELINE: "calwebb_detector1"}
# Each source has a tenth of its own; a parameter is set by all sources up to a certain one.
ORDER = (
    "rejection_threshold",
    "three_group_rejection_threshold",
    "four_group_rejection_threshold",
    "min_jump_to_flag_neighbors",
    "after_jump_flag_dn1",
)
CODED = (4.0, 6.0, 5.0, 10.0, 0.0)
STEP_REFERENCE = dict.fromkeys(ORDER, 5.1)
PIPELINE_REFERENCE = dict.fromkeys(ORDER[:4], 6.1)
NAMED_AT_CALL = dict.fromkeys(ORDER[:3], 7.1)
NAMED_IN_FILE = dict.fromkeys(ORDER[:3], 7.6)
LOCAL = dict.fromkeys(ORDER[:2], 8.1)
GIVEN = dict.fromkeys(ORDER[:1], 9.1)


def asdf_text(target, parameters, steps=None, meta=""):
    """A parameter file."""
    head = "#ASDF 1.0.0\n#ASDF_STANDARD 1.5.0\n%YAML 1.1\n%TAG ! tag:stsci.edu:asdf/\n--- !core/asdf-1.1.0\n"
    classes = {"jump": CLASSES[JUMP], "ipc": "jwst.ipc.IPCStep"}
    inner = [{"class": classes[name], "name": name, "parameters": values} for name, values in (steps or {}).items()]
    tree = {"class": CLASSES[target], "name": NAMES[target], "parameters": parameters}
    lines = [f"{key}: {json.dumps(value)}" for key, value in {**tree, **({"steps": inner} if inner else {})}.items()]
    return head + meta + "\n".join(lines) + "\n...\n"


def meta_of(kind):
    """The part that makes a parameter file a parameter reference."""
    return (
        "meta: "
        + json.dumps(
            {
                "author": "parity",
                "date": "2024-01-01T00:00:00",
                "description": "parity",
                "instrument": {"name": "NIRCAM"},
                "pedigree": "GROUND",
                "reftype": kind,
                "telescope": "JWST",
                "title": "parity",
                "useafter": "1990-01-01T00:00:00",
            }
        )
        + "\n"
    )


# State of the rules for the jump step -> serial number of the context that has it. One cache: the peer keeps what it
# has read, by name.
CONTEXTS = {"chosen": 1, "absent": 2, "no rule": 3, "N/A": 4, "not a type": 5}
PIPELINE_TYPE, JUMP_TYPE = "pars-detector1pipeline", "pars-jumpstep"
# What else the pipeline of 3.0.0 looks for.
OTHER_TYPES = (
    "AREA DARK EMICORR FLAT GAIN IPC LINEARITY MASK PASTASOSS PERSAT PICTUREFRAME READNOISE REFPIX RESET RSCD "
    "SATURATION SIRSKERNEL SUPERBIAS TRAPDENSITY TRAPPARS"
).split()


def make_cache(root):
    """A cache with a context for each state, and both parameter references."""
    sys.path.insert(0, str(HERE.parent / "tests"))
    import crds_caches as caches

    references = root / "references" / "jwst" / "nircam"
    references.mkdir(parents=True)
    (references / f"jwst_nircam_{JUMP_TYPE}_0001.asdf").write_text(
        asdf_text(JUMP, STEP_REFERENCE, meta=meta_of(JUMP_TYPE))
    )
    steps = {"jump": PIPELINE_REFERENCE, "ipc": {"skip": True}}
    text = asdf_text(PIPELINE, {"save_calibrated_ramp": True}, steps, meta_of(PIPELINE_TYPE))
    (references / f"jwst_nircam_{PIPELINE_TYPE}_0001.asdf").write_text(text)
    mappings = {}
    for state, number in CONTEXTS.items():
        pmap, imap = f"jwst_{number:04d}.pmap", f"jwst_nircam_{number:04d}.imap"
        jump = {"N/A": "N/A"}.get(state, f"jwst_nircam_{JUMP_TYPE}_{number:04d}.rmap")
        pipeline = f"jwst_nircam_{PIPELINE_TYPE}_{number:04d}.rmap"
        types = {**dict.fromkeys(OTHER_TYPES, "N/A"), PIPELINE_TYPE.upper(): pipeline}
        types |= {} if state == "not a type" else {JUMP_TYPE.upper(): jump}
        mappings[pmap] = caches.pmap({"NIRCAM": imap}, name=pmap)
        mappings[imap] = caches.imap(types, name=imap)
        mappings[pipeline] = _rmap(caches, pipeline, PIPELINE_TYPE, "NRC_IMAGE", 1)
        mode = "NRC_GRISM" if state == "no rule" else "NRC_IMAGE"
        if jump != "N/A":
            mappings[jump] = _rmap(caches, jump, JUMP_TYPE, mode, 9 if state == "absent" else 1)
    caches.make_cache(root, mappings)
    configuration = root / "config" / "jwst"
    configuration.mkdir(parents=True)
    (configuration / "server_config").write_text(pprint.pformat({**CONFIGURATION, "mappings": sorted(mappings)}))
    (configuration / "bad_files.txt").write_text("")


def _rmap(caches, name, kind, mode, number):
    selector = f"Match({{('{mode}',): UseAfter({{'1900-01-01 00:00:00': 'jwst_nircam_{kind}_{number:04d}.asdf'}})}})"
    parkey = (("META.EXPOSURE.TYPE",), caches.DATES)
    return caches.rmap(selector, parkey, filekind=kind.upper(), classes=("Match", "UseAfter"), name=name)


CONFIGURATION = {
    "bad_files_list": [],
    "connected": True,
    "context_history": [],
    "crds_version": {"rev": "0", "str": "0", "svnurl": ""},
    "default_context": "jwst_0001.pmap",
    "edit_context": "jwst_0001.pmap",
    "force_remote_mode": 0,
    "last_refreshed": "2024-01-01 00:00:00",
    "last_synced": "2024-01-01 00:00:00",
    "mapping_url": {"jwst": "https://none.invalid/"},
    "max_bestrefs_per_rpc": 1000,
    "max_headers_per_rpc": 1000,
    "observatory": "jwst",
    "operational_context": "jwst_0001.pmap",
    "reference_url": {"jwst": "https://none.invalid/"},
    "server": "https://none.invalid",
    "status": "server",
    "versions_context": "jwst_0001.pmap",
}


def prepare(folder, cases):
    """Write exposure, caches and parameter files; the cases get their words and values."""
    sys.path.insert(0, str(HERE.parent / "tests"))
    import exposures

    shape = (1, 6, 16, 24)
    raw = exposures.write_uncal(folder, shape, name="raw_uncal.fits")
    exposures.write_references(folder / "refs", shape)
    (folder / "named_at_call.asdf").write_text(asdf_text(JUMP, NAMED_AT_CALL))
    (folder / "named_in_file.asdf").write_text(asdf_text(JUMP, NAMED_IN_FILE))
    for target in (JUMP, PIPELINE):
        for local in ("values", "named", "both"):
            inner = {
                **(LOCAL if local != "named" else {}),
                **({"config_file": "named_in_file.asdf"} if local != "values" else {}),
            }
            text = asdf_text(target, inner) if target == JUMP else asdf_text(target, {}, {"jump": inner})
            (folder / f"{target}_{local}.asdf").write_text(text)
    make_cache(folder / "cache")
    for number, case in enumerate(cases):
        context = CONTEXTS.get(case["references"], CONTEXTS["chosen"])
        disable = (
            {"STPIPE_DISABLE_CRDS_STEPPARS": case["references"]}
            if case["references"].lower() in ("true", "false")
            else {}
        )
        case["environment"] = {"CRDS_CONTEXT": f"jwst_{context:04d}.pmap", **disable}
        case["local_file"] = str(folder / f"{case['target']}_{case['local']}.asdf") if case["local"] != "none" else None
        case["values"] = {
            **(GIVEN if case["given"] in ("given", "both") else {}),
            **({"config_file": str(folder / "named_at_call.asdf")} if case["given"] in ("named", "both") else {}),
        }
        case["saved"] = str(folder / "SIDE" / f"{number}.asdf")
        case["output_dir"] = str(folder / "SIDE" / str(number))
        case["overrides"] = {
            f"override_{kind}": str(folder / "refs" / f"{kind}.fits") for kind in ("gain", "readnoise")
        }
    return raw
