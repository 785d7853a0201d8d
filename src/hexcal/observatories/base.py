"""What Hexcal asks of an observatory: a name, the value of TELESCOP, and a dictionary of header keywords.

An observatory is a plug-in: a module-level `Observatory` object, named in the entry point group
``hexcal.observatories``. Its folder holds tab-separated tables with a header line:

``keywords.tsv``
    path, keyword, hdu, type, allowed, comment, section, models. `path` is the dotted path under the model
    (``meta.instrument.name``); an element ``items`` of a path stands for the number of an element in a list. `hdu` is
    ``PRIMARY`` or an EXTNAME. `type` is str, int, float or bool. `allowed` holds the legal values separated by ``|``
    (empty: any). `comment` stands on the card, `section` is the title of the block of cards. `models` names the model
    classes the row holds for, separated by ``|`` (empty: all). The order of the rows is the order of the cards.
``keyword_aliases.tsv``
    old, new, kind (``keyword``, ``path``, or ``branch`` for all paths below), note: spellings that are read but never
    written. May be absent.
``exposure_types.tsv``, ``suffixes.tsv``
    The first column holds the values of EXP_TYPE and the suffixes of product names; further columns are the
    observatory's own. Models ask the columns ``stage1`` (``guider``: an exposure of the guider) and ``ifu`` (``yes``:
    of an integral-field unit); assign_wcs asks ``wcs`` (``imaging``: two sky coordinates; empty: the exposure does not
    see the sky). May be absent: any value of EXP_TYPE is right then.
``calibration_kinds.tsv``
    exp_type, kind: what exposures that reference files are made of are (dark, flat ...). May be absent: names of files
    say it then.
``detectors.tsv``
    detector, instrument, fastaxis, slowaxis, columns, rows, left, right, bottom, top, outputs
    (`hexcal.observatories.detectors`): what steps ask of a detector. May be absent: steps that need to know are refused
    then.
``flags.tsv``
    bit, name, comment: the flags of its DQ arrays (`hexcal.models.dqflags`). May be absent: they are those of JWST
    then.
``reference_keywords.tsv``, ``reference_layouts.tsv``, ``subarrays.tsv``
    What a reference file must say and hold, and the pixels that it may be for
    (`hexcal.references.delivery.certify_tables`). May be absent: it is not checked then.
``documented.tsv``
    Names that the documents of its pipelines know (`hexcal.observatories.documented`). May be absent.
``siaf.tsv``
    The apertures of the focal plane (`hexcal.observatories.apertures`). May be absent.
``profiles.tsv``
    profile, step, parameter, value, reason: sets of defaults for steps (`hexcal.core.profiles`). May be absent.
``blend_rules.tsv``
    path, rule: how a value of a product follows from those of the exposures that it is made of
    (`hexcal.models.blending`), and which values its table of them holds, in this order. May be absent: then there is no
    such table, and a product has the values of the first exposure.
``model_names.tsv``
    name, model: other names that its files have in DATAMODL for models. They hold within the observatory only. May be
    absent.
``models.tsv``, ``model_arrays.tsv``
    Models that the observatory adds to those of Hexcal (see `hexcal.observatories.model_tables`). May be absent.
"""

import os
from dataclasses import dataclass, fields
from functools import cache, cached_property

from hexcal.errors import InputError, unknown_name
from hexcal.observatories.apertures import read_apertures
from hexcal.observatories.detectors import Detector, read_detectors
from hexcal.observatories.keyword_table import KeywordTable
from hexcal.observatories.model_tables import read_models
from hexcal.observatories.tables import read_table

__all__ = ["Detector", "Observatory", "read_table"]

PROFILE_COLUMNS = ("profile", "step", "parameter", "value", "reason")


