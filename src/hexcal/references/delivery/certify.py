"""Certify a reference file.

That it can be read, says what a reference must say, has the layout of its type, and fits the rules of a context.
"""

import os
from dataclasses import dataclass, field

from hexcal.errors import InputError, unknown_name
from hexcal.references.delivery import certify_keywords, certify_layout, certify_rules
from hexcal.references.delivery.certify_tables import known_types
from hexcal.references.header_cards import ModelHeader
from hexcal.references.parkeys import REFTYPE, Delivered, tables_of

ERROR, WARNING = "error", "warning"
ENDINGS = (".fits", ".fits.gz", ".asdf", ".json")


@dataclass(frozen=True)
class Finding:
    """Something that is not as it must be (error), or not as it usually is (warning).

    Parameters
    ----------
    level : str
        ``"error"`` or ``"warning"``.
    where : str
        Keyword, extension or part of the file.
    text : str
        What was required and what was found.
    """

    level: str
    where: str
    text: str


@dataclass
class Certificate:
    """What has been found about one file.

    Parameters
    ----------
    path : str
        The file.
    reference_type, instrument : str
        Lower case, upper case; "" if it does not say.
    findings : list of Finding
        In the order of the checks.
    rule : str
        Where the file would stand in the rules, or why that was not looked at.
    previous : str
        Name of the file that the context chooses now for the exposures of this one; "" if none.
    """

    path: str
    reference_type: str = ""
    instrument: str = ""
    findings: list = field(default_factory=list)
    rule: str = ""
    previous: str = ""

    def add(self, level, where, text):
        """Note a finding."""
        self.findings.append(Finding(level, where, text))

    def error(self, where, text):
        """Note an error."""
        self.add(ERROR, where, text)

    def warn(self, where, text):
        """Note a warning."""
        self.add(WARNING, where, text)

    @property
    def errors(self):
        """The errors (list of Finding)."""
        return [finding for finding in self.findings if finding.level == ERROR]

    @property
    def warnings(self):
        """The warnings (list of Finding)."""
        return [finding for finding in self.findings if finding.level == WARNING]


class Subject:
    """A reference file that is open for inspection.

    Parameters
    ----------
    path : str
        FITS, ASDF or JSON.
    observatory : str
        Whose tables hold.
    reference_type : str, optional
        What it is to be certified as; default: what it says.

    Attributes
    ----------
    header : Delivered
    source : FitsSource or None
        For FITS.
    model : DataModel
    tables : str or None
        Folder of the observatory's tables.
    reference_type, instrument, detector : str
        Lower, upper, upper case; "" if it does not say.

    Raises
    ------
    InputError
        If it cannot be read.
    """

    def __init__(self, path, observatory, reference_type=None):
        from hexcal.models.fits_source import FitsSource
        from hexcal.models.open import open as open_model

        self.path = os.fspath(path)
        self.name = os.path.basename(self.path)
        self.observatory = observatory
        self.tables = tables_of(observatory)
        self.is_fits = not self.name.lower().endswith((".asdf", ".json"))
        self.model = open_model(self.path)
        # Patterns (P_READPA) and the keywords of a JSON file are no metadata: what an ASDF file has is all in its
        # model.
        is_asdf = self.name.lower().endswith(".asdf")
        self.header = Delivered(self.path, observatory, ModelHeader(self.model) if is_asdf else None)
        self.source = FitsSource(self.path) if self.is_fits else None
        self.reference_type = (reference_type or self.text(REFTYPE)).lower()
        self.instrument = self.text("META.INSTRUMENT.NAME").upper()
        self.detector = self.text("META.INSTRUMENT.DETECTOR").upper()

    def value(self, parameter):
        """Return the value of a parameter (``META.PEDIGREE``), or None."""
        value = self.header.get(parameter)
        return self.header.header.get("REFTYPE") if value is None and parameter == REFTYPE else value

    def text(self, parameter):
        """Return the value of a parameter as text, "" if there is none."""
        value = self.value(parameter)
        return "" if value is None else str(value).strip()


def certify(path, observatory, reference_type=None, context=None):
    """Certify one file.

    Parameters
    ----------
    path : path-like
        The file.
    observatory : str
        Name of the observatory whose keywords and layouts hold.
    reference_type : str, optional
        Default: what the file says.
    context : Context, optional
        Its rules are tried; none: they are not.

    Returns
    -------
    Certificate

    Raises
    ------
    ParameterError
        If nothing is known about a type that is named.
    ReferenceError_
        If a mapping of the context is missing or corrupt.
    """
    path = os.fspath(path)
    certificate = Certificate(path)
    if reference_type is not None:
        _require_known(reference_type.lower(), observatory, context)
    if not path.lower().endswith(ENDINGS):
        certificate.error("name", f"must end in {', '.join(ENDINGS)}; it is {os.path.basename(path)}")
        return certificate
    try:
        subject = Subject(path, observatory, reference_type)
        if subject.tables is None:
            telescope = str(subject.header.header.get("TELESCOP") or "")
            actual = f"nothing is known about files of {telescope}" if telescope else "the file has none"
            certificate.error(
                "TELESCOP", f"must say the observatory (or --observatory NAME), {actual}: the rest was not looked at"
            )
            return certificate
        certificate.reference_type, certificate.instrument = subject.reference_type, subject.instrument
        certify_keywords.check(subject, certificate)
        certify_layout.check(subject, certificate)
    except InputError as error:
        certificate.error("file", error.message)
        return certificate
    if context is None:
        certificate.rule = "not looked at: no context"
    elif subject.instrument and subject.reference_type:
        certify_rules.check(subject, context, certificate)
    return certificate


def _require_known(reference_type, observatory, context):
    known = set(known_types(tables_of(observatory)))
    for instrument in context.instruments() if context else ():
        known.update(context.types(instrument))
    if known and reference_type not in known:
        raise unknown_name("type of reference", reference_type, known, where="--type")
