"""The files of a series of simulated images."""

import numpy as np

from hexcal.models import association_file
from hexcal.observatories.jwst.products import exposure_name
from hexcal.simulate import imaging_header
from hexcal.simulate.imaging_field import CATALOGUE, DEC, GRADIENT, RA
from hexcal.simulate.output import make_folder, planned
from hexcal.simulate.reference_files import save_references

_ERROR = 1.0
"""Of the positions in the astrometric catalogue, mas."""


def write(series, folder, overwrite=False):
    """Write a series into a folder, one exposure after the other (see `hexcal.simulate.imaging.Imaging.save`)."""
    return _Writing(series, folder, overwrite).write()


class _Writing:
    """Writes a series into a folder, one exposure after the other."""

    def __init__(self, series, folder, overwrite):
        self.series, self.folder, self.overwrite = series, folder, overwrite
        self.suffix = "uncal" if series.mode is not None else "rate"
        self.roots = [self._root(1, number + 1) for number in range(series.n_exposures)]
        self.blank_roots = [self._root(2, number + 1) for number in range(series.n_backgrounds)]

    def _root(self, observation, number):
        name = exposure_name(imaging_header.PROGRAM, observation, 1, number, self.series.setup.detector, self.suffix)
        return name.removesuffix(f"_{self.suffix}")

    def write(self):
        roots = [*self.roots, *self.blank_roots]
        stage2 = [f"asn_image2_{root}.json" for root in self.roots]
        exposures = [f"{root}_{self.suffix}.fits" for root in roots]
        planned(self.folder, [*exposures, *stage2, "asn_image3.json", "refcat.ecsv"], self.overwrite)
        planned(self.folder / "truth", ["sources.ecsv", *(f"{root}_truth.fits" for root in roots)], self.overwrite)
        references = self.series.references()
        make_folder(self.folder / "truth")
        save_references(references, self.folder / "references", self.overwrite)
        self._catalogues(self.series.sources())
        for root, exposure in zip(roots, self.series.exposures(), strict=True):
            if exposure.references:
                save_references(exposure.references, self.folder / "references", self.overwrite)
            exposure.model.save(self.folder / f"{root}_{self.suffix}.fits")
            self._truth(root, exposure)
        self._associations()
        at = self.folder
        return {
            "exposures": [str(at / f"{root}_{self.suffix}.fits") for root in self.roots],
            "backgrounds": [str(at / f"{root}_{self.suffix}.fits") for root in self.blank_roots],
            "references": str(at / "references"),
            "associations": [str(at / name) for name in stage2],
            "image3": str(at / "asn_image3.json"),
            "catalogue": str(at / "refcat.ecsv"),
            "truth": str(at / "truth"),
        }

    def _catalogues(self, sources):
        """Write the truth of the sky, and the brighter stars with errors for alignment."""
        from astropy.table import Table

        rng = self.series.stream(CATALOGUE)
        stars = sources[(sources["type"] == "star") & (sources["flux_jy"] > np.quantile(sources["flux_jy"], 0.4))]
        error = rng.normal(0, _ERROR / 3.6e6, (2, len(stars)))
        positions = {
            "RA": stars["ra"] + error[0] / np.cos(np.radians(DEC)),
            "DEC": stars["dec"] + error[1],
            "weight": np.ones(len(stars)),
        }
        for table, name in ((Table(sources), "truth/sources.ecsv"), (Table(positions), "refcat.ecsv")):
            _write_ecsv(table, self.folder / name)

    def _truth(self, root, exposure):
        from astropy.io import fits

        from hexcal.files.atomic import atomic

        claimed, true = exposure.claimed, exposure.true
        header = fits.Header(
            {
                "SKY": exposure.sky,
                "DRA": (true.ra - claimed.ra) * 3600 * np.cos(np.radians(claimed.dec)),
                "DDEC": (true.dec - claimed.dec) * 3600,
                "DROLL": (true.roll - claimed.roll) * 3600,
                "GRADRA": GRADIENT[0] * self.series.setup.sky,
                "GRADDEC": GRADIENT[1] * self.series.setup.sky,
                "RA0": RA,
                "DEC0": DEC,
            }
        )
        planes = {
            "CRS": exposure.hits,
            "BAD": exposure.bad.astype(np.uint8),
            "SB": exposure.brightness.astype(np.float32),
        }
        images = [fits.ImageHDU(plane, name=name) for name, plane in planes.items()]
        with atomic(self.folder / "truth" / f"{root}_truth.fits") as stream:
            fits.HDUList([fits.PrimaryHDU(header=header), *images]).writeto(stream)

    def _associations(self):
        backgrounds = [{"expname": f"{root}_rate.fits", "exptype": "background"} for root in self.blank_roots]
        for root in self.roots:
            members = [{"expname": f"{root}_rate.fits", "exptype": "science"}, *backgrounds]
            self._association(f"asn_image2_{root}.json", "image2", root, members)
        setup = self.series.setup
        product = f"jw{imaging_header.PROGRAM:05d}-o001_t001_{setup.instrument.lower()}_{setup.band}"
        members = [{"expname": f"{root}_cal.fits", "exptype": "science"} for root in self.roots]
        self._association("asn_image3.json", "image3", product, members)

    def _association(self, name, kind, product, members):
        association = {
            "asn_type": kind,
            "asn_rule": "candidate_Asn_Lv2Image" if kind == "image2" else "candidate_Asn_Lv3Image",
            "version_id": None,
            "code_version": "1.0",
            "degraded_status": "No known degraded exposures in association.",
            "program": f"{imaging_header.PROGRAM:05d}",
            "constraints": "none",
            "asn_id": "o001",
            "asn_pool": "none",
            "target": "1",
            "products": [{"name": product, "members": members}],
        }
        association_file.write_association(self.folder / name, association)


def _write_ecsv(table, path):
    import io

    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    association_file.write_text(path, text.getvalue())
