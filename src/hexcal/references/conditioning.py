"""Header values and rule values in the one spelling in which they are compared.

The spelling is that of CRDS: upper case without blanks around it, numbers as the shortest text of a float ("12" and
"12." are "12.0"), logical values "T" and "F", "ANY" as "*", whatever begins with "N/A" as "N/A".
"""

import re
from functools import lru_cache
from typing import Any

ANY = "*"
NOT_APPLICABLE = "N/A"
UNDEFINED = "UNDEFINED"

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:E[+-]?\d+)?", re.ASCII)
_WORDS = {"TRUE": "T", "FALSE": "F", "ANY": ANY}


def condition(value: Any) -> str:
    """Return a value in the spelling in which CRDS compares it.

    Parameters
    ----------
    value : object
        A header value (str, int, float, bool), or None for a keyword that is absent.

    Returns
    -------
    str
        "UNDEFINED" for None.
    """
    return UNDEFINED if value is None else _condition(str(value))


@lru_cache(maxsize=8192)
def _condition(text: str) -> str:
    text = text.strip().upper()
    if _NUMBER.fullmatch(text):
        return str(float(text))
    if text.startswith(NOT_APPLICABLE):
        return NOT_APPLICABLE
    return _WORDS.get(text, text)
