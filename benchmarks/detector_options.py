"""What users switch on in stage 1, on both sides: snowballs, the fit by likelihood, 1/f noise, IRS2."""

import statistics
import sys

SETTINGS = {
    "snowballs": ({"jump": {"expand_large_events": True}}, "jump", None),
    "likelihood": ({"ramp_fit": {"algorithm": "LIKELY"}}, "ramp_fit", 15),
    "1/f noise": ({"clean_flicker_noise": {"skip": False}}, "clean_flicker_noise", 5),
}
"""Parameters of steps, the step that is timed, and how many times as fast it must be."""
SNOWBALLS_TARGET, IRS2_TARGET = 10, 5


def detector_options(bench):
    """Time of a step in the pipeline, wall clock; one pass of both sides after the warm-up is `bench.runs`."""
    bench.need_peer()
    exposure = bench.exposure((1, 10, bench.size, bench.size))
    title = f"NIRCam {bench.size}² x 10 groups"
    for name, (steps, step, target) in SETTINGS.items():
        runs = _alternate(bench, exposure, name.replace("/", "_"), steps)
        _add(bench, f"{title}, {name}: {step}", runs, lambda run, step=step: run.steps_s[step], target)
        if name == "snowballs":
            _add(bench, f"{title}, {name}: pipeline, call", runs, lambda run: run.call_s, SNOWBALLS_TARGET)
    runs = _alternate(bench, _irs2(bench), "irs2", {})
    _add(bench, "NIRSpec IRS2, 5 groups: refpix", runs, lambda run: run.steps_s["refpix"], IRS2_TARGET)


def _irs2(bench):
    """Make the exposure of IRS2 once; returns its path and the folder of its references."""
    from hexcal.simulate.irs2 import simulate_irs2

    folder = bench.work / "irs2"
    if not (folder / "done").exists():
        print("making irs2", file=sys.stderr)
        simulate_irs2(n_groups=5, seed=1).save(folder, overwrite=True)
        (folder / "done").touch()
    return next(folder.glob("*_uncal.fits")), folder / "references"


def _alternate(bench, exposure, label, steps):
    """Runs of both sides in turns, without the warm-up."""
    runs = {"own": [], "peer": []}
    for number in range(bench.runs + 1):
        for side, done in runs.items():
            run = bench.run(side, [bench.job(exposure, f"{label}_{side}", steps=steps)])
            if number:
                done.append(run)
    return runs


def _add(bench, what, runs, figure, target):
    own, peer = (statistics.median(figure(run) for run in runs[side]) for side in ("own", "peer"))
    words, met = (f">= {target} x", peer / own >= target) if target else ("", None)
    bench.table.add(what, f"{own:.2f} s", f"{peer:.2f} s", f"{peer / own:.1f} x", words, met)
