"""The engineering database: a file of telemetry, and a service."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import unquote

import pytest
from astropy.time import Time

from hexcal.errors import InputError
from hexcal.steps.pointing.engdb import ENGDB_Service, EngDB_Value, EngdbABC, EngdbError, EngdbFile, EngdbMast
from hexcal.steps.pointing.engdb_direct import EngdbDirect, EngdbLocal

DAY = 59733.0


@pytest.fixture
def path(tmp_path):
    times = [DAY + number / 10 for number in range(6)]
    lines = ["mnemonic,mjd,value", *(f"INRC,{time},{number}.5" for number, time in enumerate(times))]
    (tmp_path / "telemetry.csv").write_text("\n".join([*lines[:1], *reversed(lines[1:]), f"STATE,{DAY},ON"]) + "\n")
    return tmp_path / "telemetry.csv"


def _at(fraction):
    return Time(DAY + fraction, format="mjd")


@pytest.mark.req("ENGDB-02", "ENGDB-03", "ENGDB-05", "ENGDB-06", "ENGDB-07")
def test_values_of_an_interval(path):
    service = ENGDB_Service(path)
    assert isinstance(service, EngdbFile) and service.base_url == str(path)
    assert service.get_values("INRC", _at(0.1), _at(0.3)) == [1.5, 2.5, 3.5]
    assert service.get_values("inrc", _at(0.11), _at(0.19)) == []
    assert service.get_values("INRC", _at(0.11), _at(0.19), include_bracket_values=True) == [1.5, 2.5]
    assert service.get_values("INRC", _at(0.35), _at(2), include_bracket_values=True) == [3.5, 4.5, 5.5]
    (first, *_) = service.get_values("INRC", _at(0.1), _at(0.3), include_obstime=True)
    assert isinstance(first, EngDB_Value) and first.value == 1.5 and first.obstime.mjd == pytest.approx(DAY + 0.1)
    times, values = service.get_values("INRC", _at(0.1), _at(0.2), include_obstime=True, zip_results=False)
    assert values == [1.5, 2.5] and all(isinstance(time, Time) for time in times)
    assert service.get_values("STATE", _at(0), _at(1)) == ["ON"]
    assert service.get_meta() == [{"TlmMnemonic": "INRC"}, {"TlmMnemonic": "STATE"}]
    assert (service.starttime, service.endtime) == (_at(0), _at(1))


@pytest.mark.req("ENGDB-04")
def test_times_as_text(path):
    service = ENGDB_Service(path)
    assert service.get_values("INRC", "2022-06-03T02:00:00", "2022-06-03 05:00:00") == [1.5, 2.5]
    assert service.get_values("INRC", str(DAY), str(DAY + 0.1), time_format="mjd") == [0.5, 1.5]


def test_what_is_not_there_is_said(path, tmp_path):
    with pytest.raises(EngdbError, match="has no values of NOSUCH"):
        ENGDB_Service(path).get_values("NOSUCH", _at(0), _at(1))
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="columns mnemonic, mjd and value, this file has a, b"):
        ENGDB_Service(tmp_path / "other.csv")
    (tmp_path / "wrong.csv").write_text("mnemonic,mjd,value\nA,noon,2\n")
    with pytest.raises(InputError, match="MJD is required, got 'noon'"):
        ENGDB_Service(tmp_path / "wrong.csv")
    with pytest.raises(InputError, match="no such file"):
        ENGDB_Service(tmp_path / "absent.csv")


class _Handler(BaseHTTPRequestHandler):
    asked: list = []
    failures = 0

    def do_GET(self):
        _Handler.asked.append((unquote(self.path), self.headers.get("Authorization")))
        if _Handler.failures > 0:
            _Handler.failures -= 1
            self.send_error(503)
            return
        body = "theTime,MJD,euvalue,sqldataType\r\n"
        if "SA_ZATTEST1" in self.path:
            body += f"2022-06-03 00:00:00,{DAY},0.1,real\r\n2022-06-03 02:24:00,{DAY + 0.1},0.2,real\r\n"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format, *args):
        """Say nothing."""


@pytest.fixture
def server(monkeypatch):
    _Handler.asked, _Handler.failures = [], 0
    http = HTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    for name in ("ENG_BASE_URL", "MAST_API_TOKEN", "ENG_RETRIES", "ENG_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()


@pytest.mark.req("ENGDB-08")
def test_the_service_of_mast(server, monkeypatch, tmp_path):
    with pytest.raises(RuntimeError, match="needs a token"):
        EngdbMast(server)
    with pytest.raises(RuntimeError, match="needs a token"):
        ENGDB_Service()
    assert EngdbMast(server, token="abc").retries == 10 and EngdbMast(server, token="abc").timeout == 600
    monkeypatch.setenv("ENG_BASE_URL", server)
    monkeypatch.setenv("MAST_API_TOKEN", "xyz")
    monkeypatch.setenv("ENG_RETRIES", "3")
    monkeypatch.setenv("ENG_TIMEOUT", "20")
    service = ENGDB_Service()
    assert (service.token, service.retries, service.timeout, service.base_url) == ("xyz", 3, 20.0, server)
    assert service.get_meta("SA_ZATTEST1") == []
    _Handler.failures = 2
    assert service.get_values("SA_ZATTEST1", _at(0), _at(0.2)) == [0.1, 0.2]
    path, token = _Handler.asked[-1]
    assert path.endswith("uri=mast:jwstedb/SA_ZATTEST1-20220603T000000-20220603T044801.csv") and token == "token xyz"
    with pytest.raises(EngdbError, match="no values of OTHER"):
        service.get_values("OTHER", _at(0), _at(1))
    service.cache(["SA_ZATTEST1"], _at(0), _at(1), tmp_path / "kept.csv")
    assert ENGDB_Service(tmp_path / "kept.csv").get_values("SA_ZATTEST1", _at(0), _at(1)) == [0.1, 0.2]


@pytest.mark.req("ENGDB-09")
def test_a_service_that_does_not_answer(server, monkeypatch):
    with pytest.raises(RuntimeError, match="needs a token"):
        EngdbMast(server)
    assert (EngdbMast(token="abc").retries, EngdbMast(token="abc").timeout, EngdbMast(token="abc").token) == (
        10,
        600,
        "abc",
    )
    monkeypatch.setenv("ENG_RETRIES", "2")
    _Handler.failures = 5
    with pytest.raises(RuntimeError, match="does not answer: answered 503"):
        EngdbMast(server, token="abc").get_values("SA_ZATTEST1", _at(0), _at(1))
    assert len(_Handler.asked) == 2
    with pytest.raises(RuntimeError, match="does not answer"):
        EngdbMast("http://127.0.0.1:9", token="abc").get_values("SA_ZATTEST1", _at(0), _at(1))


# ---- the service itself

_EPOCH = 1654214400000
"""2022-06-03 in milliseconds since 1970."""


class _Direct(_Handler):
    def do_GET(self):
        path = unquote(self.path)
        _Handler.asked.append((path, None))
        body = json.dumps({"Count": 1, "TlmMnemonics": [{"TlmMnemonic": "INRC", "AllPoints": 1}]})
        if path.startswith("/xmlMetaData"):
            body = "<TlmMnemonics/>"
        elif path.startswith("/Data/INRC"):
            rows = [
                {"ObsTime": f"/Date({_EPOCH + 1000 * number}+0000)/", "EUValue": f"{number}.5"} for number in range(5)
            ]
            body = json.dumps({"TlmMnemonic": "INRC", "Count": 5, "Data": rows[::-1]})
        elif not path.startswith("/MetaData"):
            self.send_error(404)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())


@pytest.fixture
def direct(server, monkeypatch):
    http = HTTPServer(("127.0.0.1", 0), _Direct)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    monkeypatch.setenv("ENG_RETRIES", "1")
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()


@pytest.mark.req("ENGDB-01")
def test_the_service_itself_is_asked_without_a_token(direct, server, monkeypatch):
    service = ENGDB_Service(direct)
    assert isinstance(service, EngdbDirect) and isinstance(service, EngdbABC) and service.base_url == f"{direct}/"
    assert isinstance(ENGDB_Service(server, token="abc"), EngdbMast)
    assert ENGDB_Service(token="abc").base_url == "https://mast.stsci.edu"
    monkeypatch.setenv("ENG_BASE_URL", direct)
    assert isinstance(ENGDB_Service(), EngdbDirect)


def test_what_the_service_itself_is_asked_and_answers(direct):
    service = EngdbDirect(direct)
    assert service.default_format == "dict" and service.get_meta("INRC")["TlmMnemonics"][0]["TlmMnemonic"] == "INRC"
    assert service.get_meta(result_format="xml") == "<TlmMnemonics/>"
    found = service.get_values("INRC", "2022-06-03T00:00:01.5", "2022-06-03T00:00:03", include_obstime=True)
    assert [(value.value, value.obstime.isot[-6:]) for value in found] == [(2.5, "02.000"), (3.5, "03.000")]
    # As the original asks (1.13.4).
    assert _Handler.asked[-1][0] == "/Data/INRC?sTime=2022-06-03 00:00:01.500&eTime=2022-06-03 00:00:03.000"
    assert json.loads(service.response)["Count"] == 5
    with pytest.raises(EngdbError, match="answered 404"):
        service.get_values("NOSUCH", "2022-06-03", "2022-06-04")
    with pytest.raises(EngdbError, match="does not answer"):
        EngdbDirect("http://127.0.0.1:9")
    with pytest.raises(InputError, match="dict or xml"):
        service.get_meta(result_format="csv")


@pytest.mark.req("ENGDB-10")
def test_answers_that_are_kept_are_answers_of_the_service_itself(server, tmp_path):
    service = EngdbMast(server, token="abc")
    span = _at(0), _at(0.05)
    service.cache_as_local(["SA_ZATTEST1"], *span, tmp_path / "local")
    content = json.loads((tmp_path / "local" / "sa_zattest1_data.json").read_text())
    assert content == {
        "TlmMnemonic": "SA_ZATTEST1",
        "AllPoints": 1,
        "Count": 2,
        "Data": [
            {"ObsTime": f"/Date({_EPOCH}+0000)/", "EUValue": 0.1},
            {"ObsTime": f"/Date({_EPOCH + 8640000}+0000)/", "EUValue": 0.2},
        ],
    }
    local = ENGDB_Service(tmp_path / "local")
    assert isinstance(local, EngdbLocal) and local.get_meta("sa_zattest1")["Count"] == 1
    assert local.get_values("sa_zattest1", *span) == [0.1]
    assert local.get_values("SA_ZATTEST1", *span, include_bracket_values=True) == [0.1, 0.2]
    with pytest.raises(EngdbError, match="no file other_data"):
        local.get_values("OTHER", *span)
    service.cache(["SA_ZATTEST1"], *span, tmp_path / "cached.csv")
    assert ENGDB_Service(tmp_path / "cached.csv").get_values("SA_ZATTEST1", *span) == [0.1]


@pytest.mark.req("ENGDB-11")
def test_the_service_of_mast_is_configured(server, monkeypatch):
    service = EngdbMast(server, token="abc")
    before = service.session
    assert service.get_meta("SA_ZATTEST1") == []
    service.set_session()
    assert service.session is not before
    monkeypatch.setenv("ENG_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("MAST_API_TOKEN", "of the environment")
    service.configure()
    assert (service.base_url, service.token) == ("http://127.0.0.1:9", "of the environment")
    service.configure(server, "given")
    assert service.get_values("SA_ZATTEST1", _at(0), _at(0.2)) == [0.1, 0.2]
    assert _Handler.asked[-1][1] == "token given"
