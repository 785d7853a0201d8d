"""Where a name stands in the mappings of a cache: which mappings name a file, what two mappings differ in."""

from hexcal.references.mapping_file import Call


def named(mapping):
    """Return the names of mappings and files that a mapping leads to (set of str), without N/A and OMIT."""
    names = set(mapping.selector.values()) if isinstance(mapping.selector, dict) else set(_leaves(mapping.selector))
    return {name for name in names if name.upper() not in ("N/A", "OMIT")}


def _leaves(node):
    if isinstance(node, Call):
        for _, below in node.rules:
            yield from _leaves(below)
    else:
        yield node


def users(cache, name):
    """Return the mappings that name a file, directly or through others.

    Parameters
    ----------
    cache : ReferenceCache
        All of its mappings are searched; those that are corrupt or altered raise.
    name : str
        Of a reference file or a mapping.

    Returns
    -------
    dict of str to list of str
        Ending (".rmap", ".imap", ".pmap") -> names, sorted.
    """
    wanted, by_ending = {name}, {}
    order = {".rmap": 0, ".imap": 1, ".pmap": 2}
    for ending in order:
        by_ending[ending] = []
        # The text is searched first: reading every mapping of a large cache takes a hundred times longer.
        for candidate in _mentioning(cache, ending, wanted):
            if named(cache.mapping(candidate, verify=False)) & wanted:
                by_ending[ending].append(candidate)
        wanted = wanted | set(by_ending[ending])
    return {ending: names for ending, names in by_ending.items() if names}


def _mentioning(cache, ending, wanted):
    import re

    expression = re.compile(b"|".join(re.escape(f"'{name}'".encode()) for name in wanted))
    for candidate in cache.mappings(ending):
        with open(cache.mapping_path(candidate), "rb") as stream:
            if expression.search(stream.read()):
                yield candidate


def differences(cache, old, new):
    """Return what two mappings differ in, going down into the mappings that they name.

    Parameters
    ----------
    cache : ReferenceCache
        Where they are.
    old, new : str
        Names of the same kind.

    Returns
    -------
    list of str
        One line per difference.
    """
    before, after = cache.mapping(old, verify=False), cache.mapping(new, verify=False)
    lines = [
        f"{new}: header {key}: {before.header.get(key, '-')!r} -> {after.header.get(key, '-')!r}"
        for key in dict.fromkeys([*before.header, *after.header])
        if key not in ("name", "sha1sum", "derived_from", "description")
        and before.header.get(key) != after.header.get(key)
    ]
    if isinstance(before.selector, dict) and isinstance(after.selector, dict):
        earlier, later = before.selector, after.selector
    else:
        earlier, later = dict(_rules(before.selector)), dict(_rules(after.selector))
    for key in dict.fromkeys([*earlier, *later]):
        left, right = earlier.get(key), later.get(key)
        if left == right:
            continue
        if left is None:
            lines.append(f"{new}: added {_text(key)}: {right}")
        elif right is None:
            lines.append(f"{new}: removed {_text(key)}: {left}")
        else:
            lines.append(f"{new}: {_text(key)}: {left} -> {right}")
            if isinstance(before.selector, dict) and left[-5:] == right[-5:] and left.endswith(("imap", "rmap")):
                lines += differences(cache, left, right)
    return lines


def _rules(node, above=()):
    """All paths through the rules: (keys, name)."""
    for key, below in node.rules:
        keys = (*above, *(key if isinstance(key, tuple) else (key,)))
        if isinstance(below, Call):
            yield from _rules(below, keys)
        else:
            yield keys, below


def _text(key):
    return key if isinstance(key, str) else ", ".join(str(part) for part in key) or "(all)"
