"""Files of many parts.

Slits, spectra, sources, apertures, each with arrays and keywords of its own, numbered by EXTVER.
"""

from typing import Any

from hexcal.errors import InputError
from hexcal.models.datamodel import DataModel


class Parts(DataModel):
    """What models of many parts share; the extensions of part ``i`` carry EXTVER ``i + 1``."""

    primary = None
    parts_name: str
    """Attribute that is the list of parts, and where the ASDF extension records them."""
    part_class: type[DataModel]
    """Class of each part."""

    _part_list: Any = None

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "parts_name" in cls.__dict__ and cls.parts_name not in cls.__dict__:
            text = f"The {cls.parts_name} (list of `{cls.part_class.model_type}`)."
            setattr(cls, cls.parts_name, property(Parts.parts, Parts._set_parts, doc=text))

    def parts(self):
        """Return the parts: models that share the file; nothing is read until asked for."""
        if self._part_list is None:
            self._part_list = [self._part(version) for version in range(1, self.number_of_parts() + 1)]
        return self._part_list

    def _set_parts(self, models):
        for model in models:
            if not isinstance(model, DataModel):
                raise InputError(
                    f"{self.parts_name} must be models of class {self.part_class.model_type}, "
                    f"got {type(model).__name__}"
                )
        self._part_list = list(models)

    def number_of_parts(self):
        """Return how many parts the file has."""
        if self.contents.source is None:
            return 0
        first = next(
            (extension.name for spec in self._part_layout() if (extension := self.contents.source.of(spec))), None
        )
        return self.contents.source.count(first) if first else 0

    def _part_layout(self):
        """Arrays and tables of a part, the primary array first."""
        specs = self.part_class.specs
        return sorted(specs.values(), key=lambda spec: spec.name != self.part_class.primary)

    def _part(self, version):
        part = self.part_class(self.contents.source)
        part.contents.version, part.contents.container = version, self
        return part

    def new_part(self):
        """Return an empty part of this model (not yet in its list)."""
        part = self.part_class()
        part.contents.container, part.observatory = self, self.observatory
        return part

    def __getitem__(self, path):
        """A part by its number, or metadata by their dotted path."""
        return self.parts()[path] if isinstance(path, int | slice) else super().__getitem__(path)

    def recorded_part(self, version):
        """Return what the ASDF extension records of the part with this EXTVER: a nested dict."""
        recorded = self.whole_tree().get(self.parts_name) or []
        known = set(self.part_class.specs)
        part = recorded[version - 1] if version <= len(recorded) else {}
        return {name: value for name, value in part.items() if name not in known}

    def copied(self, shares_wcs=False):
        """As that of a model, with the parts."""
        other = super().copied(shares_wcs)
        other._part_list = [part.copied(shares_wcs) for part in self.parts()]
        for part in other._part_list:
            part.contents.container = other
        return other

    def check(self):
        """Raise InputError if there is no part."""
        if not self.parts():
            hdu = self._part_layout()[0].hdu
            raise InputError(f"a {type(self).__name__} needs at least one {hdu} extension", where=str(self.path or ""))

    def _repr_html_(self):
        from hexcal.models import notebook

        return notebook.html_of(self, parts=len(self.parts()))
