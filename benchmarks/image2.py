"""calwebb_image2 of one simulated NIRCam exposure, on both sides."""

import statistics
import sys

TARGET = 5


def image2(bench):
    """Time of processors and peak memory; of a process, and of a second exposure in it, when everything is imported."""
    from hexcal.simulate.imaging import Imaging
    from hexcal.simulate.imaging_setups import setup_of

    bench.need_peer()
    folder = bench.work / f"image2_{bench.size}"
    setup = setup_of("NIRCAM")
    if not (folder / "done").exists():
        print(f"making {folder.name}", file=sys.stderr)
        Imaging(setup, setup.camera(bench.size), n_exposures=1, seed=1).save(folder, overwrite=True)
        (folder / "done").touch()
    exposure = next(folder.glob("*_rate.fits")), folder / "references"
    runs = {"own": [], "peer": []}
    for number in range(bench.runs + 1):
        for side, done in runs.items():
            job, out = bench.job(exposure, f"image2_{side}")
            job |= {"target": "calwebb_image2", "steps": {}}
            run = bench.run(side, [(job, out), (job, out)])
            if number:
                done.append(run)
    title = f"calwebb_image2, NIRCam {bench.size}²"
    for what, figure, target in (
        ("second exposure, processor time", lambda run: run.last_cpu_s, TARGET),
        ("two exposures, processor time of the process", lambda run: run.process_cpu_s, None),
        ("peak memory", lambda run: run.peak_mb, None),
    ):
        own, peer = (statistics.median(figure(run) for run in runs[side]) for side in ("own", "peer"))
        unit, digits = ("MB", 0) if what == "peak memory" else ("s", 2)
        words, met = (f">= {target} x", peer / own >= target) if target else ("", None)
        bench.table.add(
            f"{title}: {what}",
            f"{own:.{digits}f} {unit}",
            f"{peer:.{digits}f} {unit}",
            f"{peer / own:.1f} x",
            words,
            met,
        )
