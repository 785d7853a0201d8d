"""What time series of a bright star with a transit share."""

import numpy as np

from hexcal.simulate.imaging_header import PROGRAM
from hexcal.simulate.spectra.series import Series, association, exposure_root


class TimeSeries(Series):
    """One exposure of many integrations of a star with a transit.

    Parameters
    ----------
    seed, noise, bad_pixels, whole_detector, **more
        See `Series`.
    n_ints : int
        Integrations.
    """

    suffix = "rateints"
    rule: str
    """Of the association of stage 2."""
    product: str
    """Last part of the name of the product of stage 3."""

    def __init__(self, seed=0, noise=1.0, bad_pixels=3e-4, whole_detector=False, n_ints=10, **more):
        super().__init__(seed, noise, bad_pixels, whole_detector, **more)
        self.n_ints = n_ints

    def names(self):
        """Return the name of the exposure."""
        return [exposure_root(1, self.setup.detector.lower(), segment=1)]

    def light_curve(self):
        """Return the light of the star in each integration, 1 outside of the transit."""
        return transit(self.n_ints)

    def tables(self):
        """Return the light curve."""
        return {"light_curve": {"integration": np.arange(1, self.n_ints + 1), "light": self.light_curve()}}

    def associations(self):
        """Return those of stages 2 and 3."""
        (name,) = self.names()
        product = f"jw{PROGRAM:05d}-o001_t001_{self.product}"
        members = [(f"{name}_rateints.fits", "science")]
        return {
            f"asn_spec2_{name}.json": association("spec2", self.rule, name, members),
            "asn_tso3.json": association("tso3", "Asn_Lv3TSO", product, [(f"{name}_calints.fits", "science")]),
        }


def transit(count, depth=0.01):
    """Return the light of a star with a transit in the middle of so many integrations: float64 (count,)."""
    from scipy.special import erf

    phase = (np.arange(count) + 0.5) / count
    return 1 - depth * 0.5 * (erf((phase - 0.3) / 0.03) - erf((phase - 0.7) / 0.03))
