"""HTML pages of products and programmes: self-contained, readable from disk, on a phone, in light and dark."""
