"""Which slits of NIRSpec are open in an exposure.

The fixed slits, or the slitlets of the MSA metadata file.
"""

from pathlib import Path

import numpy as np

from hexcal.errors import InputError
from hexcal.models.fits_source import FitsSource
from hexcal.models.wcs.spectrographs import Slit

FIXED_SLITS = ("S200A1", "S200A2", "S400A1", "S1600A1", "S200B1")
"""Names, in the order of the rows of the MSA reference file."""
FIXED_QUADRANT = 5
"""Quadrant of the fixed slits (and of the integral-field unit) in that file."""
SHUTTERS_PER_ROW = 365
"""Shutters along the dispersion in one quadrant."""
SHUTTER_PITCH = 1.15
"""Distance of shutters, in units of the height of the open area of one."""
HALF_SHUTTER = 0.5
NOMINAL_SCALES = (1.35, SHUTTER_PITCH)
"""Pitch over open size, where the MSA reference file is not asked."""
_FIXED_SLIT_ID = -101
_OTHER_FIXED_SOURCE = 11
"""Source number of the first fixed slit when the target is in another one; the next slits follow."""


def fixed_slits(primary, edges, names=FIXED_SLITS):
    """Return the fixed slits.

    Parameters
    ----------
    primary : str or None
        The slit with the target: its source has number 1.
    edges : (float, float)
        Lower and upper edge, slit_y.
    names : sequence of str
        Those that are wanted.

    Returns
    -------
    list of Slit
    """
    return [
        Slit(
            name=name,
            shutter_id=number,
            xcen=0,
            ycen=0,
            ymin=float(edges[0]),
            ymax=float(edges[1]),
            quadrant=FIXED_QUADRANT,
            source_id=1 if name == primary else _OTHER_FIXED_SOURCE + number,
            slit_id=_FIXED_SLIT_ID - number,
        )
        for number, name in enumerate(FIXED_SLITS)
        if name in names
    ]


def open_slits(model, mode, edges, log):
    """Return the open slits of an exposure.

    Parameters
    ----------
    model : DataModel
        The exposure.
    mode : str
        "MSASPEC": the slitlets of its MSA metadata file; else the fixed slits.
    edges : (float, float)
        Edges of a slit, slit_y.
    log : logging.Logger
        Of the step.

    Returns
    -------
    list of Slit
    """
    if mode == "MSASPEC":
        return msa_slitlets(model, edges, log)
    names = ("S1600A1",) if model.meta.exposure.type == "NRS_BRIGHTOBJ" else FIXED_SLITS
    return fixed_slits(model.meta.instrument.fixed_slit, edges, names)


def msa_file_of(model):
    """Return the path of the MSA metadata file of an exposure: as its header names it, or beside the exposure.

    Raises
    ------
    InputError
        If the header names none, or it is not there.
    """
    where = str(model.path or "model in memory")
    name = model.meta.instrument.msa_metadata_file
    if name in (None, "", "N/A", "NONE"):
        raise InputError(
            "an exposure of the micro-shutters needs its MSA metadata file, the header names none (MSAMETFL)",
            where=where,
            hint="set MSAMETFL in the primary header to the name of the file *_msa.fits",
        )
    candidates = [Path(name)]
    if model.path is not None:
        candidates.append(Path(model.path).parent / Path(name).name)
    for path in candidates:
        if path.is_file():
            return path
    raise InputError(
        f"the MSA metadata file {name} (MSAMETFL) is not there",
        where=where,
        hint=f"it was looked for as {' and '.join(dict.fromkeys(map(str, candidates)))}; put it beside the exposure",
    )


def msa_slitlets(model, edges, log):
    """Return the slitlets that are open in an exposure, by their MSA metadata file.

    Parameters
    ----------
    model : DataModel
        The exposure: MSAMETFL, MSAMETID, and the position in the dither pattern, PATT_NUM.
    edges : (float, float)
        Edges of one shutter, slit_y; the default goes 0.05 beyond them.
    log : logging.Logger
        Of the step.

    Returns
    -------
    list of Slit
        By the number of the slitlet; empty where the file says that none is open.

    Raises
    ------
    InputError
        If the file is not there, or is not one, or not that of the exposure, or contradicts itself; or a keyword is
        missing.
    """
    path = msa_file_of(model)
    identity, position = _configuration(model)
    shutters, sources, program = read_msa_file(path)
    log.info("MSA metadata file %s: configuration MSAMETID %d, dither point %d", path.name, identity, position)
    rows = shutters[(shutters["msa_metadata_id"] == identity) & (shutters["dither_point_index"] == position)]
    if len(shutters) and not len(rows):
        known = sorted({(int(row["msa_metadata_id"]), int(row["dither_point_index"])) for row in shutters})
        raise InputError(
            f"the MSA metadata file has no slitlet of MSAMETID {identity}, dither point {position}; "
            f"it has {', '.join(map(str, known[:6]))}",
            where=str(path),
            hint="is it of another exposure? MSAMETFL, MSAMETID and PATT_NUM of the header say which is wanted",
        )
    finder = _Sources(sources, program, log)
    slits = []
    for number in np.unique(rows["slitlet_id"]):
        slit = _slitlet(int(number), rows[rows["slitlet_id"] == number], position, edges, finder, path, log)
        if slit is not None:
            slits.append(slit)
    return slits


def _configuration(model):
    values = {"MSAMETID": model.meta.instrument.msa_metadata_id, "PATT_NUM": model.meta.dither.position_number}
    missing = [keyword for keyword, value in values.items() if value is None]
    if missing:
        raise InputError(
            f"MSAMETID and PATT_NUM say which slitlets are open; {' and '.join(missing)} not in the header",
            where=str(model.path or "model in memory"),
        )
    return int(values["MSAMETID"]), int(values["PATT_NUM"])


