"""Lists given as a text are split at the commas that separate items, and at no others."""

import pytest

from hexcal.core.lists import split_list
from hexcal.errors import ParameterError
from hexcal.step import JumpStep


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("a, b", ["a", "b"]),
        ("[a, b]", ["a", "b"]),
        ("(1, 2)", ["1", "2"]),
        ("", []),
        ("[]", []),
        ("echo (a, b), c", ["echo (a, b)", "c"]),
        ("echo a)", ["echo a)"]),
        ("(a), (b)", ["(a)", "(b)"]),
        ("echo {0}, stat {0}", ["echo {0}", "stat {0}"]),
        ('echo "a, b", c', ['echo "a, b"', "c"]),
        ("['echo a, b', 'c']", ["echo a, b", "c"]),
        ("echo don't, c", ["echo don't", "c"]),
        ("f([1, (2, 3)], {'a': ','}), g", ["f([1, (2, 3)], {'a': ','})", "g"]),
        ("echo (a, b", ["echo (a", "b"]),
        ("echo ')', b", ["echo ')'", "b"]),
    ],
)
def test_commas_in_brackets_and_quotes_separate_nothing(text, items):
    assert split_list(text) == items


def test_hooks_given_as_text_keep_their_brackets():
    step = JumpStep(post_hooks="python -c 'print((1, 2))', echo (x)")
    assert step.post_hooks == ["python -c 'print((1, 2))'", "echo (x)"]


@pytest.mark.parametrize("suffix", ["../evil", "a/b", "..\\evil", "a b", "a\nb", "a\0b"])
def test_a_suffix_is_a_word(suffix):
    with pytest.raises(ParameterError, match="suffix must be a word"):
        JumpStep(suffix=suffix)


@pytest.mark.parametrize("ext", ["/../evil", "fits/x"])
def test_an_extension_is_a_word(ext):
    with pytest.raises(ParameterError, match="output_ext must be a word"):
        JumpStep(output_ext=ext)
