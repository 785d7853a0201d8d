"""Data-quality flags.

The master bit assignment, and the translation of a reference file's own bits through its DQ_DEF table.
"""

import numpy as np

from hexcal.errors import ReferenceError_, unknown_name
from hexcal.threads import run_bands


class Flags(dict):
    """Flag values by name, as items or as attributes: ``pixel["HOT"] == pixel.HOT == 2048``."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise unknown_name("DQ flag", name, self) from None

    def __reduce__(self):
        return Flags, (dict(self),)


_NAMES = (
    "DO_NOT_USE SATURATED JUMP_DET DROPOUT OUTLIER PERSISTENCE AD_FLOOR CHARGELOSS UNRELIABLE_ERROR NON_SCIENCE DEAD "
    "HOT WARM LOW_QE RC TELEGRAPH "
    "NONLINEAR BAD_REF_PIXEL NO_FLAT_FIELD NO_GAIN_VALUE NO_LIN_CORR NO_SAT_CHECK UNRELIABLE_BIAS UNRELIABLE_DARK "
    "UNRELIABLE_SLOPE UNRELIABLE_FLAT "
    "OPEN ADJ_OPEN FLUX_ESTIMATED MSA_FAILED_OPEN OTHER_BAD_PIXEL REFERENCE_PIXEL"
).split()

pixel = Flags({"GOOD": 0, **{name: 1 << bit for bit, name in enumerate(_NAMES)}})
"""Flags of 32-bit pixel DQ arrays (PIXELDQ, DQ)."""

group = Flags({name: value for name, value in pixel.items() if value < 256})
"""Flags of 8-bit group DQ arrays (GROUPDQ): bits 0 to 7 only."""


def of(observatory):
    """Return the flags of the DQ arrays of an observatory: `pixel`, unless it has a table of its own.

    Ask for what an observatory may lack with ``flags.get("NO_LIN_CORR", 0)``.

    Parameters
    ----------
    observatory : Observatory
        Of an exposure or a reference file: ``model.observatory``.
    """
    return Flags({"GOOD": 0, **observatory.flags}) if observatory.flags else pixel


def without_meaning(dq, given, observatory):
    """Take out, in place, flags that generic code sets and that mean nothing, or something else, to an observatory.

    Parameters
    ----------
    dq : uint32 array (..., ny, nx)
        Flags in the bits of `pixel`.
    given : uint32 array (ny, nx)
        Flags that the exposure had before: they stay.
    observatory : Observatory
        Of the exposure.
    """
    flags = of(observatory)
    foreign = sum(value for name, value in pixel.items() if flags.get(name) != value)
    if foreign:
        dq &= ~(np.uint32(foreign) & ~given)


# Names that reference files of earlier deliveries use for the same bit.
_FORMER_NAMES = {
    "DROP_OUT": "DROPOUT",
    "NON_LINEAR": "NONLINEAR",
    "RESERVED_3": "PERSISTENCE",
    "RESERVED_4": "CHARGELOSS",
    "UNDERSAMP": "CHARGELOSS",
}


_PIECE = 1 << 16
"""Pixels that are translated at a time: they stay in the cache."""


def translate(dq, definitions, where=None, flags=pixel):
    """Translate a reference file's DQ array to the flags of its observatory.

    Parameters
    ----------
    dq : integer array
        Flags in the file's own bits.
    definitions : structured array or None
        The DQ_DEF table with columns BIT, VALUE, NAME, DESCRIPTION; None if the file has none: its bits are then the
        master bits.
    where : str, optional
        Name of the file, for the message.
    flags : Flags
        Those of the observatory (`of`).

    Returns
    -------
    uint32 array
        Same shape as `dq`, master flags. Bits whose name is not a master flag carry no meaning for the pipeline and are
        dropped.

    Raises
    ------
    ReferenceError_
        If the table has no VALUE or NAME column.
    """
    dq = np.asarray(dq).astype(np.uint32, copy=False)
    if definitions is None or len(definitions) == 0:
        return dq
    pairs = [(value, flags.get(name, 0)) for value, name in _rows(definitions, where, flags)]
    if all(value == flag for value, flag in pairs):
        return dq & np.uint32(sum({value for value, _ in pairs}))
    known = [(np.uint32(value), np.uint32(flag)) for value, flag in pairs if value and flag]
    own, translated = dq.reshape(-1), np.zeros(dq.size, np.uint32)

    def of_some(first_piece, last_piece):
        for first in range(first_piece * _PIECE, min(last_piece * _PIECE, own.size), _PIECE):
            piece = own[first : first + _PIECE]
            # Most pixels have no flag: only the others are looked at.
            flagged = np.flatnonzero(piece)
            flags, master = piece[flagged], np.zeros(flagged.size, np.uint32)
            for value, flag in known:
                master[(flags & value) != 0] |= flag
            translated[first : first + _PIECE][flagged] = master

    run_bands(of_some, -(-own.size // _PIECE))
    return translated.reshape(dq.shape)


def _rows(definitions, where, flags):
    """Value and master name of each row of a DQ_DEF table."""
    columns = {name.upper(): name for name in definitions.dtype.names}
    if not {"VALUE", "NAME"} <= set(columns):
        raise ReferenceError_(
            "DQ_DEF must have the columns BIT, VALUE, NAME, DESCRIPTION",
            where=where,
            hint=f"found: {', '.join(columns)}",
        )
    rows = []
    for value, name in zip(definitions[columns["VALUE"]], definitions[columns["NAME"]], strict=True):
        name = (name.decode() if isinstance(name, bytes) else str(name)).strip().upper()
        rows.append((int(value), name if name in flags else _FORMER_NAMES.get(name, name)))
    return rows


def is_known(name, flags=pixel):
    """Whether a name of a DQ_DEF table is a flag of an observatory, also under a former name."""
    return name in flags or _FORMER_NAMES.get(name, name) in flags


def value_of(name, flags=pixel):
    """Return the value of a flag, also under a former name; None if there is no such flag."""
    return flags.get(_FORMER_NAMES.get(name, name)) if name not in flags else flags[name]


def master_definitions(definitions, flags=pixel):
    """Return the DQ_DEF table that fits an array after `translate`: the same flags, with their master bits."""
    names = dict.fromkeys(name for _, name in _rows(definitions, None, flags) if flags.get(name))
    table = [(flags[name].bit_length() - 1, flags[name], name, "") for name in names]
    return np.array(table, dtype=[("BIT", "i4"), ("VALUE", "u4"), ("NAME", "S40"), ("DESCRIPTION", "S80")])


def names_of(value, flags=pixel):
    """List the names of the flags set in one DQ value, lowest bit first.

    ``bit 6`` for one that the observatory has no name for.
    """
    known = {flag.bit_length() - 1: name for name, flag in flags.items() if flag}
    return [known.get(bit, f"bit {bit}") for bit in range(int(value).bit_length()) if int(value) >> bit & 1]


def dqflags_to_mnemonics(dqflags, mnemonic_map=pixel):
    """Return the names of the flags set in one DQ value.

    Parameters
    ----------
    dqflags : int
        The value.
    mnemonic_map : mapping of str to int
        `pixel` or `group`.

    Returns
    -------
    set of str
    """
    return {name for name, flag in mnemonic_map.items() if flag and int(dqflags) & flag}


def interpret_bit_flags(bit_flags, flip_bits=None, mnemonic_map=None):
    """Return flags as one number.

    Parameters
    ----------
    bit_flags : int, str, list or None
        A number; numbers or names, separated by ``,``, ``+`` or ``|``, with a leading ``~`` for all others; a list of
        numbers; None gives None.
    flip_bits : bool, optional
        Take all others.
    mnemonic_map : mapping of str to int, optional
        `pixel` or `group`, for names.

    Returns
    -------
    int or None
    """
    if bit_flags is None:
        return None
    if isinstance(bit_flags, str):
        text = bit_flags.strip()
        if text.upper() in ("", "NONE", "INDEF"):
            return None
        if text.startswith("~"):
            flip_bits, text = not flip_bits, text[1:].strip("() ")
        words = [word.strip() for word in text.replace("+", ",").replace("|", ",").split(",")]
        numbers = [int(word) if word.isdigit() else getattr(Flags(mnemonic_map or {}), word) for word in words]
    else:
        numbers = bit_flags if isinstance(bit_flags, list | tuple) else [bit_flags]
    total = 0
    for number in numbers:
        total |= int(number)
    return ~total if flip_bits else total
