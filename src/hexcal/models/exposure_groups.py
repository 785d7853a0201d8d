"""Which images belong to one exposure: those of several detectors that were taken at one time."""

from typing import Any

_EXPOSURE = (
    ("program_number", ""),
    ("observation_number", ""),
    ("visit_number", ""),
    ("visit_group", "_"),
    ("sequence_id", ""),
    ("activity_id", ""),
    ("exposure_number", "_"),
)


def group_of(model: Any) -> str | None:
    """Return the name of the group that an image belongs to.

    Parameters
    ----------
    model : DataModel
        An image.

    Returns
    -------
    str or None
        ``meta.group_id`` if it is set (by the user, or by the member of an association), else what identifies the exposure in ``meta.observation``;
        None if that is incomplete: then the image is a group of its own.
    """
    given = model.get_meta("meta.group_id")
    if given:
        return str(given)
    parts = [(separator, model.get_meta(f"meta.observation.{name}")) for name, separator in _EXPOSURE]
    if any(part is None for _, part in parts):
        return None
    return "jw" + "".join(f"{separator}{part}" for separator, part in parts)


def grouped(names: list[str | None]) -> list[list[int]]:
    """Return the positions of the images of each group, in the order of their first images.

    Parameters
    ----------
    names : list of str or None
        `group_of` each image.
    """
    groups: dict[str | int, list[int]] = {}
    for index, name in enumerate(names):
        groups.setdefault(index if name is None else name, []).append(index)
    return list(groups.values())
