"""``hexcal demo spectra``: exposures of a spectrograph through stage 2 to spectra, compared with the truth."""

import shlex
import time
from pathlib import Path
from typing import Any

from hexcal.arguments import Arguments, whole_number
from hexcal.cli.demo_parts import logged_to, run
from hexcal.errors import InputError, unknown_name
from hexcal.files import gate

MODES = ("nirspec-fs", "nirspec-mos", "nirspec-ifu", "miri-lrs", "miri-mrs")
_LIMITS = {"nirspec": (0.7, 5.2), "miri": (4.9, 12.3)}
"""Wavelengths that are compared, µm: at the ends the calibration of a prism knows little."""
_SEED = 5


def main(words):
    """Run the command; returns the exit status."""
    parser = Arguments(
        prog="hexcal demo spectra",
        description=(
            "Simulate exposures of a spectrograph, run stage 2 on the first, and compare its spectra with the truth."
        ),
    )
    add = parser.add_argument
    add(
        "--output", required=True, metavar="DIR", help="folder to write to; files of an earlier demo in it are replaced"
    )
    add("--mode", default=MODES[0], help=f"{', '.join(MODES)} (default {MODES[0]})")
    add(
        "--profile",
        default="recommended",
        help="set of defaults (default recommended; 'documents' for those of the documents)",
    )
    add("--seed", type=whole_number(0), default=_SEED, metavar="N", help=f"of the simulation (default {_SEED})")
    options = parser.parse(words)
    if options is None:
        return 0
    if options.mode not in MODES:
        raise unknown_name("mode", options.mode, MODES, where="hexcal demo spectra")
    return _demo(options)


def _demo(options):
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    series, written = _simulate(console, options)
    products = _calibrate(console, options, series, written)
    console.print("[bold]3. Compare[/bold] with the truth")
    spectra = compared(series, products["spectra"], _LIMITS[options.mode.partition("-")[0]])
    _print_table(console, spectra)
    picture = _picture(Path(options.output) / "demo_spectra.png", written, products, spectra)
    console.print("[bold]Written[/bold]")
    shown = {"log": products["log"], "calibrated": products["calibrated"], "rectified": products["rectified"]}
    for name, path in {**shown, "spectra": products["spectra"][0], "picture": picture}.items():
        console.print(f"   {name:11s} {path}")
    return 0


def _simulate(console, options):
    from hexcal.simulate.spectra.modes import MODES as ABOUT
    from hexcal.simulate.spectra.modes import series_of

    series = series_of(options.mode, seed=options.seed)
    setup = series.setup
    console.print(
        f"[bold]1. Simulate[/bold] {ABOUT[options.mode][2]}: {setup.instrument} {setup.detector} {setup.exposure_type}"
    )
    clock = time.perf_counter()
    written = series.save(options.output, overwrite=True)
    seconds = time.perf_counter() - clock
    console.print(f"   {len(written['exposures'])} exposures, {len(series.sources())} sources; {seconds:.1f} s")
    return series, written


def _calibrate(console, options, series, written):
    """Run stage 2 on the first exposure, with its command shown; returns the products by name."""
    folder, log = Path(options.output), Path(options.output) / "demo_spectra.log"
    gate.check(log)
    association = written["associations"][0]
    console.print(f"[bold]2. Stage 2: rates to spectra[/bold], log in {log}; kernels are compiled at the first run")
    console.print(
        f"   $ hexcal run calwebb_spec2 {shlex.quote(association)} --references={shlex.quote(written['references'])} "
        f"--output_dir={shlex.quote(str(folder))} --profile={options.profile}"
    )
    clock, started = time.perf_counter(), Path(written["exposures"][0]).stat().st_mtime
    with logged_to(log):
        run("calwebb_spec2", association, written["references"], folder, {}, options.profile)
    console.print(f"   {time.perf_counter() - clock:.1f} s")
    root = series.names()[0]

    def first(*patterns):
        paths = [path for pattern in patterns for path in sorted(folder.glob(f"{root}{pattern}"))]
        # Those of an earlier demo are not meant.
        new_files = [str(path) for path in paths if path.stat().st_mtime >= started]
        if not new_files:
            raise InputError(f"calwebb_spec2 has made no {root}{patterns[0]}", where=str(log), hint="the log says why")
        return new_files

    return {
        "log": str(log), "calibrated": first("_cal.fits")[0], "rectified": first("*_s2d.fits", "*_s3d.fits")[0],
        "spectra": first("*_x1d.fits"),
    }  # fmt: skip


def compared(series, paths, limits):
    """Compare the spectra of stars in products with the truth.

    Parameters
    ----------
    series : Series
        What was simulated.
    paths : list of path-like
        Products ``_x1d``.
    limits : tuple of float
        Wavelengths that count, µm.

    Returns
    -------
    list of Compared
    """
    from hexcal.models.open import open as open_model
    from hexcal.simulate.spectra.compare import compare

    stars = [source for source in series.sources() if source.kind == "point"]
    spectra = []
    for path in paths:
        for part in open_model(path).parts():
            for star in stars:
                # Of one star the place says whether the slit is its, of many their number.
                is_its = not star.place or star.place in (str(part.get_meta("name")), str(part.get_meta("source_id")))
                table: Any = part.spec_table
                if is_its and table is not None and len(table):
                    columns = [table[name] for name in ("WAVELENGTH", "FLUX", "FLUX_ERROR", "DQ")]
                    result = compare(star, *columns, limits=limits)
                    spectra += [result] if result is not None else []
    return spectra


def _print_table(console, spectra):
    if not spectra:
        console.print("   no star has a good point in its spectrum: another seed?")
    for spectrum in spectra:
        middle, width = spectrum.pull
        console.print(
            f"   {spectrum.name}, {spectrum.wavelength[0]:.2f} to {spectrum.wavelength[-1]:.2f} µm: "
            f"flux {100 * spectrum.bias:+.2f} % (median), scatter {100 * spectrum.scatter:.2f} %, "
            f"pull {middle:+.2f} ± {width:.2f}"
        )
        for line in spectrum.lines:
            console.print(
                f"      line at {line.centre:.3f} µm: flux {100 * (line.flux - 1):+.2f} %, "
                f"centre {line.shift:+.3f} steps"
            )


def _picture(path, written, products, spectra):
    from hexcal.report.spectrum_picture import from_rate_to_spectrum

    return from_rate_to_spectrum(path, written["exposures"][0], products["rectified"], spectra)
