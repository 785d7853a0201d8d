"""How a run of makers is done, and what became of it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hexcal.reffiles.workers import Workers


@dataclass(frozen=True)
class Failure:
    """What went wrong with a run of the pipeline.

    Attributes
    ----------
    text : str
        The message.
    is_of_input : bool
        Whether the exposure is to blame: then a group may do without it.
    """

    text: str
    is_of_input: bool = False


@dataclass
class Outcome:
    """What became of a run.

    Attributes
    ----------
    final : dict of str to list of pathlib.Path
        Label -> the files that are delivered.
    failed : dict of str to str
        Label, or label and number of the group -> why.
    not_made : dict of str to str
        Label and number of the group -> why the exposures do not allow the file, where not it but all types that they
        allow were asked for.
    left : list of str
        What was not run since the numbers were limited.
    findings : dict of pathlib.Path to list of str
        File -> what certifying found.
    """

    final: dict[str, list[Path]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    not_made: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    findings: dict[Path, list[str]] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether everything was made, and is without errors."""
        errors = any(text.startswith("error") for texts in self.findings.values() for text in texts)
        return not self.failed and not self.left and not errors


@dataclass
class Settings:
    """How a run is done.

    Attributes
    ----------
    references : path-like or None
        Folder of reference files for the pipeline; default: the environment's, and where it names none, what this run
        has made so far.
    redo_products, redo_references : bool
        Make products of the pipeline, or reference files, again that are there.
    most_products, most_references : int or None
        At most so many are made now.
    passes : int
        How often everything is made; the second time with the files of the first for what is not yet made again.
    as_allowed : bool
        A type that the exposures do not allow is left out; it is no failure.
    plugins, folders : tuple of str
        Files, and folders, with makers of users.
    workers : Workers
        Where the work is done.
    """

    references: Any = None
    redo_products: bool = False
    redo_references: bool = False
    most_products: int | None = None
    most_references: int | None = None
    passes: int = 1
    as_allowed: bool = False
    plugins: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    workers: Workers = field(default_factory=Workers)
