"""Steps that work on spectra: slits cut out, rectified, extracted."""
