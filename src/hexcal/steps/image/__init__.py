"""Images: from calibrated exposures to a mosaic."""
