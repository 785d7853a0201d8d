"""The pages themselves: one for each product, and one for the programme that leads to them."""

import importlib.resources
import os
from pathlib import Path
from typing import Any

from hexcal.files.atomic import atomic
from hexcal.report.pages import facts, plots

FOLDER = "report"
"""Folder of the pages, in that of the products."""
INDEX = "index.html"
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
    told = facts.of_product(path, model)
    picture = plots.of_product(path)
    record = model.get_meta("provenance")
    raw = [item["path"] for item in (record.instance["inputs"] if record is not None else ()) if item and item["path"]]
    ramps = plots.ramps(raw[0], model) if raw and told["kind"] == "ImageModel" and "_uncal" in raw[0] else None
    name = f"{path.name}.html"
    _write(Path(folder, name), "product.html", product=told, picture=picture, ramps=ramps)
    return {**told, "page": name, "thumbnail": plots.thumbnail(path), "footprint": facts.footprint(model)}


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
    products = []
    for job in jobs:
        for item in job["products"] or ():
            told = write_product(item["path"], pages) if os.path.isfile(item["path"]) else None
            if told is not None:
                products.append({**told, "job": job["key"]})
    warnings = [(product["name"], product["page"], text) for product in products for text in product["warnings"]]
    index = pages / INDEX
    _write(
        index,
        "programme.html",
        title=title,
        jobs=[_job_row(job) for job in jobs],
        failed=[job for job in jobs if job["state"] == "failed"],
        products=products,
        warnings=warnings,
        notes=list(notes),
        footprints=plots.footprints(_last_stage(products)),
    )
    return os.fspath(index)


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
        "products": [Path(item["path"]).name for item in job["products"] or ()],
    }


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
