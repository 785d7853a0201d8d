"""Pools that are templates: cells such as ``@!fmt_cand([(obsnum.value, 'observation')])`` are filled in, row by row.

A template counts observations, exposures and wider candidates: ``next(obsnum)`` is the next number, ``obsnum.value``
the current one, ``acid.set(1001)`` changes it. ``fmt_cand`` writes candidates, ``fmt_fname`` the name of a file.
Nothing else is understood, and nothing is executed.
"""

import ast

MARK = "@!"
FIRST = {"obsnum": 0, "expnum": 0, "acid": 1000}


def is_template(text):
    """Whether the text of a pool has cells to be filled in."""
    return MARK in text


def expand(text):
    """Fill in a template.

    Parameters
    ----------
    text : str
        A pool, as read from its file.

    Returns
    -------
    str
        The pool with every cell filled in; rows that only set a counter are left out.
    """
    counters = dict(FIRST)
    columns, lines = [], []
    for line in text.splitlines():
        cells = line.split("|")
        if not columns and cells[0].strip().lower() == "filename":
            columns = [cell.strip().lower() for cell in cells]
        if MARK not in line:
            lines.append(line)
            continue
        row = dict(zip(columns, cells, strict=False))
        # The name of the file comes last: it has the number of the observation.
        for column in sorted(row, key="filename".__eq__):
            if row[column].strip().startswith(MARK):
                row[column] = _value(row[column].strip()[len(MARK) :], counters, row)
        if not cells[0].strip().startswith("set "):
            lines.append("|".join(row.values()))
    return "\n".join(lines) + "\n"


def _value(expression, counters, row):
    return str(_evaluated(ast.parse(expression, mode="eval").body, counters, row))


def _evaluated(node, counters, row):
    def value(node):
        return _evaluated(node, counters, row)

    match node:
        case ast.Constant(value=constant):
            return constant
        case ast.List(elts=parts):
            return [value(part) for part in parts]
        case ast.Tuple(elts=parts):
            return tuple(value(part) for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return value(left) + value(right)
        case ast.Attribute(value=ast.Name(id=counter), attr="value"):
            return counters[counter]
        case ast.Call(func=ast.Name(id="next"), args=[ast.Name(id=counter)]):
            counters[counter] += 1
            return counters[counter]
        case ast.Call(func=ast.Attribute(value=ast.Name(id=counter), attr="set"), args=[new]):
            counters[counter] = value(new)
            return counters[counter]
        case ast.Call(func=ast.Name(id="fmt_cand"), args=[listed]):
            return _candidates(value(listed))
        case ast.Call(func=ast.Name(id="fmt_fname"), args=[number]):
            return _file_name(value(number), counters, row)
    raise ValueError(f"a template has '{ast.unparse(node)}', which is not understood")


def _candidates(listed):
    return str(
        [(f"o{number:03}" if kind.lower() == "observation" else f"c{number:04}", kind) for number, kind in listed]
    )


def _file_name(exposure, counters, row):
    program = row.get("program", "").strip()
    program = int(program) if program.isdecimal() else 99999
    detector = row.get("detector", "x").strip().lower()
    return f"jw{program:05}{counters['obsnum']:03}001_02101_{exposure:05}_{detector}_uncal.fits"
