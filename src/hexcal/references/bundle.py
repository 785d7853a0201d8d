"""The reference files of one step for one exposure, opened when used."""

# Every public signature is typed; what lies behind it need not be.
# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hexcal.errors import ReferenceError_, unknown_name
from hexcal.references.folder import NOT_APPLICABLE

if TYPE_CHECKING:
    from hexcal.models.datamodel import DataModel


_EXPOSURES = (
    "Level1bModel",
    "GuiderRawModel",
    "GuiderCalModel",
    "MultiSlitModel",
    "MultiExposureModel",
    "RampFitOutputModel",
)
"""Models that no reference file is mistaken for."""


class References:
    """Reference models by type: ``references.dark``.

    Parameters
    ----------
    chosen : dict
        Reference type -> path, or a model that is open already.
    exposure : DataModel
        What they are for; a reference of another instrument or detector is refused.
    choose : callable, optional
        ``choose(model, name)`` gives the references of one member or part, by type.
    take : callable, optional
        ``take(path, reference_type)`` gives what was read of a file ahead, or None.
    """

    def __init__(
        self,
        chosen: Mapping[str, Any],
        exposure: Any,
        choose: Callable[[Any, str], Mapping[str, Any]] | None = None,
        take: Callable[[Any, str], Any] | None = None,
    ) -> None:
        self.chosen = chosen
        self._exposure = exposure
        self._choose: Any = choose
        self._take = take
        self._open: dict[str, Any] = {}

    def for_member(self, member: "DataModel") -> "References":
        """Return the references of one exposure, where a step works on several together.

        Parameters
        ----------
        member : DataModel
            The exposure; its metadata choose, and get the names of what was chosen.
        """
        name = str(member.get_meta("meta.filename") or member.path or id(member))
        return References(self._choose(member, name), member, self._choose)

    def for_part(self, part: "DataModel", name: str | None = None) -> "References":
        """Return the references of one slit or source of a product.

        Parameters
        ----------
        part : DataModel
            The slit; where its metadata are silent, those of the exposure choose.
        name : str, optional
            How the record calls it; default its name.
        """
        name = str(name or part.get_meta("name") or getattr(part, "name", None) or id(part))
        both = PartOfExposure(part, self._exposure, name)
        return References(self._choose(both, name), both, self._choose)

    def __getattr__(self, reference_type: str) -> Any:
        if reference_type.startswith("_"):
            raise AttributeError(reference_type)
        if reference_type not in self.chosen:
            raise unknown_name("reference type", reference_type, self.chosen)
        if reference_type not in self._open:
            source = self.chosen[reference_type]
            model = self._open[reference_type] = _opened(source, reference_type, self._exposure)
            ready = None if self._take is None or model is source else self._take(source, reference_type)
            if ready is not None:
                ready.give_to(model)
        return self._open[reference_type]

    def __contains__(self, reference_type: object) -> bool:
        source = self.chosen.get(str(reference_type), NOT_APPLICABLE)
        return not (isinstance(source, str) and source == NOT_APPLICABLE)


class PartOfExposure:
    """The metadata of a slit or source as the rules ask for them.

    Its own, and where it has none, those of its exposure.

    Parameters
    ----------
    part, exposure : DataModel
        The slit, and the product that it is a part of.
    name : str
        Name of the part.
    """

    def __init__(self, part: "DataModel", exposure: "DataModel", name: str) -> None:
        self.part, self.exposure = part, exposure
        self.observatory, self.path = exposure.observatory, exposure.path
        self.chooser_key = f"{exposure.path or id(exposure)} {name}"

    def get_meta(self, path: str, strict: bool = False) -> Any:
        """Return the value at a dotted path of the metadata."""
        value = self.part.get_meta(path)
        return self.exposure.get_meta(path, strict) if value is None else value

    def set_meta(self, path: str, value: Any) -> None:
        """Set a value of the part; the exposure keeps its own."""
        self.part.set_meta(path, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.exposure, name)


def _opened(source: Any, reference_type: str, exposure: Any) -> Any:
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
    if wanted is not None and not declared and type(model).__name__ in _EXPOSURES:
        raise ReferenceError_(
            f"a {reference_type} reference is required, the file is an exposure ({model.model_type}) without REFTYPE",
            where=str(model.path or "model in memory"),
            hint=f"give override_{reference_type} the name of a reference file",
        )
    if wanted is not None and not isinstance(model, models.ReferenceFileModel):
        # A file without DATAMODL and REFTYPE is what the step takes it for.
        model = wanted(model)
    if declared or isinstance(model, models.ReferenceFileModel):
        models.check_for(model, exposure, reference_type)
    return model
