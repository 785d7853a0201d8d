"""The configuration: a YAML file of which every key is optional; files that were written for the original are read."""

import difflib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hexcal.core.parameters import validated
from hexcal.errors import InputError, ParameterError, nearest, unknown_name
from hexcal.reffiles.combine import CombineParameters
from hexcal.reffiles.grouping import Rules
from hexcal.reffiles.inputs import OPTIONAL, REQUIRED, Selection
from hexcal.reffiles.patterns import parsed
from hexcal.reffiles.registry import ALIASES

_INPUTS = {
    "dark_pattern": None,
    "flat_pattern": None,
    "basenamepattern": None,
    "dateobs_fitskey": None,
    "timeobs_fitskey": None,
    "mjdobs_fitskey": None,
    "requiredfitskeys": list(REQUIRED),
    "optionalfitskeys": list(OPTIONAL),
}
_GROUPS = {
    "max_Delta_MJD": None,
    "same": [],
    "loose": [],
    "range": {},
    "not": {},
    "same_ngroups": False,
    "overlapping": False,
    "min_members": None,
    "max_members": None,
}
_OUTPUT = {
    "outrootdir": None,
    "outsubdir": None,
    "runID": "AUTO",
    "runIDNdigits": 3,
    "addsuffix": None,
    "ssbdir": None,
    "skip_runID_ssbdir": False,
    "ssblogFlag": False,
    "ssberrorlogFlag": False,
    "pipeline_prod_search_dir": None,
}
_BATCH = {"batch_enabled": False, "batchmode": None}
_SECTIONS = {
    "inputfiles": _INPUTS,
    "output": _OUTPUT,
    "combine": dict.fromkeys(CombineParameters.model_fields),
    "batch": _BATCH,
}
_FREE = ("reffile4ssb", "validation", "default_reflabels", "groups", "quality")
_TOP = ("instrument", "reflabels", "reftypes", "plugin_path", "test4datamodel", "test4ssb", *_SECTIONS, *_FREE)
_OF_MAKERS = ("reftype", "imtypes", "ssbsteps", "ssb_save_steps", "flags", "reffile4ssb", "validation", "quality")
_PATTERN = re.compile(r"[DF]\d*\+?([DF]\d*\+?)*")
_SPELLINGS: dict[str, str] = {"descrip": "description", "use_after": "useafter"}
"""How the original spells parameters of makers."""


