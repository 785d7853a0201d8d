"""Which images were taken at the same time: the detectors of one exposure."""

_IDENTITY = (
    "meta.observation.program_number",
    "meta.observation.observation_number",
    "meta.observation.visit_number",
    "meta.observation.visit_group",
    "meta.observation.sequence_id",
    "meta.observation.activity_id",
    "meta.observation.exposure_number",
)


def group_of(model, number):
    """Return what names the exposure that an image belongs to.

    Parameters
    ----------
    model : DataModel
        The image.
    number : int
        Its position, which names an image whose header does not say.

    Returns
    -------
    str
        ``meta.group_id`` where it is set, else the identifiers of the exposure, joined.
    """
    given = model.get_meta("meta.group_id")
    if given:
        return str(given)
    parts = [model.get_meta(path) for path in _IDENTITY]
    if any(part is None for part in parts):
        return f"image {number}"
    return "jw{}{}{}_{}{}{}_{}".format(*parts)


def exposure_groups(exposures):
    """Return the positions of the images of each exposure.

    Parameters
    ----------
    exposures : ModelContainer
        The images.

    Returns
    -------
    dict of str to list of int
        In the order in which the exposures first appear.
    """
    names = [group_of(model, number) for number, model in enumerate(exposures.each())]
    return dict(zip(dict.fromkeys(names), grouped(names), strict=True))


def grouped(names):
    """Return the positions of images with the same name.

    Parameters
    ----------
    names : list of str
        `group_of` each image.

    Returns
    -------
    list of list of int
        In the order in which the names first appear.
    """
    groups = {}
    for number, name in enumerate(names):
        groups.setdefault(name, []).append(number)
    return list(groups.values())
