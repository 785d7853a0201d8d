"""New mappings beside the old ones of a cache, or in a folder: their names, and writing them all or none."""

import contextlib
import os
import re
import shutil

from hexcal.errors import ReferenceError_, ResourceError
from hexcal.references.delivery.new_file import new_file
from hexcal.references.mapping_text import write_mapping

_SERIAL = re.compile(r"(?P<stem>.+?)(?:_(?P<serial>\d+))?(?P<ending>\.[pir]map)")


def next_name(cache, name, *folders):
    """Return the name with the next serial number that no mapping of the cache has (``jwst_nircam_dark_0004.rmap``).

    Parameters
    ----------
    cache : ReferenceCache
        Its mappings are counted.
    name : str
        Of a mapping; one without a serial number gets one.
    *folders : path-like
        Further folders whose mappings are counted.
    """
    parts = _SERIAL.fullmatch(name)
    if parts is None:
        raise ReferenceError_(f"'{name}' is not the name of a mapping", where=cache.root)
    taken, width = [-1], len(parts["serial"] or "") or 4
    for other in (*cache.mappings(parts["ending"]), *(entry for folder in folders for entry in os.listdir(folder))):
        match = _SERIAL.fullmatch(other)
        if match and match["serial"] and (match["stem"], match["ending"]) == (parts["stem"], parts["ending"]):
            taken.append(int(match["serial"]))
    return f"{parts['stem']}_{max(taken) + 1:0{width}d}{parts['ending']}"


class MappingWriter:
    """Writes new files; if anything goes wrong on the way, those written so far are taken away again."""

    def __init__(self, cache, folder):
        self.cache = cache
        self.folder = folder if folder is None else os.fspath(folder)
        self.written = []
        self.renamed = {}

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        for path in self.written if kind is not None else ():
            with contextlib.suppress(OSError):
                os.unlink(path)

    def copy(self, path, instrument):
        """Copy a reference file into the cache, unless it is there."""
        target = self.cache.reference_path(os.path.basename(path), instrument)
        if os.path.exists(target):
            if not (os.path.samefile(path, target) or _same_content(path, target)):
                raise ReferenceError_(
                    "another file of this name is in the cache, and no file of a cache is ever replaced",
                    where=target,
                    hint=f"give {path} a name of its own",
                )
            return
        _make_folder(os.path.dirname(target))
        with open(path, "rb") as source, new_file(target) as stream:
            shutil.copyfileobj(source, stream, 1 << 20)
        self.written.append(target)

    def mappings(self, context, parts):
        """Write the .rmaps, then the .imaps that name them, then the .pmap; return its name.

        So a context never names what is not there.
        """
        by_instrument = {}
        for part in parts:
            mapping = part.rules.mapping
            name = self._write(mapping, part.selector, [name for name, _ in part.places])
            by_instrument.setdefault(part.instrument, {})[part.reference_type] = name
        imaps = {}
        for instrument, types in by_instrument.items():
            imap = context.imap(instrument)
            selector = {key: types.get(key.lower(), name) for key, name in imap.selector.items()}
            imaps[instrument] = self._write(imap, selector, types.values())
        selector = {key: imaps.get(key, name) for key, name in context.pmap.selector.items()}
        return self._write(context.pmap, selector, [name for part in parts for name, _ in part.places])

    def _write(self, old, selector, added):
        if self.folder is not None:
            _make_folder(self.folder)
        folders = (self.folder,) if self.folder is not None else ()
        while True:
            name = next_name(self.cache, old.name, *folders)
            path = os.path.join(self.folder, name) if self.folder is not None else self.cache.mapping_path(name)
            header = {**old.header, "name": name, "derived_from": old.name}
            if "description" in header:
                header["description"] = f"Added {', '.join(added)}"
            try:
                write_mapping(path, header, selector, old.comment)
            except ReferenceError_ as error:
                # Another process took the number in the meantime: the next one is as good.
                if isinstance(error.__cause__, FileExistsError):
                    continue
                raise
            self.written.append(path)
            self.renamed[old.name] = name
            return name


def _same_content(path, other):
    import filecmp

    return filecmp.cmp(path, other, shallow=False)


def _make_folder(path):
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise ResourceError(f"the folder cannot be created: {error.strerror}", where=path) from error
