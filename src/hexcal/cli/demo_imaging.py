"""``hexcal demo imaging``: dithered exposures through three stages, compared with the truth.

Raw dithered exposures through stages 1, 2 and 3 to a mosaic with its catalogue, compared with the truth.
"""

import shlex
import time
from pathlib import Path

from hexcal.arguments import Arguments, whole_number
from hexcal.cli.demo_parts import logged_to, run
from hexcal.files import gate

_SEED = 3
_MATCH = 0.1
"""Largest distance of a source in the catalogue from the true one, arcsec."""
_BRIGHT = 50
"""Signal-to-noise ratio of the stars whose positions and fluxes are compared."""


def main(words):
    """Run the command; returns the exit status."""
    parser = Arguments(
        prog="hexcal demo imaging",
        description=(
            "Simulate raw dithered NIRCam exposures of one sky, run stages 1, 2 and 3 on them, "
            "and compare mosaic and catalogue with the truth."
        ),
    )
    add = parser.add_argument
    add(
        "--output", required=True, metavar="DIR", help="folder to write to; files of an earlier demo in it are replaced"
    )
    add("--subarray", default="SUB640", help="subarray of the exposures (default SUB640)")
    add("--exposures", type=whole_number(2), default=4, metavar="N", help="dithered exposures (default 4)")
    add("--groups", type=whole_number(3), default=8, metavar="N", help="groups in an integration (default 8)")
    add(
        "--profile",
        default="recommended",
        help="set of defaults (default recommended; 'documents' for those of the documents)",
    )
    add("--seed", type=whole_number(0), default=_SEED, metavar="N", help=f"of the simulation (default {_SEED})")
    options = parser.parse(words)
    return 0 if options is None else _demo(options)


def _demo(options):
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    series, written = _simulate(console, options)
    products = _calibrate(console, options, written)
    console.print("[bold]5. Compare[/bold] with the truth")
    stars = compare(products["catalogue"], Path(written["truth"]) / "sources.ecsv")
    _print_table(console, stars, series)
    products["picture"] = _picture(Path(options.output) / "demo_imaging.png", written, products, stars)
    console.print("[bold]Written[/bold]")
    for name, path in products.items():
        console.print(f"   {name:11s} {path}")
    return 0


def _simulate(console, options):
    from hexcal.simulate.imaging import Imaging
    from hexcal.simulate.imaging_setups import setup_of
    from hexcal.simulate.mode import exposure_mode

    # Enough stars for the alignment of a small field.
    setup = setup_of("NIRCAM", density=0.2)
    # Two frames in ten are kept: deep exposures, with the noise of the photons above that of the read-out.
    mode = exposure_mode("NIRCAM", setup.detector, options.subarray, n_groups=options.groups, readpatt="MEDIUM2")
    camera = setup.window(mode.xstart, mode.ystart, mode.xsize, mode.ysize)
    series = Imaging(setup, camera, options.exposures, seed=options.seed, mode=mode)
    console.print(
        f"[bold]1. Simulate[/bold] {options.exposures} dithered NIRCam exposures of one sky: "
        f"{mode.detector} {mode.subarray}, "
        f"{mode.n_groups} groups of {mode.group_time:.2f} s, pointing errors of {series.pointing_error:g} arcsec"
    )
    clock = time.perf_counter()
    written = series.save(options.output, overwrite=True)
    console.print(f"   {len(series.sources())} sources; {time.perf_counter() - clock:.1f} s")
    return series, written


def _calibrate(console, options, written):
    """Run the three stages, with their commands shown; returns the products by name."""
    folder, log = Path(options.output), Path(options.output) / "demo_imaging.log"
    gate.check(log)
    references = (
        f"--references={shlex.quote(written['references'])} --output_dir={shlex.quote(str(folder))} "
        f"--profile={options.profile}"
    )
    catalogue = str(Path(written["catalogue"]).resolve())
    stages = (
        ("2", "1: ramps to rates", "calwebb_detector1", written["exposures"], {}),
        ("3", "2: rates to calibrated images", "calwebb_image2", written["associations"], {}),
        ("4", "3: images to a mosaic", "calwebb_image3", [written["image3"]], {"tweakreg": {"abs_refcat": catalogue}}),
    )
    with logged_to(log):
        for number, title, alias, inputs, steps in stages:
            console.print(f"[bold]{number}. Stage {title}[/bold], log in {log}")
            options_of_steps = "".join(
                f" --steps.{step}.{name}={shlex.quote(value)}"
                for step, values in steps.items()
                for name, value in values.items()
            )
            console.print(f"   $ hexcal run {alias} {shlex.quote(inputs[0])} {references}{options_of_steps}")
            clock = time.perf_counter()
            for path in inputs:
                run(alias, path, written["references"], folder, steps, options.profile)
            console.print(f"   {time.perf_counter() - clock:.1f} s")
    (mosaic,), (catalogue,) = folder.glob("*_t001_*_i2d.fits"), folder.glob("*_t001_*_cat.ecsv")
    calibrated = Path(written["exposures"][1]).name.replace("_uncal", "_cal")
    return {"log": str(log), "calibrated": str(folder / calibrated), "mosaic": str(mosaic), "catalogue": str(catalogue)}


