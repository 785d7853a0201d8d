"""The engineering database: telemetry by mnemonic, from a file or from a service."""

import csv
import io
import os
from collections import namedtuple
from pathlib import Path

import numpy as np

from hexcal.errors import InputError, ResourceError

EngDB_Value = namedtuple("EngDB_Value", ["obstime", "value"])
EngDB_Value.__doc__ = "One value of telemetry: when (astropy Time), and what."

MAST = "https://mast.stsci.edu"
_QUERY = "/api/v0.1/Download/file?uri=mast:jwstedb/{mnemonic}-{start}-{end}.csv"
_STAMP = "%Y%m%dT%H%M%S"


class EngdbError(ResourceError, RuntimeError):
    """The engineering database cannot be reached, or has not what was asked for."""


class EngdbABC:
    """What every engineering database offers.

    Attributes
    ----------
    base_url : str
        Where it is.
    starttime, endtime : astropy.time.Time or None
        Of the last query.
    response : object
        What came back.
    """

    def __init__(self, base_url):
        self.base_url, self.starttime, self.endtime, self.response = str(base_url), None, None, None

    def get_meta(self, mnemonic="", **service_kwargs):
        """Return what is known of a mnemonic; nothing where the database does not say."""
        return []

    def _records(self, mnemonic, starttime, endtime):
        """Return the values of a mnemonic around an interval.

        (MJD float64 array, list of values), in the order of time.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define _records")

    def get_values(
        self,
        mnemonic,
        starttime,
        endtime,
        time_format=None,
        include_obstime=False,
        include_bracket_values=False,
        zip_results=True,
    ):
        """Return the values of a mnemonic in an interval, both ends included.

        Parameters
        ----------
        mnemonic : str
            Such as ``SA_ZATTEST1``.
        starttime, endtime : str or astropy.time.Time
            The interval.
        time_format : str, optional
            Of times that are text; default: guessed.
        include_obstime : bool
            Also when.
        include_bracket_values : bool
            Also the nearest value before and the nearest one after the interval.
        zip_results : bool
            Pairs instead of two lists.

        Returns
        -------
        list, or tuple of two lists
            Values; with `include_obstime` `EngDB_Value`, or (times, values).

        Raises
        ------
        EngdbError
            If the database cannot be reached or does not know the mnemonic.
        """
        from astropy.time import Time

        start, end = Time(starttime, format=time_format), Time(endtime, format=time_format)
        self.starttime, self.endtime = start, end
        times, values = self._records(mnemonic, start, end)
        chosen = (times >= start.mjd) & (times <= end.mjd)
        if include_bracket_values:
            before, after = np.flatnonzero(times < start.mjd), np.flatnonzero(times > end.mjd)
            chosen[before[-1:]] = chosen[after[:1]] = True
        indices = np.flatnonzero(chosen)
        samples = [values[index] for index in indices]
        if not include_obstime:
            return samples
        when = [Time(times[index], format="mjd") for index in indices]
        return [EngDB_Value(*pair) for pair in zip(when, samples, strict=True)] if zip_results else (when, samples)


class EngdbFile(EngdbABC):
    """Telemetry in a file: a table in CSV with the columns ``mnemonic``, ``mjd`` and ``value``.

    Parameters
    ----------
    path : path-like
        The file.
    """

    def __init__(self, path):
        super().__init__(path)
        from hexcal.models import bounds
        from hexcal.models.fits_source import require_file

        require_file(Path(path))
        self._tables: dict = {}
        text = bounds.read_bytes(Path(path), "a table of telemetry").decode("utf-8", "replace")
        rows = csv.DictReader(io.StringIO(text))
        if not {"mnemonic", "mjd", "value"} <= set(rows.fieldnames or ()):
            raise InputError(
                "a table of telemetry has the columns mnemonic, mjd and value, "
                f"this file has {', '.join(rows.fieldnames or ['none'])}",
                where=str(path),
            )
        for row in rows:
            self._tables.setdefault(row["mnemonic"].strip().upper(), []).append(
                (_float(row["mjd"], path), row["value"])
            )

    def get_meta(self, mnemonic="", **service_kwargs):
        """Return the mnemonics that the file has: a list of dicts with ``TlmMnemonic``."""
        return [{"TlmMnemonic": name} for name in self._tables if mnemonic.upper() in ("", name)]

    def _records(self, mnemonic, starttime, endtime):
        rows = sorted(self._tables.get(mnemonic.upper(), ()))
        if not rows:
            raise EngdbError(f"the telemetry has no values of {mnemonic}", where=self.base_url)
        return np.array([time for time, _ in rows]), [value_of(text) for _, text in rows]


class EngdbMast(EngdbABC):
    """The service of MAST.

    Parameters
    ----------
    base_url : str, optional
        Default: the environment's ENG_BASE_URL, else that of MAST.
    token : str, optional
        Default: the environment's MAST_API_TOKEN.

    Attributes
    ----------
    token : str
    retries : int
        The environment's ENG_RETRIES, else 10.
    timeout : float
        The environment's ENG_TIMEOUT, else 600 seconds.
    """

    def __init__(self, base_url=None, token=None, **service_kwargs):
        super().__init__("")
        self.configure(base_url, token)

    def configure(self, base_url=None, token=None):
        """Take parameters, else the environment.

        Raises
        ------
        EngdbError
            If there is no token.
        """
        self.base_url = (base_url or os.environ.get("ENG_BASE_URL") or MAST).rstrip("/")
        self.token = token or os.environ.get("MAST_API_TOKEN")
        self.retries = int(os.environ.get("ENG_RETRIES", "10"))
        self.timeout = float(os.environ.get("ENG_TIMEOUT", "600"))
        if not self.token:
            raise EngdbError(
                "the engineering database of MAST needs a token", where=self.base_url, hint="set MAST_API_TOKEN"
            )
        self.set_session()

    def set_session(self):
        """Set up what asks the service, with its token."""
        import urllib.request

        self.session = urllib.request.build_opener()
        self.session.addheaders = [("Authorization", f"token {self.token}")]

    def _records(self, mnemonic, starttime, endtime):
        stamps = {"start": starttime.strftime(_STAMP), "end": _later(endtime).strftime(_STAMP)}
        text = self._fetch(self.base_url + _QUERY.format(mnemonic=mnemonic, **stamps))
        self.response = text
        rows = list(csv.DictReader(io.StringIO(text)))
        if not rows or not {"MJD", "euvalue"} <= set(rows[0]):
            raise EngdbError(f"the engineering database has no values of {mnemonic}", where=self.base_url)
        pairs = sorted((_float(row["MJD"], self.base_url), row["euvalue"]) for row in rows)
        return np.array([time for time, _ in pairs]), [value_of(text) for _, text in pairs]

    def _fetch(self, url):
        return fetched(self.session, url, self.retries, self.timeout, self.base_url)

    def cache(self, mnemonics, starttime, endtime, cache_path):
        """Write the values of some mnemonics into a file for `EngdbFile`.

        Parameters
        ----------
        mnemonics : iterable of str
            Which.
        starttime, endtime : str or astropy.time.Time
            The interval; the values next to it are written, too.
        cache_path : path-like
            The file.
        """
        from hexcal.files.atomic import atomic

        lines = ["mnemonic,mjd,value"]
        for mnemonic in mnemonics:
            times, values = self.get_values(
                mnemonic, starttime, endtime, include_obstime=True, include_bracket_values=True, zip_results=False
            )
            mjds = np.array([time.mjd for time in times], float).tolist()
            lines += [f"{mnemonic},{mjd!r},{value}" for mjd, value in zip(mjds, values, strict=True)]
        with atomic(cache_path) as stream:
            stream.write(("\n".join(lines) + "\n").encode())

    def cache_as_local(self, mnemonics, starttime, endtime, cache_path):
        """Write the values of some mnemonics into a folder for `EngdbLocal`, as the direct service gives them.

        Parameters
        ----------
        mnemonics, starttime, endtime
            As of `cache`.
        cache_path : path-like
            The folder, which is made where it is not there.
        """
        from hexcal.steps.pointing.engdb_direct import write_local

        write_local(self, mnemonics, starttime, endtime, Path(cache_path))


def ENGDB_Service(base_url=None, **service_kwargs):
    """Return an engineering database.

    Parameters
    ----------
    base_url : str or path-like, optional
        A file of telemetry or a folder of `EngdbMast.cache_as_local`, or the address of a service: that of MAST, or
        without a token one of the database itself. Default: the environment's ENG_BASE_URL, else MAST.
    **service_kwargs
        For `EngdbMast` and `EngdbDirect`.

    Raises
    ------
    EngdbError
        If there is neither.
    """
    from hexcal.steps.pointing.engdb_direct import EngdbDirect, EngdbLocal

    place = str(base_url or os.environ.get("ENG_BASE_URL") or MAST)
    if not place.startswith(("http://", "https://")):
        return EngdbLocal(place) if Path(place).is_dir() else EngdbFile(place)
    has_token = service_kwargs.get("token") or os.environ.get("MAST_API_TOKEN")
    if has_token or place.rstrip("/") == MAST:
        return EngdbMast(place, **service_kwargs)
    return EngdbDirect(place, **service_kwargs)


def fetched(session, url, retries, timeout, where):
    """Return the text at an address.

    Parameters
    ----------
    session : urllib.request.OpenerDirector
        What asks.
    url : str
        The address.
    retries : int
        How often it is asked where the service fails.
    timeout : float
        Seconds.
    where : str
        For messages.

    Raises
    ------
    EngdbError
        If there is no answer.
    """
    import http.client
    import urllib.error

    failure = None
    for _ in range(max(1, retries)):
        try:
            with session.open(url, timeout=timeout) as answer:
                return answer.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            failure = f"answered {error.code} {error.reason}"
            if error.code < 500:
                break
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            failure = str(getattr(error, "reason", error))
    raise EngdbError(f"the engineering database does not answer: {failure}", where=where)


def _later(time):
    """The next whole second: the service knows no fractions."""
    from astropy import units

    return time + 1 * units.s


def _float(text, where):
    try:
        return float(text)
    except ValueError:
        raise InputError(f"a time in MJD is required, got {text!r}", where=str(where)) from None


def value_of(text):
    """A value of telemetry: a number where it is one."""
    try:
        return float(text)
    except ValueError:
        return text.strip()
