"""What a reference file says about the exposures that it is for.

The values that its rule must have, and the date from which it holds.
"""

import os

from hexcal.errors import InputError, ReferenceError_
from hexcal.models import bounds
from hexcal.references.conditioning import condition
from hexcal.references.context import folded, keyword_table, keywords_of
from hexcal.references.dates import parse_date
from hexcal.references.header_cards import read_header

USEAFTER = "META.USEAFTER"
REFTYPE = "META.REFTYPE"
SPECIAL = ("ANY", "*", "N/A", "GENERIC")
"""Values that any parameter of a reference file may have."""


class Delivered:
    """The header of a reference file, asked for parameters of mappings.

    Parameters
    ----------
    path : path-like
        The file. Its header is read, no data.
    observatory : str
        Whose dictionary of keywords holds.
    header : mapping, optional
        The header, if it has been read already.

    Attributes
    ----------
    path : str
    name : str
        Without folder.
    header : mapping
        With upper-case keys.

    Raises
    ------
    InputError
        If the file is missing or not readable.
    """

    def __init__(self, path, observatory, header=None):
        self.path = os.fspath(path)
        self.name = os.path.basename(self.path)
        self.observatory = observatory
        if header is None:
            header = _json_header(self.path) if self.name.lower().endswith(".json") else read_header(self.path)
        self.header = folded(header)

    def get(self, parameter):
        """Return the value of a parameter (``META.REFTYPE``) as it stands there, or None."""
        value = self.header.get(parameter)
        for keyword in keywords_of(self.observatory, parameter):
            value = self.header.get(keyword) if value is None else value
        return value

    def keyword_of(self, parameter):
        """Return the keyword in which a parameter stands (str); the parameter itself where the observatory has none."""
        return next(iter(keywords_of(self.observatory, parameter)), parameter)

    def pattern_keyword(self, parameter):
        """Return the keyword that holds a pattern of values for a parameter, such as ``P_READPA`` (str).

        None if the header has none.
        """
        keywords = (f"P_{keyword[:6]}" for keyword in keywords_of(self.observatory, parameter))
        return next((keyword for keyword in keywords if self.pattern(keyword) is not None), None)

    def pattern(self, keyword):
        """Return what a pattern keyword holds, or None.

        In a file that is not FITS it stands under the path that the dictionary gives for the keyword.
        """
        value = self.header.get(keyword)
        if value is None:
            table = keyword_table(self.observatory)
            row = table.of_card(keyword) if table else None
            value = self.header.get(row.path.upper()) if row else None
        return value

    def rule_value(self, parameter, translated=None):
        """Return the value that the rule for this file has for a parameter.

        Parameters
        ----------
        parameter : str
            ``META.EXPOSURE.READPATT``.
        translated : dict, optional
            ``reference_to_dataset`` of the mapping: keyword of a reference file -> parameter of exposures.

        Returns
        -------
        str or None
            Upper case; alternatives joined by ``|`` in alphabetical order, without a bar at the end; None if the header
            does not say.
        """
        pattern = self.pattern_keyword(parameter)
        if pattern is not None:
            return spelled(self.pattern(pattern))
        for keyword, meant in (translated or {}).items():
            if meant.upper() == parameter:
                value = self.header.get(keyword.upper())
                if value is not None:
                    return spelled(value)
        return spelled(self.get(parameter))

    def useafter(self):
        """Return the date from which the file holds, as it stands in a mapping (str: ``2021-03-04 05:06:07``).

        Raises
        ------
        ReferenceError_
            If the header has none, or it is no date.
        """
        value = self.get(USEAFTER)
        hint = "set it to the first date for which the file holds, such as 2021-03-04T00:00:00"
        if value is None:
            raise ReferenceError_("USEAFTER is required, the file has none", where=self.path, hint=hint)
        try:
            return str(parse_date(str(value)))
        except (ValueError, OverflowError) as error:
            raise ReferenceError_(f"USEAFTER must be a date, it is '{value}'", where=self.path, hint=hint) from error

    def reference_type(self, parameter=None):
        """Return the type of reference, lower case.

        Parameters
        ----------
        parameter : str, optional
            That by which the instrument's mapping tells types apart; default REFTYPE.

        Raises
        ------
        ReferenceError_
            If the header does not say.
        """
        parameter = REFTYPE if parameter in (None, "REFTYPE") else parameter
        value = self.get(REFTYPE) or self.header.get("REFTYPE") or self.get(parameter)
        if value is None:
            raise ReferenceError_(
                f"{self.keyword_of(parameter)} is required, the file has none",
                where=self.path,
                hint="it says of which type the reference is, such as DARK",
            )
        return str(value).strip().lower()


def _json_header(path):
    """Header of a JSON reference.

    Its keywords stand at the top level (``REFTYPE``), or as in a model (``meta.reftype``).
    """
    try:
        content = bounds.from_json(bounds.read_bytes(path, "a JSON reference file"), path)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError("the file does not exist", where=path) from error
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror}", where=path) from error
    except ValueError as error:
        raise InputError(f"not readable as JSON: {error}", where=path) from error
    return dict(_flat(content, "")) if isinstance(content, dict) else {}


def _flat(content, above):
    for name, value in content.items():
        path = f"{above}{name}".upper()
        if isinstance(value, dict):
            yield from _flat(value, f"{path}.")
        elif isinstance(value, str | int | float | bool):
            yield path, value


def tables_of(observatory):
    """Return the folder with the tables of an observatory (str), or None if no plug-in brings one."""
    from hexcal.observatories import get

    try:
        return get(observatory).folder
    except InputError:
        return None


def legal_values(observatory, parameter):
    """Return the values that an observatory's dictionary of keywords allows for a parameter.

    A frozenset of str, upper case; empty: any.
    """
    table = keyword_table(observatory)
    row = table.of_path(parameter.lower()) if table else None
    return frozenset(condition(value) for value in row.allowed) if row else frozenset()


def spelled(value):
    """Return a header value as it stands in a mapping (str): upper case, T and F, alternatives in alphabetical order.

    None for None or blank.
    """
    if value is None or not str(value).strip():
        return None
    if isinstance(value, bool):
        return "T" if value else "F"
    text = str(value).strip().upper()
    if "|" in text and not text.startswith(("(", "{")):
        text = "|".join(sorted({part.strip() for part in text.split("|") if part.strip()}))
    return text


def delivered(path, observatory):
    """Return `Delivered` for a file; an error of reading names it as a reference file."""
    try:
        return Delivered(path, observatory)
    except InputError as error:
        raise ReferenceError_(
            f"the reference file cannot be used: {error.message}", where=error.where, hint=error.hint
        ) from error
