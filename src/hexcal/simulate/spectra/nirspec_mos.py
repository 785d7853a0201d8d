"""Multi-object spectra of NIRSpec: slitlets of three shutters in one quadrant, nodded by a shutter."""

from dataclasses import dataclass, replace

import numpy as np

from hexcal.simulate.imaging_header import PROGRAM
from hexcal.simulate.spectra import nirspec_optics as optics
from hexcal.simulate.spectra.header import describe
from hexcal.simulate.spectra.light import Light, Source
from hexcal.simulate.spectra.nirspec_mos_files import (
    FRAME,
    PITCH,
    QUADRANT,
    SHUTTER,
    MosFlux,
    metadata_file,
    pitch_in_openings,
    references,
    shutter_shadow,
)  # fmt: skip
from hexcal.simulate.spectra.nirspec_slits import FixedSlits, add_star, add_surface, nodded, y_angle
from hexcal.simulate.spectra.pointing import Attitude
from hexcal.simulate.spectra.series import DEC, RA, ROLL, SCENE, Exposure, Series, association, exposure_root

REFERENCE = (378.563202, -428.402832)
"""V2, V3 of the aperture NRS_FULL_MSA, arcsec."""
NODS = (0, 1, -1)
"""Shutter of the source in each exposure, from the middle one."""
MSA_FILE = f"jw{PROGRAM:05d}001001_01_msa.fits"
_FIRST, _STEP = 4, 6
"""Shutter across the dispersion of the first slitlet, and from one slitlet to the next."""


@dataclass(frozen=True)
class Slitlet:
    """Three open shutters above each other.

    Attributes
    ----------
    number : int
    row, column : int
        Of the middle shutter, counted from 1: along the dispersion (to 365) and across it (to 171).
    """

    number: int
    row: int
    column: int

    def opening(self, nod):
        """Return what is open, seen from the shutter `nod` from the middle one: units of an open shutter."""
        x, y = (self.row - 1) * PITCH[0], (self.column + nod - 1) * PITCH[1]
        _, high = pitch_in_openings()
        low, up = (-1 - nod - 0.5) * high, (1 - nod + 0.5) * high
        return optics.Opening(str(self.number), x, y, *SHUTTER, low, up, FRAME)


