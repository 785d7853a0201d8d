"""The transforms of reference files, as descriptions (`hexcal.models.wcs`): no library is loaded for them."""

from typing import Any

from hexcal.errors import ReferenceError_
from hexcal.models.wcs.reading import NotDescribed
from hexcal.models.wcs.transforms import Transform


def content_of(reference, name, kind) -> Any:
    """Return what stands under a name in an ASDF reference file; None if it does not have it.

    Parameters
    ----------
    reference : TreeModel
        The file.
    name : str
        Top-level entry.
    kind : str
        Type of the reference, such as "distortion", for messages.

    Raises
    ------
    ReferenceError_
        If it is made of transforms that Hexcal cannot compute with.
    """
    try:
        return reference.described().get(name)
    except NotDescribed as error:
        raise ReferenceError_(
            f"'{name}' of the {kind} file is made of a transform that Hexcal does not know: {error}",
            where=str(reference.path or "model in memory"),
            hint=f"give another one with override_{kind}",
        ) from error


def transform_in(reference, name, kind) -> Any:
    """Return a transform of a reference file, one that may be changed; ReferenceError_ if it is not there."""
    transform = content_of(reference, name, kind)
    if not isinstance(transform, Transform):
        raise ReferenceError_(
            f"a {kind} file with a transform named '{name}' is required",
            where=str(reference.path or "model in memory"),
            hint=f"give another one with override_{kind}",
        )
    return transform.deepcopy()
