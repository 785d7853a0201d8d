"""How models show themselves in a notebook: what it is, what is in it, and a small picture of an image."""

import base64
import io
from html import escape
from typing import Any

import numpy as np

from hexcal.models import summary
from hexcal.models.datamodel import DataModel

_SIDE = 192
"""Largest side of the picture, in pixels of the screen."""
_MOST_ROWS = 12
"""Most arrays, steps or members that are listed."""
_BOX = "display:flex; gap:1.5em; align-items:flex-start; flex-wrap:wrap"


def html_of(model: DataModel, parts: int | None = None) -> str:
    """Return a model as HTML.

    Parameters
    ----------
    model : DataModel
        Its primary array is read as far as the picture needs it; the others are not.
    parts : int, optional
        Number of its parts, if it is made of parts (slits, spectra).
    """
    facts = dict(summary.facts(model))
    if parts is not None:
        facts["parts"] = str(parts)
    done = [step for step, status in summary.steps(model).items() if status == "complete"]
    if done:
        facts["steps done"] = ", ".join(done)
    arrays = [(content.name, content.dtype, content.size) for content in summary.contents(model)]
    text = f"<div>{_title(model)}{_table(facts.items())}{_table(arrays, code=True)}</div>"
    return f'<div style="{_BOX}">{text}{_picture(model)}</div>'


def html_of_members(container: Any, rows: list[tuple[str, str]]) -> str:
    """Return a container as HTML: its members are listed, and not opened for it.

    Parameters
    ----------
    container : ModelContainer
    rows : list of (str, str)
        Name and role of each member.
    """
    return f"<div>{_title(container)}{_table(rows, code=True)}</div>"


def _title(model):
    return f"<strong>{escape(repr(model).strip('<>'))}</strong>"


def _table(rows, code=False):
    rows = list(rows)
    tag = "code" if code else "span"
    lines = ["".join(_cell(cell, tag if column == 0 else "span") for column, cell in enumerate(row)) for row in rows]
    if len(rows) > _MOST_ROWS:
        lines[_MOST_ROWS:] = [_cell(f"... and {len(rows) - _MOST_ROWS} more", "span")]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>" if rows else ""


def _cell(text, tag):
    return f'<td style="text-align:left; vertical-align:top"><{tag}>{escape(str(text))}</{tag}></td>'


def _picture(model):
    plane, caption = _plane(model)
    if plane is None:
        return ""
    data = base64.b64encode(png_of(plane)).decode()
    width = max(1, round(_SIDE * plane.shape[1] / max(plane.shape)))
    style = f"width:{width}px; image-rendering:pixelated"
    picture = f'<img alt="{escape(caption)}" style="{style}" src="data:image/png;base64,{data}">'
    return f'<figure style="margin:0">{picture}<figcaption>{escape(caption)}</figcaption></figure>'


def _plane(model):
    """The image that stands for the primary array, and what it is; (None, "") if it has no image."""
    name, shape = model.primary, model.shape
    if name is None or shape is None or len(shape) < 2 or 0 in shape:
        return None, ""
    if len(shape) == 2:
        return model.read(name, np.s_[:, :]), name
    # The last group of the first integration has the most signal; of other cubes, the middle plane says most.
    index = (0,) * (len(shape) - 3) + ((shape[-3] - 1) if len(shape) == 4 else shape[-3] // 2,)
    return model.read(name, index), f"{name}[{', '.join(map(str, index))}]"


def png_of(plane: np.ndarray, side: int = _SIDE) -> bytes:
    """Return an image as PNG: asinh stretch, the first row at the bottom.

    Parameters
    ----------
    plane : array (ny, nx)
        Values that are not finite are transparent.
    side : int
        Largest side of the picture: of larger images, every second, third, ... pixel is taken.

    Returns
    -------
    bytes
        PNG.
    """
    from matplotlib import colormaps, image

    step = max(1, -(-max(plane.shape) // side))
    values = np.asarray(plane[::step, ::step], dtype=float)
    finite = values[np.isfinite(values)]
    low, middle, high = np.percentile(finite, (1, 50, 99.5)) if finite.size else (0.0, 0.0, 1.0)
    noise = max(float(np.median(np.abs(finite - middle))) if finite.size else 0.0, (high - low) / 1000, 1e-30)
    stretched = np.arcsinh((np.clip(values, low, high) - middle) / (2 * noise))
    stream = io.BytesIO()
    image.imsave(stream, np.ma.masked_invalid(stretched), cmap=colormaps["inferno"], origin="lower", format="png")
    return stream.getvalue()
