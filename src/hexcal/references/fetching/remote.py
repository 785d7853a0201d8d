"""A server of reference files, asked in the protocol of CRDS.

JSON-RPC for what it knows, plain downloads for what it has.
"""

import base64
import http.client
import json
import re
import uuid
import zlib
from functools import lru_cache
from urllib.parse import quote

from hexcal.errors import InputError, ReferenceError_
from hexcal.models.bounds import from_json
from hexcal.references.fetching.web import Passing, Patience, Tries, ask, passing
from hexcal.references.mapping_file import KINDS, check_name

_OBSERVATORY = re.compile(r"[a-z0-9_]+")
_SHA1 = re.compile(r"[0-9a-fA-F]{40}")
# So many names are asked for in one call.
_NAMES = 1000
MOST_ANSWER = 64 << 20
"""Bytes of an answer that is no file: a hundred times what the server of JWST says of itself."""
MOST_UNPACKED = 256 << 20
"""Bytes of an answer that came packed."""


class Remote:
    """One server.

    Parameters
    ----------
    url : str
        As in CRDS_SERVER_URL.
    patience : Patience, optional
        Default: by the environment.
    """

    def __init__(self, url, patience=None):
        self.url = url.rstrip("/")
        self.patience = patience or Patience.of_environment()
        self._info: dict = {}
        self._call = 0
        self._session = uuid.uuid4()

    def call(self, method, *parameters):
        """Return the answer of the server to one call.

        Parameters
        ----------
        method : str
            Of the protocol: ``get_server_info``.
        *parameters : JSON values
            By position.

        Raises
        ------
        ReferenceError_
            If the server does not answer or refuses.
        """
        self._call += 1
        name = f"hexcal-{self._session}-{self._call:08d}"
        url = f"{self.url}/json/{method}/{name}/"
        request = {"jsonrpc": "1.0", "method": method, "params": list(parameters), "id": name}
        tries = Tries(self.patience, self.url)
        while True:
            try:
                return self._result(method, self._post(url, json.dumps(request).encode()))
            except Passing as error:
                tries.failed(error)

    def _post(self, url, data):
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        try:
            with ask(url, self.patience.for_answer(MOST_ANSWER), data, headers) as response:
                return response.read()
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, ReferenceError_):
                raise
            raise passing(error, url) from error

    def _result(self, method, content):
        try:
            answer = from_json(content, self.url)
        except InputError as error:
            raise _strange(self.url, f"one that is no answer to {method}: {error.message}") from error
        except ValueError as error:
            raise Passing("answers with something that is no JSON") from error
        if not isinstance(answer, dict) or not {"result", "error"} & answer.keys():
            raise Passing("answers with something that is no JSON-RPC")
        failure = answer.get("error")
        if failure:
            text = failure.get("message") if isinstance(failure, dict) else failure
            raise ReferenceError_(
                f"the server of reference files refuses {method}: {' '.join(str(text).split())[:300]}",
                where=self.url,
                hint="check CRDS_SERVER_URL, CRDS_OBSERVATORY and CRDS_CONTEXT",
            )
        return unpacked(answer.get("result"), self.url)

    # ---- what it knows

    def info(self) -> dict:
        """Return what the server says of itself (dict), asked once; the names in it that become paths are checked.

        Raises
        ------
        ReferenceError_
            If the answer is not that of a server of reference files.
        """
        if not self._info:
            answer = self.call("get_server_info")
            info = answer if isinstance(answer, dict) else {}
            observatory = info.get("observatory")
            if not isinstance(observatory, str) or not _OBSERVATORY.fullmatch(observatory):
                raise _strange(self.url, f"observatory {observatory!r}")
            context = info.get("operational_context")
            if context is not None:
                check_name(str(context), where=self.url)
            self._info = info
        return self._info

    def require(self, observatory):
        """Refuse a server that is not that of an observatory.

        Parameters
        ----------
        observatory : str
            Lower case.
        """
        named = self.info()["observatory"]
        if named != observatory:
            raise ReferenceError_(
                f"a server of the observatory '{observatory}' is required, this is that of '{named}'",
                where=self.url,
                hint="set CRDS_SERVER_URL to the server of the observatory, or CRDS_OBSERVATORY",
            )

    def mappings(self, ending=""):
        """Return the names of all mappings that the server has, checked, sorted."""
        names = self.info().get("mappings")
        if not isinstance(names, list):
            raise _strange(self.url, "no list of mappings")
        return sorted(check_name(str(name), where=self.url) for name in names if str(name).endswith(ending))

    def mapping_names(self, mapping):
        """Return the names of a mapping and of all mappings below it, checked.

        Parameters
        ----------
        mapping : str
            A .pmap, .imap or .rmap.
        """
        return [check_name(str(name), where=self.url) for name in self._names("get_mapping_names", mapping)]

    def reference_names(self, mapping):
        """Return the names of all reference files below a mapping, as the server gives them."""
        return [str(name) for name in self._names("get_reference_names", mapping)]

    def _names(self, method, mapping):
        names = self.call(method, mapping)
        if not isinstance(names, list):
            raise _strange(self.url, f"{method}: {names!r}"[:80])
        return names

    def file_info(self, names):
        """Return size and sha1 of files.

        Parameters
        ----------
        names : iterable of str
            Without folder.

        Returns
        -------
        dict of str to tuple of (int, str)
            Files that the server does not know are missing in it.

        Raises
        ------
        ReferenceError_
            If the server does not tell the size or the sha1 of a file that it knows.
        """
        names, infos = list(names), {}
        for first in range(0, len(names), _NAMES):
            some = names[first : first + _NAMES]
            answer = self.call("get_file_info_map", self.info()["observatory"], some, ["sha1sum", "size"])
            if not isinstance(answer, dict):
                raise _strange(self.url, f"get_file_info_map: {answer!r}"[:80])
            for name in some:
                if isinstance(answer.get(name), dict):
                    infos[name] = self._size_and_sha1(name, answer[name])
        return infos

    def _size_and_sha1(self, name, facts):
        size, sha1 = str(facts.get("size", "")), str(facts.get("sha1sum", ""))
        if not size.isdecimal() or not _SHA1.fullmatch(sha1):
            raise ReferenceError_(
                f"size and sha1 of {name} are required, the server says size '{size}' and sha1sum '{sha1}'",
                where=self.url,
                hint="a file that cannot be checked is not put into the cache; tell those who run the server",
            )
        return int(size), sha1.lower()

    def url_of(self, name):
        """Return where the server has a file (str).

        Parameters
        ----------
        name : str
            Of a mapping or a reference file, checked before.
        """
        kind = "mapping" if name.endswith(tuple(KINDS)) else "reference"
        observatory = self.info()["observatory"]
        urls = self.info().get(f"{kind}_url")
        folder = urls.get(observatory) if isinstance(urls, dict) else None
        folder = folder if isinstance(folder, str) else f"{self.url}/unchecked_get/{kind}s/{observatory}/"
        return f"{folder.rstrip('/')}/{quote(name)}"


