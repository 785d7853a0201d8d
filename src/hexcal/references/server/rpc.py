"""A call as it comes over the wire and the answer as it goes back: JSON-RPC 1.0."""

import inspect
import logging
import math
import os

from hexcal.errors import HexcalError, ParameterError, unknown_name
from hexcal.models.bounds import from_json
from hexcal.references.server.methods import METHODS

_LONGEST = 200
log = logging.getLogger(__name__)


def answer(call, body, method=None):
    """Return the answer to a call.

    Parameters
    ----------
    call : Call
        Its public methods can be called.
    body : bytes
        JSON: ``{"method": name, "params": [...], "id": anything}``.
    method : str, optional
        The method that the address names; it must be that of the body.

    Returns
    -------
    dict
        ``result`` and ``error``, of which one is None; ``id`` as given. An error has a ``message`` of one sentence.
    """
    request, number = {}, None
    try:
        request = _parsed(body)
        number = _number(request)
        result, error = _called(call, request, method), None
    except HexcalError as problem:
        result, error = None, _error(type(problem).__name__.rstrip("_"), sentence(problem))
    except Exception as problem:
        # The last resort: a fault of Hexcal, told to the client in one sentence and to the operator in full.
        log.exception("fault of Hexcal in a call of %s", request.get("method"))
        result, error = None, _error("ServerFault", f"a fault of the server: {type(problem).__name__}")
    version = request.get("jsonrpc")
    return {
        "jsonrpc": version if version in ("1.0", "2.0") else "1.0",
        "id": number,
        "result": result,
        "error": error,
    }


def _parsed(body):
    try:
        request = from_json(body, None)
    except ValueError as error:
        raise ParameterError("a call in JSON is required", where="body of the request") from error
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        raise ParameterError('a call with "method" and "params" is required', where="body of the request")
    return request


def _number(request):
    """The id of a call, by which the client knows the answer."""
    number = request.get("id")
    is_number = isinstance(number, int | float) and math.isfinite(number)
    if number is None or is_number or (isinstance(number, str) and len(number) <= _LONGEST):
        return number
    raise ParameterError(f"an id that is a number, or a text of at most {_LONGEST} letters, is required", where="id")


def _called(call, request, method):
    name, params = request["method"], request.get("params", [])
    if len(name) > _LONGEST:
        raise ParameterError(f"the name of a method has at most {_LONGEST} letters, this one has {len(name)}")
    if method and method != name:
        raise ParameterError(f"the address names the method {method}, the call {name}")
    if name not in METHODS:
        raise unknown_name("method", name, METHODS)
    if not isinstance(params, list):
        raise ParameterError("a list of parameters is required", where=name)
    function = getattr(call, name)
    signature = inspect.signature(function)
    try:
        signature.bind(*params)
    except TypeError as error:
        raise ParameterError(f"the parameters of {name} are {signature}, got {len(params)}") from error
    return function(*params)


def sentence(error):
    """Return an error of Hexcal as one sentence (str). Where it arose is told without the folders of this machine."""
    text = error.message
    if error.where:
        text += f" ({os.path.basename(error.where) or error.where})"
    return f"{text}; {error.hint}" if error.hint else text


def _error(name, message):
    return {"name": name, "code": 500, "message": message, "data": None}
