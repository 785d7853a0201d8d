#!/usr/bin/env python
"""Parameters from parameter references, parameter files and the user.

Hexcal and the reference implementation must resolve the same values.

    .venv/bin/python parity/steppars.py                     all cases, about a minute
    .venv/bin/python parity/steppars.py 'pipeline*' --examples

A small cache of the observatory's rules is made, with a parameter reference for the jump step and one for the pipeline;
the reference implementation runs on it in its own environment (`peer_env.py`), without network. The cases are all
combinations of: references used, left out by the option or by the environment; parameter file none, with values, naming
another file; values at the call none, given, naming another file; command line, `call` and `run`. Every source sets
some of the same parameters to a value of its own, so that each pair of sources meets. All parameters that both sides
have are compared.

One line per case: how many parameters differ, the values of `ORDER` as Hexcal has them, and the reason of a known
difference. A case passes if Hexcal has the values of the documented precedence, and the peer has the same, or differs
for a reason in `KNOWN`. Exit status 1 if one fails.
"""

import argparse
import fnmatch
import itertools
import json
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from steppars_inputs import (  # noqa: E402
    CLASSES,
    CODED,
    GIVEN,
    JUMP,
    LOCAL,
    NAMED_AT_CALL,
    NAMED_IN_FILE,
    ORDER,
    PIPELINE,
    PIPELINE_REFERENCE,
    STEP_REFERENCE,
    prepare,
)

# Where files are; and three coded defaults in which 3.0.0 is not as documented (docs/decisions.md, stage 1).
NOT_COMPARED = {
    "output_dir",
    "input_dir",
    "override_gain",
    "override_readnoise",
    "references",
    "save_results",
    "config_file",
}
# Other defaults in Hexcal, for reasons in docs/decisions.md or because 3.0.0 has another method.
NOT_COMPARED |= {"max_shower_amplitude", "jump.max_shower_amplitude", "ipc.skip"}
NOT_COMPARED |= {"emicorr.algorithm", "persistence.skip", "persistence.save_persistence"}
NOT_COMPARED |= {"firstframe.bright_use_group1", "firstframe.skip", "saturation.use_readpatt"}
KNOWN = {
    "TRUE": "the documents switch references off with true in any case; 3.0.0 does not understand TRUE",
    "named": "a file named for a step ranks below the user's parameter file and above CRDS, as documented; "
    "in call() of 3.0.0 it depends on where it is named",
    "absent": "Hexcal stops with an error; 3.0.0 goes on with coded defaults and says nothing",
}


# ---- cases


def all_cases():
    """All cases: dicts with a name, target, and the state of each source."""
    cases = []
    for references, local, given, interface in itertools.product(
        ("used", "option", "true"), ("none", "values"), ("none", "given"), ("command", "call")
    ):
        if (references, interface) != ("option", "call"):
            cases.append(
                {"target": JUMP, "references": references, "local": local, "given": given, "interface": interface}
            )
    cases += [
        {"target": JUMP, "references": "used", "local": "none", "given": given, "interface": "run"}
        for given in ("none", "given")
    ]
    for references, local, given, interface in itertools.product(
        ("used", "option"), ("none", "values", "named", "both"), ("none", "given", "named", "both"), ("command", "call")
    ):
        if (references, interface) != ("option", "call"):
            cases.append(
                {"target": PIPELINE, "references": references, "local": local, "given": given, "interface": interface}
            )
    cases += [
        {"target": JUMP, "references": state, "local": "values", "given": "none", "interface": "command"}
        for state in ("True", "false", "TRUE", "absent", "no rule", "N/A", "not a type")
    ]
    for case in cases:
        words = [f"{key} {case[key]}" for key in ("references", "local", "given", "interface")]
        case["name"] = f"{'jump' if case['target'] == JUMP else 'pipeline'}: {', '.join(words)}"
    return cases


# ---- the two sides


def words_of(case, exposure):
    """The words of the command line of a case, after the program's name."""
    prefix = "--steps.jump." if case["target"] == PIPELINE else "--"
    words = [case["local_file"] or CLASSES[case["target"]], exposure, f"--save-parameters={case['saved']}"]
    words += [f"--output_dir={case['output_dir']}"]
    words += [f"{prefix}{name}={value}" for name, value in case["values"].items()]
    words += (
        ["--skip=true"]
        if case["target"] == PIPELINE
        else [f"--{name}={path}" for name, path in case["overrides"].items()]
    )
    return words + (["--disable-crds-steppars"] if case["references"] == "option" else [])


