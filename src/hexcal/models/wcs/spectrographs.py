"""Transforms that only spectrographs of JWST have, as descriptions."""

from typing import NamedTuple

from hexcal.models.wcs.transforms import Transform
from hexcal.models.wcs.turns import RotationSequence3D

_XYZ = ("x", "y", "z")
_BY_NAME = -9999
"""Number of a slit that is known by its name."""


class Slit(NamedTuple):
    """What a stored WCS keeps of a slit of NIRSpec, in the order of the file."""

    name: str = ""
    shutter_id: int = 0
    dither_position: int = 0
    xcen: float = 0.0
    ycen: float = 0.0
    ymin: float = 0.0
    ymax: float = 0.0
    quadrant: int = 0
    source_id: int = 0
    shutter_state: str = ""
    source_name: str = ""
    source_alias: str = ""
    stellarity: float = 0.0
    source_xpos: float = 0.0
    source_ypos: float = 0.0
    source_ra: float = 0.0
    source_dec: float = 0.0
    slit_xscale: float = 1.0
    slit_yscale: float = 1.0
    slit_id: int = _BY_NAME


class Unitless2DirCos(Transform):
    """From two numbers to a unit vector."""

    tag, fixed = "jwst_pipeline/coords-1.2.0", {"model_type": "unitless2directional"}
    inputs, outputs = ("x", "y"), _XYZ

    def _opposite(self):
        return DirCos2Unitless()


class DirCos2Unitless(Transform):
    """From a vector to its x/z and y/z."""

    tag, fixed = "jwst_pipeline/coords-1.2.0", {"model_type": "directional2unitless"}
    inputs, outputs = _XYZ, ("x", "y")

    def _opposite(self):
        return Unitless2DirCos()


class Rotation3DToGWA(RotationSequence3D):
    """To the front surface of the disperser: turns about axes, angles in degrees."""

    tag, fixed = "jwst_pipeline/rotation_sequence-1.2.0", {}


class RefractionIndexFromPrism(Transform):
    """Refractive index from directions before and behind a prism."""

    tag, parameters = "jwst_pipeline/refraction_index_from_prism-1.2.0", (("prism_angle", "number"),)
    inputs, outputs = ("alpha_in", "beta_in", "alpha_out"), ("n",)

    def __init__(self, prism_angle, name=None):
        super().__init__(name)
        self.prism_angle = float(prism_angle)


class Snell(Transform):
    """Direction behind a prism, from wavelength (metres) and direction before it.

    Parameters
    ----------
    prism_angle : float
        Degrees.
    kcoef, lcoef, tcoef : list of float
        Sellmeier coefficients K and L of the glass, and those of its change with temperature.
    ref_temp, ref_pressure : float
        Temperature (K) and pressure (ATM) that they hold for.
    temp, pressure : float
        Of the glass.
    """

    tag = "jwst_pipeline/snell-1.2.0"
    parameters = (
        *(("prism_angle", "number"), ("kcoef", "numbers"), ("lcoef", "numbers"), ("tcoef", "numbers")),
        *((name, "number") for name in ("ref_temp", "ref_pressure", "temp", "pressure")),
    )
    inputs, outputs = ("lam", "alpha_in", "beta_in", "zin"), ("alpha_out", "beta_out", "zout")

    def __init__(self, prism_angle, kcoef, lcoef, tcoef, ref_temp, ref_pressure, temp, pressure, name=None):
        super().__init__(name)
        self.prism_angle = float(prism_angle)
        self.kcoef, self.lcoef, self.tcoef = (tuple(map(float, values)) for values in (kcoef, lcoef, tcoef))
        self.ref_temp, self.ref_pressure = float(ref_temp), float(ref_pressure)
        self.temp, self.pressure = float(temp), float(pressure)

    tref = property(lambda self: self.ref_temp)


class WavelengthFromGratingEquation(Transform):
    """Wavelength (metres) from directions before and behind a grating."""

    tag, parameters = "jwst_pipeline/grating_equation-1.2.0", (("groove_density", "number"), ("order", "plain"))
    fixed = {"output": "wavelength"}
    inputs, outputs = ("alpha_in", "beta_in", "alpha_out"), ("lam",)

    def __init__(self, groove_density, order, name=None):
        super().__init__(name)
        self.groove_density, self.order = float(groove_density), order


class AngleFromGratingEquation(WavelengthFromGratingEquation):
    """Direction behind a grating, from wavelength (metres) and direction before it."""

    fixed = {"output": "angle"}
    inputs, outputs = ("lam", "alpha_in", "beta_in", "z"), ("alpha_out", "beta_out", "zout")


class Logical(Transform):
    """Another value where a condition holds: ``GT``, ``LT``, ``EQ`` or ``NE`` a number."""

    tag = "jwst_pipeline/logical-1.2.0"
    parameters = (("condition", "text"), ("compareto", "number"), ("value", "number"))
    inputs = outputs = ("x",)

    def __init__(self, condition, compareto, value, name=None):
        super().__init__(name)
        self.condition, self.compareto, self.value = condition, float(compareto), float(value)


class _OfSlits(Transform):
    """One transform for each slit; the first coordinate is the number of the slit."""

    parameters = (("slits", "plain"), ("models", "models"))

    def __init__(self, slits, models, name=None):
        super().__init__(name)
        self.slits = [Slit(*slit) if isinstance(slit, list | tuple) else slit for slit in slits]
        self.models = list(models)
        self.slit_ids = [_number(slit) for slit in self.slits]

    def get_model(self, number):
        """Return the transform of one slit."""
        return self.models[self.slit_ids.index(number)]


def _number(slit):
    if not isinstance(slit, Slit):
        return slit
    return slit.name if slit.slit_id == _BY_NAME else slit.slit_id


class Gwa2Slit(_OfSlits):
    """From the unit vector at the disperser to a slit."""

    tag = "jwst_pipeline/gwa_to_slit-1.2.0"
    inputs, outputs = ("name", "angle1", "angle2", "angle3"), ("name", "x_slit", "y_slit", "lam")

    def _opposite(self):
        return Slit2Gwa(self.slits, [model.inverse for model in self.models])


class Slit2Gwa(_OfSlits):
    """From a slit to the unit vector at the disperser."""

    tag = "jwst_pipeline/slit_to_gwa-1.0.0"
    inputs, outputs = ("name", "x_slit", "y_slit", "lam"), ("name", "angle1", "angle2", "angle3")

    def _opposite(self):
        return Gwa2Slit(self.slits, [model.inverse for model in self.models])


class Slit2Msa(_OfSlits):
    """From a slit to the plane of the micro-shutters."""

    tag = "jwst_pipeline/slit_to_msa-1.2.0"
    inputs, outputs = ("name", "x_slit", "y_slit"), ("x_msa", "y_msa", "name")

    def _opposite(self):
        return Msa2Slit(self.slits, [model.inverse for model in self.models])


class Msa2Slit(_OfSlits):
    """From the plane of the micro-shutters to a slit."""

    tag = "jwst_pipeline/msa_to_slit-1.0.0"
    inputs, outputs = ("x_msa", "y_msa", "name"), ("name", "x_slit", "y_slit")

    def _opposite(self):
        return Slit2Msa(self.slits, [model.inverse for model in self.models])
