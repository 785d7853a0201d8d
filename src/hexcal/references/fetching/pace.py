"""How fast and how much a server must and may send.

Bounds on what comes over a connection, kept at every read of its socket.

The time-out of a socket starts again with each byte: a server that sends one byte a second never meets it. Here whole
answers have a time and a size; files, which may be large and come over slow lines, have a least rate.
"""

import http.client
import io
import time
import urllib.request

SLOWEST = 1000
"""Bytes a second that a file must bring, on average over the time-out: a third of what the slowest modem brought."""


class TooSlow(TimeoutError):
    """A server sends, but so little that waiting for it has no end."""


class Overdue(TimeoutError):
    """A whole answer was not there in time."""


class TooMuch(OSError):
    """A server sends more than an answer can be."""


class Pace:
    """Bounds on the answer to one request, its headers and redirections with it.

    Parameters
    ----------
    timeout : float
        Seconds without a single byte, and the window over which the rate counts.
    seconds : float, optional
        For the whole answer.
    most : int, optional
        Bytes of the whole answer.
    slowest : float
        Bytes a second, on average over the window; 0: any.
    """

    def __init__(self, timeout, seconds=None, most=None, slowest=0.0):
        self.timeout, self.most, self.slowest = timeout, most, slowest
        self.seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds
        self._received = self._in_window = 0
        # The window opens with a byte: a server may think for as long as the time-out before it sends the first one.
        self._window_opened = None

    def patience(self):
        """Return how many seconds the next read may wait (float).

        Raises
        ------
        Overdue
            If the time of the whole answer is over.
        """
        if self._end is None:
            return self.timeout
        left = self._end - time.monotonic()
        if left <= 0:
            raise Overdue(f"has not answered in full after {self.seconds:.3g} s")
        return min(self.timeout, left)

    def count(self, number):
        """Note bytes that have come.

        Raises
        ------
        TooMuch, TooSlow
            If they are too many, or too few for the time.
        """
        self._received += number
        self._in_window += number
        if self.most is not None and self._received > self.most:
            raise TooMuch(f"sends more than {self.most >> 20} MB as an answer")
        now = time.monotonic()
        if self._window_opened is None:
            self._window_opened = now
        window = now - self._window_opened
        if window < self.timeout:
            return
        if number and self._in_window < self.slowest * window:
            raise TooSlow(
                f"sends only {self._in_window / window:.0f} bytes/s, at least {self.slowest:.0f} are required"
            )
        self._in_window, self._window_opened = 0, now


class _PacedSocket(io.RawIOBase):
    """What a socket brings, at the pace that is required."""

    def __init__(self, connected, pace):
        super().__init__()
        self._socket, self._pace = connected, pace
        # A reader of its own keeps the socket open after the connection has let it go.
        self._raw = connected.makefile("rb", buffering=0)

    def readable(self):
        return True

    def readinto(self, buffer):
        self._socket.settimeout(self._pace.patience())
        try:
            number = self._raw.readinto(buffer)
        except TimeoutError:
            # Which of the two times it was that ended is told here.
            self._pace.patience()
            raise
        self._pace.count(number or 0)
        return number

    def close(self):
        self._raw.close()
        super().close()


def handlers(pace):
    """Return handlers for http and https that keep a pace (list of urllib handlers).

    Parameters
    ----------
    pace : Pace
        Of one request.
    """

    class Response(http.client.HTTPResponse):
        """Reads its headers and its body at the pace."""

        def __init__(self, sock, *args, **kwargs):
            super().__init__(sock, *args, **kwargs)
            self.fp.close()
            self.fp = io.BufferedReader(_PacedSocket(sock, pace))

    class Connection(http.client.HTTPConnection):
        """http."""

        response_class = Response

    class SecureConnection(http.client.HTTPSConnection):
        """https."""

        response_class = Response

    class Handler(urllib.request.HTTPHandler):
        """Opens http."""

        def http_open(self, req):
            return self.do_open(Connection, req)

    class SecureHandler(urllib.request.HTTPSHandler):
        """Opens https, with certificates checked."""

        def https_open(self, req):
            return self.do_open(SecureConnection, req)

    return [Handler(), SecureHandler(), _Redirections()]


class _Redirections(urllib.request.HTTPRedirectHandler):
    """Follows redirections, and lets go of one whose body cannot be read to its end."""

    def http_error_302(self, req, fp, code, msg, headers):
        try:
            return super().http_error_302(req, fp, code, msg, headers)
        except BaseException:
            fp.close()
            raise

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302
