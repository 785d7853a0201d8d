"""Which slits of which exposures belong together: those that see one source."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from hexcal.core import SkipStep
from hexcal.errors import InputError
from hexcal.models.container import ModelContainer
from hexcal.models.science import MultiExposureModel, MultiSlitModel
from hexcal.steps.spectrum.parts import name_of_part


class Source(NamedTuple):
    """A slit, or source, in each exposure that has it.

    Attributes
    ----------
    name : str
        For messages.
    exposures : list of DataModel, or ModelContainer
        The slit in each.
    """

    name: str
    exposures: Any

    def each(self) -> Iterator[Any]:
        """Yield the slit in each exposure; those of a container are borrowed one after the other."""
        yield from _each(self.exposures)


class Slits(NamedTuple):
    """What is rectified together.

    Attributes
    ----------
    sources : list of Source
        The slits.
    exposures : list of DataModel, or ModelContainer
        The exposures, whose metadata the product gets.
    has_many : bool
        Whether the product is one of many slits.
    """

    sources: list[Source]
    exposures: Any
    has_many: bool

    def each_exposure(self) -> Iterator[Any]:
        """Yield the exposures."""
        yield from _each(self.exposures)

    def alone(self) -> Iterator["Slits"]:
        """Yield each exposure by itself; a slit that it lacks has no exposure there."""
        for number in range(len(self.exposures)):
            exposure: Any = self.exposures[number]
            if self.has_many and isinstance(self.exposures, ModelContainer):
                slits = {name_of_part(slit, exposure): slit for slit in exposure.slits}
                members = [[slits[source.name]] if source.name in slits else [] for source in self.sources]
            else:
                members = [[source.exposures[number]] for source in self.sources]
            sources = [Source(source.name, member) for source, member in zip(self.sources, members, strict=True)]
            yield Slits(sources, [exposure], self.has_many)


def _each(exposures):
    return exposures.each() if isinstance(exposures, ModelContainer) else iter(exposures)


def slits_of(model) -> Slits:
    """Return the slits of an input, those that see the same source together.

    Parameters
    ----------
    model : DataModel
        An exposure with slits, a single slit or image; a source in many exposures; or a container of any of these.

    Raises
    ------
    InputError
        If there is no spectrum of a slit in it.
    SkipStep
        For exposures of many integrations.
    """
    if isinstance(model, ModelContainer):
        science = model.of_type("science") if "science" in model.exptypes else model
        science.check()
        first = next(science.each())
        if isinstance(first, MultiSlitModel) and not isinstance(first, MultiExposureModel):
            return Slits(_regrouped(science), science, True)
        _require_image(first)
        return Slits([Source(name_of_part(first), science)], science, False)
    if isinstance(model, MultiExposureModel):
        exposures = list(model.parts())
        return Slits([Source(name_of_part(exposures[0]), exposures)], exposures, False)
    if isinstance(model, MultiSlitModel):
        return Slits([Source(name_of_part(slit, model), [slit]) for slit in model.slits], [model], True)
    _require_image(model)
    return Slits([Source(name_of_part(model), [model])], [model], False)


def _regrouped(exposures):
    """The slits of several exposures by their source."""
    from hexcal.models.exp_to_source import exp_to_source

    return [Source(name_of_part(source.exposures[0]), source.exposures) for source in exp_to_source(exposures).values()]


def _require_image(model):
    """Raise unless a model is a two-dimensional spectrum."""
    shape = model.shape or ()
    if len(shape) == 3:
        raise SkipStep("exposures of many integrations are not rectified")
    if len(shape) != 2 or model.is_ifu:
        raise InputError(
            f"the spectrum of a slit is required, (ny, nx), the input is a {model.model_type} {tuple(shape)}",
            where=str(model.path or "model in memory"),
            hint="cube_build makes cubes of the spectra of integral-field units",
        )
