"""Connections that are not kept for ever.

Times for headers, body and taking of an answer, and a number that the machine can hold.

Where all places are taken, a client that keeps the server waiting gives its place to a new one: half-open requests
cannot stop the server.
"""

from dataclasses import dataclass

from uvicorn.protocols.http.h11_impl import H11Protocol

_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
# A place is taken only from one who has taken nothing of an answer for so many seconds.
_SLOW = 5.0
# Files that the server itself has open, and room to spare.
_RESERVED = 32
_MOST = 512


@dataclass(frozen=True)
class Limits:
    """What a client may take.

    Parameters
    ----------
    headers : float
        Seconds until a request is there up to its body, from the connection or from the answer before.
    body : float
        Seconds until the body is there.
    stalled : float
        Seconds in which nothing of an answer is taken.
    connections : int
        At a time.
    backlog : int
        Connections that are accepted before any of them is looked at.
    """

    headers: float = 10.0
    body: float = 60.0
    stalled: float = 60.0
    connections: int = _MOST
    backlog: int = 128

    @classmethod
    def of_this_machine(cls):
        """Return the limits with as many connections as the process may open files for: each may send a file."""
        try:
            import resource
        except ImportError:
            return cls()
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if files == resource.RLIM_INFINITY:
            return cls()
        backlog = max(8, min(cls.backlog, files // 4))
        return cls(connections=min(_MOST, max(4, (files - _RESERVED - backlog) // 2)), backlog=backlog)


class LimitedProtocol(H11Protocol):
    """HTTP with limits; `limits` is set by `protocol`."""

    limits = Limits()

    def connection_made(self, transport):
        """Look for a place, and from then on at the clock."""
        super().connection_made(transport)
        self._phase, self._seen, self._since, self._paused_since = "headers", None, self.loop.time(), None
        if not self._has_place():
            transport.write(_BUSY)
            transport.close()
        self._watch()

    def connection_lost(self, exc):
        """Stop looking at the clock."""
        self._timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self):
        """Note when the client ceased to take the answer."""
        self._paused_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self):
        """The client has taken most of what was sent."""
        self._paused_since = None
        super().resume_writing()

    def _has_place(self):
        if len(self.connections) <= self.limits.connections:
            return True
        others = [
            other
            for other in self.connections
            if isinstance(other, LimitedProtocol) and other is not self and not other.transport.is_closing()
        ]
        slowest = max(others, key=LimitedProtocol.kept_waiting, default=None)
        if slowest is None or slowest.kept_waiting() <= 0:
            return False
        slowest.transport.abort()
        return True

    def kept_waiting(self):
        """Seconds for which this client has kept the server waiting (float); 0 where the server is at work for it."""
        self._note_phase()
        now = self.loop.time()
        if self._phase in ("headers", "body"):
            return now - self._since
        return now - self._paused_since if self._paused_since is not None and now - self._paused_since > _SLOW else 0.0

    def _note_phase(self):
        if self.transport.is_closing():
            phase = "closing"
        elif self.cycle is None or self.cycle.response_complete:
            phase = "headers"
        else:
            phase = "body" if self.cycle.more_body else "answer"
        if phase != self._phase or self.cycle is not self._seen:
            self._phase, self._seen, self._since = phase, self.cycle, self.loop.time()

    def _watch(self):
        self._note_phase()
        now, limits = self.loop.time(), self.limits
        since = self._paused_since if self._phase == "answer" else self._since
        allowed = {"headers": limits.headers, "body": limits.body}.get(self._phase, limits.stalled)
        if since is not None and now - since > allowed:
            self.transport.abort()
        self._timer = self.loop.call_later(min(1.0, limits.headers / 4), self._watch)


def protocol(limits):
    """Return a protocol for uvicorn (type) that keeps limits.

    Parameters
    ----------
    limits : Limits
        What a client may take.
    """
    return type("Protocol", (LimitedProtocol,), {"limits": limits})