def keywords_of(case):
    """The keywords of `call` of a case."""
    if case["target"] == PIPELINE:
        values = {"skip": True, **({"steps": {"jump": case["values"]}} if case["values"] else {})}
    else:
        values = {**case["values"], **case["overrides"]}
    local = {"config_file": case["local_file"]} if case["local_file"] and case["interface"] == "call" else {}
    return {**values, **local}


def run_cases(cases, exposure, side):
    """Run all cases on one side in this process; returns {"error", "parameters"} by case."""
    results = []
    for given in cases:
        case = {key: value.replace("SIDE", side) if isinstance(value, str) else value for key, value in given.items()}
        Path(case["saved"]).parent.mkdir(exist_ok=True)
        before = dict(os.environ)
        os.environ.update(case["environment"])
        try:
            parameters = (peer_parameters if side == "peer" else own_parameters)(case, exposure)
            results.append({"error": None, "parameters": parameters})
        except Exception as error:  # noqa: BLE001  report, then go on with the next
            results.append({"error": f"{type(error).__name__}: {error}".splitlines()[0], "parameters": {}})
        finally:
            os.environ.clear()
            os.environ.update(before)
    return results


class ParametersKnown(BaseException):
    """Ends a run of the peer where it logs its parameters: what it calibrates then is not compared here."""


class Listener(logging.Handler):
    """Waits for the message with the parameters."""

    def emit(self, record):
        if "parameters are:" in record.getMessage():
            raise ParametersKnown(record.getMessage().partition("\n")[2])


def peer_parameters(case, exposure):
    import jwst.pipeline
    import jwst.step
    import yaml

    cls = getattr(jwst.pipeline, case["target"], None) or getattr(jwst.step, case["target"])
    logger, listener = logging.getLogger("stpipe"), Listener()
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    try:
        if case["interface"] == "command":
            cls.from_cmdline(words_of(case, exposure))
        elif case["interface"] == "call":
            cls.call(exposure, **keywords_of(case))
        else:
            cls(**keywords_of(case)).run(exposure)
    except ParametersKnown as message:
        content = yaml.safe_load(str(message))
    finally:
        logger.removeHandler(listener)
    steps = content.pop("steps", {})
    return flat(
        {"parameters": content, "steps": [{"name": name, "parameters": values} for name, values in steps.items()]}
    )


def own_parameters(case, exposure):
    from hexcal.core import config, registry
    from hexcal.models.open import open as open_model

    cls = registry.find(case["target"])
    if case["interface"] == "command":
        cls.from_cmdline(words_of(case, exposure))
        content = config.load(case["saved"])
        steps = [{"name": name, **section} for name, section in content["steps"].items()]
        return flat({"parameters": content["parameters"], "steps": steps})
    values = {**keywords_of(case), "output_dir": case["output_dir"]}
    cls.call(exposure, **values) if case["interface"] == "call" else cls(**values).run(exposure)
    (product,) = Path(case["output_dir"]).glob("*.fits")
    parameters = dict(open_model(product).provenance["run"]["parameters"])
    steps = parameters.pop("steps", {})
    return flat(
        {"parameters": parameters, "steps": [{"name": name, "parameters": values} for name, values in steps.items()]}
    )


def flat(tree):
    """Parameters as {"jump.rejection_threshold": 4.0}, without those that are not compared."""
    parameters = {name: plain(value) for name, value in tree["parameters"].items()}
    for section in tree.get("steps", []):
        parameters.update({f"{section['name']}.{name}": plain(value) for name, value in section["parameters"].items()})
    return {name: value for name, value in parameters.items() if not {name, name.rpartition(".")[2]} & NOT_COMPARED}


def plain(value):
    """Numbers, texts and true or false, as both sides spell them."""
    if isinstance(value, bool) or value in (None, "None"):  # the peer's log spells None as text
        return None if value == "None" else value
    if isinstance(value, int | float):
        return float(value)
    return value if isinstance(value, str) else [plain(item) for item in value]


def peer_side(questions, answers):
    """Runs in the environment of the reference implementation."""
    from stdatamodels.jwst import datamodels

    content = json.loads(Path(questions).read_text())
    with datamodels.open(content["raw"]) as raw:
        raw.save(content["exposure"])
    Path(answers).write_text(json.dumps(run_cases(content["cases"], content["exposure"], "peer")))


