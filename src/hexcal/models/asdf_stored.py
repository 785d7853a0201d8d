"""Stand-alone ASDF files as they stand: what is asked for is read, without the ASDF library.

Transforms become descriptions (`hexcal.models.wcs`), arrays are read.
"""

from pathlib import Path
from typing import Any

from hexcal.files import gate
from hexcal.models import asdf_tree, bounds, stored_wcs
from hexcal.models.wcs.reading import NotDescribed, Reader


def stored(path):
    """Return a stand-alone ASDF file as it stands, if its transforms and arrays need not be made of it at once.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    StoredTree or None
        None if it is no ASDF file in YAML that can be read in parts.
    """
    import yaml

    path = Path(path)
    gate.reading(path)
    beginning = asdf_tree.beginning_of(path)
    asdf_tree.require_whole(path, beginning)
    end = asdf_tree.END_OF_TREE.search(beginning)
    if not beginning.startswith(b"#ASDF") or end is None:
        return None
    try:
        root = bounds.yaml_nodes(beginning[: end.start()], str(path), asdf_tree.loader_of(None))
    except yaml.YAMLError:
        return None
    return StoredTree(path, root, end.end()) if isinstance(root, yaml.MappingNode) else None


def with_arrays(path):
    """As `from_file`, of a file of plain values and arrays: without the ASDF library, if it holds nothing else."""
    try:
        tree = stored(path) if Path(path).suffix == ".asdf" else None
        return asdf_tree.from_file(path) if tree is None else tree.whole()
    except NotDescribed:
        return asdf_tree.from_file(path)


class StoredTree:
    """The nodes of a stand-alone ASDF file; what is asked for is read.

    Parameters
    ----------
    path : Path
        The file.
    root : yaml.MappingNode
        Of its tree.
    end : int
        Where its blocks may begin.
    """

    def __init__(self, path, root, end):
        self._path, self._end, self._reader = path, end, None
        self._nodes = {key.value: node for key, node in root.value if key.value not in asdf_tree.NOT_METADATA}

    def __contains__(self, name):
        return name in self._nodes

    def whole(self):
        """Return all entries (dict)."""
        return {name: self[name] for name in self._nodes}

    def meta(self):
        """Return the metadata (dict), None if they are not plain."""
        try:
            return self["meta"] if "meta" in self._nodes else {}
        except NotDescribed:
            return None

    def __getitem__(self, name):
        return self._of_file().value(self._nodes[name])

    def get(self, name, default=None):
        """Return a top-level entry: its transforms as descriptions (`hexcal.models.wcs`), its arrays read."""
        return self[name] if name in self._nodes else default

    def _of_file(self):
        if self._reader is None:
            blocks = stored_wcs.blocks_of(self._path.read_bytes(), self._end)
            if blocks is None:
                raise NotDescribed("a stream of data")
            self._reader = Reader(blocks)
        return self._reader


def described(tree, where):
    """Return a tree of objects of the libraries as a `StoredTree`'s would be: a dict of descriptions and arrays.

    Raises
    ------
    hexcal.models.wcs.reading.NotDescribed
        If there is no description for something in it.
    """
    content = asdf_tree.to_bytes_with_library({name: value for name, value in tree.items() if name != "history"})
    end: Any = asdf_tree.END_OF_TREE.search(content)
    root: Any = bounds.yaml_nodes(content[: end.start()], where, asdf_tree.loader_of(None))
    reader = Reader(stored_wcs.blocks_of(content, end.end()))
    return {key.value: reader.value(node) for key, node in root.value if key.value not in asdf_tree.NOT_METADATA}