@dataclass(frozen=True)
class Observatory:
    """An observatory as Hexcal knows it.

    Parameters
    ----------
    name : str
        Lower-case name: of the plug-in, of the folder of its mappings in a reference cache.
    telescope : str
        Value of TELESCOP in its files.
    telescopes : tuple of str
        Further values of TELESCOP that files have. Observatories may have one in common: INSTRUME decides then.
    folder : str
        Where ``keywords.tsv`` lies.
    instruments : tuple of str
        Values of INSTRUME.
    path_of_writing : str
        Where the metadata say when the file was written.
    has_models : bool
        Whether the models in the folder are its own; observatories that share a folder have them but once.
    association_rules : tuple of str
        Names of the modules that hold its association rules, and what they ask of a pool (docs/observatories.md).
    association_releases : tuple of (str, tuple of str)
        Where the rules have releases: the name of each, and its modules in the place of `association_rules`, which are
        those of the default one.
    """

    name: str
    telescope: str
    folder: str
    instruments: tuple = ()
    path_of_writing: str = "meta.date"
    has_models: bool = True
    association_rules: tuple = ()
    association_releases: tuple = ()
    telescopes: tuple = ()

    def __reduce__(self):
        # Its tables are read again where a model arrives, once per process.
        return _restored, tuple(getattr(self, field.name) for field in fields(self))

    @cached_property
    def keywords(self):
        """The keyword dictionary (`KeywordTable`), read at first use."""
        return KeywordTable.from_folder(self.folder)

    @property
    def all_telescopes(self):
        """All values of TELESCOP in its files (tuple of str)."""
        return (self.telescope, *self.telescopes)

    @cached_property
    def model_names(self):
        """Other names of models in DATAMODL (dict of str to str), from ``model_names.tsv``.

        They are those of other releases of the observatory's documents.
        """
        filename = os.path.join(self.folder, "model_names.tsv")
        return dict(read_table(filename, ("name", "model"))) if os.path.exists(filename) else {}

    @cached_property
    def models(self):
        """The models that it declares (tuple of `ModelRow`), read at first use."""
        return read_models(self.folder) if self.has_models else ()

    @cached_property
    def detectors(self):
        """Its detectors by name (dict of str to `Detector`), read at first use."""
        return read_detectors(self.folder)

    def detector(self, name):
        """Return the `Detector` of this name (value of DETECTOR).

        Raises
        ------
        InputError
            If no detector has this name.
        """
        facts = self.detectors.get(str(name).strip().upper())
        if facts is None:
            raise unknown_name(
                "detector", name, self.detectors, where=f"DETECTOR of {self.telescope}", error=InputError
            )
        return facts

    @cached_property
    def flags(self):
        """Flags of its DQ arrays (dict of str to int, name -> value), from ``flags.tsv``; empty: those of JWST."""
        filename = os.path.join(self.folder, "flags.tsv")
        if not os.path.exists(filename):
            return {}
        rows = read_table(filename, ("bit", "name", "comment"))
        wrong = [bit for bit, *_ in rows if not (bit.isdigit() and int(bit) < 32)]
        if wrong or len({bit for bit, *_ in rows}) < len(rows):
            raise InputError("each flag must have a bit of its own, from 0 to 31", where=filename)
        return {name: 1 << int(bit) for bit, name, _ in rows}

    @cached_property
    def exposure_types(self):
        """Values of EXP_TYPE, as a frozenset (first column of ``exposure_types.tsv``); empty: not known."""
        return _first_column(os.path.join(self.folder, "exposure_types.tsv"))

    @cached_property
    def _exposure_facts(self):
        filename = os.path.join(self.folder, "exposure_types.tsv")
        if not os.path.exists(filename):
            return {}
        with open(filename, encoding="utf-8") as stream:
            first, *lines = stream.read().splitlines()
        columns = first.split("\t")
        return {line.split("\t", 1)[0]: dict(zip(columns, line.split("\t"), strict=True)) for line in lines if line}

    def exposure_fact(self, exposure_type, column):
        """Return what a column of ``exposure_types.tsv`` says of a value of EXP_TYPE (str).

        None if there is no such row or column.
        """
        return self._exposure_facts.get(exposure_type, {}).get(column)

    @cached_property
    def calibration_kinds(self):
        """EXP_TYPE -> kind of a calibration exposure (dict of str), from ``calibration_kinds.tsv``."""
        filename = os.path.join(self.folder, "calibration_kinds.tsv")
        return dict(read_table(filename, ("exp_type", "kind"))) if os.path.exists(filename) else {}

    @cached_property
    def apertures(self):
        """The apertures of the focal plane (name -> `Aperture`), from ``siaf.tsv``; empty: not known."""
        return read_apertures(self.folder)

    @cached_property
    def profiles(self):
        """Sets of defaults for steps, from ``profiles.tsv``.

        A tuple of rows: profile, step, parameter, value, reason.
        """
        filename = os.path.join(self.folder, "profiles.tsv")
        if not self.has_models or not os.path.exists(filename):
            return ()
        return tuple(tuple(row) for row in read_table(filename, PROFILE_COLUMNS))

    @cached_property
    def blend_rules(self):
        """How values of products follow from those of their exposures, from ``blend_rules.tsv``.

        A dict of str to str, path -> rule; empty if the observatory has none.
        """
        filename = os.path.join(self.folder, "blend_rules.tsv")
        return dict(read_table(filename, ("path", "rule"))) if os.path.exists(filename) else {}

    @cached_property
    def suffixes(self):
        """Suffixes of product names, as a frozenset (first column of ``suffixes.tsv``)."""
        return _first_column(os.path.join(self.folder, "suffixes.tsv"))


@cache
def _restored(*values):
    return Observatory(*values)


def _first_column(filename):
    if not os.path.exists(filename):
        return frozenset()
    with open(filename, encoding="utf-8") as stream:
        next(stream)
        return frozenset(line.split("\t", 1)[0].strip() for line in stream if line.strip())
