"""Making reference files from calibration exposures.

`inputs` says what exposures are, `grouping` which of them go into one file, `plan` what has to be done, `make` does it
with the makers of `makers` (and those of plug-ins), `combine` joins individual files to the one that is delivered.
"""
