"""A WCS as a description: frames, and transforms between them, that need neither astropy nor gwcs."""
