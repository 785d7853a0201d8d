"""Reading texts that are written in the syntax of Python (rules, conditions, pools), by one thread at a time.

Python 3.11 and 3.12 count the depth of a syntax tree once for all threads: if another thread begins to read a text
while the first is interrupted (by the collection of garbage), the first ends with "AST constructor recursion depth
mismatch" (https://github.com/python/cpython/issues/106905). So everything in Hexcal that needs a tree asks here.
"""

import ast
import threading
from typing import Any

_one_at_a_time = threading.RLock()


def syntax_tree(text: str, mode: str = "exec") -> Any:
    """Return the syntax tree of a text: what `ast.parse` returns, and raises, for it.

    Parameters
    ----------
    text : str
        Python, which is not run.
    mode : {"exec", "eval"}
        Statements, or one expression.
    """
    with _one_at_a_time:
        return ast.parse(text, mode=mode)


def literal(text: str) -> Any:
    """Return the value that a text writes down: what `ast.literal_eval` returns, and raises, for it.

    Parameters
    ----------
    text : str
        A number, a text, None, True or False, or lists, tuples, sets and tables of such.
    """
    return ast.literal_eval(syntax_tree(text.lstrip(" \t"), mode="eval"))
