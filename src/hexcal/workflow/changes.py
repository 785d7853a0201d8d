"""Why a job has to run: what has changed since its products were made."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from hexcal.core.provenance import version
from hexcal.errors import HexcalError
from hexcal.workflow import ledger as ledger_
from hexcal.workflow.references import Choices, words_override


@dataclass
class Changes:
    """Looks for changes, job by job, in the order of the plan.

    Attributes
    ----------
    ledger : Ledger
        What was made, and of what.
    words : dict of str to list of str
        Options of each pipeline, as they are now.
    again : dict of str to str
        Jobs that have to run: key -> why. It grows as jobs are asked about.
    """

    ledger: ledger_.Ledger
    words: dict
    choices: Choices = field(default_factory=Choices)
    again: dict = field(default_factory=dict)

    def why(self, job) -> str | None:
        """Return why a job has to run, None if its products are as they would be made now."""
        reason = self._reason(job, self.ledger.job(job.key))
        if reason is not None:
            self.again[job.key] = reason
        return reason

    def _reason(self, job, row):
        if row is None:
            return "it is new"
        if row["state"] == ledger_.RUNNING or row["error"] == ledger_.INTERRUPTED:
            return "it was interrupted"
        if row["state"] == ledger_.FAILED:
            return (
                f"it failed last time: {str(row['error']).splitlines()[0]}" if row["error"] else "it failed last time"
            )
        needed = next((key for key in job.needs if key in self.again), None)
        if needed is not None:
            return f"{needed} runs, whose products it needs"
        made_of = row["made_of"] or {}
        return (
            self._of_products(row["products"] or [])
            or _of_software(made_of)
            or self._of_options(job, made_of)
            or self._of_members(job, made_of)
            or self._of_references(job, made_of)
        )

    def _of_products(self, products):
        for product in products:
            if product.get("removed"):
                # On purpose: who needs it makes it again.
                continue
            try:
                status = os.stat(product["path"])
            except OSError:
                return f"its product {Path(product['path']).name} is gone"
            is_same = (status.st_size, status.st_mtime_ns) == (product["size"], product["mtime_ns"])
            if not is_same and self.ledger.digest(product["path"]) != product.get("sha256"):
                return f"its product {Path(product['path']).name} has been changed since"
        return None

    def _of_options(self, job, made_of):
        before, now = made_of.get("words", []), self.words[job.pipeline]
        added, left = [word for word in now if word not in before], [word for word in before if word not in now]
        changed = [*(f"now with {word}" for word in added), *(f"no longer with {word}" for word in left)]
        return f"its options have changed: {', '.join(changed)}" if changed else None

    def _of_members(self, job, made_of):
        before = {tuple(member) for member in made_of.get("members", [])}
        now = set(job.members)
        if before != now:
            added, left = sorted(name for name, _ in now - before), sorted(name for name, _ in before - now)
            changed = [*(f"{name} is new" for name in added), *(f"{name} has left" for name in left)]
            return f"its members have changed: {_some(changed)}"
        for item in made_of.get("inputs", []):
            for file in (item, *item.get("members", ())):
                # An association is known by its members: its text may say the same in another way.
                if file.get("sha256") is None or file.get("members"):
                    continue
                if self.ledger.digest(file["path"]) != file["sha256"]:
                    return f"its input {Path(file['path']).name} has changed"
        return None

    def _of_references(self, job, made_of):
        deciding = self._deciding(job)
        for item in made_of.get("references", []):
            kind, path = item["type"], item["path"]
            if path is not None and path != "N/A" and self.ledger.digest(path) != item["sha256"]:
                return f"the {kind} reference {Path(path).name} has changed"
            if deciding is None or words_override(kind, self.words[job.pipeline]):
                continue
            before = None if path == "N/A" else path
            try:
                now = self.choices.path(kind, self._exposure(job, item["exposure"]) or deciding)
            except HexcalError:
                continue
            if now != before:
                names = [Path(name).name if name else "none" for name in (now, before)]
                return f"the {kind} reference is now {names[0]} instead of {names[1]}"
        return None

    def _deciding(self, job):
        """The file whose header chooses the references of a job: the first science member that is there."""
        for name, role in job.members:
            path = job.source.parent / name
            if role == "science" and path.is_file():
                return path
        return None

    def _exposure(self, job, name):
        """The member of a job that has this name; None where there is none."""
        if not name:
            return None
        return next(
            (
                path
                for member, _ in job.members
                if Path(member).name == Path(name).name and (path := job.source.parent / member).is_file()
            ),
            None,
        )


def _of_software(made_of):
    before = made_of.get("version")
    return (
        f"it was made by Hexcal {before}, this is {version()}" if before is not None and before != version() else None
    )


def _some(texts, most=3):
    """The first of some texts, and how many more there are."""
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")
