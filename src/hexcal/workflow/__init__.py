"""Whole programmes: what has to be made of some exposures, making it on a cluster, and what was made when.

`plan` says which jobs there are, `ledger` keeps what became of them, `run` has them done by workers (`worker`) of a
Dask cluster (`cluster`). The command is ``hexcal process``.
"""
