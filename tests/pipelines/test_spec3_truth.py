"""calwebb_spec3 of every mode on simulated dithers of known sources; of slits with cosmic rays."""

import warnings

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from spectra import made, ratio

from hexcal import datamodels
from hexcal.models.dqflags import pixel
from hexcal.pipeline import Spec2Pipeline, Spec3Pipeline

HITS = 2e-3
# Mode: exposures, limits (micron) of what is compared, largest error of the continuum.
MODES = {
    "nirspec-fs": (3, (1.0, 4.5), 0.01),
    "nirspec-mos": (3, (1.0, 4.5), 0.02),
    "nirspec-ifu": (2, (1.0, 4.5), 0.02),
    "miri-lrs": (4, (6.0, 11.0), 0.01),
    "miri-mrs": (2, (5.0, 8.6), 0.03),
}
# Of hits beside sources. Each place of the sky is seen by two of the nods of LRS only, and what one sees is not judged.
LEAST_FOUND = {"nirspec-fs": 0.93, "nirspec-mos": 0.7, "miri-lrs": 0.5}
CUBES = ("nirspec-ifu", "miri-mrs")
RECTIFIED_LATER = {name: {"skip": True} for name in ("cube_build", "resample_spec", "extract_1d")}
ROOTS = {
    "nirspec-fs": [f"jw00042-o001_s{n:05d}_nirspec_clear-prism-s200a1-allslits" for n in (1, 12, 13, 14)],
    "nirspec-mos": [f"jw00042-o001_s{n:05d}_nirspec_clear-prism" for n in range(1, 6)],
    "nirspec-ifu": ["jw00042-o001_t001_nirspec_prism-clear"],
    "miri-lrs": ["jw00042-o001_t001_miri_p750l"],
    "miri-mrs": [f"jw00042-o001_t001_miri_ch{n}-short" for n in (1, 2)],
}


class Combined:
    """The products of stage 3 of a mode, and what is true."""

    def __init__(self, folder, mode):
        self.mode, self.out, self.n_exposures = mode, folder / "out", MODES[mode][0]
        # The outliers of integral-field units are bad pixels of all exposures, no cosmic rays.
        hits = 0.0 if mode in CUBES else HITS
        self.made = made(folder, mode, n_exposures=self.n_exposures, hits=hits)
        self.hits = Table.read(folder / "truth" / "hits.ecsv") if hits else None
        options = {"references": str(self.made.references), "save_results": True}
        paths = [path for path in self.made.associations if "alone" not in path.name]
        for path in paths:
            # The first exposure of an integral-field unit is made into a cube of its own, too.
            cube = {"cube_build": {"skip": mode not in CUBES or path != paths[0]}}
            steps = {**RECTIFIED_LATER, **cube}
            Spec2Pipeline.call(str(path), output_dir=str(folder), steps=steps, **options)
        self.calibrated = f"{self.made.series.names()[0]}_cal.fits"
        asn = str(folder / "asn_spec3.json")
        Spec3Pipeline.call(asn, output_dir=str(self.out), profile="recommended", **options)

    def names(self, suffix):
        return sorted(path.name for path in self.out.glob(f"*_{suffix}.fits"))

    def spectra(self):
        """Yield the spectra of point sources, and the light of these."""
        sources = {source.number: source for source in self.made.series.sources() if source.kind == "point"}
        for name in self.names("x1d"):
            number = int(name.partition("_s")[2][:5]) if "_s0" in name else 1
            if number in sources:
                for part in datamodels.open(self.out / name).parts():
                    yield part.spec_table, sources[number].light

    def flagged(self):
        """Yield the name of an exposure, a part of it with its flags, and where that begins in the window (y, x)."""
        for name in self.names("crf"):
            model = datamodels.open(self.out / name)
            if not hasattr(model, "exposures"):
                yield name.removesuffix("_o001_crf.fits"), model, (0, 0)
                continue
            for part in model.exposures:
                yield part.meta.filename.removesuffix("_cal.fits"), part, (part.ystart - 1, part.xstart - 1)


@pytest.fixture(scope="module", params=list(MODES))
def combined(request, tmp_path_factory):
    return Combined(tmp_path_factory.mktemp(request.param), request.param)


def test_spectra_are_those_of_the_sources(combined):
    _, limits, most = MODES[combined.mode]
    found = [ratio(table, light, limits)[0] for table, light in combined.spectra()]
    assert len(found) == {"nirspec-mos": 3, "miri-mrs": 2}.get(combined.mode, 1)
    for part in found:
        assert part.size > 30
        assert abs(np.median(part) - 1) < most
        # What a single hit leaves would stand out.
        assert np.percentile(np.abs(part / np.median(part) - 1), 90) < 4 * most


