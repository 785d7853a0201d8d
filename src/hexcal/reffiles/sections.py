"""The keys of the configuration that belong to no maker: types, defaults, bounds and meaning."""

import re
import typing
from typing import Any

from pydantic import create_model, field_validator

from hexcal.core.parameters import CheckedValues, parameter
from hexcal.reffiles.combine import CombineParameters
from hexcal.reffiles.inputs import OPTIONAL, REQUIRED


class General(CheckedValues):
    """Keys at the top level that are no sections."""

    instrument: str | None = parameter(None, "Accepted for files of the original; exposures say it themselves.")
    reflabels: list[str] = parameter([], "Makers that may be used. Default: all.")
    reftypes: list[str] = parameter([], "What is made when the command names nothing.")
    plugin_path: list[str] = parameter([], "Folders with makers of your own (mkref_*.py).")
    test4datamodel: bool = parameter(True, "Open each new file with its model.")
    test4ssb: bool = parameter(True, "Run the pipeline with the new files.")


class InputFiles(CheckedValues):
    """What is taken of the files that are given, and how their headers are read."""

    dark_pattern: str | None = parameter(None, "Names of darks (regular expression); it wins over EXP_TYPE.")
    flat_pattern: str | None = parameter(None, "Names of flats (regular expression); it wins over EXP_TYPE.")
    basenamepattern: str | None = parameter(None, "Names of files that are taken (regular expression). Default: all.")
    dateobs_fitskey: str | None = parameter(None, "Keyword of the date, or of date and time. Default: EXPSTART.")
    timeobs_fitskey: str | None = parameter(None, "Keyword of the time, beside that of the date.")
    mjdobs_fitskey: str | None = parameter(None, "Keyword of the time as MJD.")
    requiredfitskeys: list[str] = parameter(list(REQUIRED), "Keywords that every exposure must have.")
    optionalfitskeys: list[str] = parameter(list(OPTIONAL), "Further columns of the table of inputs.")

    @field_validator("dark_pattern", "flat_pattern", "basenamepattern")
    @classmethod
    def _is_pattern(cls, value: Any) -> Any:
        """A regular expression, which `*.fits` is not."""
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"no regular expression ({error}); any text is written '.*'") from error
        return value


class _Rules(CheckedValues):
    max_Delta_MJD: float | None = parameter(
        None, "Most time between the first and the last exposure of a group.", unit="day", ge=0
    )
    same: list[str] = parameter([], "Further keywords in which the exposures of a group must agree.")
    loose: list[str] = parameter([], "Keywords in which they need not agree, although they do by default.")
    range: dict[str, float] = parameter({}, "Keyword and largest difference of its values: {GWA_TILT: 0.1}.")
    same_ngroups: bool = parameter(False, "NGROUPS must be the same. Otherwise the smallest of a group is used.")
    overlapping: bool = parameter(False, "An exposure may be in two groups: pairs move by one.")
    min_members: int | None = parameter(None, "Fewest exposures of a kind in a group of all (+).", ge=1)
    max_members: int | None = parameter(None, "Most exposures of a kind in a group of all (+).", ge=1)


# `not` is a word of Python: it cannot be the name of an attribute in the text of a class.
_NOT: dict[str, Any] = {"not": (dict[str, Any], parameter({}, "Keyword and value of exposures that are not used."))}
GroupRules = create_model("GroupRules", __base__=_Rules, __doc__="Which exposures go into one file.", **_NOT)


class Output(CheckedValues):
    """Names and folders."""

    outrootdir: str | None = parameter(None, "Folder of all runs. Default: JWST_MKREFS_OUTDIR, else the current one.")
    outsubdir: str | None = parameter(None, "Folder in it, and part of the names of files.")
    runID: str | None = parameter(
        "AUTO", "Number of the run; AUTO is the latest that there is; None for no folder of the run."
    )
    runIDNdigits: int = parameter(3, "Digits of the number.", ge=1, le=18)
    addsuffix: str | None = parameter(None, "Part of the names of files.")
    ssbdir: str | None = parameter(None, "Folder of the products of the pipeline. Default: ssb in that of the run.")
    skip_runID_ssbdir: bool = parameter(False, "Keep the products of the pipeline out of the folder of the run.")
    ssblogFlag: bool = parameter(False, "Keep the log of each run of the pipeline beside its product.")
    ssberrorlogFlag: bool = parameter(False, "Keep its warnings and errors beside its product.")
    pipeline_prod_search_dir: list[str] = parameter([], "Folders with products that may be used again.")


class Batch(CheckedValues):
    """Where the work is done."""

    batch_enabled: bool = parameter(False, "Whether batchmode counts.")
    batchmode: str | None = parameter(
        None, "A number of processes, `dask: tcp://host:8786`, or `slurm: queue=main walltime=02:00:00`."
    )


SECTIONS: dict[str, type[CheckedValues]] = {
    "inputfiles": InputFiles,
    "output": Output,
    "combine": CombineParameters,
    "batch": Batch,
}
TABLES = {
    "reffile4ssb": "Type: CRDS, SELF (the file of this run), N/A, or a path; what the pipeline uses.",
    "validation": "Type: CRDS, or a path; what a new file is compared with.",
    "default_reflabels": "Type: label of its maker, where there are several.",
    "quality": "Type: limits of statistics, such as median: [5, 12] or {warn: [5, 12], fail: [3, 20]}.",
}
"""Sections whose keys are types of reference files, and what they say."""


def values_given(section: Any, kind: type[CheckedValues]) -> dict[str, Any]:
    """Return the keys of a section that are set.

    A key without a value is None where None is a value of it; otherwise it has its default.

    Parameters
    ----------
    section : dict or None
        As the configuration has it.
    kind : type
        What the keys of the section are.
    """
    return {
        str(key): value
        for key, value in (section or {}).items()
        if value is not None or key not in kind.model_fields or _may_be_none(kind.model_fields[key].annotation)
    }


def _may_be_none(annotation):
    return type(None) in typing.get_args(annotation)
