"""New reference files: whether they are fit for delivery, and the contexts that hold them."""
