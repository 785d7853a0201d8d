"""Whether the keys of a configuration are known, and their values of the right kind: asked before anything runs."""

import difflib
import re
from typing import Any

from hexcal.core.parameters import validated
from hexcal.errors import ParameterError, nearest, unknown_name
from hexcal.reffiles import patterns, pipeline_steps, quality
from hexcal.reffiles.registry import ALIASES
from hexcal.reffiles.sections import SECTIONS, TABLES, General, GroupRules, values_given

OF_MAKERS = ("reftype", "imtypes", "ssbsteps", "ssb_save_steps", "flags", "reffile4ssb", "validation", "quality")
"""Keys of the section of a maker that say how it is used; the others are its own parameters."""
SPELLINGS: dict[str, str] = {"descrip": "description", "use_after": "useafter"}
"""How the original spells parameters of makers."""
_TOP = (*General.model_fields, *SECTIONS, "groups", *TABLES)
_PATTERN = re.compile(r"[DF]\d*\+?([DF]\d*\+?)*")


def require_known(tree: dict[str, Any], lines: dict[str, int], path: str, makers: dict[str, Any]) -> None:
    """Refuse unknown keys, and values of the wrong kind.

    Keys at the top level that are no section are free, as in the original.

    Parameters
    ----------
    tree : dict
        What the file holds.
    lines : dict of str to int
        Dotted key -> its line.
    path : str
        Of the file, for messages.
    makers : dict of str to type
        The makers that there are.

    Raises
    ------
    ParameterError
        With file, line, and the nearest right name.
    """
    _Check(lines, path, makers).top(tree)


class _Check:
    def __init__(self, lines, path, makers):
        self.lines, self.path, self.makers = lines, path, makers
        self.types = {*pipeline_steps.all_types(), *ALIASES, *(maker.reference_type for maker in makers.values())}

    def where(self, name):
        return f"{self.path}, line {self.lines.get(name, 1)}"

    def top(self, tree):
        for key, value in tree.items():
            name = str(key)
            if name in SECTIONS:
                self.values(name, value, SECTIONS[name])
            elif _PATTERN.fullmatch(name):
                self.values(name, value, GroupRules)
            elif name == "groups":
                for pattern, rules in self.section(name, value).items():
                    self.values(f"{name}.{pattern}", rules, GroupRules)
            elif name in TABLES:
                self.table(name, value)
            elif ALIASES.get(name, name) in self.makers:
                self.of_maker(name, self.section(name, value))
            elif name in General.model_fields:
                self.one(name, name, value, General)
            else:
                self.free(name, value)

    def free(self, name, value):
        """A key of the user, which must not be a known one with a typing error."""
        names = [*_TOP, *self.makers]
        if isinstance(value, dict):
            guess = nearest(name, names)
            raise ParameterError(
                f"unknown section '{name}'", where=self.where(name),
                hint=f"did you mean '{guess}'?" if guess else ", ".join(names),
            )  # fmt: skip
        if difflib.get_close_matches(name, _TOP, cutoff=0.85):
            hint = f"did you mean '{nearest(name, _TOP)}'?"
            raise ParameterError(f"unknown key '{name}'", where=self.where(name), hint=hint)

    def section(self, name, value):
        """The keys of a section; it may be empty."""
        if value is not None and not isinstance(value, dict):
            hint = f"{name.rpartition('.')[2]}: {{key: value}}"
            raise ParameterError(f"{name} must be a section of keys, got {value!r}", where=self.where(name), hint=hint)
        return value or {}

    def values(self, name, value, kind):
        """A section all keys of which are those of a class."""
        section = self.section(name, value)
        self.known(name, section, kind.model_fields)
        for key, item in values_given(section, kind).items():
            self.one(f"{name}.{key}", key, item, kind)

    def known(self, name, section, names):
        for key in section:
            if key not in names:
                guess = nearest(str(key), names)
                raise ParameterError(
                    f"unknown key '{key}' in {name}", where=self.where(f"{name}.{key}"),
                    hint=f"did you mean '{guess}'?" if guess else ", ".join(names),
                )  # fmt: skip

    def one(self, name, key, value, kind):
        validated(kind, values_given({key: value}, kind), where=self.where(name))

    def of_maker(self, name, section):
        maker = self.makers[ALIASES.get(name, name)]
        own = maker.Parameters
        self.known(name, section, [*own.model_fields, *OF_MAKERS, *SPELLINGS])
        for key, value in section.items():
            where = self.where(f"{name}.{key}")
            if key == "reffile4ssb" or (key == "validation" and not isinstance(value, str)):
                self.table(f"{name}.{key}", value)
            elif key == "quality":
                quality.require_limits(self.section(f"{name}.{key}", value), where)
            elif key == "imtypes" and value is not None:
                for pattern in str(value).split("|"):
                    patterns.parsed(pattern, where=where)
            elif key in ("ssbsteps", "flags"):
                pipeline_steps.parsed(str(value or ""), where=where)
            elif key not in OF_MAKERS:
                self.one(f"{name}.{key}", SPELLINGS.get(key, key), value, own)

    def table(self, name, value):
        """A section whose keys are types of reference files."""
        for kind, item in self.section(name, value).items():
            where = self.where(f"{name}.{kind}")
            # A type may have a maker that only another configuration, or another machine, has.
            if str(kind) not in self.types and name != "default_reflabels":
                raise unknown_name("type of reference file", kind, self.types, where=where)
            if name == "quality":
                quality.require_limits(self.section(f"{name}.{kind}", item), where)
            elif not isinstance(item, str):
                raise ParameterError(f"{name}.{kind} must be a text, got {item!r}", where=where, hint=TABLES.get(name))
