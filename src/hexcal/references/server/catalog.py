"""The files of one observatory that may be published: found by name, never outside the cache."""

import os
import re

# Hidden files are unfinished downloads. Without a separator a name cannot leave its folder.
_NAME = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]*")
_MAPPINGS = (".pmap", ".imap", ".rmap")
KINDS = ("mappings", "references")


class Catalog:
    """Mappings and reference files of one observatory.

    Parameters
    ----------
    root : path-like
        The cache.
    observatory : str
        Name of the folder under ``mappings`` and ``references``.
    """

    def __init__(self, root, observatory):
        self.root = os.path.realpath(root)
        self.observatory = observatory

    def find(self, kind, name):
        """Return the real path of a file (str), or None if there is no such file or it must not be published.

        Parameters
        ----------
        kind : str
            ``"mappings"`` or ``"references"``.
        name : str
            Without folder.
        """
        if not _is_name(kind, name):
            return None
        for folder in self._folders(kind):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and os.access(path, os.R_OK):
                return self._inside(path)
        return None

    def files(self, kind):
        """Return all files of a kind: name -> real path, sorted by name."""
        files = {}
        for folder in self._folders(kind):
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name in files or not _is_name(kind, entry.name) or not entry.is_file():
                        continue
                    path = self._inside(entry.path) if entry.is_symlink() else entry.path
                    if path is not None:
                        files[entry.name] = path
        return dict(sorted(files.items()))

    def _folders(self, kind):
        """Folders in which the files lie: that of the observatory, and for references those of its instruments."""
        top = self._inside(os.path.join(self.root, kind, self.observatory))
        if top is None or not os.path.isdir(top):
            return []
        if kind == "mappings":
            return [top]
        with os.scandir(top) as entries:
            below = sorted(entry.path for entry in entries if entry.is_dir() and not entry.name.startswith("."))
        return [top, *(real for path in below if (real := self._inside(path)) is not None)]

    def _inside(self, path):
        """Return the real path if it is inside the cache, else None: a link may lead out of it."""
        real = os.path.realpath(path)
        return real if real.startswith(os.path.join(self.root, "")) else None


def _is_name(kind, name):
    return (
        isinstance(name, str)
        and _NAME.fullmatch(name) is not None
        and ".." not in name
        and name.endswith(_MAPPINGS) == (kind == "mappings")
    )
