"""Add reference files to a context: new .rmap, .imap and .pmap beside the old ones, in one go.

Nothing that is there is changed.
"""

import os
from dataclasses import dataclass

from hexcal.errors import ReferenceError_, ResourceError, nearest
from hexcal.references.cache import observatory_of
from hexcal.references.conditioning import condition
from hexcal.references.delivery.insert_rule import DATED, put
from hexcal.references.delivery.new_mappings import MappingWriter
from hexcal.references.environment import is_true
from hexcal.references.mapping_file import Call
from hexcal.references.names import named
from hexcal.references.parkeys import SPECIAL, delivered, legal_values, tables_of
from hexcal.references.patterns import Pattern
from hexcal.references.rules import Rules


@dataclass(frozen=True)
class Inserted:
    """What `insert` has made.

    Parameters
    ----------
    context : str
        Name of the new .pmap.
    mappings : dict of str to str
        Old name -> new name, of all new mappings.
    places : tuple of (str, str, Place)
        File, new .rmap, where it stands there.
    paths : tuple of str
        All files that were written.
    warnings : tuple of str
        What is unusual about the new rules.
    """

    context: str
    mappings: dict
    places: tuple
    paths: tuple
    warnings: tuple


@dataclass
class _Changed:
    """An .rmap under way: the rules as read, and the selector as it will be."""

    rules: Rules
    instrument: str
    reference_type: str
    selector: Call
    places: list


def insert(context, paths, rmap=None, folder=None, copy=None):
    """Add reference files to the rules of a context.

    Each file goes under the rule that its header asks for: the values of the parameters of its type's .rmap (a keyword
    ``P_READPA`` with several values takes precedence over READPATT), from USEAFTER on. A file that stands at the same
    place is replaced. The new mappings have the next free serial numbers.

    Parameters
    ----------
    context : Context
        The new one is derived from it.
    paths : sequence of path-like
        Reference files.
    rmap : str, optional
        Name of the .rmap that all files must belong to.
    folder : path-like, optional
        Where the new mappings go; made if it is not there. Default: the cache.
    copy : bool, optional
        Whether the files are copied into the reference folder of the cache; default: when the mappings go into the
        cache.

    Returns
    -------
    Inserted

    Raises
    ------
    ReferenceError_
        If a header lacks what the rules ask for, or contradicts them; nothing is then written.
    ResourceError
        If the cache is read-only.
    """
    into_cache = folder is None
    if into_cache or copy:
        _require_writable()
    changed, warnings = {}, []
    files = [(path, *_belonging(context, path)) for path in dict.fromkeys(os.fspath(path) for path in paths)]
    for _, file, instrument, reference_type in files:
        key = instrument, reference_type
        if key not in changed:
            changed[key] = _changed(context, *key, rmap, file.path)
        warnings += _put(changed[key], file)
    writer = MappingWriter(context.cache, folder)
    with writer:
        if copy or (copy is None and into_cache):
            for path, _, instrument, _ in files:
                writer.copy(path, instrument)
        name = writer.mappings(context, list(changed.values()))
    places = tuple(
        (file, writer.renamed[part.rules.mapping.name], place)
        for part in changed.values()
        for file, place in part.places
    )
    return Inserted(name, dict(writer.renamed), places, tuple(writer.written), tuple(warnings))


def _require_writable():
    if is_true("CRDS_READONLY_CACHE"):
        raise ResourceError(
            "the cache is read-only", where="CRDS_READONLY_CACHE", hint="unset it, or give another folder: --output DIR"
        )


# ---- which rules a file belongs to


def _belonging(context, path):
    """Return the header of a file, its instrument as the context spells it, and its type."""
    file = delivered(path, context.cache.observatory)
    telescope = str(file.get("META.TELESCOPE") or file.header.get("TELESCOP") or "")
    if not _serves(context.cache, telescope):
        raise ReferenceError_(
            f"{context.name} holds rules of {context.cache.observatory}, the file is of {telescope}", where=file.path
        )
    instrument = context.instrument_of(file.header)
    imap = context.imap(instrument)
    if imap is None:
        raise ReferenceError_(
            f"{context.name} says that {instrument} has no references",
            where=file.path,
            hint="a new instrument needs an .imap written by hand",
        )
    parkey = imap.header.get("parkey") or ("REFTYPE",)
    reference_type = file.reference_type(parkey if isinstance(parkey, str) else str(parkey[0]))
    # The context's own spelling, whatever the header's.
    return file, next(name for name in context.instruments() if name.upper() == instrument.upper()), reference_type


def _serves(cache, telescope):
    """Whether an observatory's rules are for a telescope: its own, or one whose keywords it shares."""
    other = observatory_of(cache.root, telescope)
    return other in (None, cache.observatory) or tables_of(other) == tables_of(cache.observatory) is not None


