"""Open whatever holds one or several exposures, as models."""

from collections.abc import Mapping
from pathlib import Path

from hexcal.models import association_file, fits_memory
from hexcal.models.container import ModelContainer
from hexcal.models.datamodel import DataModel
from hexcal.models.single import open_single


def open(init=None, **arrays) -> DataModel:
    """Open a product or reference file as the model that it is.

    Parameters
    ----------
    init : path-like, DataModel, HDUList, Mapping, list, array, tuple or None
        A FITS, ASDF, JSON or ECSV file; an open file of astropy; a model is returned as it is; an association (its file
        in JSON or YAML, or a mapping with "products") and a list of models or paths give a `ModelContainer`; an array
        or a shape gives the model of that number of dimensions; None an empty one.
    **arrays
        Further arrays by name.

    Returns
    -------
    DataModel
        Its class follows from DATAMODL, else from REFTYPE, else from the dimensions of SCI; the models that the
        observatory of the file declares go before those of Hexcal.

    Raises
    ------
    InputError
        If the file is missing, not readable, truncated, or contradicts itself.
    """
    if _holds_several(init):
        return ModelContainer(init)
    return open_single(init, **arrays)


def _holds_several(init):
    if not isinstance(init, str | Path):
        return isinstance(init, Mapping | list) and not (isinstance(init, DataModel) or fits_memory.is_hdu_list(init))
    path = Path(init)
    return path.suffix in association_file.SUFFIXES and association_file.is_association(
        association_file.read_text(path)
    )
