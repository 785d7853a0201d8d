"""The pages of the documentation that are made from the code.

One for each step and pipeline, and the list of all (``make docs``).

What a step does, its parameters, references and status keyword are asked of its class, the differences from the
original of docs/decisions.md, so that a page cannot say anything else than the code. `write_pages` is called by
docs/conf.py.
"""

import importlib
import inspect
import re
from pathlib import Path
from typing import NamedTuple

from hexcal import observatories
from hexcal.core import parameters, profiles, registry
from hexcal.core.step import Step
from hexcal.observatories import documented
from hexcal.pipelines import ALIASES as PIPELINES

DOCS = Path(__file__).resolve().parents[1] / "docs"
_GENERAL = ("Framework", "Associations", "Making reference files", "Whole programmes")
"""Sections of docs/decisions.md that are about no step; subsections begin with the same words."""
_DECISION = re.compile(r"\* \*\*(?P<what>.+?)\*\*: (?P<hexcal>.+?)(?: \*Why:\* (?P<why>.+))?")
_ROW_ID = re.compile(r"\b([A-Z][A-Z0-9]*)-\d+")


class Decision(NamedTuple):
    """An item of docs/decisions.md, and the section it is in."""

    section: str
    what: str
    hexcal: str
    why: str


def write_pages(folder: Path) -> list[str]:
    """Write the page of every pipeline and step, and the list of them.

    Parameters
    ----------
    folder : Path
        Made if it is not there. Pages of steps that no longer exist are removed from it.

    Returns
    -------
    list of str
        The aliases.
    """
    folder.mkdir(parents=True, exist_ok=True)
    classes = {alias: registry.find(alias) for alias in registry.aliases()}
    decisions = [decision for decision in read_decisions() if not decision.section.startswith(_GENERAL)]
    areas = areas_of_steps()
    pages = {alias: page(cls, decisions, areas.get(alias, set())) for alias, cls in classes.items()}
    pages["index"] = list_of_steps(classes)
    for old in folder.glob("*.md"):
        if old.stem not in pages:
            old.unlink()
    for name, text in pages.items():
        write_if_changed(folder / f"{name}.md", text)
    return list(classes)


