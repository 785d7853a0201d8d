"""Templates: text that says which keywords and data the HDUs of a product have."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from hexcal.errors import InputError

_SECTION = re.compile(r"<<\s*(\w+)(?:\s+(\S+))?\s*>>$")
_INCLUDE = re.compile(r"""#include\s+(["'])(.+)\1$""")
_KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}$")
_DEPTH = 20
"""Files that include one another; more is a circle."""


@dataclass(frozen=True)
class Line:
    """A line of a header.

    Attributes
    ----------
    keyword : str
        Empty for a heading.
    expression : str
        Python, by which the value is made; empty for a keyword that describes the array.
    comment : str
        Of the card, or the heading.
    where : str
        File and number of the line.
    """

    keyword: str
    expression: str
    comment: str
    where: str


@dataclass
class HDU:
    """One HDU of a product.

    Attributes
    ----------
    name : str
        Of the section.
    lines : list of Line
        Its header.
    data : str
        Python, by which the array is made; empty for none.
    where : str
        File and number of the line where the expression of the data begins.
    """

    name: str
    lines: list = field(default_factory=list)
    data: str = ""
    where: str = ""


@dataclass
class Template:
    """What a template says: the name of the kind of file, and its HDUs."""

    name: str
    hdus: list = field(default_factory=list)


def read_template(path, folders=()):
    """Read a template.

    Parameters
    ----------
    path : path-like
        The file.
    folders : sequence of path-like
        Where included files are looked for, after the folder of the file that includes them.

    Returns
    -------
    Template

    Raises
    ------
    InputError
        With the file and the line that is wrong.
    """
    template, hdu, in_data = None, None, False
    for text, where in _lines(Path(path), [Path(folder) for folder in folders]):
        section = _SECTION.match(text.strip())
        if section:
            kind, name = section[1], section[2]
            in_data = kind == "data"
            if kind == "file" and template is None:
                template = Template(_identifier(name, where))
            elif template is None:
                raise InputError("a template begins with a line <<file NAME>>", where=where)
            elif kind == "header":
                hdu = HDU(_identifier(name, where))
                template.hdus.append(hdu)
            elif not in_data or hdu is None:
                raise InputError(
                    f"the sections of a template are <<file NAME>>, once, <<header NAME>> and, after it, <<data>>; "
                    f"got {text.strip()}",
                    where=where,
                )
        elif hdu is None:
            raise InputError(f"a section <<header NAME>> is needed before {text.strip()!r}", where=where)
        elif in_data:
            hdu.data, hdu.where = f"{hdu.data}{text.strip()}", hdu.where or where
        else:
            hdu.lines.append(_header_line(text.strip(), where))
    if template is None:
        raise InputError("a template begins with a line <<file NAME>>, the file is empty", where=str(path))
    return template


def _lines(path, folders, depth=0):
    """Yield (text, where) of the lines of a file: included ones in their place, continued ones as one, no comments."""
    if depth > _DEPTH:
        raise InputError("templates include one another in a circle", where=str(path))
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the template cannot be read: {error}", where=str(path)) from error
    text, first = "", 0
    for number, line in enumerate(content.splitlines(), start=1):
        first = first if text else number
        text += line.rstrip()
        if text.endswith("\\"):
            text = text[:-1]
            continue
        stripped, text = text.strip(), ""
        where = f"{path}, line {first}"
        include = _INCLUDE.match(stripped)
        if include:
            yield from _lines(_found(include[2], path, folders, where), folders, depth + 1)
        elif stripped and not stripped.startswith("#"):
            yield stripped, where


def _found(name, path, folders, where):
    for folder in (path.parent, *folders):
        if (folder / name).is_file():
            return folder / name
    raise InputError(
        f"the included file {name} does not exist", where=where, hint="it is looked for beside the template"
    )


def _identifier(name, where):
    if not (name or "").isidentifier():
        raise InputError(f"the name of a section must be a Python identifier, got {name!r}", where=where)
    return name


def _header_line(text, where):
    if text.startswith("/"):
        return Line("", "", text[1:].strip(), where)
    keyword, equals, rest = text.partition("=")
    keyword = keyword.strip()
    if not equals or not _KEYWORD.match(keyword):
        raise InputError(
            f"a line of a header is KEYWORD = expression / comment, the keyword of up to 8 of A-Z, 0-9, _ and -; "
            f"got {text!r}",
            where=where,
        )
    expression, comment = _divided(rest)
    return Line(keyword, expression, comment, where)


def _divided(text):
    """Expression and comment: the first slash outside of quotes and brackets is between them."""
    quote, depth = "", 0
    for index, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif letter == "/" and not depth:
            return text[:index].strip(), text[index + 1 :].strip()
    return text.strip(), ""
