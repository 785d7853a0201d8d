"""The optical chain of NIRSpec, from the detector to the sky.

The parts are those of the reference files: detector array (FPA), camera, disperser on the grating wheel (GWA),
collimator, micro-shutters and slits (MSA), fore-optics (FORE) and telescope (OTE); for the integral-field unit also the
relay of each slice (IFUPOST), slicer (IFUSLICER) and fore-optics (IFUFORE). The slit is seen from the detector only
through the disperser: the forward transform puts the pixel on the axis of the slit (slit_x = 0), finds slit_y from the
angle across the dispersion, and the wavelength from that along it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hexcal.errors import InputError, ReferenceError_
from hexcal.models.wcs import models as make
from hexcal.steps.wcs.evaluate import evaluate_points
from hexcal.steps.wcs.program_spectral import SAME_GLASS
from hexcal.steps.wcs.reference_transforms import content_of, transform_in

DETECTOR_SIZE = 2048
"""Pixels along each side of one detector."""
TABLE_POINTS = 1000
"""Points of the table from the angle across the dispersion to slit_y."""
MICRON = 1e6
"""Microns of a metre."""


@dataclass
class Disperser:
    """What the grating wheel does to light.

    Parameters
    ----------
    rotation : Model
        From the frame of the collimated beam to that of the disperser's front surface, unit vectors.
    wavelength : Model
        From direction cosines (alpha_in, beta_in, alpha_out) to wavelength, metres, at the observatory.
    dispersed : Model
        From wavelength and the incoming unit vector to the outgoing one.
    """

    rotation: Any
    wavelength: Any
    dispersed: Any


def detector_to_sca(model):
    """Return the transform from pixels of the exposure to those of the detector as it is read.

    The second detector is mounted upside down.
    """
    subarray = model.meta.subarray
    offset = make.Shift(float((subarray.xstart or 1) - 1)) & make.Shift(float((subarray.ystart or 1) - 1))
    if model.meta.instrument.detector == "NRS2":
        last = DETECTOR_SIZE - 1.0
        offset = offset | make.Shift(-last) & make.Shift(-last) | make.Scale(-1.0) & make.Scale(-1.0)
    else:
        offset = offset | make.Identity(2)
    offset.name = "dms2sca"
    return offset


def detector_to_gwa(model, references, disperser):
    """Return the transform from pixels of the detector to the unit vector at the disperser."""
    if not model.meta.instrument.detector:
        raise InputError(
            "where light goes depends on the detector, the header names none (DETECTOR)",
            where=str(model.path or "DETECTOR"),
            hint="set DETECTOR in the primary header",
        )
    name = f"{str(model.meta.instrument.detector).lower()}_model"
    fpa = content_of(references.fpa, name, "fpa")
    if fpa is None:
        raise ReferenceError_(
            f"the geometry of detector {model.meta.instrument.detector} is needed ({name}); the file does not have it",
            where=str(references.fpa.path or "FPA"),
        )
    chain = fpa | transform_in(references.camera, "model", "camera") | _to_vector()
    return chain | disperser.rotation


def _to_vector():
    return make.Unitless2DirCos(name="unitless2directional_cosines")


def disperser_of(model, reference, order, log):
    """Return the disperser of an exposure (Disperser).

    Parameters
    ----------
    model : DataModel
        The exposure: readings of the grating wheel GWA_XTIL, GWA_YTIL; its temperature GWA_TILT (prism).
    reference : TreeModel
        DISPERSER.
    order : int
        Spectral order.
    log : logging.Logger
        Of the step.

    Raises
    ------
    InputError
        If a reading is missing.
    ReferenceError_
        If the file is not of the disperser of the exposure.

    Notes
    -----
    Dorner et al. 2016, A&A 592, A113 (parametric model of NIRSpec; gratings, prism); correction of the angles by the
    tilt sensors: De Marchi et al. 2012, Proc. SPIE 8442, 84423F.
    """
    grating = str(model.meta.instrument.grating)
    named = reference.get_meta("meta.instrument.grating")
    if named not in (None, "N/A", grating):
        raise ReferenceError_(
            f"a DISPERSER file of {grating} is needed, this one is of {named}",
            where=str(reference.path or "DISPERSER"),
            hint="give another one with override_disperser",
        )
    tree = reference.described()
    theta_x, theta_y = _corrected_angles(model, reference, log)
    angles = [theta_x, theta_y, float(tree["theta_z"]), float(tree["tilt_y"])]
    rotation = make.Rotation3DToGWA(angles, axes_order="xyzy", name="rotation")
    if grating == "PRISM":
        return Disperser(rotation, *_prism(model, tree))
    if grating == "MIRROR":
        return Disperser(rotation, None, None)
    density = float(tree["groovedensity"])
    return Disperser(
        rotation,
        make.WavelengthFromGratingEquation(density, order, name="lambda_from_gratingeq"),
        make.AngleFromGratingEquation(density, order, name="alpha_from_greq"),
    )


def _corrected_angles(model, reference, log):
    """Angles of the disperser, degrees, corrected by the readings of the tilt sensors."""
    readings = {"GWA_XTIL": model.meta.instrument.gwa_xtilt, "GWA_YTIL": model.meta.instrument.gwa_ytilt}
    missing = [keyword for keyword, value in readings.items() if value is None]
    if missing:
        raise InputError(
            f"the readings of the grating wheel are needed to know where light goes: {', '.join(missing)} not in the "
            "primary header",
            where=str(model.path or "model in memory"),
            hint="they are in raw exposures; an exposure without them cannot be calibrated as a spectrum",
        )
    log.info("Grating wheel: GWA_XTIL %g, GWA_YTIL %g", *readings.values())
    tilts = [content_of(reference, name, "disperser") for name in ("gwa_tiltx", "gwa_tilty")]
    tree, (change_y, change_x) = reference.described(), map(_tilt, tilts, readings.values())
    log.info("Correction of the disperser's angles: theta_x %.4g, theta_y %.4g degrees", change_x, change_y)
    return float(tree["theta_x"]) + change_x, float(tree["theta_y"]) + change_y


def _tilt(relation, reading):
    """Half the difference of the sensor's angle from that at its zero reading, degrees: the mirror doubles it."""
    (angles,) = evaluate_points(relation["tilt_model"], [reading, relation["zeroreadings"][0]])
    return float(0.5 * (angles[0] - angles[1]) / 3600.0)


