"""Spectra of which everything is known: exposures of the spectrographs, their references, associations and truth.

Each mode has an optical model of its own (`lrs`, `nirspec_optics`, `mrs`), which paints the light on the detector and
is written out in the layouts of the reference files. Nothing of the steps that are tested with it is used.
"""
