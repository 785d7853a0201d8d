"""Mappings written as text, as CRDS writes them; the official client and `mapping_file.read_mapping` read them."""

import os

from hexcal.errors import ReferenceError_
from hexcal.references.delivery.new_file import new_file
from hexcal.references.mapping_file import KINDS, Call, check_name, parse_mapping, sha1sum

_INDENT = "    "
_NO_SUM = "0" * 40


def mapping_text(header, selector, comment=""):
    r"""Return the text of a mapping, with the right sha1sum in it.

    Parameters
    ----------
    header : dict
        Names and literals, written in this order; ``mapping`` says which kind it is. The value of ``sha1sum`` is
        computed; it comes last if it is not there.
    selector : dict or Call
        Dict of name to name in a .pmap and .imap; `mapping_file.Call` in an .rmap.
    comment : str
        Text of ``comment``, usually with a line end before and after it; "" for none.

    Returns
    -------
    str

    Raises
    ------
    ReferenceError_
        If it has anything in it that a mapping cannot hold.

    Examples
    --------
    >>> print(mapping_text({"mapping": "PIPELINE", "name": "jwst_0002.pmap"}, {"MIRI": "jwst_miri_0004.imap"}))
    header = {
        'mapping' : 'PIPELINE',
        'name' : 'jwst_0002.pmap',
        'sha1sum' : '357515152130c715d32f65600e57db967772ea5d',
    }
    <BLANKLINE>
    selector = {
        'MIRI' : 'jwst_miri_0004.imap',
    }
    <BLANKLINE>
    """
    blocks = [f"header = {_table({**header, 'sha1sum': _NO_SUM}.items(), '')}"]
    if comment:
        blocks.append(f"comment = {_comment(comment)}")
    blocks.append(f"selector = {_node(selector, '')}")
    text = "\n\n".join(blocks) + "\n"
    _check(text, header, selector, comment)
    computed, _ = sha1sum(text.encode())
    return text.replace(f"    'sha1sum' : '{_NO_SUM}',\n", f"    'sha1sum' : '{computed}',\n", 1)


def write_mapping(path, header, selector, comment=""):
    """Write a new mapping file: whole or not at all, and never over one that is there.

    A mapping is given out once, under its name, for ever. Where several are written, those that are named come before
    those that name them.

    Parameters
    ----------
    path : path-like
        Its name must be that of a mapping; where the header has a ``name``, it must be the same.
    header, selector, comment
        As in `mapping_text`.

    Raises
    ------
    ReferenceError_
        If there is such a file already, or the mapping is not well formed.
    ResourceError
        If it cannot be written.
    """
    path = os.fspath(path)
    name = check_name(os.path.basename(path), where=path)
    if header.get("name", name) != name:
        raise ReferenceError_(f"the mapping calls itself '{header['name']}', the file is to be {name}", where=path)
    content = mapping_text(header, selector, comment).encode()
    parse_mapping(content, path)
    with new_file(path) as stream:
        stream.write(content)


# ---- layout


def _table(items, indent):
    lines = "".join(f"{indent}{_INDENT}{key!r} : {_node(value, indent + _INDENT)},\n" for key, value in items)
    return f"{{\n{lines}{indent}}}"


def _node(value, indent):
    if isinstance(value, Call):
        return f"{value.selector}({_table(value.rules, indent)})"
    return _table(value.items(), indent) if isinstance(value, dict) else repr(value)


def _comment(text):
    # Between three quotation marks its lines stay lines; a text that would end them, or change between them, is written
    # on one line.
    is_plain = all(letter.isprintable() or letter in "\n\t" for letter in text)
    is_plain = is_plain and '"""' not in text and "\\" not in text and not text.endswith('"')
    return f'"""{text}"""' if is_plain else repr(text)


def _check(text, header, selector, comment):
    """Refuse what would not be read again as it is: functions, values of numpy, infinity."""
    endings = {kind: ending for ending, kind in KINDS.items()}
    name = str(header.get("name") or f"mapping{endings.get(header.get('mapping'), '')}")
    try:
        reread = parse_mapping(text.encode(), name)
        rest = {key: value for key, value in reread.header.items() if key != "sha1sum"}
        wanted = {key: value for key, value in header.items() if key != "sha1sum"}
        reason = (
            None if (rest, reread.selector, reread.comment) == (wanted, selector, comment) else "it is read otherwise"
        )
    except ReferenceError_ as error:
        reason = error.message
    if reason is not None:
        raise ReferenceError_(
            f"this cannot be written as a mapping: {reason}",
            where=name,
            hint="a mapping holds texts, numbers, True, False, None, and tuples, lists and tables of these",
        )
