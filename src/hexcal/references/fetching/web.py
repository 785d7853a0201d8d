"""HTTP with patience: one way to ask a server, what may be tried again and how often, and what is an error at once."""

import http.client
import os
import random
import ssl
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass

from hexcal.errors import ParameterError, ReferenceError_
from hexcal.references.fetching.pace import SLOWEST, Overdue, Pace, TooMuch, TooSlow, handlers

_LONGEST_PAUSE = 30.0
_WORTH_ANOTHER_TRY = (408, 425, 429)
# What headers, redirections and the rest of a last block may come to.
_HEADERS = 4 << 20
# A whole answer that is no file may take so many times what a server may be silent.
_WHOLE_ANSWER = 5


class NoAnswer(ReferenceError_):
    """The server of reference files does not answer, or only with faults of its own.

    Asking for another file will not help.
    """


class Passing(Exception):
    """A failure that may be gone at the next try; it never leaves this room."""


class Stopped(Exception):
    """The work was called off by another thread; it never leaves this room."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, and how often to ask it.

    Parameters
    ----------
    timeout : float
        Seconds without a single byte after which a connection is given up.
    tries : int
        Failures in a row after which the server is given up; one that came after much new data starts the count again.
    delay : float
        Seconds before the second try; each further pause is twice as long, up to 30 s.
    """

    timeout: float = 60.0
    tries: int = 5
    delay: float = 1.0

    def for_answer(self, most):
        """Return the pace of an answer (`Pace`) of at most so many bytes.

        It must be there in full after five times the time-out.
        """
        return Pace(self.timeout, seconds=_WHOLE_ANSWER * self.timeout, most=most)

    def for_file(self, size):
        """Return the pace of a file of so many bytes (`Pace`): it may take as long as it does, if it keeps coming."""
        return Pace(self.timeout, most=size + _HEADERS, slowest=SLOWEST)

    @classmethod
    def of_environment(cls):
        """Return what the variables CRDS_CLIENT_... say of waiting and trying again, else the defaults.

        They are CRDS_CLIENT_TIMEOUT_SECONDS, CRDS_CLIENT_RETRY_COUNT and CRDS_CLIENT_RETRY_DELAY_SECONDS.
        """
        return cls(
            _number("CRDS_CLIENT_TIMEOUT_SECONDS", cls.timeout, 0.01),
            int(_number("CRDS_CLIENT_RETRY_COUNT", cls.tries, 1)),
            _number("CRDS_CLIENT_RETRY_DELAY_SECONDS", cls.delay, 0),
        )


def _number(name, default, least):
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number < float("inf"):
        raise ParameterError(f"a number of at least {least} is required, got '{text}'", where=name)
    return number


class Tries:
    """Counts failures, and pauses between them.

    Parameters
    ----------
    patience : Patience
        How many, and how long.
    url : str
        For the message.
    stop : threading.Event, optional
        Ends a pause early.
    """

    def __init__(self, patience, url, stop=None):
        self.patience, self.url, self.stop = patience, url, stop or threading.Event()
        self.failures = 0

    def failed(self, error, progress=False):
        """Note a failure; return after a pause if another try is due.

        Raises
        ------
        NoAnswer
            If it was the last try.
        """
        self.failures = 1 if progress else self.failures + 1
        if self.failures >= self.patience.tries:
            times = "once" if self.failures == 1 else f"{self.failures} times"
            raise NoAnswer(
                f"the server of reference files {error} (tried {times})",
                where=self.url,
                hint=(
                    "check CRDS_SERVER_URL and the network, and try again; what is in the cache is used without a "
                    "server"
                ),
            ) from error
        pause = min(self.patience.delay * 2 ** (self.failures - 1), _LONGEST_PAUSE)
        # Many processes that failed together should not come back together.
        self.stop.wait(pause * random.uniform(0.75, 1.25))


def ask(url, pace, data=None, headers=()):
    """Open a URL of http or https.

    Parameters
    ----------
    url : str
        Absolute.
    pace : Pace
        How fast the answer must come, and how large it may be.
    data : bytes, optional
        To POST.
    headers : dict, optional
        Of the request.

    Returns
    -------
    http.client.HTTPResponse
        To be closed; its reads raise what `passing` translates.

    Raises
    ------
    Passing
        If another try may help.
    ReferenceError_
        If it will not.
    """
    if not url.startswith(("http://", "https://")):
        raise ReferenceError_(
            "an address of http or https is required", where=url, hint="check CRDS_SERVER_URL and the server"
        )
    from hexcal import __version__

    try:
        request = urllib.request.Request(url, data, {"User-Agent": f"hexcal/{__version__}", **dict(headers)})
        return _opener(pace).open(request, timeout=pace.timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code >= 500 or error.code in _WORTH_ANOTHER_TRY:
            raise Passing(f"answers {error.code} {error.reason}") from error
        raise ReferenceError_(
            f"the server of reference files refuses: {error.code} {error.reason}",
            where=url,
            hint="check the name of the file, CRDS_SERVER_URL and CRDS_OBSERVATORY",
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise passing(error, url) from error
    except ValueError as error:
        raise ReferenceError_(
            f"the address cannot be used: {error}", where=url, hint="check CRDS_SERVER_URL"
        ) from error


def passing(error, url):
    """Return what a failed connection or read is: `Passing`, or `ReferenceError_` where another try cannot help.

    Parameters
    ----------
    error : OSError or http.client.HTTPException
        As raised.
    url : str
        For the message.
    """
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ReferenceError_(
            f"the server's certificate is not trusted: {cause.verify_message}", where=url, hint="check CRDS_SERVER_URL"
        )
    if isinstance(cause, TooMuch):
        return ReferenceError_(
            f"the server of reference files {cause}",
            where=url,
            hint="check that CRDS_SERVER_URL is a server of reference files, and tell those who run it",
        )
    if isinstance(cause, Overdue):
        return NoAnswer(
            f"the server of reference files {cause}",
            where=url,
            hint="try again later; for a slow line, set CRDS_CLIENT_TIMEOUT_SECONDS higher (default: 60)",
        )
    if isinstance(cause, TooSlow):
        return Passing(str(cause))
    if isinstance(cause, TimeoutError):
        return Passing("stalls: no byte in time")
    if isinstance(cause, ConnectionRefusedError):
        return Passing("does not answer: connection refused")
    why = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return Passing(f"breaks off: {why}")


def _opener(pace):
    # No handlers for file:, data: and ftp: addresses: an answer of a server must not make this program read local
    # files.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        *handlers(pace),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