@dataclass
class Configuration:
    """What the files and options say.

    Attributes
    ----------
    values : dict
        The tree, merged.
    origins : dict of str to str
        Dotted key -> file and line, or "option".
    """

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def section(self, name: str) -> dict[str, Any]:
        """Return a section with its defaults filled in."""
        return {**_SECTIONS.get(name, {}), **(self.values.get(name) or {})}

    def selection(self) -> Selection:
        """Return what is taken of the inputs."""
        values = self.section("inputfiles")
        keys = (values["mjdobs_fitskey"],) if values["mjdobs_fitskey"] else ()
        if not keys and values["dateobs_fitskey"]:
            keys = tuple(key for key in (values["dateobs_fitskey"], values["timeobs_fitskey"]) if key)
        return Selection(
            basename_pattern=values["basenamepattern"],
            dark_pattern=values["dark_pattern"],
            flat_pattern=values["flat_pattern"],
            time_keywords=keys,
            required=tuple(_listed(values["requiredfitskeys"])),
            optional=tuple(_listed(values["optionalfitskeys"])),
        )

    def rules(self, pattern: str, label: str) -> Rules:
        """Return the rules of groups of a pattern: of ``groups.default``, and of the section of the pattern."""
        groups = self.values.get("groups") or {}
        values = {**_GROUPS, **(groups.get("default") or {}), **(groups.get(pattern) or {})}
        values.update(self.values.get(pattern) or {})
        return Rules(
            parsed(pattern, where=f"imtypes of {label}"),
            max_days=None if values["max_Delta_MJD"] is None else float(values["max_Delta_MJD"]),
            same=tuple(_listed(values["same"])),
            loose=tuple(_listed(values["loose"])),
            within={key: float(width) for key, width in (values["range"] or {}).items()},
            without={key: str(value) for key, value in (values["not"] or {}).items()},
            same_ngroups=bool(values["same_ngroups"]),
            overlapping=bool(values["overlapping"]),
            min_members=values["min_members"],
            max_members=values["max_members"],
        )

    def of_maker(self, maker) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what is set for a maker: how it is used (imtypes, ssbsteps ...), and its own parameters."""
        section = self.values.get(maker.label) or {}
        return (
            {name: value for name, value in section.items() if name in _OF_MAKERS},
            {_SPELLINGS.get(str(name), str(name)): value for name, value in section.items() if name not in _OF_MAKERS},
        )

    def validation(self, maker) -> str | None:
        """Return what a new file of a maker is compared with: ``CRDS``, a path, or None."""
        own = (self.values.get(maker.label) or {}).get("validation")
        of_types = {
            ALIASES.get(str(kind), str(kind)): path for kind, path in (self.values.get("validation") or {}).items()
        }
        given = own if isinstance(own, str) else (own or {}).get(maker.reference_type)
        given = of_types.get(maker.reference_type) if given is None else given
        return None if given is None else str(given)

    def limits(self, maker) -> dict[str, Any]:
        """Return the limits of quality of a maker: statistic -> [least, most] or {warn: ..., fail: ...}."""
        common = (self.values.get("quality") or {}).get(maker.reference_type) or {}
        return {**common, **((self.values.get(maker.label) or {}).get("quality") or {})}

    def allowed(self, known: dict[str, Any]) -> dict[str, Any]:
        """Return the makers that may be used: all, or those of ``reflabels``."""
        labels = [ALIASES.get(str(label), str(label)) for label in self.values.get("reflabels") or ()]
        if not labels:
            return known
        unknown = next((label for label in labels if label not in known), None)
        if unknown is not None:
            raise unknown_name("maker", unknown, known, where=self.origins.get("reflabels", "reflabels"))
        return {label: maker for label, maker in known.items() if label in labels}

    def tests(self) -> tuple[bool, bool]:
        """Return whether a new file is opened with its model, and whether the pipeline is run with it."""
        return bool(self.values.get("test4datamodel", True)), bool(self.values.get("test4ssb", True))

    def batch(self) -> dict[str, Any]:
        """Return where work is done: ``jobs``, ``scheduler`` or ``slurm``; empty if batches are not enabled.

        Raises
        ------
        ParameterError
            If the kind of batch system is not known.
        """
        section = self.section("batch")
        if not section["batch_enabled"]:
            return {}
        mode = str(section["batchmode"] or "").strip()
        name, _, rest = mode.partition(":")
        if mode.isdecimal() and int(mode) > 0:
            return {"jobs": int(mode)}
        if name.lower() == "slurm":
            return {"slurm": rest.strip(), "jobs": 1}
        if name.lower() == "dask" and rest.strip():
            return {"scheduler": rest.strip(), "jobs": 1}
        raise ParameterError(
            f"the batch mode is not available: {mode or 'none given'}",
            where=self.origins.get("batch.batchmode", "batch.batchmode"),
            hint="a number of processes, `dask: tcp://host:8786`, or `slurm: queue=main walltime=02:00:00`; any other "
            "system takes the list of commands that `hexcal reffiles plan --commands FILE` writes",
        )

    def without_effect(self, known: dict[str, Any]) -> list[str]:
        """Return the keys that are set and change nothing."""
        names = ["instrument"] if self.values.get("instrument") else []
        # Which products are saved follows from what makers want; what a maker makes it says itself.
        sections = {label: section for label, section in self.values.items() if isinstance(section, dict)}
        names += [f"{label}.ssb_save_steps" for label, section in sections.items() if section.get("ssb_save_steps")]
        for label, section in sections.items():
            kind = section.get("reftype")
            maker = known.get(label)
            if kind and maker is not None and ALIASES.get(kind, kind) != maker.reference_type:
                names.append(f"{label}.reftype")
        return names

    def combining(self) -> CombineParameters:
        """Return how individual files are joined."""
        return validated(CombineParameters, self.values.get("combine") or {}, "combine")


def _listed(value) -> list[str]:
    return [word.strip() for word in value.split(",")] if isinstance(value, str) else list(value or ())


def read(paths: Iterable[str | os.PathLike[str]], makers: dict[str, Any]) -> Configuration:
    """Read configuration files; a later one adds to an earlier one.

    Parameters
    ----------
    paths : iterable of path-like
        YAML files.
    makers : dict of str to type
        The makers that there are: each may have a section.

    Raises
    ------
    InputError
        If a file is absent, or no YAML; with the line.
    ParameterError
        For an unknown key; with file, line and nearest right name.
    """
    result = Configuration()
    for path in paths:
        tree, lines = _load(Path(path))
        _check(tree, lines, str(path), makers)
        _merge(result.values, tree)
        result.origins.update({key: f"{path}, line {line}" for key, line in lines.items()})
    return result


def plugin_folders(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Return the folders with makers of users that configuration files name (``plugin_path``).

    They are needed before the files can be checked, since each maker may have a section.
    """
    folders: list[str] = []
    for path in paths:
        given = _load(Path(path))[0].get("plugin_path")
        folders += [os.path.expandvars(word) for word in _listed(given)]
    absent = next((folder for folder in folders if not Path(folder).is_dir()), None)
    if absent is not None:
        raise InputError("a folder with makers does not exist", where=f"plugin_path: {absent}")
    return folders


