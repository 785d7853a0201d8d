"""calwebb_spec2 of one exposure of each mode of NIRSpec and of MIRI, on both sides; how the time grows with slits."""

import os
import statistics
from dataclasses import dataclass, field

MEMORY_TARGET = 2


@dataclass(frozen=True)
class Mode:
    """One exposure.

    Attributes
    ----------
    title : str
        What the row says.
    inputs, association, refs : str
        Name in `spectra_harness.INPUTS`, the input, and the folder of its reference files.
    target : float
        How many times less time of the processor it should take.
    steps : dict
        Parameters of steps.
    """

    title: str
    inputs: str
    association: str
    target: float
    refs: str = "refs"
    steps: dict = field(default_factory=dict)


_ONE_CUBE = {"cube_build": {"output_type": "multi"}}
MODES = (
    Mode("NIRSpec, 4 fixed slits", "fs", "fs_spec2_1_asn.json", 5),
    Mode("NIRSpec, 60 slitlets", "mos-60", "mos_spec2_1_asn.json", 12),
    Mode("NIRSpec IFU", "ifu", "ifu_spec2_1_asn.json", 6),
    Mode("NIRSpec, series of 10", "bots", "bots_spec2_asn.json", 4),
    Mode("MIRI LRS", "miri-lrs", "nod1_spec2_asn.json", 4),
    Mode("MIRI LRS slitless, series of 10", "miri-lrs-slitless", "tso_spec2_asn.json", 4),
    Mode(
        "MIRI MRS, no straylight",
        "miri-mrs",
        "plain1_12SHORT_spec2_asn.json",
        6,
        "refs_12SHORT",
        {"straylight": {"skip": True}, **_ONE_CUBE},
    ),
    Mode(
        "MIRI MRS, residual fringes",
        "miri-mrs",
        "sub1_12SHORT_spec2_asn.json",
        6,
        "refs_12SHORT",
        {"residual_fringe": {"skip": False}, **_ONE_CUBE},
    ),
    Mode("MIRI MRS, blank sky", "miri-mrs", "plain3_12SHORT_spec2_asn.json", 6, "refs_12SHORT", _ONE_CUBE),
)


def spec2(bench):
    """Time of processors from the file name to the written products, of the whole process, and peak memory."""
    import spectra_harness

    if not (spectra_harness.HARNESS / "nirspec").is_dir():
        bench.table.add(f"calwebb_spec2: the scripts that make exposures are not in {spectra_harness.HARNESS}", "")
        return
    bench.need_peer()
    for mode in MODES:
        _measure(bench, mode, spectra_harness.inputs(mode.inputs))
    few, many = (_own(bench, mode, 1)[0] for mode in (_mos("mos"), _mos("mos-60")))
    per_slit = (many.last_cpu_s - few.last_cpu_s) / (60 - 12)
    bench.table.add("calwebb_spec2: processor time of one more slitlet (60 less 12)", f"{1000 * per_slit:.0f} ms")


def _mos(inputs):
    return Mode(inputs, inputs, "mos_spec2_1_asn.json", 0)


def _own(bench, mode, count):
    """Runs of Hexcal after one that compiles what is not compiled yet."""
    import spectra_harness

    folder = spectra_harness.inputs(mode.inputs)
    return [bench.run("own", [_job(bench, mode, folder, "own")]) for _ in range(count + 1)][1:]


def _measure(bench, mode, folder):
    own = _own(bench, mode, bench.runs)
    # The reference implementation takes minutes, and its times vary by less than the factors that are asked for.
    peer = [bench.run("peer", [_job(bench, mode, folder, "peer")], {"OMP_NUM_THREADS": "1"})]
    for what, figure, target, unit in (
        ("processor time", lambda run: run.last_cpu_s, mode.target, "s"),
        ("processor time of the process", lambda run: run.process_cpu_s, None, "s"),
        ("peak memory", lambda run: run.peak_mb, MEMORY_TARGET, "MB"),
    ):
        mine, theirs = (statistics.median(map(figure, runs)) for runs in (own, peer))
        digits = 0 if unit == "MB" else 2
        words, met = (f">= {target} x", theirs / mine >= target) if target else ("", None)
        bench.table.add(
            f"calwebb_spec2, {mode.title}: {what}",
            f"{mine:.{digits}f} {unit}",
            f"{theirs:.{digits}f} {unit}",
            f"{theirs / mine:.1f} x",
            words,
            met,
        )


def _job(bench, mode, folder, side):
    label = f"spec2_{mode.title.replace(' ', '_').replace(',', '')}_{side}"
    job, out = bench.job((folder / mode.association, os.path.join(folder, mode.refs)), label)
    return job | {"target": "calwebb_spec2", "steps": mode.steps}, out
