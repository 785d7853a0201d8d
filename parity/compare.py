"""Compare two products.

Flags bit by bit, numbers within a tolerance where the flags agree, status keywords and tables.
"""

from dataclasses import dataclass, field

import numpy as np
from astropy.io import fits

FLAG_PLANES = ("PIXELDQ", "GROUPDQ", "DQ")
RTOL = 1e-5
FLAG_FRACTION = 1e-4
"""A flag may differ in this fraction of the samples that carry it on either side; there is no absolute floor."""
EXAMPLES = 3


@dataclass
class PlaneResult:
    """How one plane (or "keywords", or a table) compares.

    `differing` of `size` values differ; `worst` is the largest difference of all numbers, as a multiple of what is
    tolerated (up to 1 is no difference); `examples` are (index, own, peer) of some that differ; `problem` says why the
    planes could not be compared at all. Of flags, `flagged` samples carry one on either side, and `bits` has for each
    bit (samples that carry it on either side, samples where it differs).
    """

    name: str
    differing: int = 0
    size: int = 0
    worst: float = 0.0
    examples: list = field(default_factory=list)
    problem: str | None = None
    flagged: int = 0
    bits: dict = field(default_factory=dict)

    @property
    def is_flags(self):
        return self.name.rpartition(":")[2] in FLAG_PLANES

    @property
    def fraction(self):
        """Of the values that differ; of flags, among the samples that carry any."""
        whole = self.flagged if self.is_flags else self.size
        return self.differing / whole if whole else 0.0

    def passed(self, allowed=0):
        """Whether the differences stay within the rule; `allowed` values may differ for a known, explained reason."""
        if self.problem:
            return False
        if self.differing <= allowed:
            return True
        return self.is_flags and all(differing <= FLAG_FRACTION * carried for carried, differing in self.bits.values())

    def count_flags(self, own, peer):
        """Add an image of flags to the counts; returns where it differs."""
        differ = flags_differ(own, peer)
        either = own | peer
        self.flagged += int(np.count_nonzero(either))
        changed = own ^ peer
        for bit in range(8 * either.dtype.itemsize):
            flag = either.dtype.type(1 << bit)
            carried = int(np.count_nonzero(either & flag))
            if carried:
                before = self.bits.get(bit, (0, 0))
                self.bits[bit] = (before[0] + carried, before[1] + int(np.count_nonzero(changed & flag)))
        return differ


def flags_differ(own, peer):
    """Return where two arrays of flags differ."""
    return own != peer


