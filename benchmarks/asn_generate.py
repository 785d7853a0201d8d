#!/usr/bin/env python
"""Generating associations.

The large given pool as a command, beside the reference implementation, and made pools of growing size.

Part ``associations`` of run.py. This file is also what a measured process runs.
"""

import datetime
import json
import math
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from process import execute

REAL_DATA = Path(os.environ.get("HEXCAL_REAL_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
SIZES = (1000, 5000, 20000)
PEER_RECORD = "associations_peer.json"


def associations(bench):
    """Time and memory of `asn_generate` on the large pool, and how time grows with the number of exposures."""
    _large_pool(bench)
    _growth(bench)


def _large_pool(bench):
    pool = REAL_DATA / "pools" / "mega_pool.csv"
    if not pool.is_file():
        bench.table.add("asn_generate mega_pool.csv", f"skipped: {pool} is not there (HEXCAL_REAL_DATA)")
        return
    command = [Path(bench.sides["own"][0]).parent / "asn_generate", pool]
    _run(command)
    runs = [_run(command) for _ in range(bench.runs)]
    own = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    peer = _peer(bench, pool)
    what = "asn_generate mega_pool.csv, process"
    if peer is None:
        bench.table.add(what, f"{own['seconds']:.2f} s, {own['peak_mb']:.0f} MB", "not measured: --asn-peer")
        return
    ratio = peer["seconds"] / own["seconds"]
    kept = f" ({peer['version']}, {peer['date']}, load {peer['load']:.0f})"
    bench.table.add(
        what, f"{own['seconds']:.2f} s", f"{peer['seconds']:.0f} s{kept}", f"{ratio:.0f} x", ">= 50 x", ratio >= 50
    )
    cpu = peer["cpu_s"] / own["cpu_s"]
    bench.table.add(
        f"{what}: time of the processor",
        f"{own['cpu_s']:.2f} s",
        f"{peer['cpu_s']:.0f} s",
        f"{cpu:.0f} x",
        ">= 50 x",
        cpu >= 50,
    )
    memory = peer["peak_mb"] / own["peak_mb"]
    bench.table.add(f"{what}: peak memory", f"{own['peak_mb']:.0f} MB", f"{peer['peak_mb']:.0f} MB", f"{memory:.1f} x")


def _peer(bench, pool):
    """What the reference implementation took: measured if asked for, else as it is kept from the last time.

    None if it never was.
    """
    record = bench.work / PEER_RECORD
    if not bench.asn_peer:
        return json.loads(record.read_text()) if record.is_file() else None
    from peer_env import VERSION, peer_python

    peer = _run([Path(peer_python()).parent / "asn_generate", pool])
    peer |= {"version": VERSION, "date": datetime.date.today().isoformat(), "load": os.getloadavg()[0]}
    record.write_text(json.dumps(peer))
    return peer


def _run(command):
    """Run a command in a new folder for its files."""
    with tempfile.TemporaryDirectory() as folder:
        run = execute([*command, "-p", folder])
    return {name: run[name] for name in ("seconds", "cpu_s", "peak_mb")}


def _growth(bench):
    """Time per exposure on made pools; it may grow as the logarithm of their number."""
    folder = bench.work / "pools"
    folder.mkdir(exist_ok=True)
    figures = {}
    for size in SIZES:
        path = folder / f"made_{size}.csv"
        write_pool(path, size)
        runs = [_measured(path) for _ in range(bench.runs)]
        figures[size] = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    work = {size: measured["search_s"] + measured["write_s"] for size, measured in figures.items()}
    for size, measured in figures.items():
        allowed = math.log(size) / math.log(SIZES[0])
        growth = (work[size] / size) / (work[SIZES[0]] / SIZES[0])
        bench.table.add(
            f"made pool, {size} exposures, {measured['associations']:.0f} associations: "
            "search and writing (processor time)",
            f"{measured['search_s']:.2f} + {measured['write_s']:.2f} s, {measured['peak_mb']:.0f} MB",
            "",
            f"{1000 * work[size] / size:.2f} ms each, {growth:.2f} x",
            f"<= {allowed:.2f} x (n log n)",
            # A tenth for what other work of the machine does to a short measurement.
            growth <= allowed * 1.1,
        )


def _measured(path):
    run = execute([sys.executable, __file__, path])
    return {**json.loads(run["output"].splitlines()[-1]), "peak_mb": run["peak_mb"]}


# ---- made pools


_COLUMNS = (
    "filename obs_id program obs_num visit act_id exp_type instrume detector channel targetid pntgtype expspcin "
    "dithptin mostilno filter pupil "
    "patttype numdthpt subpxpns patt_num subarray grating fxd_slit band asn_candidate exposerr is_psf is_imprt "
    "bkgdtarg tsovisit visitype msametfl"
).split()
_SHORT, _LONG = [f"nrc{module}{n}" for module in "ab" for n in range(1, 5)], ["nrcalong", "nrcblong"]


def write_pool(path, size, seed=1):
    """Write a pool of about a year's mixture of modes.

    Programmes of some dozen observations, with backgrounds, mosaics and PSF stars.

    Parameters
    ----------
    path : path-like
        Where.
    size : int
        Number of exposures.
    seed : int
        Of the random numbers.
    """
    chance = random.Random(seed)
    rows = []
    program = 1000
    while len(rows) < size:
        program += 1
        rows += _program(program, chance)
    lines = ["|".join(_COLUMNS), *("|".join(row.get(name, "null") for name in _COLUMNS) for row in rows[:size])]
    Path(path).write_text("\n".join(lines) + "\n")


def _program(program, chance):
    """The exposures of one programme.

    Targets with the same set of modes, some with a background target and a mosaic.
    """
    rows = []
    modes = chance.sample(list(_MODES), k=chance.randint(1, 3))
    has_background = chance.random() < 0.3
    observations = chance.randint(2, 12)
    for observation in range(1, observations + 1):
        background = has_background and observation == observations
        target = 1 + (observation - 1) % 3
        candidates = [(f"o{observation:03d}", "observation")]
        candidates += [("c1000", "background")] if has_background else [("c1001", "mosaic")] if observations > 4 else []
        for mode in modes:
            for number, columns in enumerate(_MODES[mode](chance), start=len(rows) + 1):
                instrument = {"nrc": "nircam", "mir": "miri", "nis": "niriss", "nrs": "nirspec"}[
                    columns["exp_type"][:3]
                ]
                name = f"jw{program:05d}{observation:03d}001_02101_{number:05d}_{columns['detector']}_uncal.fits"
                common = {
                    "filename": name,
                    "program": str(program),
                    "obs_num": str(observation),
                    "instrume": instrument,
                    "targetid": str(target),
                    "pntgtype": "science",
                    "subarray": "full",
                    "bkgdtarg": "t" if background else "f",
                    "tsovisit": "f",
                    "visitype": "prime_targeted_fixed",
                    "asn_candidate": str(candidates),
                }
                rows.append(common | columns)
    return rows


def _imaging(chance):
    band, dithers = chance.choice(["f115w", "f150w", "f200w"]), chance.randint(2, 4)
    for _ in range(dithers):
        for detector in _SHORT + _LONG:
            long = detector in _LONG
            yield {
                "exp_type": "nrc_image",
                "detector": detector,
                "channel": "long" if long else "short",
                "filter": "f277w" if long else band,
                "pupil": "clear",
            }


def _mrs(chance):
    yield {"exp_type": "mir_tacq", "detector": "mirimage", "filter": "fnd"}
    for band in ("short", "medium", "long"):
        for _ in range(chance.choice([2, 4])):
            for detector, channel in (("mirifushort", "12"), ("mirifulong", "34")):
                yield {"exp_type": "mir_mrs", "detector": detector, "channel": channel, "band": band}


def _shutters(chance):
    grating, passband = chance.choice([("g140m", "f100lp"), ("prism", "clear"), ("g395m", "f290lp")])
    yield {"exp_type": "nrs_msata", "detector": "nrs1", "filter": "f110w", "grating": "mirror"}
    for nod in range(1, 4):
        for detector in ("nrs1", "nrs2"):
            yield {
                "exp_type": "nrs_msaspec",
                "detector": detector,
                "filter": passband,
                "grating": grating,
                "msametfl": "plan_msa.fits",
                "patttype": "3-shutter-slitlet",
                "patt_num": str(nod),
            }


def _grism(chance):
    pupil = chance.choice(["f115w", "f150w", "f200w"])
    yield {"exp_type": "nis_image", "detector": "nis", "filter": "clear", "pupil": pupil}
    for _ in range(chance.randint(3, 6)):
        yield {"exp_type": "nis_wfss", "detector": "nis", "filter": chance.choice(["gr150r", "gr150c"]), "pupil": pupil}


def _time_series(chance):
    yield {"exp_type": "nis_tacq", "detector": "nis", "filter": "f480m", "pupil": "nrm", "subarray": "subtaami"}
    yield {
        "exp_type": "nis_soss",
        "detector": "nis",
        "filter": "clear",
        "pupil": "gr700xd",
        "subarray": "substrip256",
        "tsovisit": "t",
    }


def _coronagraph(chance):
    for number in range(chance.randint(4, 8)):
        star = {"is_psf": "t", "targetid": "9"} if number > 2 else {}
        yield {"exp_type": "mir_4qpm", "detector": "mirimage", "filter": "f1140c", "subarray": "mask1140", **star}


def _thermal(chance):
    for band in chance.sample(["f560w", "f770w", "f1000w", "f1500w"], k=2):
        for _ in range(chance.randint(4, 8)):
            yield {"exp_type": "mir_image", "detector": "mirimage", "filter": band}


_MODES = {
    "imaging": _imaging,
    "mrs": _mrs,
    "shutters": _shutters,
    "grism": _grism,
    "time series": _time_series,
    "coronagraph": _coronagraph,
    "thermal": _thermal,
}


# ---- what the measured process runs


def _process(path):
    from hexcal.associations import Main

    def used():
        return time.process_time()

    with tempfile.TemporaryDirectory() as folder:
        start = used()
        generated = Main([path, "-p", folder])
        read = used()
        generated.generate()
        searched = used()
        generated.save()
        end = used()
    print(
        json.dumps(
            {
                "read_s": read - start,
                "search_s": searched - read,
                "write_s": end - searched,
                "cpu_s": end - start,
                "associations": len(generated.associations),
            }
        )
    )


if __name__ == "__main__":
    _process(sys.argv[1])
