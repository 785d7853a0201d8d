"""``hexcal crds serve``: publish a cache over HTTP, for Hexcal and for the original's client."""

import os
import sys

from hexcal.arguments import Arguments
from hexcal.errors import ParameterError, ResourceError

DEFAULT_PORT = 8917


def main(words):
    """Serve until interrupted; exit status 0 then."""
    options = _options(words)
    try:
        import starlette  # noqa: F401 - only whether it is there: Hexcal runs without it
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise ResourceError(
            f"the server needs packages that are not installed: {error.name}", hint="pip install 'hexcal[server]'"
        ) from error
    from hexcal.references.server import serving
    from hexcal.references.server.sites import Sites

    sites = Sites(options.cache, options.observatory or os.environ.get("CRDS_OBSERVATORY"), options.context)
    for error in sites.left_out.values():
        print(f"hexcal: not served: {error}", file=sys.stderr)
    listening = serving.listen(options.host, options.port)
    if not serving.is_loopback(options.host):
        print(
            f"hexcal: every machine that reaches {options.host} can read the cache; "
            "the default host 127.0.0.1 keeps it to this machine",
            file=sys.stderr,
        )
    url = serving.address_of(listening)
    served = ", ".join(f"{name} ({site.default_context()})" for name, site in sites.by_name.items())
    line = f"serving {sites.root} at {url}: {served}; CRDS_SERVER_URL={url}/{next(iter(sites.by_name))}"
    serving.serve(sites, listening, ready=lambda: print(line, flush=True))
    return 0


def _options(words):
    arguments = Arguments(
        prog="hexcal crds serve",
        description="Publish a cache of mappings and reference files over HTTP, read-only, "
        "for Hexcal and for the client of CRDS. "
        "Each observatory has an address of its own: CRDS_SERVER_URL=http://HOST:PORT/OBSERVATORY. Ctrl-C ends it.",
    )
    arguments.add_argument("--cache", metavar="DIR", help="default: CRDS_PATH")
    arguments.add_argument(
        "--observatory", metavar="NAME", help="only this one (default: CRDS_OBSERVATORY, else all of the cache)"
    )
    arguments.add_argument(
        "--context", metavar="C", help="the default context (default: that of the cache, else the newest)"
    )
    arguments.add_argument(
        "--host", default="127.0.0.1", help="interface to listen on (default: %(default)s, this machine only)"
    )
    arguments.add_argument("--port", type=int, default=DEFAULT_PORT, help="default: %(default)s; 0 takes any free one")
    options = arguments.parse_args(words)
    if not 0 <= options.port <= 65535:
        raise ParameterError(f"a port from 0 to 65535 is required, got {options.port}", where="--port")
    return options
