"""Compare two products of spectra: slit by slit, plane by plane, column by column, keyword by keyword."""

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

SPECTRA_RTOL = 1e-4
"""Of columns of spectra, which are sums over many pixels with interpolated factors."""
RTOLS = {"WAVELENGTH": 3e-7}
"""Planes with a tolerance of their own: wavelengths are stored as float32."""
_STRUCTURE = re.compile(
    r"SIMPLE|BITPIX|NAXIS\d*|EXTEND|PCOUNT|GCOUNT|XTENSION|EXTNAME|EXTVER|BSCALE|BZERO|COMMENT|HISTORY|CONTINUE|"
    r"T(TYPE|FORM|UNIT|ZERO|SCAL|DIM|NULL|DISP)\d+|TFIELDS|CHECKSUM|DATASUM|"
    r"DATE|ORIGIN|FILENAME|CAL_V(ER|CS)|CRDS_(VER|CTX)|ASNTABLE|ASNPOOL|PRD_VER|OSS_VER|R_\w+|"
)
_MICROARCSEC, _WAVELENGTH = 1e-6 / 3600, 1e-9
"""What is equal: positions (degrees) and wavelengths (relative) of a stored WCS."""


@dataclass
class Difference:
    """How one plane, column or keyword compares, over all parts of a product.

    Attributes
    ----------
    what : str
        Its name.
    differing, size : int
        Values that differ, of how many.
    worst : float
        The largest difference as a multiple of what is tolerated.
    """

    what: str
    differing: int = 0
    size: int = 0
    worst: float = 0.0

    def add(self, differing, size, worst=0.0):
        """Add another part."""
        self.differing += int(differing)
        self.size += int(size)
        self.worst = max(self.worst, float(worst))


def compare(own_path, peer_path, case):
    """Compare two files.

    Parameters
    ----------
    own_path, peer_path : path-like
        The products.
    case : Case
        It says what is tolerated, and what is left out.

    Returns
    -------
    list of Difference, int
        And the number of parts (slits, spectra).
    """
    differences = {}
    with fits.open(own_path) as own, fits.open(peer_path) as peer:
        own_parts, peer_parts = _parts(own), _parts(peer)
        if len(own_parts) == len(peer_parts) == 1:
            # What it is called is compared with the other keywords.
            own_parts = dict(zip(peer_parts, own_parts.values(), strict=True))
        missing = sorted(set(map(str, peer_parts)) ^ set(map(str, own_parts)))
        if missing:
            differences[f"parts ({', '.join(missing)[:60]})"] = Difference(
                "parts", len(missing), len(peer_parts), np.inf
            )
        _keywords(differences, own[0].header, peer[0].header, case)
        for key in peer_parts:
            if key in own_parts:
                _compare_part(differences, own_parts[key], peer_parts[key], case)
    for what, difference in differences.items():
        difference.what = what
    return list(differences.values()), len(peer_parts)


def _parts(hdus):
    """Identity of a part -> its HDUs by name; a part is what belongs to one slit, order or spectrum."""
    by_version = {}
    for hdu in hdus[1:]:
        if hdu.name not in ("ASDF", "HDRTAB"):
            by_version.setdefault(hdu.ver, {})[hdu.name] = hdu
    named, seen = {}, {}
    for hdu_by_name in by_version.values():
        header = next((hdu_by_name[name].header for name in ("SCI", "EXTRACT1D") if name in hdu_by_name), {})
        identity = tuple(header.get(key) for key in ("SLTNAME", "SOURCEID", "SPORDER"))
        seen[identity] = seen.get(identity, 0) + 1
        named[(*identity, seen[identity])] = hdu_by_name
    return named


def _compare_part(differences, own, peer, case):
    err = peer["ERR"].data if "ERR" in peer else None
    for name, hdu in peer.items():
        if name in case.ignored:
            continue
        if name not in own:
            differences.setdefault(name, Difference(name)).add(1, 1, np.inf)
            continue
        if isinstance(hdu, fits.BinTableHDU):
            _compare_table(differences, own[name].data, hdu.data, name, case)
        else:
            _compare_plane(differences, name, own[name].data, hdu.data, err if name == "SCI" else None, case)
        if name in ("SCI", "EXTRACT1D", "COMBINE1D"):
            _keywords(differences, own[name].header, hdu.header, case)
    for name in own:
        if name not in peer and name not in case.ignored:
            differences.setdefault(f"{name} (only Hexcal)", Difference(name)).add(1, 1, np.inf)


def _compare_plane(differences, name, own, peer, err, case):
    if own is None or peer is None or own.shape != peer.shape:
        size = 0 if peer is None else peer.size
        shapes = " and ".join("none" if side is None else "x".join(map(str, side.shape)) for side in (own, peer))
        differences.setdefault(f"{name} (shapes {shapes})", Difference(name)).add(max(size, 1), size, np.inf)
        return
    rtol = case.rtols.get(name, RTOLS.get(name, case.rtol))
    differences.setdefault(name, Difference(name)).add(*_differing(own, peer, rtol, case.floor, err))


