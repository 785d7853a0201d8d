"""calwebb_image3 of dithered NIRCam exposures, with alignment and catalogue, on both sides.

Memory for four times as many.
"""

import contextlib
import json
import statistics
import sys
import time

TARGET = 10
MEMORY_TARGET = 2
GROWTH_TARGET = 1.15
MAP_TARGET = 15


def image3(bench):
    """Time of processors and peak memory of the process for 4 and 8 exposures; peak memory of Hexcal for 16."""
    pixel_maps(bench)
    bench.need_peer()
    own_mb = _compared(bench, 4)
    _compared(bench, 8)
    many = bench.run("own", [_job(bench, _exposures(bench, 16), 16, "own")])
    growth = many.peak_mb / own_mb
    bench.table.add(
        f"calwebb_image3, NIRCam {bench.size}²: peak memory for 16",
        f"{many.peak_mb:.0f} MB",
        "",
        f"{growth:.2f} of that for 4",
        f"<= {GROWTH_TARGET}",
        growth <= GROWTH_TARGET,
    )


def _compared(bench, n_exposures):
    """Add the lines for a number of exposures; returns Hexcal's peak memory, MB."""
    folder = _exposures(bench, n_exposures)
    runs = {"own": [], "peer": []}
    for number in range(bench.runs + 1):
        for side, done in runs.items():
            run = bench.run(side, [_job(bench, folder, n_exposures, side)])
            if number:
                done.append(run)
    title = f"calwebb_image3, NIRCam {bench.size}², {n_exposures} exposures"
    own, peer = (statistics.median(run.process_cpu_s for run in runs[side]) for side in ("own", "peer"))
    times = f"{own:.1f} s", f"{peer:.1f} s", f"{peer / own:.1f} x"
    bench.table.add(f"{title}: processor time", *times, f">= {TARGET} x", peer / own >= TARGET)
    own, peer = (statistics.median(run.peak_mb for run in runs[side]) for side in ("own", "peer"))
    sizes = f"{own:.0f} MB", f"{peer:.0f} MB", f"{peer / own:.1f} x"
    bench.table.add(f"{title}: peak memory", *sizes, f">= {MEMORY_TARGET} x", peer / own >= MEMORY_TARGET)
    return own


def pixel_maps(bench):
    """Processor time of the map between two exposures, and of the exact positions of all pixels."""
    from hexcal.models.open import open as open_model
    from hexcal.steps.wcs.pixel_map import pixel_map

    paths = sorted(_exposures(bench, 4).glob("*_cal.fits"))[:2]
    (source, target), shape = [open_model(path).meta.wcs for path in paths], (bench.size, bench.size)
    seconds = []
    for exact in (False, True):
        times = []
        for _ in range(bench.runs + 1):
            start = time.process_time()
            pixel_map(source, target, shape, exact=exact).rows(0, bench.size)
            times.append(time.process_time() - start)
        # The first one loads what it needs.
        seconds.append(statistics.median(times[1:]))
    ratio = seconds[1] / seconds[0]
    texts = f"{1000 * seconds[0]:.0f} ms", f"{1000 * seconds[1]:.0f} ms (exact, Hexcal)", f"{ratio:.0f} x"
    bench.table.add(f"map of {bench.size}² pixels, NIRCam", *texts, f">= {MAP_TARGET} x", ratio >= MAP_TARGET)


def _exposures(bench, n_exposures):
    """Calibrated exposures with their association, references and catalogue, made once."""
    from hexcal.pipeline import Image2Pipeline
    from hexcal.simulate.imaging import Imaging
    from hexcal.simulate.imaging_setups import setup_of

    folder = bench.work / f"image3_{bench.size}_{n_exposures}"
    if (folder / "done").exists():
        return folder
    print(f"making {folder.name}", file=sys.stderr)
    setup = setup_of("NIRCAM")
    folder.mkdir(parents=True, exist_ok=True)
    Imaging(setup, setup.camera(bench.size), n_exposures=n_exposures, seed=1).save(folder, overwrite=True)
    with open(folder / "make.log", "w") as log, contextlib.redirect_stdout(log):
        for path in sorted(folder.glob("*_rate.fits")):
            options = {"references": str(folder / "references"), "output_dir": str(folder)}
            Image2Pipeline.call(str(path), **options, steps={"resample": {"skip": True}})
            path.unlink()
    (folder / "done").write_text(json.dumps(n_exposures))
    return folder


def _job(bench, folder, n_exposures, side):
    job, out = bench.job((folder / "asn_image3.json", folder / "references"), f"image3_{n_exposures}_{side}")
    # Separating sources needs scikit-image; the finder is that of the original on both sides.
    finder = {"starfinder": "iraf", "sharplo": 0.5, "sharphi": 2.0, "roundlo": 0.0, "roundhi": 0.2}
    steps = {
        "tweakreg": {"abs_refcat": str(folder / "refcat.ecsv"), "abs_separation": 1.0, **finder},
        "source_catalog": {"deblend": False},
    }
    return job | {"target": "calwebb_image3", "steps": steps}, out
