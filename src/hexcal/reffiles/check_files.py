"""Checks of a reference file by itself: certified, opened, within limits, used by the pipeline."""

import tempfile
from pathlib import Path
from typing import Any

from hexcal.core import cmdline
from hexcal.errors import HexcalError
from hexcal.models.open import open as open_model
from hexcal.reffiles import configuration, quality, registry, truth
from hexcal.reffiles.final import certified
from hexcal.reffiles.pipeline_steps import PIPELINE, steps_with
from hexcal.reffiles.quality import FAIL, PASS, WARN, Check, Row


def check_file(path: Any, configurations: list[str], exposures: list[str], references: Any = None,
               true: Any = None) -> Check:  # fmt: skip
    """Check one reference file.

    Parameters
    ----------
    path : path-like
        The file.
    configurations : list of str
        Configuration files with limits of quality.
    exposures : list of str
        Raw exposures with which the pipeline is tried.
    references : path-like, optional
        Folder of the other reference files.
    true : path-like, optional
        The true file.
    """
    known = registry.makers(folders=configuration.plugin_folders(configurations))
    settings = configuration.read(configurations, known)
    model = open_model(path)
    kind = str(model.meta.reftype or "").lower()
    check = Check(kind, Path(path))
    findings = certified(path)
    errors = any(text.startswith("error") for text in findings)
    check.rows.append(
        Row(
            "certified",
            "; ".join(findings) or "no findings",
            "no findings",
            FAIL if errors else WARN if findings else PASS,
        )
    )
    maker = next((maker for maker in known.values() if maker.reference_type == kind), None)
    limits = settings.limits(maker) if maker is not None else {}
    check.rows += quality.judged(quality.statistics(model), limits, f"quality of {kind}")
    if true is not None:
        check.rows += truth.rows(kind, model, open_model(true))
    for exposure in exposures:
        error = tried(path, kind, exposure, references)
        check.rows.append(
            Row(f"pipeline with it, {Path(exposure).name}", error or "runs", "runs", FAIL if error else PASS)
        )
    return check


def tried(path: Any, kind: str, exposure: Any, references: Any = None) -> str | None:
    """Return what goes wrong when an exposure is calibrated with a file; None if nothing does."""
    steps = steps_with(kind)
    if not steps:
        return f"no step of {PIPELINE} uses a {kind} reference"
    words = [f"--steps.{step}.override_{kind}={path}" for step in steps]
    words += [f"--references={references}"] if references else []
    with tempfile.TemporaryDirectory(prefix="hexcal-check-") as folder:
        try:
            cmdline.run_target([PIPELINE, str(exposure), *words, f"--output_dir={folder}", "--log-stream=null"])
        except HexcalError as error:
            return error.message
    return None
