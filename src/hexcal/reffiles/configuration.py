"""The configuration: a YAML file of which every key is optional; files that were written for the original are read."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from hexcal.core.parameters import describe, validated, values_of
from hexcal.errors import InputError, ParameterError, unknown_name
from hexcal.reffiles.combine import CombineParameters
from hexcal.reffiles.configuration_check import OF_MAKERS, SPELLINGS, require_known
from hexcal.reffiles.grouping import Rules
from hexcal.reffiles.inputs import Selection
from hexcal.reffiles.patterns import parsed
from hexcal.reffiles.registry import ALIASES
from hexcal.reffiles.sections import SECTIONS, TABLES, General, GroupRules, values_given


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
        kind = SECTIONS[name]
        return values_of(validated(kind, values_given(self.values.get(name), kind), where=name))

    @property
    def general(self) -> General:
        """The keys at the top level that are no sections."""
        own = {key: self.values[key] for key in General.model_fields if key in self.values}
        return validated(General, values_given(own, General), where="configuration")

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
            required=tuple(values["requiredfitskeys"]),
            optional=tuple(values["optionalfitskeys"]),
        )

    def rules(self, pattern: str, label: str) -> Rules:
        """Return the rules of groups of a pattern: of ``groups.default``, and of the section of the pattern."""
        groups = self.values.get("groups") or {}
        values = {**(groups.get("default") or {}), **(groups.get(pattern) or {}), **(self.values.get(pattern) or {})}
        rules: Any = validated(GroupRules, values_given(values, GroupRules), where=f"groups of {label}")
        return Rules(
            parsed(pattern, where=f"imtypes of {label}"),
            max_days=rules.max_Delta_MJD,
            same=tuple(rules.same),
            loose=tuple(rules.loose),
            within=rules.range,
            without={key: str(value) for key, value in getattr(rules, "not").items()},
            same_ngroups=rules.same_ngroups,
            overlapping=rules.overlapping,
            min_members=rules.min_members,
            max_members=rules.max_members,
        )

    def of_maker(self, maker) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what is set for a maker: how it is used (imtypes, ssbsteps ...), and its own parameters."""
        section = self.values.get(maker.label) or {}
        return (
            {name: value for name, value in section.items() if name in OF_MAKERS},
            {SPELLINGS.get(str(name), str(name)): value for name, value in section.items() if name not in OF_MAKERS},
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
        labels = [ALIASES.get(label, label) for label in self.general.reflabels]
        if not labels:
            return known
        unknown = next((label for label in labels if label not in known), None)
        if unknown is not None:
            raise unknown_name("maker", unknown, known, where=self.origins.get("reflabels", "reflabels"))
        return {label: maker for label, maker in known.items() if label in labels}

    def tests(self) -> tuple[bool, bool]:
        """Return whether a new file is opened with its model, and whether the pipeline is run with it."""
        return self.general.test4datamodel, self.general.test4ssb

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
        return CombineParameters(**self.section("combine"))


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
        For an unknown key, and for a value of the wrong kind; with file, line, and the nearest right name.
    """
    result = Configuration()
    for path in paths:
        tree, lines = _load(Path(path))
        require_known(tree, lines, str(path), makers)
        _merge(result.values, tree)
        result.origins.update({_canonical(key): f"{path}, line {line}" for key, line in lines.items()})
    return result


def plugin_folders(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Return the folders with makers of users that configuration files name (``plugin_path``).

    They are needed before the files can be checked, since each maker may have a section.
    """
    folders: list[str] = []
    for path in paths:
        tree, _ = _load(Path(path))
        folders += [os.path.expandvars(folder) for folder in Configuration(tree).general.plugin_path]
    absent = next((folder for folder in folders if not Path(folder).is_dir()), None)
    if absent is not None:
        raise InputError("a folder with makers does not exist", where=f"plugin_path: {absent}")
    return folders


def set_option(configuration: Configuration, section: str, name: str, value: Any) -> None:
    """Set a value that the command line gives, in place."""
    configuration.values.setdefault(section, {})[SPELLINGS.get(name, name)] = value
    configuration.origins[f"{section}.{name}"] = "option"


class _Loader(yaml.SafeLoader):
    """Reads plain values; a date stays the text that it is, for USEAFTER."""

    yaml_implicit_resolvers: ClassVar[Any] = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _load(path):
    """The tree of a file, and the line of each key."""
    if not path.is_file():
        raise InputError("the configuration does not exist", where=str(path))
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=_Loader)
        tree = yaml.load(text, Loader=_Loader) or {}
    except UnicodeDecodeError as error:
        raise InputError("the configuration is no text in UTF-8", where=f"{path}, byte {error.start}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark is not None else str(path)
        raise InputError(f"not YAML: {getattr(error, 'problem', error)}", where=where) from error
    if not isinstance(tree, dict):
        raise InputError("a configuration is a list of `key: value`", where=str(path))
    lines: dict[str, int] = {}
    for name, line in _lines(node, ""):
        if name in lines:
            raise InputError(f"'{name}' is there twice: in lines {lines[name]} and {line}", where=str(path))
        lines[name] = line
    return tree, lines


def _lines(node, prefix):
    for key, value in getattr(node, "value", ()) if isinstance(node, yaml.MappingNode) else ():
        name = f"{prefix}{key.value}"
        yield name, key.start_mark.line + 1
        yield from _lines(value, f"{name}.")


def _canonical(name):
    """A dotted key as options and defaults spell it."""
    section, dot, key = name.partition(".")
    return f"{ALIASES.get(section, section)}{dot}{SPELLINGS.get(key, key)}"


def _merge(tree, other):
    for key, value in other.items():
        name = ALIASES.get(key, key)
        if isinstance(tree.get(name), dict) and (isinstance(value, dict) or value is None):
            _merge(tree[name], value or {})
        else:
            tree[name] = value


def example(makers: dict[str, Any]) -> str:
    """Return a configuration with all keys, their defaults, and a comment for each of them."""
    lines = ["# Every key is optional; what is given here are the defaults.", *_keys(General, ""), ""]
    for name, kind in SECTIONS.items():
        lines += [f"{name}:", *_keys(kind, "  "), ""]
    lines += [
        "# Groups of all patterns; a section such as DD, or groups.DD, has the same keys.",
        "groups:",
        "  default:",
    ]
    lines += [*_keys(GroupRules, "    "), ""]
    for name, meaning in TABLES.items():
        lines += [f"# {meaning}", f"{name}: {{}}", ""]
    for maker in makers.values():
        lines += [f"{maker.label}:", f"  # Exposures of a group.\n  imtypes: {maker.inputs}"]
        lines += [f"  # Steps of the pipeline that they must have had.\n  ssbsteps: '{maker.steps}'"]
        lines += [*_keys(maker.Parameters, "  "), ""]
    return "\n".join(lines)


def _keys(kind, indent):
    """Each key with its default, below a comment that says what it is."""
    for key, item in kind.model_fields.items():
        value = yaml.safe_dump(item.default, default_flow_style=True, width=1000).partition("\n")[0]
        yield f"{indent}# {describe(item, key)}"
        yield f"{indent}{key}: {value}"
