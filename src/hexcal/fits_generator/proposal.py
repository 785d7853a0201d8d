"""Proposal files: which files of a folder are which exposures of a programme."""

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from hexcal.errors import InputError

LEVELS = ("Observation", "Visit", "VisitGroup", "ParallelSequenceID", "Activity", "Exposure", "Detector")
EXPOSURE_TYPES = {
    "MIRI": "MIR_IMAGE MIR_TACQ MIR_LYOT MIR_4QPM MIR_LRS-FIXEDSLIT MIR_LRS-SLITLESS MIR_MRS MIR_DARK MIR_FLAT",
    "NIRCAM": "NRC_IMAGE NRC_TACQ NRC_CORON NRC_FOCUS NRC_DARK NRC_FLAT",
    "NIRSPEC": "NRS_TASLIT NRS_TACQ NRS_TACONFIRM NRS_CONFIRM NRS_FIXEDSLIT NRS_AUTOWAVECAL NRS_IFU NRS_MSA "
    "NRS_AUTOFLAT NRS_DARK NRS_LAMP",
    "NIRISS": "NIS_IMAGE NIS_FOCUS NIS_DARK NIS_WFSS",
    "FGS": "FGS_IMAGE FGS_FOCUS FGS_SKYFLAT FGS_INTFLAT",
}
"""Instrument -> documented values of ``<exp_type>``."""
_INSTRUMENTS = {kind: instrument for instrument, kinds in EXPOSURE_TYPES.items() for kind in kinds.split()}
_LARGEST = 1 << 24


@dataclass(frozen=True)
class Member:
    """A file of the proposal.

    Attributes
    ----------
    base : pathlib.Path
        The file.
    subarray : str
        Name of the subarray that is cut out of the full frame; empty for none.
    exp_type, instrument : str
        Type of the exposure, and whose it is.
    numbers : tuple of int
        Of observation, visit, visit group, parallel sequence, activity and exposure, each counted from 1 in the one
        that it belongs to.
    title : str
        Of the proposal.
    program : str
        Its number: the name of the file.
    """

    base: Path
    subarray: str
    exp_type: str
    instrument: str
    numbers: tuple
    title: str
    program: str

    @property
    def root(self):
        """How the names of its products begin: ``jw12345aaabbb_cccdd_eeee``."""
        observation, visit, group, sequence, activity, exposure = self.numbers
        return f"jw{self.program:0>5}{observation:03d}{visit:03d}_{group:02d}{sequence:d}{activity:02d}_{exposure:04d}"


def find_proposal(folder):
    """Return the one proposal file of a folder, digits and ``.prop``."""
    files = sorted(path for path in Path(folder).glob("*.prop") if path.stem.isdigit())
    if len(files) != 1:
        listed = ", ".join(path.name for path in files) or "none"
        raise InputError(f"a folder has one proposal file, digits and .prop; found {listed}", where=str(folder))
    return files[0]


def read_proposal(path):
    """Read a proposal file.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    list of Member
        In the order of the file.

    Raises
    ------
    InputError
        If it is not understood, a type of exposure is not known, or a file is not there.
    """
    path = Path(path)
    if path.stat().st_size > _LARGEST:
        raise InputError("a proposal file of more than 16 MB is not read", where=str(path))
    text = path.read_text(encoding="utf-8", errors="replace")
    if re.search(r"<!(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise InputError("a proposal file declares no document type and no entities", where=str(path))
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise InputError(f"the proposal file is not understood: {error}", where=str(path)) from error
    if root.tag.lower() != "proposal":
        raise InputError(f"a proposal file begins with <Proposal>, this one with <{root.tag}>", where=str(path))
    members = list(_members(root, 0, (), path, root.get("title", "")))
    if not members:
        raise InputError(f"the proposal names no file: it has {' > '.join(LEVELS)}", where=str(path))
    return members


def _members(element, level, numbers, path, title):
    for number, child in enumerate(element, start=1):
        if child.tag.lower() != LEVELS[level].lower():
            raise InputError(
                f"in <{element.tag}> only <{LEVELS[level]}> is allowed, found <{child.tag}>", where=str(path)
            )
        if level == len(LEVELS) - 1:
            yield _member(child, numbers, path, title)
        else:
            yield from _members(child, level + 1, (*numbers, number), path, title)


def _member(detector, numbers, path, title):
    elements = {child.tag.lower(): (child.text or "").strip() for child in detector}
    exposure_type = elements.get("exp_type", "")
    if exposure_type not in _INSTRUMENTS:
        raise InputError(
            f"<exp_type> must be one of the documented ones, got {exposure_type!r}",
            where=str(path),
            hint=", ".join(_INSTRUMENTS),
        )
    base = path.parent / elements.get("base", "")
    if not elements.get("base") or Path(elements["base"]).name != elements["base"] or not base.is_file():
        raise InputError(
            f"<base> must name a file beside the proposal file, there is no {elements.get('base')!r}", where=str(path)
        )
    instrument = _INSTRUMENTS[exposure_type]
    return Member(base, elements.get("subarray", ""), exposure_type, instrument, numbers, title, path.stem)