class MultiObject(Series):
    """Three nods of a few slitlets: stars, one blob, one slitlet with nothing but the sky.

    Parameters
    ----------
    seed, noise, bad_pixels, whole_detector, **more
        See `Series`.
    n_slitlets : int
        At most 8.
    """

    wavelengths = FixedSlits.wavelengths
    usual_exposures = 3
    setup = replace(
        FixedSlits.setup, mode="nirspec-mos", exposure_type="NRS_MSASPEC", aperture="NRS_FULL_MSA",
        subarray=("FULL", 1, 545, 2048, 320),
    )  # fmt: skip

    def __init__(self, seed=0, noise=1.0, bad_pixels=3e-4, whole_detector=False, n_slitlets=5, **more):
        super().__init__(seed, noise, bad_pixels, whole_detector, **more)
        self.n_slitlets = n_slitlets
        if whole_detector:
            self.setup = replace(self.setup, subarray=("FULL", 1, 1, 2048, 2048))

    def slitlets(self):
        """Return the slitlets, from the first column of shutters on."""
        rows = self.stream(SCENE).integers(20, 100, self.n_slitlets)
        return [Slitlet(n + 1, int(row), _FIRST + _STEP * n) for n, row in enumerate(rows)]

    def places(self):
        """Return where the sources are in the middle shutter: dict of number to x, y in pitches from its middle."""
        rng = self.stream(SCENE, 1)
        return {n: tuple(rng.uniform(-0.25, 0.25, 2)) for n in range(1, self.n_slitlets + 1)}

    def attitude(self, nod):
        """Return where the telescope looks when the sources are `nod` shutters from the middle ones."""
        base = Attitude(*REFERENCE, RA, DEC, ROLL, y_angle(self.slitlets()[0].opening(0)), 1.00004)
        if nod == 0:
            return base
        # One shutter along the slitlets: the first source tells how far that is on the sky.
        first = self.slitlets()[0].opening(0)
        _, high = pitch_in_openings()
        ra, dec = base.to_sky(*first.to_telescope())
        return base.aimed(*first.to_telescope(0.0, nod * high), float(ra), float(dec))

    def sources(self):
        """Return the sources of the slitlets, then the sky."""
        rng, drawn = self.stream(SCENE, 2), []
        pitch, attitude, places = pitch_in_openings(), self.attitude(0), self.places()
        for slitlet in self.slitlets():
            number = slitlet.number
            kind = {3: "sky", 4: "extended"}.get(number, "point")
            light = Light(10 ** rng.uniform(-5.3, -4.6), rng.uniform(-1, 1), 2.0, _lines(rng))
            if kind == "sky":
                continue
            if kind == "extended":
                light = replace(light, level=rng.uniform(2, 8))
            x, y = (place * unit for place, unit in zip(places[number], pitch, strict=True))
            ra, dec = attitude.to_sky(*slitlet.opening(0).to_telescope(x, y))
            sigma = 0.25 if kind == "extended" else 0.0
            name = f"{kind}{number}"
            drawn.append(Source(number, name, kind, light, float(ra), float(dec), sigma, str(number)))
        sky = Light(0.25, -0.4, 2.0)
        return [*drawn, Source(99, "sky", "sky", sky)]

    def where(self, source, nod):
        """Return where a source is in an exposure: its slitlet's `Opening`, and the place in units of it."""
        opening = self.slitlets()[source.number - 1].opening(nod)
        return opening, opening.from_telescope(*self.attitude(nod).to_telescope(source.ra, source.dec))

    def flux(self):
        """Return what light becomes."""
        return MosFlux(self)

    def names(self):
        """Return the names of the nods."""
        return [exposure_root(number, "nrs1") for number in range(1, self.n_exposures + 1)]

    def nods(self):
        """Return the shutter of the sources in each exposure; what goes on after three begins again."""
        return [NODS[number % len(NODS)] for number in range(self.n_exposures)]

    def exposures(self):
        """Yield the nods."""
        for number, nod in enumerate(self.nods(), 1):
            rate = self.image(nod)
            model = self.observed(rate, number)
            attitude = self.attitude(nod)
            reference = self.attitude(0)
            offset = tuple(-value for value in reference.ideal(*reference.to_telescope(attitude.ra, attitude.dec)))
            describe(model, self.setup, attitude, number, self.n_exposures, ("FIELD", RA, DEC, "point"), offset=offset)
            exposure = Exposure(self.names()[number - 1], "rate", "science", model, rate)
            instrument, dither = model.meta.instrument, model.meta.dither
            model.meta.filename, instrument.msa_metadata_file = exposure.file, MSA_FILE
            instrument.msa_metadata_id = instrument.msa_configuration_id = 1
            instrument.msa_state, instrument.lamp_state = "CONFIGURED", "NONE"
            dither.nod_type = "3-SHUTTER-SLITLET"
            yield exposure

    def image(self, nod):
        """Return DN/s of an exposure: float64 (ny, nx)."""
        *sources, sky = self.sources()
        by_slitlet = {source.number: source for source in sources}
        image, flux = np.zeros(self.setup.shape), self.flux()
        for slitlet in self.slitlets():
            source = by_slitlet.get(slitlet.number)
            shift = nod if source is not None else 0
            flux.shutter = slitlet.row, slitlet.column + shift
            opening, shadow = slitlet.opening(shift), shutter_shadow(-1 - shift, 1 - shift)
            add_surface(image, self.setup, flux, opening, QUADRANT, sky.light, shadow)
            if source is None:
                continue
            _, place = self.where(source, nod)
            if source.kind == "point":
                add_star(image, self.setup, flux, opening, QUADRANT, source.light, place)
            else:
                add_surface(
                    image, self.setup, flux, opening, QUADRANT, source.light,
                    lambda along, o=opening, y=place[1], s=source.sigma, shadow=shadow: (
                        shadow(along) * np.exp(-0.5 * ((along - y) * o.arcsec / s) ** 2)
                    ),
                )  # fmt: skip
        return image

    def references(self):
        """Return the references by type."""
        return references(self)

    def shutter_rows(self):
        """Return the rows of the table of shutters in the MSA metadata file, and of its table of sources."""
        *sources, _ = self.sources()
        by_slitlet, pitch = {source.number: source for source in sources}, pitch_in_openings()
        rows = []
        for dither, nod in enumerate(self.nods(), 1):
            for slitlet in self.slitlets():
                source = by_slitlet.get(slitlet.number)
                for above in (-1, 0, 1):
                    place = (np.nan, np.nan)
                    is_primary = source is not None and above == nod
                    if is_primary:
                        _, (x, y) = self.where(source, nod)
                        place = x / pitch[0] + 0.5, y / pitch[1] + 0.5
                    rows.append(
                        (slitlet.number, 1, QUADRANT, slitlet.row, slitlet.column + above,
                         slitlet.number if source is not None else 0, "N" if is_primary else "Y", "OPEN", *place,
                         dither, "Y" if is_primary else "N", "NONE")
                    )  # fmt: skip
        catalogue = [
            (PROGRAM, s.number, f"{PROGRAM}_{s.number}", str(s.number), str(s.number), s.ra, s.dec, "None",
             1.0 if s.kind == "point" else 0.0)
            for s in sources
        ]  # fmt: skip
        return rows, catalogue

    def extra_names(self):
        """Return the name of the MSA metadata file."""
        return [MSA_FILE]

    def write_extra(self, folder):
        """Write the MSA metadata file into a folder."""
        metadata_file(folder / MSA_FILE, *self.shutter_rows())

    def associations(self):
        """Return those of each nod with the others as background, of each alone, and of stage 3."""
        names = self.names()
        by_name = nodded(names, "Asn_Lv2NRSMSA")
        for name in names:
            members = [(f"{name}_rate.fits", "science")]
            by_name[f"asn_alone_spec2_{name}.json"] = association("spec2", "Asn_Lv2Spec", name, members)
        members = [(f"{name}_cal.fits", "science") for name in names]
        product = f"jw{PROGRAM:05d}-o001_{{source_id}}_nirspec_clear-prism"
        return by_name | {"asn_spec3.json": association("spec3", "Asn_Lv3NRSMOS", product, members)}


def _lines(rng):
    centres = np.sort(rng.uniform(1.2, 4.8, 2))
    return tuple((float(centre), 0.05, float(rng.uniform(1, 4))) for centre in centres)