def test_cosmic_rays_beside_the_sources_are_found(combined):
    if combined.mode in CUBES:
        pytest.skip("outlier_detection of integral-field units looks for bad pixels of all exposures")
    found, n_hits = 0, 0
    for exposure, part, (bottom, left) in combined.flagged():
        own = combined.hits[(combined.hits["exposure"] == exposure) & (combined.hits["sigma"] > 20)]
        y, x = np.asarray(own["y"]) - bottom, np.asarray(own["x"]) - left
        inside = (y >= 0) & (y < part.shape[0]) & (x >= 0) & (x < part.shape[1])
        y, x, sigma = y[inside], x[inside], np.asarray(own["sigma"])[inside]
        # In the window of a source, and of its negative images, it depends on the source.
        faint = np.abs(part.data[y, x] / part.err[y, x] - sigma) < 5
        found += np.count_nonzero(part.dq[y, x][faint] & pixel.OUTLIER)
        n_hits += np.count_nonzero(faint)
    assert n_hits > 10 and found > LEAST_FOUND[combined.mode] * n_hits, (found, n_hits)


@pytest.mark.req("CUBE-11", "CUBE-22")
def test_products(combined):
    roots = ROOTS[combined.mode]
    suffix, kind = ("s3d", "IFUCubeModel") if combined.mode in CUBES else ("s2d", "SlitModel")
    assert combined.names(suffix) == [f"{root}_{suffix}.fits" for root in roots]
    assert combined.names("x1d") == [f"{root}_x1d.fits" for root in roots]
    for root in roots:
        with fits.open(combined.out / f"{root}_{suffix}.fits") as hdus:
            assert hdus[0].header["DATAMODL"] == kind
            assert len(hdus["HDRTAB"].data) == combined.n_exposures
            if kind == "IFUCubeModel":
                _check_place_of_the_star(hdus)
        assert fits.getheader(combined.out / f"{root}_x1d.fits")["DATAMODL"] in ("MultiSpecModel", "MRSMultiSpecModel")
    if combined.mode in ("nirspec-fs", "nirspec-mos"):
        assert combined.names("crf") == [f"{root}_crf.fits" for root in roots]
    else:
        assert len(combined.names("crf")) == combined.n_exposures


@pytest.mark.req("CUBE-10")
def test_stage_2_makes_one_cube_of_all_that_is_in_an_exposure(combined):
    if combined.mode not in CUBES:
        pytest.skip("no integral-field unit")
    (path,) = combined.made.folder.glob("*_s3d.fits")
    with fits.open(path) as hdus:
        header = hdus["SCI"].header
        if combined.mode == "miri-mrs":
            assert hdus[0].header["CHANNEL"] == "12" and header["CTYPE3"] == "WAVE-TAB"
            waves = np.ravel(hdus["WCS-TABLE"].data["wavelength"])
            assert waves[0] < 5.1 and waves[-1] > 8.5
        else:
            assert hdus[0].header["GRATING"] == "PRISM" and header["CTYPE3"] == "WAVE"


@pytest.mark.req("CUBE-04")
def test_cubes_have_surface_brightness_and_spectra_the_flux_of_the_star(combined):
    if combined.mode != "nirspec-ifu":
        pytest.skip("of NIRSpec only")
    assert fits.getheader(combined.made.folder / combined.calibrated, "SCI")["BUNIT"] == "MJy/sr"
    (root,) = ROOTS[combined.mode]
    assert fits.getheader(combined.out / f"{root}_s3d.fits", "SCI")["BUNIT"] == "MJy/sr"
    with fits.open(combined.out / f"{root}_x1d.fits") as hdus:
        assert hdus["EXTRACT1D"].columns["FLUX"].unit == "Jy"
    ((table, light),) = combined.spectra()
    assert abs(np.median(ratio(table, light, MODES[combined.mode][1])[0]) - 1) < MODES[combined.mode][2]


def _check_place_of_the_star(hdus):
    """All dithers lay the star onto its place on the sky."""
    from astropy.wcs import WCS

    header, planes = hdus["SCI"].header, hdus["SCI"].data
    ra, dec = hdus[0].header["TARG_RA"], hdus[0].header["TARG_DEC"]
    image = np.nan_to_num(planes).mean(axis=0)
    image -= np.median(image)
    peak = np.unravel_index(np.argmax(image), image.shape)
    part = tuple(slice(max(p - 3, 0), p + 4) for p in peak)
    y, x = np.mgrid[part]
    weight = np.clip(image[part] - 0.1 * image[peak], 0, None)
    with warnings.catch_warnings():
        # Of dates that are told by MJD only.
        warnings.simplefilter("ignore")
        x0, y0 = WCS(header).celestial.all_world2pix(ra, dec, 0)
    assert np.hypot((weight * x).sum() / weight.sum() - x0, (weight * y).sum() / weight.sum() - y0) < 0.3
