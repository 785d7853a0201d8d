"""The picture of the demonstration of spectra: exposure, rectified spectrum, and deviations from the truth."""

import matplotlib.image
import numpy as np
from spectra import made

from hexcal import datamodels
from hexcal.report.spectrum_picture import from_rate_to_spectrum
from hexcal.simulate.spectra.compare import compare


def test_a_picture_of_an_exposure_its_rectified_spectrum_and_what_was_extracted(tmp_path):
    simulated = made(tmp_path / "sim", "nirspec-fs")
    slit = datamodels.SlitModel(np.ones((20, 100), "f4"))
    slit.wavelength = np.repeat(np.linspace(0.6, 5.3, 100, dtype="f4")[None], 20, axis=0)
    slit.save(tmp_path / "a_s2d.fits")
    star, wave = simulated.series.sources()[0], np.linspace(0.7, 5.2, 300)
    true = star.light(wave)
    spectra = [compare(star, wave, 1.01 * true, 0.01 * true, np.zeros(300, int))]
    for found, name in ((spectra, "a.png"), ([], "b.png"), (spectra * 6, "c.png")):
        path = from_rate_to_spectrum(tmp_path / name, simulated.exposures[0], tmp_path / "a_s2d.fits", found)
        assert matplotlib.image.imread(path).shape[1] > 1500