def set_option(configuration: Configuration, section: str, name: str, value: Any) -> None:
    """Set a value that the command line gives, in place."""
    configuration.values.setdefault(section, {})[_SPELLINGS.get(name, name)] = value
    configuration.origins[f"{section}.{name}"] = "option"


def _load(path):
    """The tree of a file, and the line of each key."""
    if not path.is_file():
        raise InputError("the configuration does not exist", where=str(path))
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        tree = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark is not None else str(path)
        raise InputError(f"not YAML: {getattr(error, 'problem', error)}", where=where) from error
    if not isinstance(tree, dict):
        raise InputError("a configuration is a list of `key: value`", where=str(path))
    return tree, dict(_lines(node, ""))


def _lines(node, prefix):
    for key, value in getattr(node, "value", ()) if isinstance(node, yaml.MappingNode) else ():
        name = f"{prefix}{key.value}"
        yield name, key.start_mark.line + 1
        yield from _lines(value, f"{name}.")


def _check(tree, lines, path, makers):
    """Refuse unknown keys; keys at the top level that are no section are free, as in the original."""
    for key, value in tree.items():
        where = f"{path}, line {lines.get(key, 1)}"
        if key in _SECTIONS and isinstance(value, dict):
            _known(value, _SECTIONS[key], key, lines, path)
        elif isinstance(value, dict) and _PATTERN.fullmatch(str(key)):
            _known(value, _GROUPS, key, lines, path)
        elif key == "groups" and isinstance(value, dict):
            for name, rules in value.items():
                _known(rules or {}, _GROUPS, f"groups.{name}", lines, path)
        elif isinstance(value, dict) and (key in makers or key in ALIASES):
            label = ALIASES.get(key, key)
            names = [*makers[label].Parameters.model_fields, *_OF_MAKERS, *_SPELLINGS]
            _known(value, names, key, lines, path)
        elif isinstance(value, dict) and key not in _FREE:
            names = [*_TOP, *makers]
            guess = nearest(str(key), names)
            raise ParameterError(
                f"unknown section '{key}'", where=where, hint=f"did you mean '{guess}'?" if guess else ", ".join(names)
            )
        elif not isinstance(value, dict) and key not in _TOP and difflib.get_close_matches(str(key), _TOP, cutoff=0.85):
            # Free keys are allowed, but not ones that are a known one with a typing error.
            raise ParameterError(f"unknown key '{key}'", where=where, hint=f"did you mean '{nearest(str(key), _TOP)}'?")


def _known(value, names, section, lines, path):
    for name in value:
        if name not in names:
            guess = nearest(str(name), names)
            raise ParameterError(
                f"unknown key '{name}' in {section}",
                where=f"{path}, line {lines.get(f'{section}.{name}', 1)}",
                hint=f"did you mean '{guess}'?" if guess else ", ".join(names),
            )


def _merge(tree, other):
    for key, value in other.items():
        name = ALIASES.get(key, key)
        if isinstance(value, dict) and isinstance(tree.get(name), dict):
            _merge(tree[name], value)
        else:
            tree[name] = value


def example(makers: dict[str, Any]) -> str:
    """Return a configuration with all keys, their defaults, and a comment for each parameter of each maker."""
    from hexcal.core.parameters import describe

    lines = ["# Every key is optional; what is given here are the defaults.", "reftypes: []", ""]
    for name, keys in (*_SECTIONS.items(), ("groups.default", _GROUPS)):
        section, _, inner = name.partition(".")
        lines.append(f"{section}:")
        indent = "  " if not inner else "    "
        lines += [f"  {inner}:"] if inner else []
        fields = CombineParameters.model_fields if name == "combine" else {}
        for key, value in keys.items():
            if key in fields:
                lines += [f"{indent}# {describe(fields[key], key)}"]
            lines.append(f"{indent}{key}: {_as_yaml(fields[key].default if key in fields else value)}")
        lines.append("")
    for maker in makers.values():
        lines += [f"{maker.label}:", f"  imtypes: {maker.inputs}", f"  ssbsteps: '{maker.steps}'"]
        for key, item in maker.Parameters.model_fields.items():
            lines += [f"  # {describe(item, key)}", f"  {key}: {_as_yaml(item.default)}"]
        lines.append("")
    return "\n".join(lines)


def _as_yaml(value):
    return yaml.safe_dump(value, default_flow_style=True).replace("\n...", "").strip()
