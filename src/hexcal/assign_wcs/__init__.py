"""Helpers for coordinates, under their documented names: modules ``nirspec`` and ``util``."""
