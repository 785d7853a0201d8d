"""The web application: calls by POST, files by GET. Nothing else, and nothing is written."""

import contextlib
import json

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Mount, Route

from hexcal.references.server import rpc
from hexcal.references.server.catalog import KINDS
from hexcal.references.server.methods import Call

# A thousand headers of exposures are some 5 MB, a hundred thousand names some 4 MB.
_LARGEST_CALL = 8 << 20


class _Reply(JSONResponse):
    """JSON in ASCII.

    A client may have sent half of a pair of code units, which has no bytes in UTF-8, and gets it back as it wrote it.
    """

    def render(self, content):
        return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")


def application(sites):
    """Return the application that publishes observatories.

    Parameters
    ----------
    sites : Sites
        What is published.

    Returns
    -------
    starlette.applications.Starlette
    """

    @contextlib.asynccontextmanager
    async def lifespan(_):
        yield
        sites.stop()

    routes = [Route("/", _overview(sites))]
    routes += [Mount(f"/{name}", routes=_routes(sites, site)) for name, site in sites.by_name.items()]
    routes += _routes(sites)
    return Starlette(
        routes=routes,
        exception_handlers={HTTPException: _refusal},
        lifespan=lifespan,
        max_body_size=_LARGEST_CALL,
    )


def _overview(sites):
    def endpoint(request):
        url = _url(request)
        return JSONResponse(
            {
                name: {"default_context": site.default_context(), "CRDS_SERVER_URL": f"{url}/{name}"}
                for name, site in sites.by_name.items()
            }
        )

    return endpoint


def _routes(sites, site=None):
    """Routes of the whole server, or of the part of one observatory."""

    async def call(request):
        body = await request.body()
        method = request.path_params.get("rest", "").partition("/")[0]
        reply = await run_in_threadpool(rpc.answer, Call(sites, _url(request), site), body, method)
        return _Reply(reply)

    def file(request):
        kind, observatory, name = (request.path_params[part] for part in ("kind", "observatory", "name"))
        owner = sites.by_name.get(observatory)
        path = owner.catalog.find(kind, name) if owner and kind in KINDS else None
        if path is None:
            raise HTTPException(404, "there is no such file")
        return FileResponse(path, media_type="application/octet-stream")

    return [
        Route("/json", call, methods=["POST"]),
        Route("/json/{rest:path}", call, methods=["POST"]),
        Route("/unchecked_get/{kind}/{observatory}/{name}", file),
    ]


def _url(request):
    """Address of the server, as the client sees it."""
    return f"{request.url.scheme}://{request.url.netloc}"


def _refusal(_, error):
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)
