"""A cache of reference files published over HTTP, read-only, by the protocol of CRDS (docs/crds_protocol.md)."""
