"""Snowballs and showers that the jump step finds: through calwebb_detector1, in exposures without other cosmic rays."""

from pathlib import Path

import numpy as np
from astropy.io import fits

MARGIN = 2.0
"""What is flagged beyond this many times the size of an event is false: the search expands what it finds."""


def make_events(folder, kind, seed=1, count=20, n_groups=12):
    """Write a raw exposure with some ``count`` events of a kind, snowballs or showers, its references and the truth."""
    from hexcal.simulate.conditions import Conditions
    from hexcal.simulate.exposure import simulate
    from hexcal.simulate.mode import exposure_mode
    from hexcal.simulate.scene import field

    snowballs = kind == "snowballs"
    mode = (
        exposure_mode("NIRCAM", subarray_name="SUB640", n_groups=n_groups)
        if snowballs
        else exposure_mode("MIRI", subarray_name="BRIGHTSKY", n_groups=n_groups)
    )
    scene = field(mode.image_shape, n_stars=30, n_galaxies=0, rng=np.random.default_rng(seed))
    rate = count / np.prod(mode.image_shape) / mode.integration_time
    rates = {"snowball_rate" if snowballs else "shower_rate": rate}
    simulation = simulate(mode, scene, Conditions(cosmic_ray_flux=0.0, **rates), seed=seed)
    simulation.save(folder / "simulated")
    (exposure,) = (folder / "simulated").glob("*_uncal.fits")
    exposure.rename(folder / "input.fits")
    for reference in (folder / "simulated" / "references").iterdir():
        reference.rename(folder / "refs" / reference.name)
    _write_truth(folder, simulation, kind)


def _write_truth(folder, simulation, kind):
    from hexcal.simulate import showers, snowballs

    truth, events = simulation.truth, getattr(simulation.truth, kind)
    image = truth.shape[2:]
    larger = events.copy()
    if kind == "snowballs":
        larger["halo_radius"] *= MARGIN
        images = [snowballs.distances(event, image) <= event["halo_radius"] for event in events]
        around = snowballs.mask(larger, truth.shape)
    else:
        larger["semi_major"] *= MARGIN
        larger["semi_minor"] *= MARGIN
        images = [showers.inside(event, image) for event in events]
        around = showers.mask(larger, truth.shape)
    around = np.maximum.accumulate(around, axis=1).any(axis=0)
    usable = ~simulation.mode.reference_pixels()
    np.savez_compressed(
        folder / "truth.npz",
        images=np.array(images) & usable,
        groups=events["group"],
        integrations=events["integration"],
        around=around,
    )


def measure_events(product, folder):
    """Of the events after the first two groups and before the last: pixels not flagged, and events mostly missed.

    And samples flagged where there is none.
    """
    truth, products = np.load(folder / "truth.npz"), Path(folder, product.stem)
    (ramp,) = products.glob("*_ramp.fits")
    flagged = fits.getdata(ramp, "GROUPDQ") & 6 > 0
    last = flagged.shape[1] - 1
    shares = [
        flagged[i, g][image].mean()
        for i, g, image in zip(truth["integrations"], truth["groups"], truth["images"], strict=True)
        if 2 <= g < last and image.any()
    ]
    return {
        "pixels of events missed (%)": 100 * float(1 - np.mean(shares)),
        "events missed by half (%)": 100 * float(np.mean(np.array(shares) < 0.5)),
        "false samples (%)": 100 * float(flagged[:, :, ~truth["around"].any(axis=0)].mean()),
        "events": float(len(shares)),
    }
