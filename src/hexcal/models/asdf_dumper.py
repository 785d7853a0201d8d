"""What writes the tree of an ASDF file: plain YAML, the bookkeeping of ASDF, and each WCS as it stands."""

import operator
from typing import Any

from hexcal.models.stored_wcs import StoredWcs

TAG = "tag:stsci.edu:asdf/core/"
"""What the tags of ASDF's own types begin with."""
_TAGS: dict[tuple[str, tuple[bool, bool]], str] = {}
"""Text, and whether it is plain or quoted -> type, for texts that were written."""
_MOST_TAGS = 1 << 16


class Software(dict[str, Any]):
    """A program, as ASDF files name it."""


class HistoryEntry(dict[str, Any]):
    """One entry of the history."""


def dumper_of(renumbering: Any) -> Any:
    """Return what writes plain YAML and the bookkeeping tags of ASDF, and each WCS as it stands."""
    import yaml

    base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

    class Dumper(base):
        """A list or dict that occurs twice is written twice."""

        def ignore_aliases(self, data):
            return True

        def resolve(self, kind, value, implicit):
            """Which type a text has without a tag; asked for each number of each WCS, and mostly for the same ones."""
            if kind is not yaml.ScalarNode:
                return super().resolve(kind, value, implicit)
            tag = _TAGS.get((value, implicit))
            return tag if tag is not None else _noted(value, implicit)

        # No type depends on the place of a value: functions that do nothing, and that are called in no time.
        descend_resolver, ascend_resolver = staticmethod(operator.is_), staticmethod(dict)

    Dumper.add_representer(Software, lambda dumper, value: dumper.represent_mapping(f"{TAG}software-1.0.0", value))
    Dumper.add_representer(
        HistoryEntry, lambda dumper, value: dumper.represent_mapping(f"{TAG}history_entry-1.0.0", value)
    )
    Dumper.add_multi_representer(StoredWcs, lambda dumper, value: renumbering.node(value))
    return Dumper


def _noted(text, implicit):
    """The type of a text that has no tag: what YAML takes plain text for; of quoted text a string."""
    import yaml

    if len(_TAGS) >= _MOST_TAGS:
        _TAGS.clear()
    tag = _TAGS[text, implicit] = yaml.resolver.Resolver().resolve(yaml.ScalarNode, text, implicit)
    return tag