def _prism(model, tree):
    """Transforms of the prism: to wavelength, through its refractive index, and from it."""
    temperature = model.meta.instrument.gwa_tilt
    if temperature is None:
        raise InputError(
            "the temperature of the grating wheel is needed for the prism's glass: GWA_TILT is not in the primary "
            "header",
            where=str(model.path or "model in memory"),
        )
    glass = {name: tree[name] for name in ("kcoef", "lcoef", "tcoef")}
    pressure = tree["pref"]
    glass |= {"ref_temp": tree["tref"], "ref_pressure": pressure, "temp": temperature, "pressure": pressure}
    snell = make.Snell(tree["angle"], **glass, name="snell_law")
    # Micron: where the glass is transparent, and beyond.
    wavelengths = (0.3 + 0.005 * np.arange(1542)) * 1e-6
    index = _refractive_index(snell, wavelengths)
    to_wavelength = make.Tabular1D(index[::-1], wavelengths[::-1], bounds_error=False, fill_value=np.nan)
    return make.RefractionIndexFromPrism(tree["angle"], name="n_prism") | to_wavelength, snell


def _refractive_index(snell, wavelengths):
    """Refractive index of a prism's glass at wavelengths, metres."""
    if snell.temp - snell.ref_temp < SAME_GLASS:
        squares = (wavelengths * MICRON) ** 2
        terms = [k * squares / (squares - length) for k, length in zip(snell.kcoef, snell.lcoef, strict=True)]
        return np.sqrt(1.0 + terms[0] + terms[1] + terms[2])
    from stdatamodels.jwst.transforms.models import Snell

    glass = (snell.ref_temp, snell.ref_pressure, snell.pressure, snell.kcoef, snell.lcoef, snell.tcoef)
    return np.ravel(Snell.compute_refraction_index(wavelengths, snell.temp, *map(_listed, glass)))