def read_msa_file(path):
    """Return the tables of an MSA metadata file: shutters, sources (record arrays), number of the program.

    Raises
    ------
    InputError
        If it is not one.
    """
    source = FitsSource(path)
    extensions = [source.find(name) for name in ("SHUTTER_INFO", "SOURCE_INFO")]
    if any(extension is None or extension.kind != "table" for extension in extensions):
        raise InputError(
            "this is not an MSA metadata file",
            where=str(path),
            hint="such a file has the tables SHUTTER_INFO and SOURCE_INFO",
        )
    shutters, sources = (np.array(source.plain_table(extension)) for extension in extensions)
    program = source.primary.get("PROGRAM")
    needed = {"slitlet_id", "msa_metadata_id", "shutter_quadrant", "shutter_row", "shutter_column", "source_id",
              "dither_point_index", "primary_source", "estimated_source_in_shutter_x",
              "estimated_source_in_shutter_y"}  # fmt: skip
    missing = sorted(needed - set(shutters.dtype.names or ()))
    if missing:
        raise InputError(f"SHUTTER_INFO has no column {', '.join(missing)}", where=str(path))
    if program is None and len(sources):
        program = sources["program"][0]
    return shutters, sources, program


class _Sources:
    """What the table of sources knows."""

    def __init__(self, table, program, log):
        self.table, self.program, self.log = table, program, log

    def of_background(self, slitlet):
        label = f"BKG{slitlet}"
        self.log.info("Slitlet %d sees background only; its source is number %d", slitlet, slitlet)
        return {"source_id": slitlet, "source_name": self._named(label), "source_alias": label}

    def of(self, source):
        """Name, alias, stellarity and position of a source; those of a virtual source where it is not listed."""
        rows = self.table[self.table["source_id"] == source]
        if not len(rows):
            label = f"VRT{abs(source)}"
            self.log.warning("Source %d is not in the table of sources: it is taken as virtual, %s", source, label)
            return {"source_id": source, "source_name": self._named(label), "source_alias": label}
        row = rows[0]
        return {
            "source_id": source,
            "source_name": _text(row["source_name"]),
            "source_alias": _text(row["alias"]),
            "stellarity": float(row["stellarity"]),
            "source_ra": float(row["ra"]),
            "source_dec": float(row["dec"]),
        }

    def _named(self, label):
        return label if self.program is None else f"{int(self.program)}_{label}"


def _text(value):
    return (value.decode() if isinstance(value, bytes) else str(value)).strip()


def _slitlet(number, rows, position, edges, sources, path, log):
    """Return one slitlet (Slit); None for a fixed slit without a source."""
    primary = rows[[_text(value) == "Y" for value in rows["primary_source"]]]
    if len(primary) > 1:
        raise InputError(
            f"slitlet {number} has {len(primary)} shutters with a primary source; at most one is allowed",
            where=str(path),
        )
    fixed = _fixed_name(rows)
    if fixed is not None:
        return _fixed_slit(fixed, primary, position, edges, sources, log)
    columns = np.sort(rows["shutter_column"].astype(int))
    if len(primary):
        main, about = primary[0], sources.of(int(primary[0]["source_id"]))
        about |= _position(main)
    else:
        # Of a slitlet without a source, its middle shutter (the lower one of two) stands for the source's.
        ordered = rows[np.argsort(rows["shutter_column"], kind="stable")]
        main, about = ordered[(len(ordered) - 1) // 2], sources.of_background(number)
    row, column = int(main["shutter_row"]), int(main["shutter_column"])
    below, above = column - columns[0], columns[-1] - column
    opened = set(columns.tolist())
    state = "".join(
        "x" if place == column else "1" if place in opened else "0" for place in range(columns[0], columns[-1] + 1)
    )
    return Slit(
        name=number,
        shutter_id=row + (column - 1) * SHUTTERS_PER_ROW,
        dither_position=position,
        xcen=row,
        ycen=column,
        ymin=float(edges[0] - HALF_SHUTTER - below * SHUTTER_PITCH),
        ymax=float(edges[1] + HALF_SHUTTER + above * SHUTTER_PITCH),
        quadrant=int(main["shutter_quadrant"]),
        shutter_state=state,
        slit_xscale=NOMINAL_SCALES[0],
        slit_yscale=NOMINAL_SCALES[1],
        slit_id=number,
        **about,
    )


def _position(row):
    """Estimated position of the source in its shutter, 0 at the centre; 0 where there is none."""
    places = [row[f"estimated_source_in_shutter_{axis}"] - np.float32(HALF_SHUTTER) for axis in ("x", "y")]
    values = [0.0 if np.isnan(place) else float(place) for place in places]
    return {"source_xpos": values[0], "source_ypos": values[1]}


def _fixed_name(rows):
    """Name of the fixed slit that the rows of a slitlet are of, or None."""
    if "fixed_slit" not in rows.dtype.names:
        return None
    name = _text(rows["fixed_slit"][0])
    return name if name in FIXED_SLITS else None


def _fixed_slit(name, primary, position, edges, sources, log):
    if not len(primary):
        log.warning("Fixed slit %s is open, but holds no primary source: it is left out", name)
        return None
    about = sources.of(int(primary[0]["source_id"])) | _position(primary[0])
    log.info("Fixed slit %s holds source %d", name, about["source_id"])
    base = fixed_slits(None, edges, (name,))[0]
    return base._replace(
        dither_position=position,
        shutter_state="x",
        slit_xscale=NOMINAL_SCALES[0],
        slit_yscale=NOMINAL_SCALES[1],
        **about,
    )
