"""Run the web application until the process is told to end."""

import asyncio
import logging
import signal
import socket

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

    from hexcal.references.server.app import application

    config = uvicorn.Config(
        application(sites), log_level="warning", access_log=False, timeout_graceful_shutdown=_GRACE, server_header=False
    )
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    server = uvicorn.Server(config)

    def end(*_):
        server.should_exit = True

    # uvicorn installs its own handlers while it runs, and afterwards sends itself the signal again: it then meets these, and the process ends in peace.
    former = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ready()
        server.run(sockets=[listening])
    finally:
        listening.close()
        for number, handler in former.items():
            signal.signal(number, handler)


def _is_news(record):
    """Whether a message of uvicorn is worth a line, and make it one: a client that goes away, or is cut off at the end, is none."""
    from starlette.requests import ClientDisconnect

    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, asyncio.CancelledError | ClientDisconnect):
        return False
    if error is not None:
        record.msg, record.args, record.exc_info = f"{type(error).__name__}: {error}", (), None
    return True
