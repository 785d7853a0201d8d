"""Where files of a run go, and what they are called."""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from hexcal.errors import ParameterError

VARIABLE = "JWST_MKREFS_OUTDIR"


@dataclass(frozen=True)
class Places:
    """The folders and names of one run.

    Attributes
    ----------
    root : pathlib.Path
        Folder of all runs: outrootdir[/outsubdir].
    run : str
        Name of the run: ``run000``; empty where there are none.
    subdir, suffix : str
        Parts of names: outsubdir and addsuffix; may be empty.
    products : pathlib.Path
        Where the products of the pipeline go.
    named : str
        Name of the run in names of files, where its folder is another one.
    """

    root: Path
    run: str
    subdir: str
    suffix: str
    products: Path
    named: str = ""

    def individual(self, maker, number: int) -> Path:
        """Return the path of the individual file of a group."""
        return self._folder(maker) / f"{self._base(maker)}.{number:03d}.{maker.reference_type}.{maker.extension}"

    def final(self, maker, tag: str = "") -> Path:
        """Return the path of the file that is delivered; `tag` tells those of several modes apart."""
        tag = f".{tag}" if tag else ""
        return self._folder(maker) / f"{self._base(maker)}{tag}.{maker.reference_type}.{maker.extension}"

    def of_pass(self, number: int) -> "Places":
        """Return the places of an earlier pass of the same run."""
        folder = self.folder / f"pass{number}"
        return replace(self, root=folder, run="", products=folder / "ssb", named=self.run)

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return self.root / self.run if self.run else self.root

    def _folder(self, maker):
        return self.folder / maker.label

    def _base(self, maker):
        return "_".join(part for part in (maker.label, self.subdir, self.named or self.run) if part) + (
            f".{self.suffix}" if self.suffix else ""
        )


def places_of(output: dict, new_run: bool = False) -> Places:
    """Return the places of a run.

    Parameters
    ----------
    output : dict
        The section ``output`` of the configuration. ``runID``: AUTO is the latest run that there is, else 000; a
        number; empty or None for no folder of runs.
    new_run : bool
        Take the next number.
    """
    root = os.path.expandvars(output["outrootdir"] or os.environ.get(VARIABLE) or ".")
    subdir = output["outsubdir"] or ""
    folder = Path(root, subdir)
    run = _run(folder, output["runID"], int(output["runIDNdigits"] or 3), new_run)
    inside = folder / run if run and not output["skip_runID_ssbdir"] else folder
    products = Path(os.path.expandvars(output["ssbdir"])) if output["ssbdir"] else inside / "ssb"
    return Places(folder, run, subdir, output["addsuffix"] or "", products)


def _run(folder, given, digits, new_run):
    if given in (None, "", "None"):
        return ""
    numbers = [
        int(match[1])
        for path in (folder.iterdir() if folder.is_dir() else ())
        if (match := re.fullmatch(r"run(\d+)", path.name))
    ]
    if str(given).upper() == "AUTO":
        number = max(numbers, default=-1) + 1 if new_run else max(numbers, default=0)
    elif str(given).isdecimal():
        number = int(given)
    else:
        raise ParameterError(f"runID must be AUTO or a number, got {given!r}", where="output.runID")
    return f"run{number:0{digits}d}"
