"""World coordinates: what a pixel sees of the sky."""
