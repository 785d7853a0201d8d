"""Compiled array code: arrays in, arrays out. No files, no models, no logging."""
