"""Write the table of apertures, ``src/hexcal/observatories/jwst/siaf.tsv``, from the SIAF of a release of the PRD.

    python tools/siaf_table.py pysiaf-0.29.0-py3-none-any.whl [PRDOPSSOC-075]

The XML files of all releases are in the wheel of pysiaf (BSD licence, https://github.com/spacetelescope/pysiaf), as the
observatory publishes them; without a release the newest one is taken. The table holds what headers need of each
aperture: nothing of the polynomials.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "src" / "hexcal" / "observatories" / "jwst" / "siaf.tsv"
INSTRUMENTS = ("FGS", "MIRI", "NIRCam", "NIRISS", "NIRSpec")
ELEMENTS = ("V2Ref", "V3Ref", "V3IdlYAngle", "VIdlParity", "XSciRef", "YSciRef", "XSciScale", "YSciScale")
VERTICES = tuple(f"{axis}IdlVert{number}" for axis in "XY" for number in (1, 2, 3, 4))
COLUMNS = (
    "aperture instrument v2_ref v3_ref v3_idl_yang v_idl_parity x_ref y_ref x_scale y_scale "
    "x_idl_1 x_idl_2 x_idl_3 x_idl_4 y_idl_1 y_idl_2 y_idl_3 y_idl_4"
).split()


def newest(wheel: zipfile.ZipFile) -> str:
    """Return the newest release for operations that the wheel holds."""
    releases = {match[1] for name in wheel.namelist() if (match := re.search(r"JWST/(PRDOPSSOC-\d+)/", name))}
    return max(releases, key=lambda name: int(name.rpartition("-")[2]))


def rows(wheel: zipfile.ZipFile, release: str) -> list[list[str]]:
    """Return the rows of the table: apertures that have a place in the focal plane."""
    table = []
    for instrument in INSTRUMENTS:
        name = next(
            name
            for name in wheel.namelist()
            if release in name and name.endswith(f"SIAFXML/SIAFXML/{instrument}_SIAF.xml")
        )
        for entry in ElementTree.fromstring(wheel.read(name)).iter("SiafEntry"):
            values = [entry.findtext(element) or "" for element in (*ELEMENTS, *VERTICES)]
            if all(values[:4]):
                table.append([entry.findtext("AperName") or "", instrument.upper(), *map(_shortest, values)])
    return table


def _shortest(text: str) -> str:
    return repr(float(text)).removesuffix(".0") if text else ""


def main(words: list[str]) -> int:
    """Write the table."""
    with zipfile.ZipFile(words[0]) as wheel:
        release = words[1] if len(words) > 1 else newest(wheel)
        table = rows(wheel, release)
    lines = ["\t".join(COLUMNS), *("\t".join(row) for row in table)]
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{TARGET}: {len(table)} apertures of {release}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
