"""Lists given as a text, on the command line and in .cfg files."""

_PAIRS = {"(": ")", "[": "]", "{": "}"}
_QUOTES = "\"'"


def split_list(text):
    """Split a text at its commas, but not inside brackets and quotes.

    Parameters
    ----------
    text : str
        ``a, b``, also with brackets around the whole. An item that is one quoted text stands for what is between the
        quotes; a quote or bracket that has no partner is a character like others.

    Returns
    -------
    list of str
        Without blanks around the items, and without empty ones.
    """
    text = text.strip()
    if text[:1] in ("[", "(") and _end_of(text, 0) == len(text):
        text = text[1:-1]
    items, first, place = [], 0, 0
    while place < len(text):
        if text[place] == ",":
            items.append(text[first:place])
            first = place = place + 1
        else:
            place = _end_of(text, place)
    items.append(text[first:])
    return [_unquoted(item.strip()) for item in items if item.strip()]


def _end_of(text, place):
    """Return the place after the character there, or after the whole of what it opens.

    A quoted text, or brackets and what is in them.
    """
    mark = text[place]
    if mark in _QUOTES:
        # An apostrophe inside a word (don't) opens nothing.
        inside_word = place > 0 and text[place - 1].isalnum()
        end = -1 if inside_word else text.find(mark, place + 1)
        return end + 1 if end > 0 else place + 1
    if mark in _PAIRS:
        inner = place + 1
        while inner < len(text):
            if text[inner] == _PAIRS[mark]:
                return inner + 1
            inner = _end_of(text, inner)
    return place + 1


def _unquoted(item):
    is_quoted = len(item) > 1 and item[0] in _QUOTES and _end_of(item, 0) == len(item)
    return item[1:-1] if is_quoted else item
