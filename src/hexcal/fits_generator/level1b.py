"""Raw exposures of ground tests as `_uncal` files: orientation, subarray, names."""

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.errors import InputError
from hexcal.fits_generator.products import generate
from hexcal.fits_generator.proposal import find_proposal, read_proposal
from hexcal.fits_generator.template import read_template

TEMPLATES = Path(__file__).parent / "templates"
_BY_NUMBER = dict(
    enumerate(
        "NRCA1 NRCA2 NRCA3 NRCA4 NRCALONG NRCB1 NRCB2 NRCB3 NRCB4 NRCBLONG NRS1 NRS2 MIRIMAGE MIRIFULONG MIRIFUSHORT "
        "NIS GUIDER1 GUIDER2".split(),
        start=481,
    )
)
"""SCA_ID -> detector."""

log = logging.getLogger(__name__)


def create_data(folder, output_dir=None, templates=()):
    """Convert the exposures of the proposal file of a folder.

    Parameters
    ----------
    folder : path-like
        With one proposal file, and the FITS files that it names.
    output_dir : path-like, optional
        Where products go; default: the folder.
    templates : sequence of path-like
        Folders of templates that are looked in before those of Hexcal: ``level1b_nrs_ifu.gen.txt`` is that of a type
        of exposure, ``level1b_nirspec.gen.txt`` that of an instrument.

    Returns
    -------
    list of pathlib.Path
        The products.

    Raises
    ------
    InputError
        If the proposal, a template or a file is not as it must be; products that were finished before stay.
    """
    proposal = find_proposal(folder)
    members = read_proposal(proposal)
    folders = [*map(Path, templates), TEMPLATES]
    products = []
    for member in members:
        path = _convert(member, Path(output_dir or folder), folders)
        if path in products:
            raise InputError(
                f"two files of the proposal would become {path.name}",
                where=str(proposal),
                hint="files of one exposure are of different detectors",
            )
        products.append(path)
    return products


def _convert(member, output_dir, folders):
    from astropy.io import fits
    from astropy.io.fits.verify import VerifyWarning

    from hexcal.files import gate
    from hexcal.files.atomic import atomic
    from hexcal.models.fits_source import require_file

    gate.reading(member.base, "exposure of the proposal")
    require_file(member.base)
    try:
        hdus: Any = fits.open(member.base, memmap=False)
    except OSError as error:
        raise InputError(f"the file is not a FITS file: {error}", where=str(member.base)) from error
    with hdus:
        detector = _detector_of(hdus[0].header, member)
        part = _oriented(hdus, detector, member)
        path = output_dir / f"{member.root}_{detector.name.lower()}_uncal.fits"
        program = {**_program_of(member, detector, part), "FILENAME": path.name}
        product = generate(_template_of(member, folders), {"program": [program]}, hdus)
    output_dir.mkdir(parents=True, exist_ok=True)
    with atomic(path) as stream, warnings.catch_warnings():
        # A comment that is too long for its card is cut.
        warnings.simplefilter("ignore", VerifyWarning)
        product.writeto(stream)
    log.info("Saved %s, from %s", path, member.base.name)
    return path


def _template_of(member, folders):
    names = [f"level1b_{name.lower()}.gen.txt" for name in (member.exp_type, member.instrument)]
    for name in names:
        for folder in folders:
            if (folder / name).is_file():
                return read_template(folder / name, folders)
    raise InputError(f"there is no template {' or '.join(names)}", where=", ".join(map(str, folders)))


def _detector_of(header, member):
    from hexcal.observatories.jwst import detectors

    name = str(header.get("DETECTOR", "")).strip().upper()
    known = detectors.detectors(member.instrument)
    if name not in known:
        name = _BY_NUMBER.get(header.get("SCA_ID"), name)
    if name not in known:
        raise InputError(
            f"a detector of {member.instrument} is needed, the header has DETECTOR = {header.get('DETECTOR')!r}, "
            f"SCA_ID = {header.get('SCA_ID')!r}",
            where=str(member.base),
            hint=f"DETECTOR is one of {', '.join(known)}",
        )
    return detectors.detector(name)


def orient(data, fastaxis, slowaxis):
    """Turn images from the order in which they are read to the orientation of the telescope.

    Parameters
    ----------
    data : array (..., ny, nx)
        Rows as they are read, one after the other.
    fastaxis, slowaxis : int
        FASTAXIS and SLOWAXIS of the detector: the axis of the product (1 or 2), negative where it runs backwards.

    Returns
    -------
    array (..., ny, nx)
        A view.
    """
    if abs(fastaxis) == 2:
        data = np.swapaxes(data, -1, -2)
    along_x, along_y = (slowaxis, fastaxis) if abs(fastaxis) == 2 else (fastaxis, slowaxis)
    data = data[..., ::-1] if along_x < 0 else data
    return data[..., ::-1, :] if along_y < 0 else data


def _oriented(hdus, detector, member):
    """Turn the images of a file, and cut the subarray out of them; returns the part of the detector that is left."""
    data = hdus[0].data
    if data is None or data.ndim < 2:
        raise InputError("the primary HDU must hold the images of the exposure", where=str(member.base))
    data = orient(data, detector.fastaxis, detector.slowaxis)
    part = _part(detector, member, data.shape)
    if data.shape[-2:] != (part.ysize, part.xsize):
        rows, columns = (
            slice(start - 1, start - 1 + size) for start, size in ((part.ystart, part.ysize), (part.xstart, part.xsize))
        )
        data = data[..., rows, columns]
    hdus[0].data = np.ascontiguousarray(data)
    return part


def _part(detector, member, shape):
    from hexcal.observatories.jwst import readout

    name = member.subarray.upper() or "FULL"
    full, part = readout.subarray(detector.name, "FULL"), readout.subarray(detector.name, name)
    if shape[-2:] not in ((part.ysize, part.xsize), (full.ysize, full.xsize)):
        raise InputError(
            f"images of {part.ysize} x {part.xsize} pixels (ny, nx) are needed for {name}, or full frames of "
            f"{full.ysize} x {full.xsize}, the file has {shape[-2]} x {shape[-1]}, turned as the telescope sees them",
            where=str(member.base),
        )
    return part


def _program_of(member, detector, part):
    """Keywords that follow from the proposal, as ``program()`` gives them to templates."""
    observation, visit, group, sequence, activity, exposure = member.numbers
    return {
        "PROGRAM": f"{member.program:0>5}",
        "OBSERVTN": f"{observation:03d}",
        "VISIT": f"{visit:03d}",
        "VISITGRP": f"{group:02d}",
        "SEQ_ID": f"{sequence:d}",
        "ACT_ID": f"{activity:02d}",
        "EXPOSURE": f"{exposure:d}",
        "OBS_ID": member.root,
        "VISIT_ID": member.root[2:13],
        "TITLE": member.title,
        "EXP_TYPE": member.exp_type,
        "INSTRUME": member.instrument,
        "DETECTOR": detector.name,
        "SUBARRAY": member.subarray.upper() or "FULL",
        "SUBSTRT1": part.xstart,
        "SUBSTRT2": part.ystart,
        "SUBSIZE1": part.xsize,
        "SUBSIZE2": part.ysize,
        "FASTAXIS": detector.fastaxis,
        "SLOWAXIS": detector.slowaxis,
    }