def tensions(own, peer, rtol=RTOL, floor=0.0):
    """Return how far numbers are apart, as a multiple of what is tolerated.

    ``|own - peer| / max(rtol |peer|, floor)``; above 1 they differ.

    Parameters
    ----------
    own, peer : float array
        Values; NaN equals NaN and infinity itself, and nothing else.
    rtol : float
        Largest relative difference that counts as none.
    floor : float or array
        Absolute difference that counts as none, for values near zero.

    Returns
    -------
    float64 array
        Infinite where only one is finite, and where nothing is tolerated.
    """
    own, peer = np.asarray(own, np.float64), np.asarray(peer, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        tension = np.abs(own - peer) / np.maximum(rtol * np.abs(peer), floor)
        same = (own == peer) | (np.isnan(own) & np.isnan(peer))
        return np.where(same, 0.0, np.where(np.isfinite(own) & np.isfinite(peer), tension, np.inf))


def compare_planes(own, peer, planes, rtol=RTOL, floors=None):
    """Compare the arrays of a product.

    Parameters
    ----------
    own, peer : dict
        Extension name -> array.
    planes : sequence of str
        Which to compare.
    rtol : float
        For all numbers.
    floors : dict, optional
        Plane -> absolute floor: a number, or ``("ERR", p, f)`` for ``f * ERR**p`` with the peer's ERR.

    Returns
    -------
    list of PlaneResult
    """
    floors = floors or {}
    usable, results = [], []
    for name in planes:
        problem = _unlike(own.get(name), peer.get(name))
        if problem:
            results.append(PlaneResult(name, problem=problem))
        else:
            usable.append(name)
    flag_names = [name for name in usable if name in FLAG_PLANES and name in own]
    return results + [_compare_plane(name, own, peer, flag_names, rtol, floors.get(name, 0.0)) for name in usable]


def _unlike(own, peer):
    if own is None or peer is None:
        return None if own is None and peer is None else f"only {'the peer' if own is None else 'Hexcal'} has it"
    if own.shape != peer.shape:
        return f"shape {own.shape}, the peer's {peer.shape}"
    return None


def _compare_plane(name, own, peer, flag_names, rtol, floor):
    mine, theirs = own.get(name), peer.get(name)
    result = PlaneResult(name)
    if mine is None:
        return result
    result.size = mine.size
    # Image by image: the temporary arrays of a whole ramp would need gigabytes.
    for index in np.ndindex(mine.shape[:-2]):
        if name in FLAG_PLANES:
            differ = result.count_flags(mine[index], theirs[index])
        else:
            level = floor if np.isscalar(floor) else _scaled(floor, peer, index)
            tension = tensions(mine[index], theirs[index], rtol, level)
            for flags in flag_names:
                tension[flags_differ(_image(own[flags], index), _image(peer[flags], index))] = 0
            result.worst = max(result.worst, float(tension.max()))
            differ = tension > 1
        result.differing += int(np.count_nonzero(differ))
        for y, x in np.argwhere(differ)[: EXAMPLES - len(result.examples)]:
            place = (*index, int(y), int(x))
            result.examples.append((place, mine[place].item(), theirs[place].item()))
    return result


def _scaled(floor, peer, index):
    plane, power, factor = floor
    return factor * np.nan_to_num(_image(peer[plane], index).astype(np.float64), posinf=0) ** power


def _image(array, index):
    """The image of an array that belongs to an image of a larger one: the array may lack leading axes."""
    return array[index[len(index) - (array.ndim - 2) :]] if array.ndim > 2 else array


def read(path):
    """Return header, arrays by extension, and tables by extension of a FITS file (without its ASDF extension)."""
    with fits.open(path, memmap=False) as hdus:
        arrays = {hdu.name: hdu.data for hdu in hdus[1:] if hdu.is_image and hdu.data is not None}
        tables = {
            hdu.name: hdu.data.copy() for hdu in hdus[1:] if isinstance(hdu, fits.BinTableHDU) and hdu.name != "ASDF"
        }
        return hdus[0].header, arrays, tables


def compare_keywords(own, peer):
    """Compare the status keywords ``S_*`` of two headers. SKIPPED and absent both mean that nothing was done."""
    names = {name for header in (own, peer) for name in header if name.startswith("S_")}
    result = PlaneResult("keywords", size=len(names))
    for name in sorted(names):
        values = [header.get(name) for header in (own, peer)]
        if [value if value == "COMPLETE" else None for value in values] != [
            value if value == "COMPLETE" else None for value in values[::-1]
        ]:
            result.differing += 1
            result.examples.append((name, *values))
    return result


def compare_table(name, own, peer):
    """Compare all columns that the peer's table has."""
    if own is None or peer is None or len(own) != len(peer):
        return PlaneResult(
            name, problem=f"rows: {None if own is None else len(own)}, the peer's {None if peer is None else len(peer)}"
        )
    result = PlaneResult(name)
    columns = {column.lower(): column for column in own.names}
    for column in peer.names:
        result.size += len(peer)
        if column.lower() not in columns:
            result.differing += len(peer)
            result.examples.append((column, None, "a column"))
            continue
        mine, theirs = own[columns[column.lower()]], peer[column]
        differ = tensions(mine, theirs, 1e-14) > 1 if mine.dtype.kind == "f" else np.asarray(mine != theirs)
        result.differing += int(np.count_nonzero(differ))
        result.examples += [((column, int(row)), mine[row], theirs[row]) for row in np.flatnonzero(differ)[:EXAMPLES]]
    return result


def compare_files(own_path, peer_path, planes, rtol=RTOL, floors=None, tables=(), label=""):
    """Compare two FITS products; see `compare_planes`. `label` is put in front of the names."""
    (own_header, own, own_tables), (peer_header, peer, peer_tables) = read(own_path), read(peer_path)
    results = compare_planes(own, peer, planes, rtol, floors)
    results.append(compare_keywords(own_header, peer_header))
    results += [
        compare_table(name, own_tables.get(name), peer_tables.get(name))
        for name in tables
        if name in own_tables or name in peer_tables
    ]
    for result in results:
        result.name = f"{label}:{result.name}" if label else result.name
    return results
