"""Print the names of one release of the original: pipelines, steps, parameters, models.

Run it in the environment of that release.

usage: PEER/bin/python parity/documented_names.py RELEASE >> names.tsv

The rows are those of ``src/hexcal/observatories/jwst/documented.tsv``, without the column of releases, which is made by
joining the rows of all releases:

  for r in 1.13.4 3.0.0; do PEER-$r/bin/python parity/documented_names.py $r; done | python parity/documented_names.py
  --join > documented.tsv

Only the public interface is used: the classes of ``jwst.step`` and ``jwst.pipeline``, their `class_alias`, `step_defs`
and `spec`, and the names in ``jwst.datamodels``.
"""

import re
import sys

COLUMNS = ("kind", "name", "owner", "class", "type", "default", "references", "releases")
_LINE = re.compile(r"^\s*(\w+)\s*=\s*(\w+)\s*\((.*?)\)\s*(?:#.*)?$")


def parameters(text):
    """Yield (name, type, default) for each line of a spec."""
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        name, kind, arguments = match.groups()
        head, has_default, default = arguments.rpartition("default=")
        # What follows the default may be bounds: the default ends at the first comma outside brackets and quotes.
        start = re.match(r"""\s*('[^']*'|"[^"]*"|list\([^)]*\)|\([^)]*\)|\[[^]]*\]|[^,]*)""", default)
        value = start.group(1).strip().strip("'\"") if has_default and start else ""
        if kind == "option":
            words = [word.strip().strip("'\"") for word in head.split(",")]
            kind = "option: " + " | ".join(word for word in words if word and "=" not in word)
        yield name, kind, value


def rows():
    """Yield the rows of this release."""
    import jwst.pipeline
    import jwst.step
    from jwst import datamodels
    from jwst.stpipe import Pipeline, Step

    classes = {
        name: item
        for module in (jwst.step, jwst.pipeline)
        for name, item in vars(module).items()
        if isinstance(item, type) and issubclass(item, Step) and item.class_alias
    }
    for name, cls in sorted(classes.items()):
        alias = cls.class_alias
        types = cls.reference_file_types
        references = "|".join(types) if isinstance(types, list | tuple) else ""
        yield "pipeline" if alias.startswith("calwebb") else "step", alias, "", name, "", "", references
        if issubclass(cls, Pipeline):
            for part, inner in cls.step_defs.items():
                yield "part", part, alias, inner.__name__, "", "", ""
        for parameter, kind, default in parameters(vars(cls).get("spec") or ""):
            yield "parameter", parameter, alias, "", kind, default, ""
    for name in sorted(dir(datamodels)):
        if name.endswith(("Model", "Container", "Library")):
            yield "model", name, "", "", "", "", ""


def join(lines):
    """Return the rows of several releases as one table.

    A row that several have once, with the type and default of the first.
    """
    order = {"pipeline": 0, "part": 1, "step": 2, "parameter": 3, "model": 4}
    table, releases = {}, {}
    for line in lines:
        *row, release = line.rstrip("\n").split("\t")
        key = (row[0], row[2], row[1])
        table.setdefault(key, row)
        releases.setdefault(key, []).append(release)
    keys = sorted(table, key=lambda key: (order[key[0]], key[1], key[2]))
    return [[*table[key], "|".join(releases[key])] for key in keys]


if __name__ == "__main__":
    if sys.argv[1] == "--join":
        sys.stdout.write("\n".join("\t".join(row) for row in [COLUMNS, *join(sys.stdin)]) + "\n")
    else:
        sys.stdout.writelines("\t".join([*row, sys.argv[1]]) + "\n" for row in rows())
