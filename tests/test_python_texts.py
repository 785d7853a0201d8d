"""Texts in the syntax of Python are read by several threads at once without harm."""

import gc
import re
import threading
import time
from pathlib import Path

import pytest

import hexcal
from hexcal.python_texts import literal, syntax_tree

RULES = "selector = {" + ",".join(f"'k{i}': ('a', {i}, {{'b': [1, 2, (3,)]}})" for i in range(300)) + "}"


@pytest.fixture
def interrupted():
    """Garbage collections that let another thread run, as those with finalizers do."""

    def give_way(_phase, _facts):
        time.sleep(1e-4)

    gc.callbacks.append(give_way)
    yield
    gc.callbacks.remove(give_way)


def test_threads_that_read_rules_at_the_same_time_all_get_them(interrupted):
    lengths = []

    def read():
        lengths.extend(len(syntax_tree(RULES).body) for _ in range(60))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lengths == [1] * 240


def test_a_literal_is_read_and_anything_else_is_refused():
    assert literal(" [('o001', 'observation'), -2.5, None]") == [("o001", "observation"), -2.5, None]
    with pytest.raises(ValueError, match="malformed"):
        literal("open('x')")
    with pytest.raises(SyntaxError):
        literal("[1")


def test_no_other_module_makes_syntax_trees():
    root = Path(hexcal.__file__).parent
    readers = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if re.search(r"\bast\.(parse|literal_eval\((?!node))", path.read_text(encoding="utf-8"))
    }
    assert readers == {"python_texts.py"}
