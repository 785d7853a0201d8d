"""A folder of reference files: the simplest place to take them from."""

from pathlib import Path

from hexcal.errors import ReferenceError_
from hexcal.models.fits_scan import primary_header
from hexcal.references.conditioning import NOT_APPLICABLE

_KEYWORDS = {"INSTRUME": "meta.instrument.name", "DETECTOR": "meta.instrument.detector"}
_ANY = {"", "ANY", "N/A", "GENERIC", "ALL", "MULTIPLE"}


class ReferenceFolder:
    """Reference files in one folder.

    A file named ``<type>.<extension>`` is the reference of that type. Among files of other names, the type is the
    keyword REFTYPE, and INSTRUME and DETECTOR must be those of the exposure.

    Parameters
    ----------
    folder : path-like
        Where the files are.

    Raises
    ------
    ReferenceError_
        If there is no such folder.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise ReferenceError_(
                "the folder of reference files does not exist",
                where=str(folder),
                hint="`hexcal simulate references --like FILE` makes a neutral set",
            )
        self._headers = None

    def find(self, reference_type, exposure):
        """Return the path of the file for an exposure, or "N/A" if the folder has none of that type.

        Parameters
        ----------
        reference_type : str
            Such as "dark".
        exposure : DataModel
            Its instrument and detector must agree with the file's.

        Raises
        ------
        ReferenceError_
            If several files of that type fit.
        """
        named = [path for path in self._files() if path.stem.lower() == reference_type]
        if named:
            return str(named[0])
        fitting = [
            path
            for path, header in self._described()
            if header.get("REFTYPE", "").lower() == reference_type and _fits(header, exposure)
        ]
        if len(fitting) > 1:
            raise ReferenceError_(
                f"{len(fitting)} {reference_type} references fit the exposure: "
                f"{', '.join(path.name for path in fitting[:4])}",
                where=str(self.folder),
                hint=f"choose one with override_{reference_type}",
            )
        return str(fitting[0]) if fitting else NOT_APPLICABLE

    def _files(self):
        return sorted(
            path for path in self.folder.iterdir() if path.suffix in (".fits", ".asdf", ".json") and path.is_file()
        )

    def _described(self):
        """Files with the header keywords that choose, read once."""
        if self._headers is None:
            self._headers = []
            for path in self._files():
                if path.suffix != ".fits":
                    continue
                header = primary_header(path)
                self._headers.append(
                    (path, {name: str(header.get(name, "")).strip() for name in ("REFTYPE", *_KEYWORDS)})
                )
        return self._headers


def _fits(header, exposure):
    return all(
        header[name] in _ANY or header[name] == (exposure.get_meta(path) or "") for name, path in _KEYWORDS.items()
    )
