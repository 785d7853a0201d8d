"""Which corrections each kind of spectra gets in stage 2: the two tables of the documents."""

from pathlib import Path

from hexcal.errors import InputError

_SCIENCE = """
assign_wcs             fs mos ifu bots lrs lrs_slitless mrs
badpix_selfcal                ifu                       mrs
msa_flagging              mos ifu
nsclean                fs mos ifu
clean_flicker_noise    fs mos ifu bots lrs lrs_slitless mrs
imprint_subtract          mos ifu
bkg_subtract           fs mos ifu      lrs              mrs
extract_2d             fs mos     bots
srctype                fs mos ifu bots lrs lrs_slitless mrs
master_background_mos     mos
targ_centroid                          lrs lrs_slitless
wavecorr               fs mos     bots
straylight                                              mrs
flat_field             fs mos ifu bots lrs lrs_slitless mrs
fringe                                                  mrs
pathloss               fs mos ifu      lrs
barshadow                 mos
photom                 fs mos ifu bots lrs lrs_slitless mrs
residual_fringe                                         mrs
adaptive_trace_model   fs mos ifu      lrs              mrs
pixel_replace          fs mos ifu bots lrs lrs_slitless mrs
resample_spec          fs mos          lrs
cube_build                    ifu                       mrs
extract_1d             fs mos ifu bots lrs lrs_slitless mrs
"""
_LINE_LAMP = """
assign_wcs             fs mos ifu bots
msa_flagging              mos ifu
extract_2d             fs mos     bots
wavecorr               fs mos ifu bots
flat_field             fs mos ifu bots
resample_spec          fs mos
cube_build                    ifu
extract_1d             fs mos ifu bots
"""
_FLAT_LAMP = """
assign_wcs             fs mos ifu bots
msa_flagging              mos ifu
imprint_subtract              ifu
extract_2d             fs mos     bots
wavecorr               fs mos ifu bots
flat_field             fs mos ifu bots
"""
_AUTOFLAT = """
assign_wcs             mos
msa_flagging           mos
extract_2d             mos
wavecorr               mos
"""
_MODES = {
    "NRS_FIXEDSLIT": "fs",
    "NRS_MSASPEC": "mos",
    "NRS_IFU": "ifu",
    "NRS_BRIGHTOBJ": "bots",
    "MIR_LRS-FIXEDSLIT": "lrs",
    "MIR_LRS-SLITLESS": "lrs_slitless",
    "MIR_MRS": "mrs",
}
_LAMPS = ("NRS_LAMP", "NRS_AUTOWAVE", "NRS_AUTOFLAT")
_LAMP_MODES = {"FIXEDSLIT": "fs", "MSASPEC": "mos", "IFU": "ifu", "BRIGHTOBJ": "bots"}
_LATER = ("NIS_SOSS", "NIS_WFSS", "NRC_WFSS", "NRC_TSGRISM", "MIR_WFSS")
OFF_BY_DEFAULT = ("targ_centroid", "mrs_imatch")
"""Steps that the original leaves out unless they are asked for."""
_NOT_IN_SERIES = ("bkg_subtract",)
"""The background of a time series is constant, and its subtraction would add noise."""


def mode_of(model):
    """Return the mode of an exposure: fs, mos, ifu, bots (NIRSpec), lrs, lrs_slitless, mrs (MIRI).

    Raises
    ------
    InputError
        For an exposure that is no spectrum, or of a mode that is not calibrated.
    """
    exposure_type = model.meta.exposure.type
    where = str(model.path or "EXP_TYPE")
    if exposure_type in _LAMPS:
        return _lamp_mode(model, exposure_type, where)
    if exposure_type in _LATER:
        raise InputError(
            f"calwebb_spec2 of this version does not calibrate spectra without slits: {exposure_type}",
            where=where,
            hint=f"it calibrates {', '.join((*_MODES, *_LAMPS))}",
        )
    if exposure_type not in _MODES:
        stage2 = model.observatory.exposure_fact(exposure_type, "stage2") if exposure_type else ""
        raise InputError(
            f"calwebb_spec2 is for spectra; this exposure is of the type {exposure_type}",
            where=where,
            hint=f"calwebb_{stage2} is for this type" if stage2 else "EXP_TYPE of its header must be that of spectra",
        )
    return _MODES[exposure_type]


def _lamp_mode(model, exposure_type, where):
    mode = model.get_meta("meta.instrument.lamp_mode")
    if mode not in _LAMP_MODES:
        raise InputError(
            f"an exposure of a lamp ({exposure_type}) needs OPMODE {', '.join(_LAMP_MODES)}; found: {mode}",
            where=where,
            hint="spectra of other lamp exposures are not calibrated",
        )
    if exposure_type == "NRS_AUTOFLAT" and _LAMP_MODES[mode] != "mos":
        raise InputError(f"NRS_AUTOFLAT exposures are taken with the microshutters; found: OPMODE {mode}", where=where)
    return _LAMP_MODES[mode]


def steps_of(model):
    """Return the names of the steps that an exposure gets, in order (list of str).

    Some of them are skipped by default; parameter references, and users, switch them on.

    Raises
    ------
    InputError
        For an exposure that calwebb_spec2 does not calibrate.
    """
    mode, exposure_type = mode_of(model), model.meta.exposure.type
    table = _SCIENCE
    if exposure_type == "NRS_AUTOFLAT":
        table = _AUTOFLAT
    elif exposure_type == "NRS_AUTOWAVE":
        table = _LINE_LAMP
    elif exposure_type == "NRS_LAMP":
        # REF is for wavelengths as well: its filter makes lines.
        is_flat = str(model.get_meta("meta.instrument.lamp_state") or "").upper().startswith("FLAT")
        table = _FLAT_LAMP if is_flat else _LINE_LAMP
    names = [name for name, modes in _rows(table) if mode in modes]
    if model.is_tso:
        names = [name for name in names if name not in _NOT_IN_SERIES]
    if mode == "fs" and len(model.shape or ()) == 3:
        # Neither of them works on slits of several integrations.
        names = [name for name in names if name not in ("resample_spec", "extract_1d")]
    return names


def name_of_cube(product):
    """Return the base of the name of a cube, with its bands; its spectra have the same."""
    return Path(product.meta.filename).stem.removesuffix("_s3d")


def _rows(table):
    for line in table.strip().splitlines():
        name, *modes = line.split()
        yield name, modes
