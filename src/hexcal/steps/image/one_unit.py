"""Whether exposures that are combined are in one unit."""

from hexcal.errors import InputError


def unit_of(model):
    """Return the unit of the data of a model, without the blanks in it; None where the file does not say.

    Parameters
    ----------
    model : DataModel
        With BUNIT.
    """
    unit = model.get_meta("meta.bunit_data")
    return str(unit).replace(" ", "") if unit else None


def require_one_unit(units):
    """Refuse to combine exposures of different units: the numbers would be taken for those of one.

    Parameters
    ----------
    units : list of tuple of (str, str or None)
        Name and unit of each exposure; one whose unit is not known is taken to be in that of the others.

    Raises
    ------
    InputError
        With an exposure in each unit.
    """
    examples = {}
    for name, unit in units:
        if unit:
            examples.setdefault(unit.lower(), (unit, name))
    if len(examples) > 1:
        listed = ", ".join(f"{unit} ({name})" for unit, name in examples.values())
        raise InputError(
            f"exposures in different units cannot be combined; found: {listed}",
            where="BUNIT",
            hint="take all of them through calwebb_image2 with the step photom (_cal), or none",
        )