def _changed(context, instrument, reference_type, rmap, where):
    rules = context.rules(instrument, reference_type)
    if not isinstance(rules, Rules):
        raise ReferenceError_(
            f"{context.name} says {rules} for {reference_type} of {instrument}: there are no rules to add to",
            where=where,
            hint=f"a new type needs an .rmap written by hand, named in {context.imap(instrument).name}",
        )
    if rmap is not None and rules.mapping.name != rmap:
        raise ReferenceError_(
            f"the file is a {reference_type} of {instrument}, for which {context.name} names {rules.mapping.name}, "
            f"not {rmap}",
            where=where,
            hint=f"give {rules.mapping.name}, or the context that names {rmap} (`hexcal crds uses {rmap}`)",
        )
    return _Changed(rules, instrument, reference_type, rules.mapping.selector, [])


# ---- rules


def trial(rules, file):
    """Return where a file would stand among the rules of an .rmap, and warnings; nothing is changed.

    Parameters
    ----------
    rules : Rules
        Of its type.
    file : Delivered
        Its header.

    Returns
    -------
    Place, list of str

    Raises
    ------
    ReferenceError_
        If the header lacks what the rules ask for, or contradicts them.
    """
    _, place, warnings = _placed(rules, rules.mapping.selector, file)
    return place, warnings


def _placed(rules, selector, file):
    mapping = rules.mapping
    kinds = _kinds(mapping, rules.groups)
    translated = mapping.header.get("reference_to_dataset") or {}
    values, warnings = {}, []
    for group, kind in zip(rules.groups, kinds, strict=False):
        for parameter in group if kind == "Match" else ():
            values[parameter] = _required(file, parameter, translated)
            warnings += _check_value(file, parameter, values[parameter], rules)
    date = file.useafter() if any(kind in DATED for kind in kinds) else None
    try:
        selector, place = put(
            selector, rules.groups, kinds, values, date, file.name, getattr(rules.selector, "substitutions", None)
        )
    except ReferenceError_ as error:
        raise ReferenceError_(error.message, where=f"{file.path} in {mapping.name}", hint=error.hint) from error
    if place.beside:
        others = f"({place.beside[0]})" + (f" and {len(place.beside) - 1} more" if len(place.beside) > 1 else "")
        warnings.append(
            f"the rule for {file.name} counts the same as {others}: where both match, "
            "the file with the later date holds"
        )
    return selector, place, warnings


def _put(part, file):
    """Put a file among the rules; return warnings."""
    mapping = part.rules.mapping
    part.selector, place, warnings = _placed(part.rules, part.selector, file)
    if place.replaced == file.name:
        raise ReferenceError_(
            f"{file.name} is already listed there: {', '.join(place.keys)}",
            where=mapping.name,
            hint="no new context is needed",
        )
    if any(other == place.replaced for other, _ in part.places):
        raise ReferenceError_(
            f"{place.replaced} and {file.name} ask for the same rule and date: {', '.join(place.keys)}",
            where=mapping.name,
            hint="give them different USEAFTER dates, or insert only one",
        )
    if file.name in named(mapping) or any(other == file.name for other, _ in part.places):
        warnings.append(f"{file.name} is named by another rule of {mapping.name} as well")
    part.places.append((file.name, place))
    return warnings


def _kinds(mapping, groups):
    """Return the kind of selector per group: what the header says, else what is found in the rules, else dates."""
    kinds = [str(kind) for kind in mapping.header.get("classes") or ()]
    level = [mapping.selector]
    for number in range(len(groups)):
        inner = [node.selector for node in level if isinstance(node, Call)]
        if number >= len(kinds):
            kinds.append(inner[0] if inner else "UseAfter")
        level = [below for node in level if isinstance(node, Call) for _, below in node.rules]
    return kinds[: len(groups)]


def _required(file, parameter, translated):
    value = file.rule_value(parameter, translated)
    if value is None:
        keyword = file.keyword_of(parameter)
        raise ReferenceError_(
            f"{keyword} is required by the rules, the file has none",
            where=f"{file.path}: {parameter}",
            hint=f"set {keyword}, or P_{keyword[:6]} for several values; N/A where it does not matter",
        )
    return value


def _check_value(file, parameter, value, rules):
    """Refuse a value that is not legal; return a warning for one that no rule knows."""
    legal, known = legal_values(file.observatory, parameter), values_of(rules, parameter)
    pattern = Pattern(value)
    keyword = file.pattern_keyword(parameter) or file.keyword_of(parameter)
    for element in pattern.elements if pattern.literals is not None else ():
        if element in known or element in map(condition, SPECIAL):
            continue
        if legal and element not in legal:
            guess = nearest(element, legal)
            allowed = f"allowed values: {', '.join(sorted(map(str, legal))[:8])} ..."
            raise ReferenceError_(
                f"'{element}' is not an allowed value of {keyword}",
                where=file.path,
                hint=f"did you mean '{guess}'?" if guess else allowed,
            )
        return [f"{file.name}: {keyword} = {element} occurs in no rule of {rules.mapping.name} so far"]
    return []


def values_of(rules, parameter):
    """Return the values that the rules of an .rmap have for a parameter (set of str).

    In the spelling of `conditioning.condition`.
    """
    column = next((column for column in getattr(rules.selector, "columns", ()) if column.parameter == parameter), None)
    if column is None:
        return set()
    number = rules.selector.parameters.index(parameter)
    return {element for patterns, _ in rules.selector.rules for element in patterns[number].elements}


# ---- files
