"""Cubes of integral-field exposures."""

from spectra_cases import Case

_AREA = {
    "key PIXAR_SR": (12, "3.0.0 takes 2.3504e-11 sr for a square arcsecond"),
    "key PIXAR_A2": (12, "3.0.0 takes the size of a spaxel as float32"),
}
_TORN = "torn ends of a band: one plane more or less is left empty"
_ARRAYS = ("SCI", "ERR", "DQ", "WMAP")


def _torn(number):
    return dict.fromkeys(_ARRAYS, (number, _TORN))


_HOLES = {"DQ": (6, "holes: the rule of 3.0.0 was not found")}
_LAST = dict.fromkeys(("SCI", "ERR", "WMAP"), (1900, "the last plane of the table: its extent in 3.0.0 was not found"))
_EDGES = "edges of pixels: with the half pixel of 3.0.0 wavelengths agree to 0.02 of a plane in 98 % of the voxels"
_PLANE = {
    "SCI": (450000, _EDGES),
    "ERR": (584000, _EDGES),
    "WMAP": (10000, _EDGES),
    "DQ": (12, "voxels that a sliver reaches"),
    **dict.fromkeys(
        ("key CRPIX1", "key CRPIX2", "key CRVAL2", "key CDELT1", "key WTYPE", "key S_REGION"),
        (1, "3.0.0 has other steps across the slices, another origin along them, and a region that is not on the sky"),
    ),
}
_NIRSPEC = {
    "emsm": ({"weighting": "emsm"}, {}),
    "msm": ({"weighting": "msm"}, {}),
    "msm, own region": ({"weighting": "msm", "rois": 0.15, "roiw": 0.02, "weight_power": 3.0}, {}),
    "turned": ({"cube_pa": 30.0}, {"WMAP": (20, "slivers")}),
    "along the slices": ({"coord_system": "ifualign"}, {}),
    # Larger than what is seen: of a smaller one, 3.0.0 adds pixels beside its memory, and crashes now and then.
    "given field": (
        {"ra_center": 53.1497, "dec_center": -27.7998, "nspax_x": 71, "nspax_y": 75},
        {"WMAP": (12, "slivers")},
    ),
    "given voxels": ({"wavemin": 1.0, "wavemax": 2.003, "scalew": 0.01, "scalexy": 0.07}, _HOLES),
    "plane of the slices": ({"coord_system": "internal_cal", "profile": "3.0.0"}, _PLANE),
    "table of wavelengths": ({"linear_wave": False}, _LAST),
}
_MIRI = {
    "channel 1": ({"channel": "1"}, _torn(240)),
    "channel 2": ({"channel": "2"}, _torn(60)),
    "emsm": ({"channel": "1", "weighting": "emsm"}, _torn(700)),
    "msm": ({"channel": "2", "weighting": "msm"}, _torn(350)),
    "along the slices": ({"channel": "1", "coord_system": "ifualign"}, _torn(1470)),
    "flags left out": ({"channel": "2", "skip_dqflagging": True}, _torn(60)),
    "both channels": ({"output_type": "multi"}, _torn(6600)),
    "both channels, emsm": ({"output_type": "multi", "weighting": "emsm"}, _torn(11800)),
}


def _case(run, name, params, known):
    known = {**_AREA, **known}
    ignored = ("WCS-TABLE",)
    return Case(
        f"{run}: cube_build {name}",
        run,
        "cube_build",
        "photom",
        alone="cube_build",
        params=params,
        known=known,
        ignored=ignored,
        rtol=1e-4,
        floor=1e-5,
    )


def cases():
    """Return the cases."""
    plain = Case(
        "ifu: cube_build", "ifu", "cube_build", "photom", "s3d", known=_AREA, ignored=("WCS-TABLE",), rtol=1e-5
    )
    nirspec = [_case("ifu", name, *more) for name, more in _NIRSPEC.items()]
    miri = [_case("mrs12-alone", name, *more) for name, more in _MIRI.items()]
    return [plain, *nirspec, *miri]
