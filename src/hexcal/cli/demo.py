"""``hexcal demo``: simulate an exposure, calibrate it, compare with the truth."""

import contextlib
import logging
import os
import shlex
import time
from pathlib import Path

from hexcal.arguments import Arguments, whole_number
from hexcal.files import gate

_SEED = 20
_WIDTH = 116
"""Columns that the table needs; what is written to a file has 80 otherwise."""


def main(words):
    """Run the command; returns the exit status."""
    if words and words[0] == "imaging":
        from hexcal.cli import demo_imaging

        return demo_imaging.main(words[1:])
    if words and words[0] == "spectra":
        from hexcal.cli import demo_spectra

        return demo_spectra.main(words[1:])
    parser = Arguments(
        prog="hexcal demo",
        description=(
            "Simulate a NIRCam exposure, run Detector1 on it, and compare rates, noise and cosmic rays with the truth."
        ),
        epilog=(
            "hexcal demo imaging --output DIR: dithered exposures through stages 1, 2 and 3, "
            "to a mosaic and its catalogue\n"
            "hexcal demo spectra --output DIR: exposures of a spectrograph through stage 2, to spectra of its sources"
        ),
    )
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="folder to write to; files of an earlier demo in it are replaced"
    )
    parser.add_argument("--subarray", default="FULL", help="subarray of the exposure (default FULL)")
    parser.add_argument(
        "--groups", type=whole_number(3), default=10, metavar="N", help="groups in the integration (default 10)"
    )
    parser.add_argument(
        "--seed", type=whole_number(0), default=_SEED, metavar="N", help=f"of the simulation (default {_SEED})"
    )
    options = parser.parse(words)
    return 0 if options is None else _demo(options)


def _demo(options):
    from rich.console import Console

    from hexcal.simulate.reference_cache import check_cache

    cache = str(Path(options.output) / "crds")
    check_cache(cache)
    console = Console(highlight=False, soft_wrap=True)
    console.width = max(console.width, _WIDTH)
    simulation, added, written = _simulate(console, options, cache)
    at, exposure = f"CRDS_PATH={shlex.quote(cache)}", shlex.quote(written["exposure"])
    console.print("[bold]2. Choose[/bold] its reference files from its header, by rules that were simulated with it")
    console.print(f"   {_chosen(cache, added.context, written['exposure'])}")
    console.print(f"   $ {at} hexcal crds bestrefs {exposure}")
    console.print(f"   $ {at} hexcal crds explain {exposure} dark")

    log = Path(options.output) / "demo.log"
    console.print(f"[bold]3. Calibrate[/bold] it, log in {log}; kernels are compiled at the first run")
    console.print(f"   $ {at} hexcal run calwebb_detector1 {exposure} --output_dir={shlex.quote(options.output)}")
    clock = time.perf_counter()
    with _environment(CRDS_PATH=cache, CRDS_CONTEXT=added.context):
        rate, group_dq = _calibrate(written["exposure"], options.output, log)
    console.print(f"   {time.perf_counter() - clock:.1f} s")

    console.print("[bold]4. Compare[/bold] with the truth")
    pulls, levels, rays, expected = _compare(simulation, rate, group_dq)
    _print_tables(console, levels, rays, expected)
    written = {**written, "references": cache, "rate": str(Path(options.output) / rate.meta.filename), "log": str(log)}
    written["picture"] = _picture(Path(options.output) / "demo.png", simulation, rate, pulls, levels)
    console.print("[bold]Written[/bold]")
    for name, path in written.items():
        console.print(f"   {name:11s} {path}")
    return 0


def _simulate(console, options, cache):
    """Simulate the exposure and its references; returns them, what was added to the cache, and what was written."""
    from hexcal.simulate.exposure import scene_stream, simulate
    from hexcal.simulate.mode import exposure_mode
    from hexcal.simulate.reference_cache import add_references

    # Two frames in ten are kept: a deep exposure, with the noise of the photons well above that of the read-out.
    mode = exposure_mode("NIRCAM", subarray_name=options.subarray, n_groups=options.groups, readpatt="MEDIUM2")
    console.print(
        f"[bold]1. Simulate[/bold] a NIRCam exposure: {mode.detector} {mode.subarray}, {mode.readpatt}, "
        f"{mode.n_groups} groups of {mode.group_time:.2f} s"
    )
    clock = time.perf_counter()
    simulation = simulate(mode, _scene(mode.image_shape, scene_stream(options.seed)), seed=options.seed)
    added = add_references(cache, simulation.references())
    written = simulation.save(options.output, overwrite=True, references=False)
    console.print(
        f"   {len(simulation.truth.stars)} stars, {len(simulation.truth.cosmic_rays)} pixels hit by cosmic rays; "
        f"{time.perf_counter() - clock:.1f} s"
    )
    return simulation, added, written


