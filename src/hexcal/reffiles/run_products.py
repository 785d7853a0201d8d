"""Products of the pipeline as makers get them, and reference files that a configuration names."""

import os
from pathlib import Path
from typing import Any

from hexcal.errors import InputError
from hexcal.workflow import ledger


def member(task: Any, member: Any, remaining: Any, run: Any) -> dict[str, Any]:
    """Return an exposure as a maker gets it: the product, and the one whose flags are used."""
    suffix = remaining.suffix
    by_integration = member.kind in task.maker.by_integration
    if run is None:
        path = str(member.path)
        return {"input": path, "kind": member.kind, "product": path, "flags": None, "also": {}}
    last = str(run.product(suffix, by_integration))
    product, flags = last, None
    if task.flags and remaining.data_step is not None and remaining.data_step != remaining.order[-1]:
        product, flags = str(run.product(remaining.data_step)), last
    also = {step: str(run.product(step)) for step in remaining.also if step in remaining.to_do and run.found is None}
    return {"input": str(member.path), "kind": member.kind, "product": product, "flags": flags, "also": also}


def existing(source: str) -> Path:
    """Return the file that a configuration names; a pattern must fit one."""
    import glob

    text = os.path.expandvars(source)
    paths = sorted(glob.glob(text)) if glob.has_magic(text) else [text]
    if len(paths) != 1 or not Path(paths[0]).is_file():
        raise InputError(
            f"the reference file is to be {source}, and {'there is none' if not paths else 'that is no file'}"
            if len(paths) < 2
            else f"{len(paths)} files fit {source}",
            where="reffile4ssb",
            hint="CRDS, SELF, N/A, or the path of one file",
        )
    return Path(paths[0])


def lost(error: Exception) -> dict[str, Any]:
    """Return what `hexcal.workflow.worker.do` would say of a run whose worker was lost."""
    return {"state": ledger.FAILED, "error": str(error), "is_of_input": False, "seconds": None,
            "peak_memory_mb": None, "products": [], "made_of": None, "worker": None}  # fmt: skip


def write_errors(run: Any, log: str, error: str | None) -> None:
    """Write the warnings and errors of a run beside its product."""
    from hexcal.files.atomic import atomic

    lines = Path(log).read_text(encoding="utf-8").splitlines() if Path(log).is_file() else []
    kept = [line for line in lines if " - WARNING - " in line or " - ERROR - " in line]
    with atomic(run.folder / f"{run.demand.root}_{run.demand.remaining.suffix}.err.txt") as stream:
        stream.write("\n".join([*kept, *([error] if error else []), ""]).encode())
