"""JWST: what its rules ask of a pool."""

from hexcal.associations.pool_terms import PoolTerms
from hexcal.observatories.jwst.exposure_types import exposure_types

POOL = PoolTerms(
    needed=("filename", "program", "exp_type", "instrume", "detector", "targetid", "asn_candidate"),
    kinds=frozenset(name.lower() for name in exposure_types()),
)