def _listed(value):
    return list(value) if isinstance(value, tuple) else value


@dataclass
class SlitGeometry:
    """One slit or slice, as the optics sees it.

    Parameters
    ----------
    slit : Slit or int
        What the stored WCS keeps of it: all that is known of a slit; the number of a slice.
    key : int
        Its number in the WCS.
    label : str
        Its name.
    edges : (float, float)
        Lower and upper edge, slit_y.
    axis_to_gwa : Model
        From slit_x, slit_y to the unit vector at the disperser, as the forward transform takes it.
    slit_to_gwa : Model or None
        From slit_x, slit_y, wavelength to that vector, where the way depends on wavelength.
    to_plane : Model
        From slit_x, slit_y to the plane of the micro-shutters, or of the slicer, metres.
    """

    slit: Any
    key: int
    label: str
    edges: tuple
    axis_to_gwa: Any
    slit_to_gwa: Any
    to_plane: Any


def aperture(centre, size):
    """Return the transform from a slit (units of its size, 0 at its centre) to its place, metres."""
    scale: Any = make.Scale(float(size[0])) & make.Scale(float(size[1]))
    return scale | make.Shift(float(centre[0])) & make.Shift(float(centre[1]))


def msa_to_gwa(collimator, disperser):
    """Return the transform from the plane of the shutters to the unit vector at the disperser: shared by all slits."""
    return collimator.inverse | _to_vector() | disperser.rotation


def slice_relay(reference):
    """Return the transform of one slice from the slicer to the plane of the slits: x, y, wavelength to x, y.

    Parameters
    ----------
    reference : dict
        Of one slice in an IFUPOST file: ``linear``, and the polynomials of its distortion and of the change of that
        with wavelength.
    """
    place, wavelength = make.Mapping((0, 1), n_inputs=3), make.Mapping((2,), n_inputs=3) | make.Identity(1)

    def distorted(axis):
        steady, chromatic = reference[f"{axis}poly"], reference[f"{axis}poly_distortion"]
        return (place | steady) + ((place | chromatic) * wavelength)

    spread = make.Mapping((0, 1, 2, 0, 1, 2), name="ifupost_inmap")
    spread.inverse = make.Identity(2)
    back = make.Identity(2, name="ifupost_outmap")
    back.inverse = make.Mapping((0, 1, 2, 0, 1, 2))
    return reference["linear"] & make.Identity(1) | spread | distorted("x") & distorted("y") | back


