"""A small reference cache with mappings of its own, for tests."""

import pprint
from pathlib import Path

from hexcal.references.mapping_file import write_sha1sum

DATES = ("META.OBSERVATION.DATE", "META.OBSERVATION.TIME")
DARK = """Match({
    ('NRCA1', 'ANY', 'GENERIC') : UseAfter({
        '1900-01-01 00:00:00' : 'jwst_nircam_dark_0001.fits',
        '2020-01-01 00:00:00' : 'jwst_nircam_dark_0002.fits',
    }),
    ('NRCA1', 'RAPID|BRIGHT1', 'SUB64') : UseAfter({
        '2022-01-01 00:00:00' : 'jwst_nircam_dark_0003.fits',
    }),
    ('NRCBLONG', 'N/A', 'N/A') : 'N/A',
})"""


def text(mapping, selector, **header):
    """Text of a mapping; the sum is filled in by `write`."""
    header = {"derived_from": "none", "mapping": mapping, "observatory": "JWST", "sha1sum": "", **header}
    lines = "".join(f"    {key!r} : {value!r},\n" for key, value in sorted(header.items()))
    if not isinstance(selector, str):
        selector = "{\n" + "".join(f"    {key!r} : {value!r},\n" for key, value in selector.items()) + "}"
    return f"header = {{\n{lines}}}\n\nselector = {selector}\n"


def pmap(selector, **header):
    return text("PIPELINE", selector, **{"parkey": ("META.INSTRUMENT.NAME",), **header})


def imap(selector, instrument="NIRCAM", **header):
    return text("INSTRUMENT", selector, **{"parkey": ("REFTYPE",), "instrument": instrument, **header})


def rmap(selector, parkey, instrument="NIRCAM", filekind="DARK", **header):
    return text("REFERENCE", selector, parkey=parkey, instrument=instrument, filekind=filekind, **header)


def write(folder, name, content, with_sum=True):
    """Write one mapping; its path."""
    path = Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    if with_sum:
        write_sha1sum(path)
    return path


def make_cache(root, mappings=None, observatory="jwst", **configuration):
    """A cache in the layout of CRDS.

    By default two contexts of one instrument with darks, a flat that is not needed, and a type to omit.
    """
    folder = Path(root) / "mappings" / observatory
    parkey = (("META.INSTRUMENT.DETECTOR", "META.EXPOSURE.READPATT", "META.SUBARRAY.NAME"), DATES)
    mappings = mappings or {
        "jwst_0001.pmap": pmap({"NIRCAM": "jwst_nircam_0001.imap", "MIRI": "N/A"}),
        "jwst_0002.pmap": pmap({"NIRCAM": "jwst_nircam_0002.imap", "MIRI": "N/A"}),
        "jwst_nircam_0001.imap": imap({"DARK": "jwst_nircam_dark_0001.rmap"}),
        "jwst_nircam_0002.imap": imap({"DARK": "jwst_nircam_dark_0002.rmap", "FLAT": "N/A", "GAIN": "OMIT"}),
        "jwst_nircam_dark_0001.rmap": rmap(DARK.replace("0002.fits", "0009.fits"), parkey),
        "jwst_nircam_dark_0002.rmap": rmap(DARK, parkey),
    }
    for name, content in mappings.items():
        write(folder, name, content)
    if configuration:
        target = Path(root) / "config" / observatory / "server_config"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(pprint.pformat(configuration))
    return Path(root)


def header(**changes):
    """Header of an exposure that has a dark in the cache of `make_cache`."""
    return {
        "TELESCOP": "JWST",
        "INSTRUME": "NIRCAM",
        "DETECTOR": "NRCA1",
        "READPATT": "RAPID",
        "SUBARRAY": "FULL",
        "DATE-OBS": "2021-05-06",
        "TIME-OBS": "01:02:03.5",
        **changes,
    }
