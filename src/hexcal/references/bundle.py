"""The reference files of one step for one exposure, opened when used."""

from hexcal.errors import ReferenceError_, unknown_name


class References:
    """Reference models by type: ``references.dark``.

    Parameters
    ----------
    chosen : dict
        Reference type -> path, or a model that is open already.
    exposure : DataModel
        What they are for; a reference of another instrument or detector is refused.
    """

    def __init__(self, chosen, exposure):
        self.chosen = chosen
        self._exposure = exposure
        self._open = {}

    def __getattr__(self, reference_type):
        if reference_type.startswith("_"):
            raise AttributeError(reference_type)
        if reference_type not in self.chosen:
            raise unknown_name("reference type", reference_type, self.chosen)
        if reference_type not in self._open:
            self._open[reference_type] = _opened(self.chosen[reference_type], reference_type, self._exposure)
        return self._open[reference_type]

    def __contains__(self, reference_type):
        return reference_type in self.chosen


def _opened(source, reference_type, exposure):
    from hexcal.models import reference as models
    from hexcal.models.datamodel import DataModel
    from hexcal.models.declared import reference_class
    from hexcal.models.open import open as open_model

    model = source if isinstance(source, DataModel) else open_model(source)
    wanted = reference_class(exposure.observatory, reference_type)
    declared = str(model.get_meta("meta.reftype") or "").lower()
    if declared and wanted is not None and declared != reference_type:
        raise ReferenceError_(
            f"a reference of type {reference_type} is required, the file's REFTYPE is {declared.upper()}",
            where=str(source),
        )
    if wanted is not None and not isinstance(model, models.ReferenceModel):
        # A file without DATAMODL and REFTYPE is what the step takes it for.
        model = wanted(model)
    if isinstance(model, models.ReferenceModel):
        model.check_for(exposure, reference_type)
    return model