def unpacked(value, where):
    """Return a value of the protocol that may have come packed (gzip of JSON, in base64).

    Parameters
    ----------
    value : JSON value
        Packed if it is a dict with ``crds_encoded``.
    where : str
        For the message.
    """
    if not isinstance(value, dict) or "crds_encoded" not in value:
        return value
    try:
        # A window of 16 + the largest: with the head of gzip.
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        content = unpacker.decompress(base64.b64decode(value["crds_payload"], validate=True), MOST_UNPACKED)
        if unpacker.unconsumed_tail:
            raise _strange(where, f"a packed value of more than {MOST_UNPACKED >> 20} MB")
        if not unpacker.eof:
            raise EOFError("the packed value ends early")
        return from_json(content, where)
    except InputError as error:
        raise _strange(where, f"a packed value that is none: {error.message}") from error
    except (KeyError, TypeError, ValueError, OSError, EOFError, zlib.error) as error:
        raise _strange(where, "a packed value that cannot be unpacked") from error


def _strange(url, what):
    return ReferenceError_(
        f"an answer of a server of reference files is required, got {what}",
        where=url,
        hint="check that CRDS_SERVER_URL is such a server",
    )


@lru_cache(maxsize=8)
def remote(url, patience):
    """Return a server, asked for what it says of itself only once in a process."""
    return Remote(url, patience)