def _scene(shape, rng):
    """Return a field with one near galaxy: many pixels at every level of flux."""
    from hexcal.simulate import scene

    field = scene.field(shape, sky=0.8, faintest=1.0, brightest=3e4, galaxy_peaks=(0.05, 20.0), rng=rng)
    scene.add_galaxy(field.rate, 0.58 * shape[1], 0.45 * shape[0], 14.0, 0.045 * max(shape), 0.55, 0.6, arms=0.5)
    return field


def _chosen(cache, context, exposure):
    """What the rules choose, in one line."""
    from hexcal.references.context import open_context
    from hexcal.references.header_cards import read_header

    clock = time.perf_counter()
    choices = open_context(context, cache, "jwst").choose(read_header(exposure))
    seconds = time.perf_counter() - clock
    files = [choice.name for choice in choices.values() if choice.name]
    return f"{context}: {len(files)} files, such as {choices['dark'].name}; {1000 * seconds:.0f} ms"


@contextlib.contextmanager
def _environment(**values):
    """Set environment variables for a while.

    Those of the user that would choose other references are out of force meanwhile.
    """
    names = (*values, "HEXCAL_REFERENCES", "CRDS_OBSERVATORY")
    before = {name: os.environ.pop(name) for name in names if name in os.environ}
    os.environ.update(values)
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name, None)
        os.environ.update(before)


def _calibrate(exposure, folder, log):
    """Run the pipeline through its Python interface.

    Returns the rate image and the flags of the groups after the search for jumps.
    """
    from hexcal.pipeline import Detector1Pipeline

    flags = []
    gate.check(log)
    logger, handler = logging.getLogger("hexcal"), logging.FileHandler(log, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s - %(name)s - %(levelname)s - %(message)s"))
    logger.addHandler(handler)
    try:
        rate = Detector1Pipeline.call(
            exposure, output_dir=str(folder), save_results=True,
            steps={"jump": {"post_hooks": [lambda ramp: flags.append(ramp.groupdq.copy())]}},
        )  # fmt: skip
    finally:
        logger.removeHandler(handler)
        handler.close()
    return rate, flags[0]


def _compare(simulation, rate, group_dq):
    import numpy as np

    from hexcal.simulate.compare import cosmic_rays_found, flux_levels, gaussian_false_rate, pulls

    truth, pixels = simulation.truth, simulation.detector.part(simulation.mode)
    levels = flux_levels(rate.data, rate.err, rate.dq, truth)
    rays = cosmic_rays_found(
        group_dq, rate.dq, truth, simulation.mode, pixels.gain, pixels.read_noise, dark=pixels.dark
    )
    # Most pixels see the sky: what noise alone would flag is that of the faintest level.
    mode, noise = simulation.mode, float(np.median(pixels.read_noise)) / simulation.mode.n_frames**0.5
    sky = levels[0].true if levels else 0.0
    expected = gaussian_false_rate(sky, mode.n_groups, mode.group_time, float(np.median(pixels.gain)), noise)
    return pulls(rate.data, rate.err, rate.dq, truth), levels, rays, expected


def _print_tables(console, levels, rays, expected):
    from rich.table import Table

    table = Table(title="Unflagged pixels, by their true rate", title_justify="left")
    columns = (
        "true rate (DN/s)",
        "pixels",
        "mean true",
        "mean measured",
        "measured / true",
        "median ERR",
        "pull mean",
        "pull width",
    )
    for name in columns:
        table.add_column(name, justify="right")
    for level in levels:
        table.add_row(
            f"{level.low:.4g} to {level.high:.4g}", str(level.count), f"{level.true:.4f}", f"{level.measured:.4f}",
            f"{level.measured / level.true:.5f}", f"{level.error:.4f}",
            f"{level.pull_mean:+.4f}", f"{level.pull_width:.4f}",
        )  # fmt: skip
    console.print(table)
    console.print("   pull = (measured - true) / ERR: mean 0 and width 1 if rates and errors are right")
    console.print(
        f"   cosmic rays above 8 sigma: {rays.found} of {rays.visible} found ({100 * rays.completeness:.2f} %); "
        f"false jumps: {rays.false}, {rays.false_rate:.2e} per difference (Gaussian noise alone: {expected:.2e})"
    )


def _picture(path, simulation, rate, pulls, levels):
    import numpy as np

    from hexcal.report.picture import compare_with_truth

    true, good = simulation.truth.rate, np.isfinite(pulls)
    curves = [
        (f"{level.low:.3g} to {level.high:.3g}", pulls[good & (true >= level.low) & (true < level.high)])
        for level in levels
    ]
    mode = simulation.mode
    title = (
        f"Simulated {mode.instrument} {mode.detector} {mode.filter}, {mode.n_groups} groups of {mode.group_time:.2f} "
        "s, after calwebb_detector1"
    )
    return compare_with_truth(
        path, np.where(simulation.detector.part(mode).is_reference, np.nan, rate.data), rate.err, pulls, curves, title
    )
