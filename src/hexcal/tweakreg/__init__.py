"""Corrections of the WCS of images, under their documented names."""
