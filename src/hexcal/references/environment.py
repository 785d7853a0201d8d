"""True and false as the environment says them."""

import os

TRUE = ("true", "t", "yes", "y", "on", "1")
FALSE = ("", "false", "f", "no", "n", "off", "0")


def is_true(variable: str) -> bool:
    """Whether a variable of the environment is set to true, in any case of letters."""
    return os.environ.get(variable, "").strip().lower() in TRUE
