"""From a template and files of data to the HDUs of a product."""

import datetime

import numpy as np

from hexcal.errors import InputError

_OF_THE_ARRAY = {"SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "BSCALE", "BZERO"}
_REQUIRED = object()
_BUILTINS = {
    function.__name__: function
    for function in (abs, bool, dict, float, int, len, list, max, min, range, round, sorted, str, sum, tuple, zip)
}
_CDS_EPOCH = datetime.datetime(1958, 1, 1, tzinfo=datetime.UTC)


def now():
    """Return the present time (UTC), as the keyword DATE has it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]


def date_and_time_to_cds(date, time):
    """Return a moment as CDS time: days since 1958-01-01.

    Parameters
    ----------
    date, time : str
        As 2011-07-13 and 10:45:00.0.

    Returns
    -------
    float

    Notes
    -----
    CCSDS 301.0-B, day segmented time code, whose epoch is that of TAI.
    """
    moment = datetime.datetime.fromisoformat(f"{date}T{time}").replace(tzinfo=datetime.UTC)
    return (moment - _CDS_EPOCH) / datetime.timedelta(days=1)


GENERATORS = {"now": now, "date_and_time_to_cds": date_and_time_to_cds}
"""Functions that expressions may call."""


class Source:
    """A file of data as an expression calls it: ``input()``, ``input('OTHER')``, ``input('ONE', 'TWO', default=0)``.

    Parameters
    ----------
    name : str
        Of the function.
    headers : list of mapping
        One for each HDU; that of the HDU that is made is asked first, then the first one.
    """

    def __init__(self, name, headers):
        self.name, self.headers, self.index, self.keyword = name, headers, 0, ""

    def __call__(self, *keywords, default=_REQUIRED):
        """Return the value of the first of some keywords that is there; without any that of the keyword of the line."""
        own = self.headers[self.index : self.index + 1]
        for keyword in keywords or (self.keyword,):
            for header in [*own, *self.headers[:1]]:
                if keyword in header:
                    return header[keyword]
        if default is _REQUIRED:
            missing = " or ".join(keywords or (self.keyword,))
            raise InputError(f"{self.name} has no keyword {missing}", hint=f"{self.name}('KEYWORD', default=...)")
        return default


def generate(template, sources, input_hdus):
    """Return the HDUs of a product (astropy HDUList).

    Parameters
    ----------
    template : Template
        What they are.
    sources : dict
        Name of a function -> list of headers, one for each HDU. ``input`` is that of `input_hdus`.
    input_hdus : HDUList
        The data.

    Raises
    ------
    InputError
        If an expression cannot be evaluated, with its file and line.

    Notes
    -----
    A keyword whose expression gives None is left out. Expressions are Python with a few functions: a template is a
    program, and one of a stranger is to be read before it is used.
    """
    from astropy.io import fits

    output = fits.HDUList()
    headers = {"input": [hdu.header for hdu in input_hdus], **sources}
    for index, hdu in enumerate(template.hdus):
        header = _header(hdu, {name: Source(name, listed) for name, listed in headers.items()}, index)
        data = None
        if hdu.data:
            data = _evaluated(hdu.data, {"np": np, "input": input_hdus, "output": output}, hdu.where, "<<data>>")
            if not isinstance(data, np.ndarray):
                raise InputError(f"<<data>> must give an array, got {type(data).__name__}", where=hdu.where)
        output.append((fits.ImageHDU if index else fits.PrimaryHDU)(data, header))
    return output


def _header(hdu, sources, index):
    from astropy.io import fits

    header = fits.Header()
    for line in hdu.lines:
        if not line.keyword:
            header.add_comment(line.comment)
        elif line.keyword.rstrip("0123456789") not in _OF_THE_ARRAY:
            for source in sources.values():
                source.index, source.keyword = index, line.keyword
            space = {**GENERATORS, **sources, "T": True, "F": False}
            value = _evaluated(line.expression, space, line.where, line.keyword)
            if value is not None:
                _set(header, line, value)
    return header


def _set(header, line, value):
    try:
        header[line.keyword] = (value, line.comment)
    except ValueError as error:
        raise InputError(f"{line.keyword} cannot have the value {value!r}: {error}", where=line.where) from error


def _evaluated(expression, space, where, what):
    if not expression:
        raise InputError(f"{what} has no expression", where=where)
    try:
        return eval(expression, {"__builtins__": _BUILTINS, **space})
    except InputError as error:
        raise InputError(f"{what}: {error.message}", where=where, hint=error.hint) from error
    except Exception as error:
        raise InputError(
            f"{what} = {expression} cannot be evaluated: {type(error).__name__}: {error}", where=where
        ) from error
