"""Headers of reference files: what must be said of where they hold, of what they were made, and by whom."""

import re
from typing import Any

from astropy.time import Time

from hexcal.errors import ParameterError

_COPIED = (
    "meta.telescope",
    *(
        f"meta.instrument.{name}"
        for name in ("name", "detector", "channel", "module", "filter", "pupil", "grating", "band")
    ),
    *(f"meta.subarray.{name}" for name in ("name", "xstart", "ystart", "xsize", "ysize", "fastaxis", "slowaxis")),
    *(
        f"meta.exposure.{name}"
        for name in ("type", "readpatt", "nframes", "groupgap", "ngroups", "nints", "gain_factor")
    ),
)
"""What a reference file says of the exposures that it is made of, as they say it."""
_USEAFTER = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def require_author(parameters, label) -> None:
    """Raise ParameterError before the work if nobody is named as the author."""
    if not parameters.author:
        raise ParameterError("the author of a reference file must be named", where=label, hint='--author "A. Name"')


def useafter(text: str | None, exposures) -> str:
    """Return USEAFTER: as given, with T between date and time, or the beginning of the first exposure's day.

    Raises
    ------
    ParameterError
        If what is given is no date and time.
    """
    if text is None:
        return str(Time(int(min(item.mjd for item in exposures)), format="mjd").isot).partition(".")[0]
    result = text.strip().replace(" ", "T")
    result = result if "T" in result else f"{result}T00:00:00"
    if not _USEAFTER.fullmatch(result):
        raise ParameterError(
            f"useafter must be a date and time, got {text!r}", where="useafter", hint="2022-07-01T00:00:00"
        )
    return result


def pedigree(text: str | None, exposures) -> str:
    """Return PEDIGREE: as given, SIMULATION if an exposure is simulated, else INFLIGHT with first and last date."""
    if text:
        return text
    if any(item.value("OBSLABEL").lower() == "simulated" for item in exposures):
        return "SIMULATION"
    first, last = (
        str(Time(limit(item.mjd for item in exposures), format="mjd").isot).partition("T")[0] for limit in (min, max)
    )
    return f"INFLIGHT {first} {last}"


def add_card(model: Any, keyword: str, value: Any, comment: str = "") -> None:
    """Add a keyword that no table knows to the primary header, in place."""
    from hexcal.models.fits_header import Card

    model.metadata_tree()
    model.contents.cards = model.contents.cards or {}
    model.contents.cards.setdefault("PRIMARY", []).append(Card(keyword, value, comment))


def describe(model: Any, maker, members, exposures, parameters) -> Any:
    """Fill in the header of a reference file, in place.

    Parameters
    ----------
    model : DataModel
        What the maker has made.
    maker : Maker
        Which.
    members : Members
        The opened exposures after the steps; the first stands for all.
    exposures : list of Input
        The exposures.
    parameters : MakerParameters
        Author, description, pedigree, useafter, history.

    Returns
    -------
    DataModel
        The same.
    """
    from hexcal import __version__

    source = members.first
    for path in _COPIED:
        value = source.get_meta(path)
        if (
            value is not None
            and not maker.is_for_all(path)
            and not (path.endswith(("nints", "ngroups")) and maker.reference_type != "dark")
        ):
            model.set_meta(path, value)
    if maker.reference_type == "dark":
        model.set_meta("meta.exposure.ngroups", model.shape[-3])
        if len(model.shape) == 4:
            model.set_meta("meta.exposure.nints", model.shape[0])
    for step, status in _steps(source):
        model.set_meta(f"meta.cal_step.{step}", status)
    kinds = sorted({item.kind for item in exposures})
    counted = " and ".join(f"{sum(item.kind == kind for item in exposures)} {kind}s" for kind in kinds)
    model.set_meta("meta.reftype", maker.reference_type.upper())
    model.set_meta("meta.author", parameters.author)
    model.set_meta("meta.description", parameters.description or f"{maker.reference_type} of {counted}")
    model.set_meta("meta.pedigree", pedigree(parameters.pedigree, exposures))
    model.set_meta("meta.useafter", useafter(parameters.useafter, exposures))
    model.history.extend(
        [
            f"DOCUMENT: Hexcal {__version__}, reference-file maker {maker.label}",
            f"SOFTWARE: Hexcal {__version__}, hexcal reffiles, maker {maker.label}",
            *(f"DATA USED: {item.path.name}" for item in exposures),
            f"DIFFERENCES: {parameters.history or 'none given'}",
            *(f"PARAMETER: {name} = {value}" for name, value in parameters),
        ]
    )
    return model


def _steps(model):
    """The steps that the exposures have had, with their status."""
    from hexcal.models import meta

    return [(name, status) for name, status in meta.walk(model.branch("meta.cal_step")) if isinstance(status, str)]
