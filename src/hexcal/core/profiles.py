"""Profiles: named sets of defaults. Without one, the defaults are those of the documents."""

import os
from dataclasses import dataclass

from hexcal.errors import unknown_name

VARIABLE = "HEXCAL_PROFILE"
DOCUMENTED = "documents"
"""The name of having no profile."""
RECOMMENDED = "recommended"
"""What the truth of simulated exposures has shown to be best; it fills as such figures come."""


@dataclass(frozen=True)
class Entry:
    """One default that a profile sets.

    Attributes
    ----------
    profile : str
        Its name: a release of the original, or "recommended".
    step : str
        Alias of a step or pipeline; with that of a pipeline before it (``calwebb_image3.resample``), for the step in
        that pipeline only.
    parameter : str
        Name of the parameter.
    value : str
        Its default, as it would be written on the command line.
    reason : str
        Why; for "recommended", the figure that proves it.
    """

    profile: str
    step: str
    parameter: str
    value: str
    reason: str


def entries(profile: str | None = None) -> tuple[Entry, ...]:
    """Return the entries of a profile, or of all profiles, in the order of the tables of the observatories.

    Parameters
    ----------
    profile : str, optional
        Name of the profile.

    Raises
    ------
    ParameterError
        If there is no such profile; carries the nearest right name.
    """
    from hexcal import observatories

    rows = [Entry(*row) for observatory in observatories.everywhere() for row in observatory.profiles]
    if profile is None:
        return tuple(rows)
    known = {DOCUMENTED, RECOMMENDED, *(row.profile for row in rows)}
    if profile not in known:
        raise unknown_name("profile", profile, known, where=VARIABLE if profile == _from_environment() else "--profile")
    return tuple(row for row in rows if row.profile == profile)


def defaults(profile: str, alias: str, pipeline: str | None = None) -> dict[str, str]:
    """Return the defaults of one step under a profile.

    Parameters
    ----------
    profile : str
        Name of the profile.
    alias : str
        Alias of the step.
    pipeline : str, optional
        Alias of the pipeline that owns it; what is said of the step in that pipeline wins.

    Returns
    -------
    dict of str to str
        Parameter -> value.
    """
    rows = entries(profile)
    values = {row.parameter: row.value for row in rows if row.step == alias}
    return {**values, **{row.parameter: row.value for row in rows if row.step == f"{pipeline}.{alias}"}}


def chosen(given: str | None) -> str | None:
    """Return the profile of a run: what is given, else the environment's HEXCAL_PROFILE.

    None for the defaults of the documents.
    """
    profile = given or _from_environment()
    return None if profile in (None, DOCUMENTED) else profile


def _from_environment():
    return os.environ.get(VARIABLE, "").strip() or None
