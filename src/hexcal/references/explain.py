"""Why a reference file is chosen: the rules that match, those that nearly do, and the dates for which they hold."""

from hexcal.references.conditioning import UNDEFINED
from hexcal.references.context import folded, keywords_of
from hexcal.references.ordered_selectors import date_of
from hexcal.references.rules import NOT_FOUND, Rules, choice_of
from hexcal.references.selectors import Match, NoMatch

_NEAREST = 3


def explain(context, header, reference_type):
    """Return the lines that say how a reference is chosen.

    Parameters
    ----------
    context : Context
        Its rules.
    header : mapping
        As in `Context.choose`.
    reference_type : str
        Such as "dark".

    Returns
    -------
    list of str
        The last line is the result.
    """
    header = folded(header)
    instrument = context.instrument_of(header)
    rules = context.rules(instrument, reference_type)
    imap = context.imap(instrument)
    if not isinstance(rules, Rules):
        return [
            f"rules      {context.name} > {imap.name}",
            f"{imap.name} says {rules} for {reference_type} of {instrument}",
            f"result     {choice_of(rules)}",
        ]
    values = context.values(header, rules.parameters)
    lines = [f"rules      {context.name} > {imap.name} > {rules.mapping.name}"]
    for name in rules.parameters:
        keywords = keywords_of(context.cache.observatory, name)
        lines.append(f"exposure   {name} = {values[name] or 'blank'}{f'  ({keywords[0]})' if keywords else ''}")
    for name in ("rmap_omit", "rmap_relevance"):
        if rules.mapping.header.get(name):
            lines.append(f"condition  {name}: {rules.mapping.header[name]}")
    relevant = rules.relevant(values)
    lines += [f"condition  {name} does not matter here" for name in relevant if relevant[name] != values[name]]
    lines += _selector(rules.selector, relevant, "")
    choice = rules.choose(values)
    lines.append(f"result     {choice}")
    if choice.status != NOT_FOUND and choice.name in context.cache.withdrawn():
        lines.insert(-1, f"warning    the observatory has declared {choice.name} unfit for science")
    return lines


def _selector(node, values, indent, mark=True):
    if isinstance(node, str):
        return [f"{indent}           {node}"]
    return _match(node, values, indent) if isinstance(node, Match) else _ordered(node, values, indent, mark)


def _match(node, values, indent):
    lines = []
    try:
        ranked = node.ranked(values)
    except NoMatch as error:
        lines.append(f"{indent}refused    {error}")
        ranked = []
    for place, (weight, numbers) in enumerate(ranked):
        for number in numbers:
            patterns, below = node.rules[number]
            word = "match" if place == 0 else "next"
            lines.append(f"{indent}{word:<10} weight {weight} of {len(node.parameters)}: {_key(patterns)}")
            lines += _selector(below, values, indent, mark=place == 0)
        if len(numbers) > 1:
            lines.append(
                f"{indent}           these {len(numbers)} rules have the same weight: their dates are taken together"
            )
    matching = sum(len(numbers) for _, numbers in ranked)
    lines.append(f"{indent}others     {len(node.rules) - matching} of {len(node.rules)} rules do not match")
    if not ranked:
        for count, number in _nearest(node, values):
            patterns, below = node.rules[number]
            lines.append(f"{indent}nearest    {_key(patterns)}: {count} of {len(node.parameters)} match; not")
            for parameter, pattern in zip(node.parameters, patterns, strict=True):
                value = values.get(parameter, UNDEFINED)
                if pattern.weight(value) is None:
                    lines.append(f"{indent}             {parameter}: exposure {value or 'blank'}, rule {pattern.text}")
            lines += _selector(below, values, indent + "  ", mark=False)
    return lines


def _nearest(node, values):
    """The rules of which most parameters match: list of (how many, number)."""
    counted = [
        (
            sum(
                pattern.weight(values.get(parameter, UNDEFINED)) is not None
                for parameter, pattern in zip(node.parameters, patterns, strict=True)
            ),
            -number,
        )
        for number, (patterns, _) in enumerate(node.rules)
    ]
    return [(count, -number) for count, number in sorted(counted, reverse=True)[:_NEAREST]]


def _key(patterns):
    return ", ".join(pattern.text for pattern in patterns) or "(all)"


def _ordered(node, values, indent, mark):
    try:
        chosen = node.index(node.position(values))
        reason = None
    except NoMatch as error:
        chosen, reason = None, error
    lines = []
    for number, (place, below) in enumerate(node.rules):
        until = node.rules[number + 1][0] if number + 1 < len(node.rules) else None
        text = f"{node.name} {_place(place)}"
        if node.name == "UseAfter":
            text = f"from {place} to {until}" if until else f"from {place} on"
        name = below if isinstance(below, str) else below.name
        lines.append(f"{indent}           {text}: {name}{' <-' if mark and number == chosen else ''}")
        if not isinstance(below, str) and number == chosen:
            lines += _selector(below, values, indent + "  ")
    if reason is not None:
        lines.append(f"{indent}           none: {reason}")
    elif node.name in ("UseAfter", "ClosestTime"):
        lines.append(f"{indent}           exposure of {date_of(node.parameters, values)}")
    return lines


def _place(place):
    if isinstance(place, tuple):
        return ".".join(str(part) for part in place) if len(place) == 3 else f"{'<=' if place[1] else '<'} {place[0]}"
    return str(place)