def peer_results(cases, raw, exposure, folder):
    """What the peer says; one process for each context, since it reads the environment only once."""
    from peer_env import peer_python

    results = {}
    for context in sorted({case["environment"]["CRDS_CONTEXT"] for case in cases}):
        mine = [case for case in cases if case["environment"]["CRDS_CONTEXT"] == context]
        questions, answers = folder / f"{context}.questions.json", folder / f"{context}.answers.json"
        questions.write_text(json.dumps({"cases": mine, "raw": str(raw), "exposure": str(exposure)}))
        command = [peer_python(), __file__, "--peer-side", questions, answers]
        environment = {**os.environ, "CRDS_CONTEXT": context}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode or not answers.exists():
            raise SystemExit(f"the peer ended with status {done.returncode}: {done.stderr.strip()[-300:]}")
        results.update(zip((case["name"] for case in mine), json.loads(answers.read_text()), strict=True))
    return [results[case["name"]] for case in cases]


# ---- comparison


def documented(case):
    """What the documented precedence gives for the parameters of `ORDER`; None where the run must stop."""
    if case["references"] == "absent":
        return None
    values = dict(zip(ORDER, CODED, strict=True))
    if case["references"] in ("used", "false") and case["interface"] != "run":
        values |= STEP_REFERENCE | (PIPELINE_REFERENCE if case["target"] == PIPELINE else {})
    for state, named in ((case["given"], NAMED_AT_CALL), (case["local"], NAMED_IN_FILE)):
        if state in ("named", "both"):
            values |= named
            break
    values |= LOCAL if case["local"] in ("values", "both") else {}
    values |= GIVEN if case["given"] in ("given", "both") else {}
    return [values[name] for name in ORDER]


def known_difference(case):
    """Why the peer may differ from the documents in a case, or None."""
    named = {"named", "both"} & {case["local"], case["given"]}
    by_call = "named" if named and case["interface"] == "call" else None
    return KNOWN.get(case["references"]) or KNOWN.get(by_call)


def report(case, own, peer, examples):
    """Print the line of a case.

    Returns whether it passes: as documented, and equal to the peer where nothing else is declared.
    """
    both = sorted(own["parameters"].keys() & peer["parameters"].keys())
    differing = [name for name in both if own["parameters"][name] != peer["parameters"][name]]
    prefix = "jump." if case["target"] == PIPELINE else ""
    values = [own["parameters"][prefix + name] for name in ORDER] if not own["error"] else None
    equal = bool(both) and not differing and not own["error"]
    known = None if equal else known_difference(case)
    passed = values == documented(case) and not peer["error"] and (equal or known is not None)
    text = f"differing: {len(differing)}/{len(both)} parameters | {' '.join(map(str, values or ['none']))}"
    text += "".join(f" | {who}: {side['error']}" for who, side in (("Hexcal", own), ("peer", peer)) if side["error"])
    text += f" | known: {known}" if known else ""
    print(f"{'pass' if passed else 'FAIL'}  {case['name']:75s} {text}", flush=True)
    for name in differing if examples else ():
        print(f"        {name}: {own['parameters'][name]!r}, the peer's {peer['parameters'][name]!r}")
    return passed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="cases (patterns as of a shell); default all")
    parser.add_argument("--examples", action="store_true", help="also show the values that differ")
    options = parser.parse_args()
    cases = [
        case
        for case in all_cases()
        if not options.names or any(fnmatch.fnmatch(case["name"], name) for name in options.names)
    ]
    if not cases:
        raise SystemExit(f"no case matches {' '.join(options.names)}")
    for name in [name for name in os.environ if name.startswith("CRDS_") or name == "STPIPE_DISABLE_CRDS_STEPPARS"]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="steppars_") as name:
        folder = Path(name)
        raw, exposure = prepare(folder, cases), folder / "made_ramp.fits"
        os.environ.update(
            CRDS_PATH=str(folder / "cache"), CRDS_OBSERVATORY="jwst", CRDS_SERVER_URL="https://none.invalid"
        )
        peer = peer_results(cases, raw, exposure, folder)
        del os.environ["CRDS_SERVER_URL"]
        own = own_results(cases, str(exposure))
        passed = [report(*group, options.examples) for group in zip(cases, own, peer, strict=True)]
    print(f"{len(cases)} cases, {passed.count(False)} failed")
    return int(not all(passed))


def own_results(cases, exposure):
    logging.getLogger("hexcal").addHandler(logging.NullHandler())
    return run_cases(cases, exposure, "own")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer-side"]:
        peer_side(*sys.argv[2:])
    else:
        sys.exit(main())
