"""Which flags a pixel may carry and still be used: the grammar of the parameter ``good_bits``."""

import re

from hexcal.errors import ParameterError, unknown_name
from hexcal.models.dqflags import pixel, value_of

_ALL = 0xFFFFFFFF


def bad_flags(good_bits: str | int | None) -> int:
    """Return the flags that make a pixel unusable.

    Parameters
    ----------
    good_bits : str, int or None
        Flags that do no harm: names or numbers, joined by ``+``, ``|`` or ``,`` (``"JUMP_DET + 4"``), or their sum; a
        ``~`` before them turns that around: these, and only these, do harm. 0: every flag does harm. None, or an empty
        text: no flag does.

    Returns
    -------
    int
        Bits of the master table.

    Raises
    ------
    ParameterError
        For an unknown name, or a text that is none of these.

    Examples
    --------
    >>> bad_flags("~DO_NOT_USE")
    1
    >>> bad_flags("JUMP_DET + SATURATED") == 0xFFFFFFFF - 4 - 2
    True
    """
    if good_bits is None or str(good_bits).strip().lower() in ("", "none"):
        return 0
    text = str(good_bits).strip()
    turned = text.startswith("~")
    text = text[1:].strip() if turned else text
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    flags = 0
    for word in re.split(r"[+|,]", text):
        flags |= _bits(word.strip(), good_bits)
    return flags if turned else _ALL & ~flags


def _bits(word, good_bits):
    if word.isdecimal():
        return int(word) & _ALL
    if not word.replace("_", "").isalnum():
        raise ParameterError(
            f"good_bits must be names or numbers of flags joined by +, optionally with ~ in front, got {good_bits!r}",
            where="good_bits",
            hint="for example ~DO_NOT_USE, or JUMP_DET + SATURATED",
        )
    value = value_of(word)
    if value is None:
        raise unknown_name("flag", word, pixel, where="good_bits")
    return value
