"""Getting what a cache lacks from a server: the protocol, single files, many files at once."""
