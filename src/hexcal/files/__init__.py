"""Which files a run may write, and writing them whole."""
