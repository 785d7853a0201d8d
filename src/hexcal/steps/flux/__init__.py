"""Steps from counts to flux units."""
