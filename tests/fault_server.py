"""A server of reference files on loopback, with faults on demand."""

import collections
import gzip
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from hexcal.references.mapping_file import parse_mapping
from hexcal.references.names import named


class FaultServer:
    """Serves files from memory in the protocol of CRDS.

    `faults` holds, by name of a file or method, what happens to its next requests, one entry each; the last entry of a
    list that ends with "always" stays. A fault is "500", "404", "stall", "drop" (no answer), "cut:N" (the line breaks
    after N bytes), "hold:N" (after N bytes no more comes), "short:N" (a complete answer of N bytes), "altered",
    "longer", "no range", "wrong range", "not json", "slow".
    """

    def __init__(self, files, observatory="jwst", **info):
        self.files = dict(files)
        self.observatory = observatory
        self.faults = collections.defaultdict(list)
        self.facts = {}
        self.below = {}
        self.requests = []
        self.lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"owner": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.info = {
            "observatory": observatory,
            "operational_context": None,
            "bad_files_list": [],
            "mappings": sorted(name for name in self.files if name.endswith("map")),
            "mapping_url": {observatory: f"{self.url}/unchecked_get/mappings/{observatory}/"},
            "reference_url": {observatory: f"{self.url}/unchecked_get/references/{observatory}/"},
            **info,
        }
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def fault(self, name):
        with self.lock:
            waiting = self.faults[name]
            if waiting[1:] == ["always"]:
                return waiting[0]
            return waiting.pop(0) if waiting else None

    def asked(self, name):
        """How often a file or method was asked for."""
        with self.lock:
            return sum(asked == name for asked, _ in self.requests)

    def ranges(self, name):
        with self.lock:
            return [given for asked, given in self.requests if asked == name]

    # ---- methods of the protocol

    def answer(self, method, parameters):
        if method == "get_server_info":
            return self.info
        if method == "get_file_info_map":
            observatory, names, _ = parameters
            assert observatory == self.observatory
            return {name: self.facts.get(name) or self.facts_of(name) for name in names if name in self.files}
        if method == "get_mapping_names":
            return self.below.get(parameters[0], [parameters[0]])
        if method == "get_reference_names":
            return sorted(name for name in self.files if not name.endswith("map"))
        raise LookupError(f"there is no method {method}")

    def facts_of(self, name):
        content = self.files[name]
        return {"size": str(len(content)), "sha1sum": hashlib.sha1(content).hexdigest()}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    owner: FaultServer

    def log_message(self, *_):
        """Nothing on the terminal."""

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method = request["method"]
        with self.owner.lock:
            self.owner.requests.append((method, None))
        fault = self.owner.fault(method)
        answer = {"jsonrpc": "1.0", "id": request["id"], "error": None, "result": None}
        try:
            answer["result"] = self.owner.answer(method, request["params"])
        except LookupError as error:
            answer["error"] = {"name": "Error", "code": 1, "message": str(error), "data": None}
        content = b"<html>" if fault == "not json" else json.dumps(answer).encode()
        self.send(200, content, None if fault == "not json" else fault)

    def do_GET(self):
        name = self.path.rpartition("/")[2]
        given = self.headers.get("Range")
        with self.owner.lock:
            self.owner.requests.append((name, given))
        content = self.owner.files.get(name)
        fault = self.owner.fault(name) or self.owner.fault("*")
        if content is None or fault == "404":
            return self.send(404, b"not here", None)
        if fault == "altered":
            content = bytes([content[0] ^ 1]) + content[1:]
        if fault == "longer":
            content += b"and more"
        if given and fault != "no range":
            first = int(given.removeprefix("bytes=").partition("-")[0])
            told = first + 1 if fault == "wrong range" else first
            headers = {"Content-Range": f"bytes {told}-{len(content) - 1}/{len(content)}"}
            return self.send(206, content[first:], fault, headers)
        return self.send(200, content, fault)

    def send(self, status, content, fault, headers=()):
        if fault in ("500", "503"):
            status, content = int(fault), b"fault"
        if fault == "stall":
            self.owner.released.wait(20)
            return
        if fault == "drop":
            return
        if fault and fault.startswith("short:"):
            content = content[: int(fault[6:])]
        length = len(content)
        if fault and fault.startswith(("cut:", "hold:")):
            content = content[: int(fault.partition(":")[2])]
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for first in range(0, len(content), 1 << 14):
                self.wfile.write(content[first : first + (1 << 14)])
                if fault == "slow":
                    time.sleep(0.005)
            if fault and fault.startswith("hold:"):
                self.wfile.flush()
                self.owner.released.wait(20)
        except OSError:
            # The client has gone, as clients that are killed do.
            self.close_connection = True


def packed(value):
    """A value as the protocol packs it."""
    import base64

    return {
        "crds_encoded": "1.0",
        "crds_payload": base64.b64encode(gzip.compress(json.dumps(value).encode())).decode(),
    }


def server_of(root, observatory="jwst", context="jwst_0002.pmap", **files):
    """A server with the mappings of a cache on disk, and more files."""
    folder = root / "mappings" / observatory
    mappings = {path.name: path.read_bytes() for path in folder.iterdir()}
    server = FaultServer({**mappings, **files}, observatory, operational_context=context)
    for name in mappings:
        server.below[name] = _below(mappings, name)
    return server


def _below(mappings, name):
    names = [other for other in named(parse_mapping(mappings[name], name)) if other in mappings]
    return [name, *(below for other in names for below in _below(mappings, other))]
