"""The field of simulated images: where it lies, how its sky changes, and what random numbers are drawn for."""

RA, DEC, ROLL = 53.16, -27.79, 41.0
"""Where the middle of the first exposure looks, and the position angle of V3 there, degrees."""
GRADIENT = (0.001, -0.00067)
"""Growth of the sky per arcsec to the east and north, as a share of its mean."""
SKY, DETECTOR, EXPOSURE, CATALOGUE = range(4)
"""Streams of random numbers."""
