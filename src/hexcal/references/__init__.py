"""Which reference file applies to an exposure, and what it is."""
