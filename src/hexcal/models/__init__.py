"""What a file is: data models, DQ flags, FITS and ASDF reading and writing.

Import names from the modules, or from `hexcal.datamodels`.
"""
