"""What a step says of blocks of integrations.

Whether it can work on some at a time, what it counts, what must be the same in all.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


class BlocksDisagree(Exception):
    """A step finds in one block of integrations what it has not found in those before.

    The exposure has to be worked on as a whole.
    """


@dataclass
class Notes:
    """What a step has noted while the blocks of an exposure passed.

    Attributes
    ----------
    counts : dict
        text -> (level, count, of).
    facts : dict
        name -> value.
    kept : dict
        name -> what was made once.
    passed : int
        Integrations that have passed.
    """

    counts: dict = field(default_factory=dict)
    facts: dict = field(default_factory=dict)
    kept: dict = field(default_factory=dict)
    passed: int = 0


class Blockwise:
    """The part of `Step` for pipelines that pass an exposure through their steps in blocks.

    A block is some integrations of the exposure (`hexcal.core.blocks`).
    """

    by_integration = False
    """Whether what the step does to an integration depends on no other one."""
    _notes: Any = None
    """`Notes` while blocks pass."""
    log: Any

    def needs_all_integrations(self, model) -> str | None:
        """Return why the step cannot work on an exposure some integrations at a time; None if it can."""
        return None if self.by_integration else "it does not say that it can work on some integrations at a time"

    def gathers(self, model) -> bool:
        """Whether the step needs all integrations, but of few pixels at a time.

        A pipeline that knows how may let the blocks wait in a scratch folder.
        """
        return False

    def tell_count(self, text: str, count: int, of: int | None = None, level: int = logging.INFO) -> None:
        """Log a number; once, for all integrations, where they come in blocks.

        Parameters
        ----------
        text : str
            With a ``%d`` for `count`; and with `of` one for that and one for the percentage, such as ``%d of %d pixels
            (%.2f %%)``.
        count, of : int
            What is counted, and of how many.
        level : int
            Of the message. A warning is given only if `count` is not 0.
        """
        if self._notes is None:
            self._tell(text, count, of, level)
            return
        _, count_before, of_before = self._notes.counts.get(text, (level, 0, None if of is None else 0))
        self._notes.counts[text] = level, count_before + count, None if of is None else of_before + of

    def begin_blocks(self) -> None:
        """Begin to add up over blocks what is counted, and to compare what must be the same."""
        self._notes = Notes()

    def end_blocks(self) -> None:
        """Count each call for itself again."""
        self._notes = None

    def tell_counts(self) -> None:
        """Log what was counted in all blocks."""
        for text, (level, count, of) in self._notes.counts.items() if self._notes is not None else ():
            self._tell(text, count, of, level)

    def _tell(self, text, count, of, level):
        if level < logging.WARNING or count:
            self.log.log(level, text, *((count,) if of is None else (count, of, 100 * count / of if of else 0.0)))

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what `make` makes; where integrations come in blocks, what it made for the first of them."""
        if self._notes is None:
            return make()
        if name not in self._notes.kept:
            self._notes.kept[name] = make()
        return self._notes.kept[name]

    def passed(self, count: int) -> int:
        """Return how many integrations were in the blocks before this one, which has `count`."""
        if self._notes is None:
            return 0
        self._notes.passed += count
        return self._notes.passed - count

    def require_same(self, name: str, value: Any) -> None:
        """Note what the step found out about the integrations that it was given, and that decides what it does.

        Raises
        ------
        BlocksDisagree
            If it is not the same in all blocks.
        """
        if self._notes is not None and self._notes.facts.setdefault(name, value) != value:
            raise BlocksDisagree(f"{name} is {value} in some integrations and {self._notes.facts[name]} in others")
