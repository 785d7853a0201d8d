"""The parameters of one step.

Values that were given, with their sources, above the defaults of its pipeline and of a profile.
"""

from typing import Any

from hexcal.core import parameters


class ParameterValues:
    """Parameters of one step; changed only as a whole, so that a value that is refused changes nothing.

    Parameters
    ----------
    declared : type
        The step's Parameters.
    """

    def __init__(self, declared: type):
        self.declared: Any = declared
        self.given: dict[str, Any] = {}
        """Values as they were given, before they were checked and converted."""
        self.sources: dict[str, str] = {}
        """Where each of them comes from."""
        self._defaults: dict[str, tuple[Any, str]] = {}
        self._frozen: Any = None

    def frozen(self, where: str) -> Any:
        """Return all parameters as a frozen object; `where` names the step in messages."""
        if self._frozen is None:
            self._frozen = self._validated(self.given, where)
        return self._frozen

    def give(self, values: dict[str, Any], source: str, where: str) -> None:
        """Put values above those that there are.

        ParameterError, and nothing is changed, if one of them is not valid.
        """
        self._frozen = self._validated({**self.given, **values}, where)
        self.given.update(values)
        self.sources.update(dict.fromkeys(values, source))

    def take_defaults(self, defaults: dict[str, tuple[Any, str]]) -> None:
        """Put these defaults (name -> value and source) in place of the declared ones, and of those taken before."""
        self._defaults, self._frozen = defaults, None

    def source_of(self, name: str) -> str:
        """Return where a value comes from: the command line, a file, a profile, "default"."""
        return self.sources.get(name) or self._defaults.get(name, (None, "default"))[1]

    def _validated(self, given, where):
        below = {name: value for name, (value, _) in self._defaults.items()}
        return parameters.validated(self.declared, {**below, **given}, where)
