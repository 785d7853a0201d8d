#!/usr/bin/env python
"""Multistripe read-outs through dq_init, superbias and refpix of both sides: values, flags and times of each step.

    .venv/bin/python parity/stripes.py

References are of the whole detector, so that what is compared is also which of its lines belong to a stripe. Exit
status 1 if something differs.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import numpy as np  # noqa: E402
from astropy.io import fits  # noqa: E402
from peer_env import peer_python  # noqa: E402

SIZE = 2048
NAMES = ("multistripe_reads1", "multistripe_skips1", "multistripe_reads2", "multistripe_skips2", "repeat_stripe",
         "interleave_reads1", "superstripe_step", "num_superstripe")  # fmt: skip
CASES = {
    "NRCALONG, first lines before each stripe": ("NRCALONG", 164, (1, 100, 40, 85, 1, 1)),
    "NRCALONG, one stripe again and again": ("NRCALONG", 164, (1, 100, 40, 85, 1, 0)),
    "NRCA2, first lines once": ("NRCA2", 164, (4, 100, 40, 85, 0, 0)),
    "NRCA1, two stripes": ("NRCA1", 82, (1, 1060, 40, 83, 1, 1)),
    "NRCA1, no first lines": ("NRCA1", 80, (0, 1060, 40, 83, 0, 0)),
    "NRCALONG, superstripes": ("NRCALONG", 104, (4, 100, 100, 0, 0, 0, 300, 3)),
    "NIS, superstripes SUB204": ("NIS", 208, (4, 0, 204, 0, 0, 0, 204, 10)),
    "NIS, superstripes with gaps": ("NIS", 208, (4, 10, 204, 0, 0, 0, 300, 5)),
}
"""Detector, lines of the image, and the keywords of `NAMES`."""
STEPS = ("dq_init", "superbias", "refpix")
TOLERANCE = 0.002
"""DN."""


def write_references(folder, detector, rng):
    """Write mask and superbias of a detector, with bad pixels also among its reference pixels."""
    from hexcal import datamodels
    from hexcal.models.dqflags import pixel
    from hexcal.observatories.jwst.detectors import detector as facts
    from hexcal.simulate.reference_files import Place, describe, flag_definitions

    dq = np.where(rng.random((SIZE, SIZE)) < 0.02, pixel.DO_NOT_USE | pixel.HOT, 0).astype(np.uint32)
    border = np.ones((SIZE, SIZE), bool)
    border[4:-4, 4:-4] = False
    dq[border] |= np.uint32(pixel.REFERENCE_PIXEL)
    superbias = datamodels.SuperBiasModel(rng.normal(9000, 50, (SIZE, SIZE)).astype("f4"))
    superbias.dq, superbias.dq_def = np.zeros((SIZE, SIZE), np.uint32), flag_definitions("superbias")
    superbias.err = np.ones((SIZE, SIZE), "f4")
    models = {"mask": datamodels.MaskModel(dq=dq, dq_def=flag_definitions("mask")), "superbias": superbias}
    place = Place(facts(detector).instrument, detector, "FULL", 1, 1, SIZE, SIZE, "RAPID")
    folder.mkdir(parents=True)
    for kind, model in models.items():
        describe(model, kind, place, "parity").save(folder / f"{kind}.fits")


def write_ramp(path, detector, n_lines, stripes, rng):
    """Write a raw exposure whose amplifiers and columns drift; of NIRISS, whose lines are columns, of SUBSTRIP256."""
    from hexcal import datamodels
    from hexcal.models.science import INT_TIMES_COLUMNS
    from hexcal.observatories.jwst.detectors import detector as facts

    own, is_niriss = facts(detector), detector == "NIS"
    n_fast, n_ints = 256 if is_niriss else SIZE, 2 * (stripes[7] if len(stripes) == 8 else 1)
    x = np.arange(n_fast)
    drift = rng.normal(0, 30, (n_ints, 3, 4))[..., x // 512] + rng.normal(0, 9, (n_ints, 3, 2))[..., x % 2]
    data = 9000 + drift[:, :, None] + rng.normal(0, 8, (n_ints, 3, n_lines, n_fast))
    data = data.swapaxes(-1, -2) if is_niriss else data
    ramp = datamodels.Level1bModel(np.round(data).astype("u2"))
    meta = ramp.meta
    meta.telescope, meta.instrument.name, meta.instrument.detector = "JWST", own.instrument, detector
    exposure, where = meta.exposure, meta.subarray
    exposure.type, exposure.readpatt = ("NIS_SOSS", "NISRAPID") if is_niriss else ("NRC_TSGRISM", "RAPID")
    exposure.noutputs, exposure.nints, exposure.ngroups = 1 if is_niriss else 4, n_ints, 3
    exposure.nframes, exposure.groupgap, exposure.group_time = 1, 0, 0.9
    where.name = "SUB204STRIPE_SOSS" if is_niriss else "SUB164STRIPE4_DHS"
    where.xstart, where.ystart = 1, SIZE - 255 if is_niriss else 1
    where.ysize, where.xsize = data.shape[-2:]
    where.fastaxis, where.slowaxis = own.fastaxis, own.slowaxis
    for name, value in zip(NAMES, (*stripes, 0, 0), strict=False):
        setattr(where, name, value)
    meta.observation.date, meta.observation.time = "2025-01-01", "00:00:00.000"
    times = np.zeros(n_ints, list(INT_TIMES_COLUMNS))
    times["integration_number"] = np.arange(n_ints) + 1
    for number, (name, _) in enumerate(INT_TIMES_COLUMNS[1:]):
        times[name] = 60000 + np.arange(n_ints) + number / 10
    ramp.int_times = times
    ramp.save(path)


def compare(paths):
    """Numbers of values and flags that differ; a table of times that differs counts as one value."""
    own, peer = (fits.open(path) for path in paths)
    with own, peer:
        if own["SCI"].shape != peer["SCI"].shape:
            return peer["SCI"].data.size, 0
        one_is_nan = np.isnan(own["SCI"].data) != np.isnan(peer["SCI"].data)
        apart = np.abs(own["SCI"].data - peer["SCI"].data)
        values = int(np.count_nonzero((apart > TOLERANCE) | one_is_nan))
        values += sum(not _same_table(own, peer, name) for name in ("INT_TIMES", "INT_TIMES_STRIPE"))
        flags = sum(int(np.count_nonzero(own[name].data != peer[name].data)) for name in ("PIXELDQ", "GROUPDQ"))
    return values, flags


def _same_table(own, peer, name):
    if name not in peer:
        return name not in own
    columns = peer[name].columns.names
    return name in own and all(np.allclose(own[name].data[c], peer[name].data[c], 0, 1e-9) for c in columns)


def main():
    """Run all cases; returns the exit status."""
    failures = 0
    with tempfile.TemporaryDirectory() as name:
        folder, jobs = Path(name), {"own": [], "peer": []}
        for number, (detector, n_lines, stripes) in enumerate(CASES.values()):
            rng = np.random.default_rng(number)
            write_references(folder / f"refs{number}", detector, rng)
            write_ramp(folder / f"{number}.fits", detector, n_lines, stripes, rng)
            for side, list_of_side in jobs.items():
                given = folder / f"{number}.fits"
                for step in STEPS:
                    output = folder / f"{number}_{step}_{side}.fits"
                    job = {"id": f"{number} {step}", "target": step, "input": str(given), "outputs": [str(output)]}
                    list_of_side.append({**job, "refs": str(folder / f"refs{number}")})
                    given = output
        for side, command in (("own", [sys.executable, HERE / "own.py"]), ("peer", [peer_python(), HERE / "peer.py"])):
            (folder / f"{side}.json").write_text(json.dumps(jobs[side]))
            with open(folder / f"{side}.log", "w") as log:
                words = [*command, folder / f"{side}.json", folder / f"{side}_report.json"]
                subprocess.run(words, stdout=log, stderr=subprocess.STDOUT, check=True)
        for number, name in enumerate(CASES):
            for step in STEPS:
                values, flags = compare([folder / f"{number}_{step}_{side}.fits" for side in ("own", "peer")])
                failures += (values, flags) != (0, 0)
                verdict = "FAIL" if (values, flags) != (0, 0) else "pass"
                print(f"{verdict}  {name}: {step}: differing SCI {values}, flags {flags} | {TOLERANCE} DN", flush=True)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