def compare(catalogue, truth):
    """Match a catalogue with the true sources.

    Parameters
    ----------
    catalogue, truth : path-like
        Tables: what source_catalog has written, and ``sources.ecsv`` of the simulation.

    Returns
    -------
    dict of str to array
        Of the stars found with a signal-to-noise ratio of 50: ``east``, ``north`` (errors of the position, mas),
        ``flux`` (found / true), ``true`` (Jy). Of all rows: ``matched`` (bool), ``ra``, ``dec`` (degrees).
    """
    import numpy as np
    from astropy.table import Table

    sources, true = Table.read(catalogue), Table.read(truth)
    ra, dec = (np.asarray(getattr(sources["sky_centroid"], name).deg) for name in ("ra", "dec"))
    cosine = np.cos(np.radians(np.mean(dec)))
    east = (ra[:, None] - np.asarray(true["ra"])) * cosine * 3600
    north = (dec[:, None] - np.asarray(true["dec"])) * 3600
    nearest = np.argmin(np.hypot(east, north), axis=1)
    rows = np.arange(len(sources))
    matched = np.hypot(east, north)[rows, nearest] < _MATCH
    flux, error = (np.asarray(sources[name], float) for name in ("aper_total_flux", "aper_total_flux_err"))
    bright = matched & (np.asarray(true["type"])[nearest] == "star") & (flux > _BRIGHT * error)
    true_flux = np.asarray(true["flux_jy"])[nearest][bright]
    return {
        "east": east[rows, nearest][bright] * 1e3, "north": north[rows, nearest][bright] * 1e3,
        "flux": flux[bright] / true_flux, "true": true_flux, "matched": matched, "ra": ra, "dec": dec,
    }  # fmt: skip


def _print_table(console, stars, series):
    import numpy as np

    matched, east, north, flux = (stars[name] for name in ("matched", "east", "north", "flux"))
    console.print(
        f"   {len(matched)} sources in the catalogue, {np.count_nonzero(matched)} of them within {_MATCH:g} arcsec of "
        "a true one"
    )
    if len(flux) == 0:
        console.print(f"   no star is brighter than {_BRIGHT} times its noise: more groups, or another seed")
        return
    scale = series.camera.scale * 1e3
    console.print(
        f"   {len(flux)} stars above {_BRIGHT} sigma: positions {np.median(east):+.2f}, "
        f"{np.median(north):+.2f} mas (median east, north), "
        f"scatter {_scatter(east):.2f}, {_scatter(north):.2f} mas (a pixel is {scale:.0f} mas)"
    )
    console.print(
        f"   their fluxes: {100 * (np.median(flux) - 1):+.2f} % (median), scatter {100 * _scatter(flux):.2f} %"
    )


def _scatter(values):
    """Robust standard deviation: some stars have a neighbour."""
    import numpy as np

    return 1.4826 * np.median(np.abs(values - np.median(values)))


def _picture(path, written, products, stars):
    import numpy as np

    from hexcal.models.science import ImageModel, Level1bModel
    from hexcal.report.mosaic_picture import from_raw_to_mosaic

    raw, calibrated, mosaic = (
        Level1bModel(written["exposures"][1]),
        ImageModel(products["calibrated"]),
        ImageModel(products["mosaic"]),
    )
    first, last = (np.asarray(raw.read("data", np.s_[0, group]), np.float32) for group in (0, -1))
    x, y = mosaic.meta.wcs.backward_transform(stars["ra"], stars["dec"])
    data = np.where(np.asarray(mosaic.wht) > 0, np.asarray(mosaic.data), np.nan)
    # The signal of the last group: what the ramps look like before anything is done.
    return from_raw_to_mosaic(path, last - np.median(first), calibrated.data, data, (x, y, stars["matched"]), stars)