def _compare_table(differences, own, peer, table, case):
    errors = {"FLUX": "FLUX_ERROR", "SURF_BRIGHT": "SB_ERROR", "BACKGROUND": "BKGD_ERROR"}
    if own is None or len(own) != len(peer):
        differences.setdefault(f"{table} (rows)", Difference(table)).add(len(peer), len(peer), np.inf)
        return
    for column in peer.names:
        if column in case.ignored:
            continue
        if column not in own.names:
            differences.setdefault(column, Difference(column)).add(len(peer), len(peer), np.inf)
            continue
        err = peer[errors[column]] if column in errors and errors[column] in peer.names else None
        mine, theirs = np.asarray(own[column]), np.asarray(peer[column])
        if theirs.dtype.kind in "SU":
            differences.setdefault(column, Difference(column)).add(np.count_nonzero(mine != theirs), theirs.size)
        elif mine.shape != theirs.shape:
            differences.setdefault(column, Difference(column)).add(theirs.size, theirs.size, np.inf)
        else:
            rtol = case.rtols.get(column, RTOLS.get(column, max(case.rtol, SPECTRA_RTOL)))
            differences.setdefault(column, Difference(column)).add(*_differing(mine, theirs, rtol, case.floor, err))


def _differing(own, peer, rtol, floor, err):
    """(number that differ, size, worst) of two arrays; NaN equals NaN and infinity itself, and nothing else."""
    if own.dtype.kind in "iub":
        return np.count_nonzero(own != peer), peer.size, 0.0
    own, peer = own.astype(float), peer.astype(float)
    tolerated = rtol * np.abs(peer) + (0 if err is None else floor * np.nan_to_num(np.abs(err), posinf=0))
    tolerated = np.maximum(tolerated, np.finfo(np.float32).tiny)
    with np.errstate(invalid="ignore"):
        excess = np.abs(own - peer) / tolerated
    both = np.isfinite(own) & np.isfinite(peer)
    same = (own == peer) | (np.isnan(own) & np.isnan(peer))
    worst = np.max(excess, where=both, initial=0)
    return np.count_nonzero(~same & ~(both & (excess <= 1))), peer.size, worst


def _keywords(differences, own, peer, case):
    total = differences.setdefault("keywords", Difference("keywords"))
    for key in dict.fromkeys(peer):
        if _STRUCTURE.fullmatch(key) or key in case.ignored:
            continue
        total.size += 1
        if not _same(key, own.get(key), peer[key], case):
            differences.setdefault(f"key {key}", Difference(key)).add(1, 1)


def _same(key, own, peer, case):
    if key.startswith("S_") and key != "S_REGION":
        # A step that was not attempted and one that was skipped have both done nothing.
        return own == peer or {own, peer} <= {None, "SKIPPED"}
    if isinstance(peer, str) and isinstance(own, str):
        return own.split() == peer.split() or _same_numbers(own.split(), peer.split())
    if isinstance(own, int | float) and isinstance(peer, int | float):
        return abs(own - peer) <= max(1e-9, case.rtols.get(key, 1e-6)) * abs(peer) + 1e-12
    return own == peer


def _same_numbers(own, peer):
    """Whether texts such as S_REGION say the same, to a ten-thousandth of an arcsecond."""
    if len(own) != len(peer):
        return False
    for mine, theirs in zip(own, peer, strict=True):
        if mine != theirs:
            try:
                if abs(float(mine) - float(theirs)) > 2.5e-8:
                    return False
            except ValueError:
                return False
    return True


def compare_wcs(own_path, peer_path):
    """Compare the stored WCS of all parts, on 13 x 13 places of each, by evaluating both here.

    Returns
    -------
    list of Difference
        Of positions on the sky, and of wavelengths.
    """
    sky, wavelength = Difference("WCS-sky"), Difference("WCS-wavelength")
    own, peer = _places(own_path), _places(peer_path)
    for key, theirs in peer.items():
        mine = own.get(key)
        if mine is None:
            sky.add(169, 169, np.inf)
            continue
        turn = np.cos(np.radians(theirs[1]))
        difference = [np.abs(mine[0] - theirs[0]) * turn / _MICROARCSEC, np.abs(mine[1] - theirs[1]) / _MICROARCSEC]
        difference.append(np.abs(mine[2] / theirs[2] - 1) / _WAVELENGTH)
        gaps = np.isnan(np.array(mine)) != np.isnan(np.array(theirs))
        for total, values, gap in ((sky, difference[:2], gaps[:2]), (wavelength, difference[2:], gaps[2:])):
            excess = np.nan_to_num(np.max(values, axis=0), nan=0.0)
            total.add(np.count_nonzero((excess > 1) | gap.any(axis=0)), excess.size, excess.max(initial=0))
    return [sky, wavelength]


def _places(path):
    """Name of a part -> (ra, dec, wavelength) of places of its array, by its stored WCS."""
    from hexcal import datamodels

    model = datamodels.open(Path(path))
    parts = list(model.slits) if hasattr(model, "slits") else [model]
    places = {}
    for number, part in enumerate(parts):
        wcs = part.meta.wcs
        ny, nx = part.data.shape[-2:]
        y, x = np.mgrid[0 : ny - 1 : 13j, 0 : nx - 1 : 13j]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # A bounding box has edges that rounding may move; the formulas must agree on both sides of them.
            places[getattr(part, "name", None) or number] = wcs(x, y, with_bounding_box=False)[:3]
    return places