class SlitChain:
    """What all slits of an exposure share of the transform from the disperser to the slit.

    Its parts are the same objects in the transforms of all slits, so that a file holds them once.

    Parameters
    ----------
    disperser : Disperser
        Of the exposure.
    to_barycentre : Model
        From wavelengths at the observatory to barycentric ones, with its inverse.
    unit : float
        Of wavelengths in the slit: what a metre is there.
    """

    def __init__(self, disperser, to_barycentre, unit=1.0):
        self.unit = unit
        wavelength = disperser.wavelength | to_barycentre
        if unit != 1.0:
            wavelength = wavelength | make.Scale(unit)
        # The reflection turns the sign of the angle across the dispersion; slit_x is 0.
        mirrored = make.Const1D(0) * make.Identity(1) & make.Const1D(-1) * make.Identity(1) & make.Identity(2)
        self.before_table = make.Mapping((0, 1, 0, 1), n_inputs=3) | mirrored
        self.after_table = make.Mapping((0, 1, 0, 1, 2, 3))
        self.to_wavelength = make.Mapping((0, 1, 2, 3, 5), n_inputs=7) | make.Identity(2) & wavelength
        self.from_slit = make.Mapping((3, 0, 1, 2))
        self.from_slit = self.from_slit | to_barycentre.inverse & make.Identity(3) | disperser.dispersed
        self._cuts = {}

    def of_slit(self, axis_to_gwa, edges, slit_to_gwa=None):
        """Return the transform from the unit vector of a pixel at the disperser to slit_x, slit_y and wavelength.

        Parameters
        ----------
        axis_to_gwa : Model
            From slit_x, slit_y to the unit vector at the disperser.
        edges : (float, float)
            Lower and upper edge of the slit, slit_y; NaN outside.
        slit_to_gwa : Model, optional
            Where the way depends on wavelength: from slit_x, slit_y, wavelength to that vector, for the inverse.

        Returns
        -------
        Model
            With its inverse.
        """
        angles, slit_y = cross_dispersion_table(axis_to_gwa, edges)
        table = make.Tabular1D(angles, slit_y, bounds_error=False, fill_value=np.nan, name="tabular")
        forward: Any = (
            self.before_table
            | make.Identity(1) & table & make.Identity(2)
            | self.after_table
            | make.Identity(2) & axis_to_gwa & make.Identity(2)
            | self.to_wavelength
            | self._inside(edges)
        )
        if slit_to_gwa is None:
            backward = axis_to_gwa & make.Identity(1)
        else:
            backward = make.Mapping((0, 1, 2, 2)) | slit_to_gwa & make.Identity(1)
        in_metres = make.Identity(2) & make.Scale(1 / self.unit)
        forward.inverse = backward | self.from_slit if self.unit == 1.0 else in_metres | backward | self.from_slit
        return forward

    def _inside(self, edges):
        """NaN in slit_y and wavelength where slit_y is outside the slit."""
        if edges not in self._cuts:
            self._cuts[edges] = _cut(edges)
        return self._cuts[edges]


def _cut(edges):
    outside = make.Logical("GT", edges[1], np.nan) | make.Logical("LT", edges[0], np.nan) | make.Scale(0.0)
    blanked = make.Mapping((0,), n_inputs=2) + make.Mapping((1,), n_inputs=2)
    cut = (
        make.Mapping((0, 1, 2, 1))
        | make.Identity(3) & outside
        | make.Mapping((0, 1, 3, 2, 3))
        | make.Identity(1) & blanked & blanked
    )
    cut.inverse = make.Identity(3)
    return cut


def cross_dispersion_table(axis_to_gwa, edges):
    """Return angles at the disperser, across the dispersion, along the axis of a slit, ascending; and slit_y there."""
    slit_y = np.linspace(edges[0], edges[1], TABLE_POINTS)
    angles = evaluate_points(axis_to_gwa, np.zeros(TABLE_POINTS), slit_y)[1]
    return (angles, slit_y) if angles[-1] > angles[0] else (angles[::-1], slit_y[::-1])


def with_wavelength(optics, name=None) -> Any:
    """Return chromatic optics as a transform of x, y and wavelength, which goes along both ways.

    Parameters
    ----------
    optics : Model
        From x, y, wavelength to x, y; its inverse takes the wavelength too.
    name : str, optional
        Of the mapping that hands the wavelength on.
    """
    result = make.Mapping((0, 1, 2, 2), name=name) | optics & make.Identity(1)
    result.inverse = make.Mapping((0, 1, 2, 2)) | optics.inverse & make.Identity(1)
    return result


def oteip_to_v2v3(ote) -> Any:
    """Return the transform from the focal plane of the telescope to V2V3, arcsec; metres become micron."""
    return make.Identity(3, name="fore2ote_mapping") | ote & make.Scale(MICRON)
