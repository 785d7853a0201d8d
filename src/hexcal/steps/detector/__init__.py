"""From ramps to count rates: corrections of the detector signal."""
