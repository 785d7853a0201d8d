"""The service of the engineering database itself, and folders of its answers."""

import json
import os
import re
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np

from hexcal.errors import InputError
from hexcal.steps.pointing.engdb import EngdbABC, EngdbError, fetched, value_of

_META, _DATA = "MetaData/TlmMnemonics/", "Data/"
_FORMATS = {"dict": "", "xml": "xml"}
_DATE = re.compile(r"/Date\((-?\d+)")
_EPOCH_MJD, _DAY = 40587.0, 86400000.0
"""1970-01-01, and the milliseconds of a day."""


class EngdbDirect(EngdbABC):
    """The service of the engineering database itself, within the network of the institute.

    Parameters
    ----------
    base_url : str, optional
        Default: the environment's ENG_BASE_URL.
    default_format : str
        "dict", or "xml": how `get_meta` gives its answer.
    **service_kwargs
        Of other services; not used, as documented.

    Raises
    ------
    EngdbError
        If there is no service of that address. (The original raises HTTPError of the package requests.)
    """

    def __init__(self, base_url=None, default_format="dict", **service_kwargs):
        super().__init__("")
        self.configure(base_url)
        self.default_format = default_format
        self.get_meta()

    def configure(self, base_url=None):
        """Take the address, else that of the environment; the number of retries and the timeout are of there, too."""
        address = base_url or os.environ.get("ENG_BASE_URL")
        if not address:
            raise EngdbError("the engineering database has no address", where="base_url", hint="set ENG_BASE_URL")
        self.base_url = address.rstrip("/") + "/"
        self.retries = int(os.environ.get("ENG_RETRIES", "10"))
        self.timeout = float(os.environ.get("ENG_TIMEOUT", "600"))
        self.set_session()

    def set_session(self):
        """Set up what asks the service."""
        self.session = urllib.request.build_opener()

    def get_meta(self, mnemonic="", result_format=None, **service_kwargs):
        """Return what is known of a mnemonic, or of all.

        Parameters
        ----------
        mnemonic : str
            Empty: all.
        result_format : str, optional
            "dict" or "xml"; default that of the object.

        Returns
        -------
        dict or str
        """
        result_format = result_format or self.default_format
        if result_format not in _FORMATS:
            raise InputError(f"the format must be dict or xml, got {result_format!r}", where="result_format")
        text = self._fetch(f"{_FORMATS[result_format]}{_META}{urllib.parse.quote(mnemonic)}")
        return _content(text, self.base_url) if result_format == "dict" else text

    def _records(self, mnemonic, starttime, endtime):
        moments = {"sTime": starttime.to_value("iso"), "eTime": endtime.to_value("iso")}
        query = urllib.parse.urlencode(moments, quote_via=urllib.parse.quote, safe=":")
        self.response = self._fetch(f"{_DATA}{urllib.parse.quote(mnemonic)}?{query}")
        return _records_of(_content(self.response, self.base_url), mnemonic, self.base_url)

    def _fetch(self, path):
        return fetched(self.session, self.base_url + path, self.retries, self.timeout, self.base_url)


class EngdbLocal(EngdbABC):
    """Answers of the service in a folder, as `EngdbMast.cache_as_local` writes them.

    Parameters
    ----------
    path : path-like
        The folder.
    """

    def get_meta(self, mnemonic="", **service_kwargs):
        """Return what the folder says of a mnemonic, or of all (dict)."""
        meta = self._read(_META_FILE)
        rows = [row for row in meta.get("TlmMnemonics", []) if mnemonic.upper() in ("", row.get("TlmMnemonic"))]
        return {"Count": len(rows), "TlmMnemonics": rows}

    def _records(self, mnemonic, starttime, endtime):
        return _records_of(self._read(_data_file(mnemonic)), mnemonic, self.base_url)

    def _read(self, name):
        from hexcal.models import bounds

        path = Path(self.base_url) / name
        if not path.is_file():
            raise EngdbError(f"the folder of telemetry has no file {name}", where=self.base_url)
        return _content(bounds.read_bytes(path, "telemetry").decode("utf-8", "replace"), str(path))


_META_FILE = "meta.json"


def _data_file(mnemonic):
    return f"{mnemonic.lower()}_data.json"


def write_local(service, mnemonics, starttime, endtime, folder):
    """Write the values of mnemonics, with those next to the interval, as the direct service gives them.

    Parameters
    ----------
    service : EngdbABC
        Where they come from.
    mnemonics : iterable of str
        Which.
    starttime, endtime : str or astropy.time.Time
        The interval.
    folder : pathlib.Path
        A file for each, and one that lists them.
    """
    from hexcal.files.atomic import atomic

    folder.mkdir(parents=True, exist_ok=True)
    known = []
    for mnemonic in (name.upper() for name in mnemonics):
        times, values = service.get_values(
            mnemonic, starttime, endtime, include_obstime=True, include_bracket_values=True, zip_results=False
        )
        rows = [
            {"ObsTime": f"/Date({round((time.mjd - _EPOCH_MJD) * _DAY)}+0000)/", "EUValue": value}
            for time, value in zip(times, values, strict=True)
        ]
        content = {"TlmMnemonic": mnemonic, "AllPoints": 1, "Count": len(rows), "Data": rows}
        with atomic(folder / _data_file(mnemonic)) as stream:
            stream.write(json.dumps(content).encode())
        known.append({"TlmMnemonic": mnemonic, "AllPoints": 1})
    with atomic(folder / _META_FILE) as stream:
        stream.write(json.dumps({"Count": len(known), "TlmMnemonics": known}).encode())


def _content(text, where):
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise EngdbError("what the engineering database says is not understood: JSON is required", where=where)
    return content


def _records_of(content, mnemonic, where):
    """(MJD float64 array, values) of an answer, in the order of time."""
    rows = content.get("Data") or []
    moments = [_DATE.match(str(row.get("ObsTime"))) for row in rows]
    if not rows or None in moments:
        raise EngdbError(f"the engineering database has no values of {mnemonic}", where=where)
    times = np.array([int(moment[1]) for moment in moments if moment]) / _DAY + _EPOCH_MJD
    order = np.argsort(times, kind="stable")
    return times[order], [value_of(str(rows[index]["EUValue"])) for index in order]
