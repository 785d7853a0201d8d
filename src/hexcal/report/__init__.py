"""What came out of a calibration, for people: pictures."""
