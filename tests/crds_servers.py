"""A running server of reference files, for tests."""

import contextlib
import http.client
import json
import threading
import time
from urllib.parse import urlsplit


@contextlib.contextmanager
def served(sites, limits=None):
    """Serve on a free port of this machine, in a thread; yields the address."""
    import uvicorn

    from hexcal.references.server.serving import address_of, configuration, listen

    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(configuration(sites, limits, log_level="critical", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.005)
    try:
        yield address_of(listening)
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()


def request(url, path, method="GET", body=None, headers=()):
    """Ask for a path exactly as it is written: (status, headers, content)."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def call(url, method, *params):
    """Call a method as the client of CRDS does: (result, error message)."""
    number = f"test-00000001-{method}"
    body = json.dumps({"jsonrpc": "1.0", "method": method, "params": params, "id": number})
    status, _, content = request(url, f"{urlsplit(url).path}/json/{method}/{number}/", "POST", body)
    assert status == 200
    answer = json.loads(content)
    assert answer["id"] == number
    assert answer["jsonrpc"] == "1.0"
    return answer["result"], answer["error"] and answer["error"]["message"]
