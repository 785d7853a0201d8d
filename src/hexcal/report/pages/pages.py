"""The pages themselves: one for each product, and one for the programme that leads to them."""

import functools
import hashlib
import importlib.resources
import json
import os
from pathlib import Path
from typing import Any

from hexcal.core.provenance import version
from hexcal.files.atomic import atomic
from hexcal.report.pages import facts, plots

FOLDER = "report"
"""Folder of the pages, in that of the products."""
INDEX = "index.html"
_HEADINGS = {
    "3": "Stage 3: combined exposures",
    "2": "Stage 2: calibrated exposures",
    "1": "Stage 1: count rates",
    "": "Other products",
}
_TOLD = "pages.json"
_PRODUCTS = (".fits", ".fits.gz", ".asdf")


def write_product(path, folder) -> dict[str, Any] | None:
    """Write the page of a product.

    Parameters
    ----------
    path : path-like
        The product.
    folder : path-like
        Where the page goes.

    Returns
    -------
    dict or None
        What the page of the programme tells of it: name, kind, page, thumbnail, warnings, footprint; None for a
        file that is no product.
    """
    path = Path(path)
    model = facts.can_open(path) if path.name.endswith(_PRODUCTS) else None
    if model is None:
        return None
    product_facts: dict[str, Any] = facts.of_product(path, model)
    picture = plots.of_product(path)
    record = model.get_meta("provenance")
    raw = [item["path"] for item in (record.instance["inputs"] if record is not None else ()) if item and item["path"]]
    ramps = plots.ramps(raw[0], model) if raw and product_facts["kind"] == "ImageModel" and "_uncal" in raw[0] else None
    name = f"{path.name}.html"
    _write(Path(folder, name), "product.html", product=product_facts, picture=picture, ramps=ramps)
    return {
        **{part: product_facts[part] for part in ("name", "kind", "warnings")},
        "page": name,
        "thumbnail": (picture[1], picture[2]) if picture else None,
        "footprint": facts.footprint(model),
    }


def write_programme(folder, jobs, title, notes=()) -> str:
    """Write the pages of all products of a programme, and the page that leads to them.

    Parameters
    ----------
    folder : path-like
        Folder of the products; the pages go into its folder ``report``.
    jobs : list of dict
        As of `hexcal.workflow.ledger.Ledger.jobs`.
    title : str
        Heading of the page.
    notes : iterable of str
        What was not used, or not made, and why.

    Returns
    -------
    str
        Path of the page.
    """
    pages = Path(folder, FOLDER)
    pages.mkdir(parents=True, exist_ok=True)
    products = _Written(pages).all_of([item["path"] for job in jobs for item in job["products"] or ()])
    index = pages / INDEX
    _write(
        index,
        "programme.html",
        title=title,
        jobs=[_job_row(job) for job in jobs],
        failed=[job for job in jobs if job["state"] == "failed"],
        products=products,
        groups=_by_stage(jobs, products),
        warnings=_by_text(products),
        notes=list(notes),
        footprints=plots.footprints(_last_stage(products)),
    )
    return os.fspath(index)


class _Written:
    """The pages that are in a folder: those of products that have not changed since are kept.

    What the page of the programme tells of each product is kept in a file beside them.
    """

    def __init__(self, folder):
        self.folder, self.path = folder, folder / _TOLD
        try:
            self.known = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self.known = {}

    def all_of(self, paths):
        """Write the pages of products that lack theirs; returns what is told of each, as `write_product`."""
        now = {}
        for path in paths:
            if not os.path.isfile(path):
                continue
            state, known = self._state(path), self.known.get(path)
            is_kept = known is not None and known["state"] == state and self._has_page(known["told"])
            now[path] = known if is_kept else {"state": state, "told": write_product(path, self.folder)}
        if now != self.known:
            with atomic(self.path) as stream:
                stream.write(json.dumps(now).encode())
        return [item["told"] for item in now.values() if item["told"] is not None]

    def _has_page(self, product_facts):
        return product_facts is None or Path(self.folder, product_facts["page"]).is_file()

    def _state(self, path):
        """What the page of a product depends on: its file, the catalogue that is drawn over it, the program."""
        catalogue = path.partition("_i2d.")[0] + "_cat.ecsv" if "_i2d." in path else path
        files = [os.stat(each) for each in dict.fromkeys((path, catalogue)) if os.path.isfile(each)]
        return [version(), _look(), *([status.st_size, status.st_mtime_ns] for status in files)]


@functools.cache
def _look():
    """A sum of the templates and of what draws, so that pages are written anew where these have changed."""
    places = [importlib.resources.files(package) for package in ("hexcal.report.pages", "hexcal.report.show")]
    contents = [item.read_bytes() for place in places for item in place.iterdir() if item.is_file()]
    return hashlib.sha256(b"".join(sorted(contents))).hexdigest()[:16]


def _by_text(products):
    """Warnings, each once: text -> (name, page) of the products whose logs have it."""
    warnings: dict[str, list[tuple[str, str]]] = {}
    for product in products:
        for text in product["warnings"]:
            warnings.setdefault(text, []).append((product["name"], product["page"]))
    return warnings


def _by_stage(jobs, products):
    """The products under a heading for each stage, what was made last first."""
    stages = {
        Path(item["path"]).name: next((stage for stage in "321" if job["pipeline"].endswith(stage)), "")
        for job in jobs
        for item in job["products"] or ()
    }
    groups = {}
    for stage, heading in _HEADINGS.items():
        group = [product for product in products if stages.get(product["name"], "") == stage]
        if group:
            groups[heading] = group
    return groups


def _last_stage(products):
    """The footprints that tell most, by name of the product: of calibrated exposures and mosaics."""
    endings = ("_cal.fits", "_i2d.fits", "_calints.fits", "_s2d.fits", "_s3d.fits")
    chosen = [product for product in products if product["name"].endswith(endings)] or products
    return {product["name"]: product["footprint"] for product in chosen if product["footprint"]}


def _job_row(job):
    return {
        "key": job["key"],
        "state": job["state"],
        "why": job["why"],
        "seconds": f"{job['seconds']:.1f}" if job["seconds"] is not None else "",
        "memory": f"{job['peak_memory_mb']:.0f}" if job["peak_memory_mb"] is not None else "",
        "error": job["error"] or "",
        "files": len(job["products"] or ()),
    }


def write_page(path: Path, template: str, **values: Any) -> None:
    """Write a page from one of the templates; every value is escaped."""
    _write(path, template, **values)


def _write(path, template, **values):
    with atomic(path) as stream:
        stream.write(_templates().get_template(template).render(**values).encode())


def _templates():
    """The templates, with every value escaped: names and messages come from files."""
    import jinja2

    texts = {
        item.name: item.read_text(encoding="utf-8")
        for item in importlib.resources.files("hexcal.report.pages").iterdir()
        if item.name.endswith((".html", ".css"))
    }
    return jinja2.Environment(
        loader=jinja2.DictLoader(texts),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
