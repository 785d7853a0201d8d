"""Run the web application until the process is told to end."""

import signal
import socket
from typing import Any

from hexcal.errors import ParameterError, ResourceError

_EVERYWHERE = ("0.0.0.0", "::")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
# Downloads that are under way at the end get so many seconds.
_GRACE = 5


def is_loopback(host):
    """Whether a host name means this machine only, and no other can connect."""
    return host in _LOOPBACK or host.startswith("127.")


def listen(host, port):
    """Return a socket that listens (`socket.socket`).

    Parameters
    ----------
    host : str
        Name or address of an interface of this machine.
    port : int
        0: any free one.

    Raises
    ------
    ResourceError
        If the port is in use, or the machine does not allow it.
    ParameterError
        If this machine has no such interface.
    """
    where = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise ParameterError(f"the host is not known: {error.strerror}", where=host, hint="--host 127.0.0.1") from error
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise ResourceError(
            f"the server cannot listen: {error.strerror}", where=where, hint="another --port; 0 takes any free one"
        ) from error
    return listening


def address_of(listening):
    """Return the address on which a socket listens, as a URL without a slash at the end."""
    host, port = listening.getsockname()[:2]
    if host in _EVERYWHERE:
        host = socket.gethostname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def configuration(sites, limits=None, **options):
    """Return how uvicorn serves sites (`uvicorn.Config`).

    Parameters
    ----------
    sites : Sites
        What is published.
    limits : Limits, optional
        What a client may take; default: what this machine can give.
    **options
        Of ``uvicorn.Config``, instead of those that hold here.
    """
    import uvicorn

    from hexcal.references.server.app import application
    from hexcal.references.server.connections import Limits, protocol

    limits = limits or Limits.of_this_machine()
    own: dict[str, Any] = {
        "http": protocol(limits),
        "ws": "none",
        # asyncio accepts so many connections at a time, and says for each of them if there are no files left.
        "backlog": limits.backlog,
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": _GRACE,
    }
    return uvicorn.Config(application(sites), **{**own, **options})


def serve(sites, listening, ready):
    """Serve until SIGINT or SIGTERM; requests under way are finished first.

    Parameters
    ----------
    sites : Sites
        What is published.
    listening : socket.socket
        From `listen`; closed in the end.
    ready : callable
        Called without arguments when both signals end the server in peace.
    """
    import uvicorn

    from hexcal.references.server.log import sparing

    server = uvicorn.Server(configuration(sites))

    def end(*_):
        server.should_exit = True

    # uvicorn installs its own handlers while it runs, and afterwards sends itself the signal again: it then meets
    # these, and the process ends in peace.
    former = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with sparing():
            ready()
            server.run(sockets=[listening])
    finally:
        listening.close()
        for number, handler in former.items():
            signal.signal(number, handler)
