"""Modules of the association library under their documented names."""
