"""Which data go into which cube: bands of the exposures, and what parameters choose of them."""

from typing import NamedTuple

from hexcal.errors import InputError, ParameterError

CHANNELS = ("1", "2", "3", "4")
SUBCHANNELS = (
    *("short", "medium", "long"),
    *("short-medium", "short-long", "medium-short", "medium-long", "long-short", "long-medium"),
)
GRATINGS = ("prism", "g140m", "g140h", "g235m", "g235h", "g395m", "g395h")
FILTERS = ("clear", "f100lp", "f070lp", "f170lp", "f290lp")


class Band(NamedTuple):
    """What a cube of one band is made of: channel and subchannel of MIRI, grating and filter of NIRSpec.

    Parameters
    ----------
    first : str
        ``1`` to ``4``, or ``prism``, ``g140m`` ...
    second : str
        ``short``, ``medium``, ``long`` ..., or ``clear``, ``f100lp`` ...
    """

    first: str
    second: str


class Member(NamedTuple):
    """An exposure of a cube.

    Parameters
    ----------
    index : int
        Its number among all exposures.
    channels : tuple of int or None
        Channels of MIRI whose slices are used; None: all slices (NIRSpec).
    """

    index: int
    channels: tuple | None


class CubePlan(NamedTuple):
    """One cube.

    Parameters
    ----------
    bands : tuple of Band
        What it holds, in order.
    members : tuple of Member
        The exposures.
    """

    bands: tuple
    members: tuple

    @property
    def text(self):
        """What the name of the product says of it: ``ch1-2-short``, ``prism-clear``."""
        first = "-".join(dict.fromkeys(band.first for band in self.bands))
        second = "-".join(dict.fromkeys(band.second for band in self.bands))
        return f"ch{first}-{second}" if self.is_miri else f"{first}-{second}"

    @property
    def is_miri(self):
        """Whether it is a cube of MIRI."""
        return self.bands[0].first in CHANNELS


def bands_of(model) -> list[Band]:
    """Return the bands of an exposure: one of NIRSpec, two of MIRI.

    Parameters
    ----------
    model : IFUImageModel
        MIR_MRS or NRS_IFU.

    Returns
    -------
    list of Band

    Raises
    ------
    InputError
        If the exposure is not of an integral-field unit, or its header does not say which band it is.
    """
    where, instrument = str(model.path or "model in memory"), model.meta.instrument
    kind = model.meta.exposure.type
    if instrument.name == "MIRI" and kind == "MIR_MRS":
        names = [str(instrument.channel or ""), str(instrument.band or "").lower()]
        known = set(names[0]) <= set(CHANNELS) and names[1] in SUBCHANNELS
        bands = [Band(channel, names[1]) for channel in names[0]]
    elif instrument.name == "NIRSPEC" and kind in ("NRS_IFU", "NRS_LAMP", "NRS_AUTOWAVE", "NRS_AUTOFLAT"):
        names = [str(instrument.grating or "").lower(), str(instrument.filter or "").lower()]
        known = names[0] in GRATINGS and bool(names[1])
        bands = [Band(names[0], names[1])]
    else:
        raise InputError(
            f"exposures of an integral-field unit (MIR_MRS, NRS_IFU) are required; this is {instrument.name}, {kind}",
            where=where,
        )
    if not known or not bands:
        keywords = "CHANNEL and BAND" if instrument.name == "MIRI" else "GRATING and FILTER"
        raise InputError(
            f"{keywords} are {names[0] or 'empty'!r} and {names[1] or 'empty'!r}: no known band", where=where
        )
    return bands


def words(text, allowed, name) -> tuple | None:
    """Return the words of a list separated by commas, in small letters; None for ``all``.

    Raises
    ------
    ParameterError
        If one of them is not allowed.
    """
    listed = tuple(
        word.strip().lower() for word in str(text).replace("[", "").replace("]", "").split(",") if word.strip()
    )
    listed = tuple(word.strip("'\" ") for word in listed)
    if not listed or "all" in listed:
        return None
    for word in listed:
        if word not in allowed:
            raise ParameterError(f"{name} must be all, or of {', '.join(allowed)}; got {text!r}", where=name)
    return listed


def plans(exposures, chosen_first, chosen_second, output_type, where) -> list[CubePlan]:
    """Sort bands of exposures into cubes.

    Parameters
    ----------
    exposures : list of list of Band
        Bands of each exposure.
    chosen_first, chosen_second : tuple or None
        Channels and subchannels, or gratings and filters; None: all.
    output_type : str
        ``band``: a cube for each band; ``channel``: for each channel; ``grating``, ``multi``: one.
    where : str
        For messages.

    Returns
    -------
    list of CubePlan

    Raises
    ------
    InputError
        If exposures of both instruments are there, resolutions are mixed in a cube, or nothing is left.
    """
    present = {band for bands in exposures for band in bands}
    if len({band.first in CHANNELS for band in present}) > 1:
        raise InputError(
            "exposures of MIRI and NIRSpec cannot be in one cube", where=where, hint="use two associations"
        )
    held = sorted(present, key=_order)
    wanted = [
        band
        for band in held
        if (chosen_first is None or band.first in chosen_first)
        and (chosen_second is None or band.second in chosen_second)
    ]
    if not wanted:
        raise InputError(
            f"no exposure has the bands that are asked for ({', '.join(chosen_first or ('all',))}; "
            f"{', '.join(chosen_second or ('all',))}); there are {', '.join('-'.join(band) for band in held)}",
            where=where,
            hint="ask for one of these, or leave channel, band, grating and filter out",
        )
    is_miri = wanted[0].first in CHANNELS
    if output_type == "band" or (output_type == "channel" and not is_miri):
        groups = [[band] for band in wanted]
    elif output_type == "channel":
        groups = [[band for band in wanted if band.first == first] for first in dict.fromkeys(b.first for b in wanted)]
    else:
        groups = [wanted]
    return [_plan(group, exposures, where) for group in groups]


def _order(band):
    if band.first in CHANNELS:
        return CHANNELS.index(band.first), SUBCHANNELS.index(band.second)
    return GRATINGS.index(band.first), band.second


def _plan(bands, exposures, where):
    resolutions = {_resolution(band) for band in bands if band.first not in CHANNELS}
    if len(resolutions) > 1:
        raise InputError(
            f"gratings of different resolution cannot be in one cube: {', '.join('-'.join(band) for band in bands)}",
            where=where,
            hint="choose with grating, or make a cube for each: output_type=band",
        )
    members = []
    for index, held in enumerate(exposures):
        used = [band for band in held if band in bands]
        if used:
            is_miri = used[0].first in CHANNELS
            members.append(Member(index, tuple(int(band.first) for band in used) if is_miri else None))
    return CubePlan(tuple(bands), tuple(members))


def _resolution(band):
    return band.first if band.first == "prism" else band.first[-1]
