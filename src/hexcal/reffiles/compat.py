"""Plug-ins that were written for jwst_reffiles run as they are, but for the line that imports the template.

``from jwst_reffiles.plugin_wrapper import mkrefclass_template`` becomes
``from hexcal.reffiles.compat import mkrefclass_template``.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from astropy.table import Table

from hexcal.core.parameters import parameter
from hexcal.errors import InputError, ParameterError
from hexcal.files.atomic import atomic
from hexcal.models.reference import BY_TYPE
from hexcal.reffiles.maker import Maker, MakerParameters

_COLUMNS = ("fitsfile", "output_name", "imtype", "imlabel", "MJD")


class mkrefclass_template:
    """What a plug-in of the original derives its class from.

    Attributes
    ----------
    reflabel, reftype : str or None
        Its label, and the type of reference file; set in ``__init__``.
    inputimages : astropy.table.Table
        The exposures: fitsfile, output_name, imtype, imlabel, MJD.
    args : argparse.Namespace
        Options: outputreffilename, imageslist_filename, and those of `extra_optional_arguments`.
    parameters : dict
        The same by name.
    """

    def __init__(self, *_: Any, **__: Any) -> None:
        self.reflabel: str | None = None
        self.reftype: str | None = None
        self.inputimages: Any = None
        self.args: Any = None
        self.parameters: dict[str, Any] = {}

    def extra_optional_arguments(self, parser: argparse.ArgumentParser) -> Any:
        """Add the options of the plug-in to a parser."""
        return 0

    def callalgorithm(self) -> int:
        """Make the file ``self.args.outputreffilename``; returns 0 if that was possible."""
        raise NotImplementedError(f"{type(self).__name__} does not define callalgorithm")

    def make_reference_file(self, words: list[str] | None = None) -> int:
        """Run from the command line of the plug-in's own file: ``mkref_x.py OUTPUT LIST [options]``."""
        parser = _parser(self)
        parser.add_argument("outputreffilename")
        parser.add_argument("imageslist_filename")
        self.args = parser.parse_args(sys.argv[1:] if words is None else words)
        self.parameters = vars(self.args)
        self.inputimages = Table.read(self.args.imageslist_filename, format="ascii")
        return _checked(self)


def _parser(plugin):
    parser = argparse.ArgumentParser(prog=str(plugin.reflabel), conflict_handler="resolve")
    plugin.extra_optional_arguments(parser)
    return parser


def _checked(plugin):
    status = plugin.callalgorithm()
    if status not in (0, None) or not Path(plugin.args.outputreffilename).is_file():
        raise InputError(
            f"the plug-in returned {status}" if status else "the plug-in has left no file",
            where=str(plugin.args.outputreffilename),
        )
    return 0


def as_maker(cls: type[mkrefclass_template], path: Path) -> type[Maker]:
    """Return a maker that does its work by a plug-in of the original.

    Parameters
    ----------
    cls : type
        The class of the plug-in.
    path : pathlib.Path
        Its file, for messages.

    Raises
    ------
    ParameterError
        If it does not set its label and type.
    """
    plugin = cls()
    if not plugin.reflabel or not plugin.reftype:
        raise ParameterError("the plug-in must set reflabel and reftype in __init__", where=str(path))
    options = [action for action in _parser(plugin)._actions if action.dest != "help"]
    fields = {
        action.dest: parameter(action.default, str(action.help or "An option of the plug-in.")) for action in options
    }
    annotations = dict.fromkeys(fields, Any)
    parameters = type("Parameters", (MakerParameters,), {"__annotations__": annotations, **fields})

    class Old(Maker):
        """A plug-in that was written for jwst_reffiles."""

        label: ClassVar[str] = str(plugin.reflabel)
        reference_type: ClassVar[str] = {"bpm": "mask", "rdnoise": "readnoise"}.get(plugin.reftype, plugin.reftype)
        Parameters: ClassVar[Any] = parameters

        def make(self, members, parameters, log):
            """Have the plug-in write its file, and return it."""
            return _file_of(cls(), members, parameters, self.reference_type)

    Old.__name__ = Old.__qualname__ = cls.__name__
    return Old


def _file_of(plugin, members, parameters, reference_type):
    """Run a plug-in in a folder of its own; returns the model that it has written."""
    from hexcal.models.open import open as open_model

    with tempfile.TemporaryDirectory(prefix="hexcal-mkref-") as folder:
        output, listing = Path(folder, "reference.fits"), Path(folder, "images.txt")
        plugin.inputimages = _table(members)
        with atomic(listing) as stream:
            stream.write("\n".join(plugin.inputimages.pformat(max_lines=-1, max_width=-1, show_unit=False)).encode())
        values = dict(parameters)
        plugin.args = argparse.Namespace(**values, outputreffilename=str(output), imageslist_filename=str(listing))
        plugin.parameters = vars(plugin.args)
        _checked(plugin)
        # What the model holds must not depend on a file that goes away.
        # Headers of plug-ins are often those of an exposure: the type says what the file is.
        model = (BY_TYPE.get(reference_type) or open_model)(output).copy()
        for spec in model.specs:
            if model.has(spec):
                setattr(model, spec, getattr(model, spec))
        return model


def _table(members):
    rows = [
        (str(source.path), str(model.path), kind, kind, source.mjd)
        for (kind, model), source in zip(members.models, members.inputs, strict=True)
    ]
    return Table(rows=rows, names=_COLUMNS)