def write_if_changed(path: Path, text: str) -> None:
    """Write a page, unless it stands there already: sphinx reads again what is newer than its last run."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


# ---- where the facts come from


def read_decisions(text: str | None = None) -> list[Decision]:
    """Return all decisions, in order.

    Parameters
    ----------
    text : str, optional
        Default: docs/decisions.md.

    Raises
    ------
    ValueError
        If an item does not have the form that the top of the file asks for.
    """
    text = (DOCS / "decisions.md").read_text(encoding="utf-8") if text is None else text
    decisions = []
    for section in re.split(r"^##+ ", text, flags=re.M)[1:]:
        title, _, body = section.partition("\n")
        for item in re.split(r"^(?=\*)", body, flags=re.M)[1:]:
            decision = _DECISION.fullmatch(re.sub(r"\n  ", " ", item).strip())
            if decision is None or "\n" in decision[0]:
                raise ValueError(f"an item of docs/decisions.md is not of the form that its top asks for:\n{item}")
            decisions.append(Decision(title, decision["what"], decision["hexcal"], decision["why"] or ""))
    return decisions


def areas_of_steps() -> dict[str, set[str]]:
    """Return the areas of requirement ids (JUMP of JUMP-03) that the sheets give under the heading of each step."""
    areas: dict[str, set[str]] = {}
    for sheet in sorted((DOCS / "requirements").glob("*.md")):
        alias = None
        for line in sheet.read_text(encoding="utf-8").splitlines():
            if line.startswith("#"):
                named = re.search(r"alias `(\w+)`", line)
                alias = named[1] if named else None
            row = re.match(r"\| *([A-Z][A-Z0-9]*)-\d+", line)
            if alias and row:
                areas.setdefault(alias, set()).add(row[1])
    return areas


def concerns(decision: Decision, cls: type[Step], areas: set[str]) -> bool:
    """Whether a decision is about a step.

    It names the step, a row of its requirements, or a parameter that only steps of that name have.
    """
    alias = str(cls.alias)
    own = [name for name in cls.Parameters.model_fields if name not in parameters.StepParameters.model_fields]
    starts = alias.partition("_")[0]
    return bool(
        re.search(rf"\b{alias}\b", decision.what)
        or re.match(rf"{starts}\b", decision.what)
        or areas & set(_ROW_ID.findall(decision.what))
        or any(f"`{name}`" in decision.what for name in own)
    )


def status_keyword(cls: type[Step]) -> str | None:
    """Return the FITS keyword that says whether the step was done, or None."""
    row = observatories.get("jwst").keywords.of_path(f"meta.cal_step.{cls.status}")
    return row.keyword if row else None


# ---- the pages


def list_of_steps(classes: dict[str, type[Step]]) -> str:
    """Return the page that lists all pipelines and steps."""
    pipelines = {alias: cls for alias, cls in classes.items() if alias in PIPELINES}
    steps = {alias: cls for alias, cls in classes.items() if alias not in pipelines}
    lines = [
        "# Pipelines and steps",
        "",
        "Each page is made from the class that does the work, so names, bounds and defaults are those of this version. "
        "`hexcal steps` prints the same list.",
        "",
    ]
    for title, members in (("Pipelines", pipelines), ("Steps", steps)):
        lines += [f"## {title}", "", "| name | what it does |", "|---|---|"]
        lines += [f"| [{alias}]({alias}.md) | {_first_line(cls)} |" for alias, cls in members.items()]
        toctree = ["", "```{toctree}", ":hidden:", "", *members, "```", ""]
        lines += toctree
    return "\n".join(lines)


def page(cls: type[Step], decisions: list[Decision], areas: set[str]) -> str:
    """Return the page of one step or pipeline, as Markdown.

    Parameters
    ----------
    cls : type
        Of the step.
    decisions : list of Decision
        Of all steps.
    areas : set of str
        Areas of requirement ids that belong to the step.
    """
    concerned = [decision for decision in decisions if concerns(decision, cls, areas)]
    sections = [
        [f"# {cls.alias}", "", inspect.cleandoc(cls.__doc__ or ""), ""],
        _facts(cls),
        _usage(cls),
        _steps_of(cls),
        _parameters(cls),
        _profiles(cls),
        _missing(cls),
        _differences(concerned),
        _science(cls),
    ]
    return "\n".join(line for section in sections for line in section)


def _first_line(cls):
    return (cls.__doc__ or "").strip().partition("\n")[0]


def _cell(text):
    return re.sub(r"(?<!\\)\|", r"\\|", str(text)).replace("\n", " ")


def _table(heads, rows):
    body = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    return [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *body, ""]


def _facts(cls):
    keyword = status_keyword(cls)
    wanted = [cls.input_model] if isinstance(cls.input_model, str) else cls.input_model or ["any model"]
    rows = [
        ("Python", f"`from {_public(cls)} import {cls.__name__}`"),
        ("works on", ", ".join(f"`{name}`" if name != "any model" else name for name in wanted)),
        ("reference files", ", ".join(f"`{name}`" for name in cls.reference_types) or "none of its own"),
        ("suffix of the product", f"`_{cls.default_suffix or cls.alias}`"),
    ]
    if keyword:
        rows.append(("status", f"keyword `{keyword}`, in Python `model.meta.cal_step.{cls.status}`"))
    pipelines = [alias for alias, place in registry.aliases().items() if _has_step(registry.find(alias), cls)]
    if pipelines:
        rows.append(("part of", ", ".join(f"[{alias}]({alias}.md)" for alias in pipelines)))
    return _table(rows[0], rows[1:])


def _public(cls):
    """The module that users import it from."""
    return "hexcal.pipeline" if cls.alias in PIPELINES else "hexcal.step"


def _has_step(pipeline, cls):
    return cls in pipeline.step_defs.values()


def _usage(cls):
    return [
        "```text",
        f"hexcal run {cls.alias} FILE --output_dir=out",
        f"hexcal run {cls.alias} --help",
        "```",
        "",
        "```{code-block} python",
        f"from {_public(cls)} import {cls.__name__}",
        "",
        f"result = {cls.__name__}.call(FILE)",
        "```",
        "",
    ]


def _steps_of(cls):
    if not cls.step_defs:
        return []
    rows = [
        (f"[{name}]({step.alias}.md)", _first_line(step), "no" if _default(step, "skip") else "yes")
        for name, step in cls.step_defs.items()
    ]
    return [
        "## Steps",
        "",
        "The order depends on the exposure; the log of a run says it. Each step is a page of its own.",
        "",
        *_table(("step", "what it does", "on by default"), rows),
    ]


def _default(cls, name):
    return cls.parameters_class.model_fields[name].default


def _parameters(cls):
    fields = cls.parameters_class.model_fields
    own = {name: field for name, field in fields.items() if name not in parameters.StepParameters.model_fields}
    common = "[Those of every step](../guide/parameters.md#parameters-of-every-step), `skip` among them, hold as well."
    if not own:
        return ["## Parameters", "", f"None of its own. {common}", ""]
    return [
        "## Parameters",
        "",
        *_table(("name", "default", "meaning"), [_parameter_row(*item) for item in own.items()]),
        common,
        "",
    ]


def _parameter_row(name, field):
    kind = parameters.type_name(field.annotation)
    limits = ", ".join(text for text in (kind[:1].upper() + kind[1:], parameters.bounds_of(field)) if text)
    default = f"`{field.default!r}` {parameters.unit_of(field)}".strip()
    return f"`{name}`", default, f"{field.description or ''} *{limits.replace('<', '&lt;')}.*"


def _profiles(cls):
    rows = [
        (row.profile, f"`{row.step}.{row.parameter}`", f"`{row.value}`", row.reason)
        for row in profiles.entries()
        if row.step.rpartition(".")[2] == cls.alias
    ]
    if not rows:
        return []
    text = "With [`profile`](../guide/parameters.md#profiles) other defaults hold:"
    return ["## Profiles", "", text, "", *_table(("profile", "parameter", "default", "why"), rows)]


def _missing(cls):
    known = cls.parameters_class.model_fields
    missing = [name for name in documented.parameters(str(cls.alias)) if name not in known]
    missing_steps = [name for name in cls.missing_steps() if name not in cls.step_defs]
    if not missing and not missing_steps:
        return []
    lines = ["## Documented, but not in this version", ""]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        lines += [f"Parameters: {names}. They are refused, never ignored.", ""]
    if missing_steps:
        names = ", ".join(f"`{name}`" for name in missing_steps)
        lines += [f"Steps: {names}. Only `skip=True` may be set for them.", ""]
    return lines


def _differences(decisions):
    if not decisions:
        return []
    return [
        "## Differences from the original, and choices",
        "",
        "Where the documents contradict themselves, are silent, or differ from what releases 1.13.4 and 3.0.0 of the "
        "original do "
        "([all decisions](../decisions.md)).",
        "",
        *_table(("what", "Hexcal", "why"), [(row.what, row.hexcal, row.why) for row in decisions]),
    ]


def _science(cls):
    """Section on the functions of the module: shapes, units, formulas and their sources."""
    module = importlib.import_module(cls.__module__)
    names = [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    ]
    if not names:
        return []
    lines = ["## Functions", "", f"The arithmetic is in functions over arrays, in `{module.__name__}`:", ""]
    lines += ["```{eval-rst}", f".. currentmodule:: {module.__name__}", ""]
    lines += [f".. autofunction:: {name}" for name in names]
    return [*lines, "```", ""]
