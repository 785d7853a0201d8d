"""Exposures whose truth is known, and the reference files that belong to them.

``simulate(exposure_mode("NIRCAM"), scene, seed=1)`` gives a raw exposure, the true rates, cosmic rays and bad pixels,
and a consistent set of reference models.
"""
