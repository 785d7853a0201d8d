"""Simulated reference files in a CRDS cache of their own.

The files, and the rules (.pmap, .imap, .rmap) that choose them for exposures like theirs.

Every addition is a new context; what an earlier context says stays as it is. All names have ``sim`` in them
(``jwst_sim_0001.pmap``, ``jwst_nircam_dark_sim_0001.fits``): a product that names one cannot be taken for one that was
calibrated with the observatory's files.
"""

import contextlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hexcal.errors import InputError, ResourceError
from hexcal.references.conditioning import NOT_APPLICABLE
from hexcal.references.delivery.insert_rule import put
from hexcal.references.mapping_file import Call
from hexcal.simulate.output import make_folder
from hexcal.simulate.reference_files import ending, save_reference

OBSERVATORY = "jwst"
_CONTEXT = re.compile(r"jwst_sim_\d+\.pmap")
_DATES = ("META.OBSERVATION.DATE", "META.OBSERVATION.TIME")
_PIXELS = ("META.INSTRUMENT.DETECTOR", "META.SUBARRAY.NAME")
_READOUT = ("META.INSTRUMENT.DETECTOR", "META.EXPOSURE.READPATT", "META.SUBARRAY.NAME")
_NEAR_INFRARED = {
    "mask": _PIXELS,
    "saturation": _PIXELS,
    "ipc": ("META.INSTRUMENT.DETECTOR",),
    "superbias": _READOUT,
    "linearity": _PIXELS,
    "dark": _READOUT,
    "gain": _PIXELS,
    "readnoise": _READOUT,
}
BY_MODE = (
    "META.INSTRUMENT.DETECTOR", "META.EXPOSURE.TYPE", "META.INSTRUMENT.FILTER", "META.SUBARRAY.NAME",
)  # fmt: skip
"""What chooses among the references of a whole programme, whatever their type."""
_MIRI = {
    **{name: parkey for name, parkey in _NEAR_INFRARED.items() if name != "superbias"},
    "linearity": (*_PIXELS, "META.INSTRUMENT.BAND", "META.INSTRUMENT.FILTER"),
    "reset": _READOUT,
    "rscd": _READOUT,
}
_OF_EFFECTS = {
    "emicorr": _READOUT,
    "persat": _PIXELS,
    "trapdensity": _PIXELS,
    "trappars": ("META.INSTRUMENT.DETECTOR",),
}
"""Types of further effects: they have rules where a simulation has such effects."""
# Types that the observatory has and that are not simulated: without an entry the official client takes them for unknown
# and fails.
_NOT_SIMULATED = """
abvegaoffset apcorr area barshadow bkg camera chromcorr collimator cubepar dflat disperser distortion drizpars emicorr
extract1d fflat filteroffset flat fore fpa fringe fringefreq ifufore ifupost ifuslicer ipc lastframe mrsptcorr
mrsxartcorr msa msaoper nrm ote pastasoss pathloss persat photom pictureframe psf psfmask refpix regions reset resol
rscd sflat sirskernel speckernel specprofile specwcs straymask superbias throughput trapdensity trappars tsophot
wavecorr wavelengthrange wcsregions wfssbkg
""".split()
_IMAP_COMMENT = (
    "\nN/A: no such file is simulated, or the instrument has no use for it; a step that asks for one is skipped.\n"
)


@dataclass(frozen=True)
class Added:
    """What `add_references` did.

    Attributes
    ----------
    context : str
        Name of the .pmap that chooses the references; now the default of the cache.
    chosen : dict of str to str
        Type -> name of the file, or "N/A".
    new : tuple of str
        Files that were not in the cache before.
    replaced : tuple of str
        Files that the context before chooses where this one chooses new ones.
    former : str or None
        The context before; the same as `context` if there was nothing to add.
    """

    context: str
    chosen: dict
    new: tuple
    replaced: tuple
    former: str | None


def rule_parameters(instrument):
    """Return the parameters by which each type of reference is chosen.

    Type -> tuple of str, as in the observatory's rules.

    SUBARRAY and READPATT are added to types for which the observatory leaves them out: a simulated file holds for the
    pixels and the read-out it was made for.
    """
    return _MIRI if instrument == "MIRI" else _NEAR_INFRARED


def check_cache(root):
    """Raise if simulated references may not be added to a cache.

    Parameters
    ----------
    root : path-like
        Folder of the cache; it need not be there yet.

    Raises
    ------
    InputError
        If there are rules of the observatory in it, or it is no folder.
    """
    root = os.path.expanduser(os.fspath(root))
    if os.path.exists(root) and not os.path.isdir(root):
        raise InputError("a cache must be a folder, this is a file", where=root, hint="give another name with --cache")
    folder = os.path.join(root, "mappings", OBSERVATORY)
    contexts = [name for name in os.listdir(folder) if name.endswith(".pmap")] if os.path.isdir(folder) else []
    foreign = sorted(name for name in contexts if not _CONTEXT.fullmatch(name))
    if not foreign and not contexts and os.path.exists(os.path.join(root, "config", OBSERVATORY, "server_config")):
        foreign = ["server_config"]
    if foreign:
        raise InputError(
            f"simulated references must have a cache of their own, this one has the observatory's rules ({foreign[0]})",
            where=root,
            hint="give another folder with --cache (created if missing)",
        )


def add_references(root, references, exposure=None, types=()):
    """Add the references of one exposure to a cache, with rules that choose them for every exposure like it.

    Types that the instrument has but that are not given become N/A for the detector: the steps that ask for them are
    skipped. Files that are there already are not written again. Nothing that is in the cache is changed, but for the
    name of its default context. Several processes may add at once.

    Parameters
    ----------
    root : path-like
        Folder of the cache; it is made if it is not there.
    references : dict of str to (ReferenceModel or dict)
        By type, all of one detector; their keywords (DETECTOR, SUBARRAY, READPATT, USEAFTER) are those of the rules.
        A dict is the content of a file in JSON.
    exposure : DataModel, optional
        An exposure that they are for: every type is then chosen by what `BY_MODE` names in its header. All that is in
        a cache must be added in the same way.
    types : iterable of str
        With `exposure`: further types, of which none applies to it.

    Returns
    -------
    Added

    Raises
    ------
    InputError
        If the cache has rules of the observatory.
    ReferenceError_
        If a mapping in it is corrupt.
    ResourceError
        If it cannot be written.
    """
    root = os.path.expanduser(os.fspath(root))
    check_cache(root)
    for name in ("config", "mappings"):
        make_folder(os.path.join(root, name, OBSERVATORY))
    with _lock(os.path.join(root, "config", OBSERVATORY)):
        return _Addition(root, references, exposure, types).run()


class _Addition:
    """One addition, while the cache is locked."""

    def __init__(self, root, references, exposure, types):
        from hexcal.references.cache import ReferenceCache

        self.cache, self.references = ReferenceCache(root, OBSERVATORY), references
        # No server has anything to do with simulated files, also where CRDS_SERVER_URL names one.
        self.cache.may_fetch = False
        self.exposure = exposure
        self.any_model = next(iter(references.values())) if exposure is None else exposure
        self.instrument = self.any_model.meta.instrument.name
        of_effects = {kind: parkey for kind, parkey in _OF_EFFECTS.items() if kind in references}
        self.parameters = (
            {**rule_parameters(self.instrument), **of_effects}
            if exposure is None
            else dict.fromkeys(sorted({*references, *types}), BY_MODE)
        )
        self.folder = os.path.join(root, "references", OBSERVATORY, self.instrument.lower())
        make_folder(self.folder)
        self.former = self.cache.newest() if self.cache.contexts() else None
        self.chosen, self.new, self.replaced, self.written = {}, [], [], []

    def run(self):
        """Do it, wholly or not at all; returns what was done (`Added`)."""
        try:
            context = self._context()
        except BaseException:
            # No context names these files: nobody can have used them.
            for path in self.written:
                os.unlink(path)
            raise
        self._configure(context)
        return Added(context, self.chosen, tuple(self.new), tuple(self.replaced), self.former)

    def _context(self):
        """Name of the context that chooses the references."""
        pmap = self._entries(self.former)
        imap = self._entries(pmap.get(self.instrument))
        rules = {name.upper(): self._rules(name, imap) for name in self.parameters}
        known = (*_NOT_SIMULATED, *rule_parameters(self.instrument), *_parameter_references())
        none = {name.upper(): NOT_APPLICABLE for name in known}
        prefix = f"{OBSERVATORY}_{self.instrument.lower()}_sim"
        pmap[self.instrument] = self._mapping(prefix, pmap.get(self.instrument), {**none, **imap, **rules})
        return self._mapping(f"{OBSERVATORY}_sim", self.former, pmap)

    def _entries(self, mapping):
        """What a .pmap or .imap says, as a dict that may be changed: name -> name; nothing for None."""
        selector: Any = self.cache.mapping(mapping).selector if mapping else {}
        return dict(selector)

    def _rules(self, reference_type, imap):
        """Name of the .rmap with the rule for a type in it."""
        parameters = self.parameters[reference_type]
        former = imap.get(reference_type.upper())
        more: dict[str, Any] = {
            "classes": ("Match", "UseAfter"),
            "filekind": reference_type.upper(),
            "parkey": (parameters, _DATES),
        }
        if "META.SUBARRAY.NAME" in parameters:
            more["substitutions"] = {"META.SUBARRAY.NAME": {"GENERIC": NOT_APPLICABLE}}
        selector = self.cache.mapping(former).selector if former else Call("Match", ())
        selector = self._with_rule(selector, reference_type, parameters, more.get("substitutions"))
        prefix = f"{OBSERVATORY}_{self.instrument.lower()}_{reference_type}_sim"
        return self._mapping(prefix, former, selector, **more)

    def _with_rule(self, selector, reference_type, parameters, substitutions):
        """The rules of a type with the one for its file in them, put there as a delivery puts it."""
        model = self.references.get(reference_type)
        described = self.any_model if model is None or self.exposure is not None else model
        values = {name: str(described.get_meta(name.lower()) or NOT_APPLICABLE) for name in parameters}
        if model is None:
            self.chosen[reference_type] = NOT_APPLICABLE
            return put(selector, (parameters,), ("Match",), values, "", NOT_APPLICABLE, substitutions)[0]
        date = str(model["useafter"] if isinstance(model, dict) else model.meta.useafter).replace("T", " ")
        where = (parameters, _DATES), ("Match", "UseAfter"), values, date
        former = put(selector, *where, NOT_APPLICABLE, substitutions)[1].replaced
        name = self._file(reference_type, model, None if former == NOT_APPLICABLE else former)
        self.chosen[reference_type] = name
        return put(selector, *where, name, substitutions)[0]

    def _file(self, reference_type, model, former):
        """Name of a reference in the cache: `former`, or that of a new file if it differs from it."""
        name = _next(self.folder, f"{OBSERVATORY}_{self.instrument.lower()}_{reference_type}_sim", ending(model))
        path = os.path.join(self.folder, name)
        # Whether it is new shows when it is written: beside its place, lest a run seem to write one file twice.
        with tempfile.TemporaryDirectory(prefix=".", dir=self.folder) as beside:
            written = os.path.join(beside, name)
            save_reference(model, written)
            if former is not None and _same(written, os.path.join(self.folder, former)):
                return former
            os.rename(written, path)
        self.new.append(name)
        self.written.append(path)
        self.replaced += [former] if former else []
        return name

    def _mapping(self, prefix, former, selector, **more):
        """Name of the mapping that says this: `former`, or that of a new one if it says something else."""
        from hexcal.references.mapping_text import write_mapping

        if former is not None and self.cache.mapping(former).selector == selector:
            return former
        kind = {"rmap": "REFERENCE", "imap": "INSTRUMENT", "pmap": "PIPELINE"}
        ending = "rmap" if isinstance(selector, Call) else "pmap" if prefix == f"{OBSERVATORY}_sim" else "imap"
        folder = os.path.join(self.cache.root, "mappings", OBSERVATORY)
        name = _next(folder, prefix, f".{ending}")
        header = {
            "derived_from": former or "simulated by Hexcal",
            "mapping": kind[ending],
            "name": name,
            "observatory": OBSERVATORY.upper(),
            "sha1sum": "",
            **({"parkey": ("META.INSTRUMENT.NAME",)} if ending == "pmap" else {"instrument": self.instrument}),
            **({"parkey": ("REFTYPE",)} if ending == "imap" else {}),
            **more,
        }
        selector = selector if isinstance(selector, Call) else dict(sorted(selector.items()))
        comment = _IMAP_COMMENT if ending == "imap" else ""
        write_mapping(os.path.join(folder, name), dict(sorted(header.items())), selector, comment)
        self.written.append(os.path.join(folder, name))
        return name

    def _configure(self, context):
        """Make a context the default of the cache, as a server's configuration does."""
        import datetime
        import pprint

        from hexcal import __version__
        from hexcal.files.atomic import atomic

        if self.cache.configured("operational_context") == context:
            return
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
        names = ("edit_context", "operational_context", "versions_context")
        content = {
            **dict.fromkeys(names, context),
            "bad_files_list": [],
            "connected": False,
            "context_history": [],
            "crds_version": {"rev": "", "str": f"Hexcal {__version__}", "svnurl": ""},
            "force_remote_mode": False,
            "last_refreshed": now,
            "last_synced": now,
            "mappings": self.cache.mappings(),
            "observatory": OBSERVATORY,
            "server": "none: simulated by Hexcal",
            "status": "simulated",
        }
        folder = os.path.join(self.cache.root, "config", OBSERVATORY)
        for name, text in (("ref_cache_subdir_mode", "instrument"), ("server_config", pprint.pformat(content))):
            with atomic(os.path.join(folder, name), again=True) as stream:
                stream.write(text.encode())


@contextlib.contextmanager
def _lock(folder):
    """Keep other processes from adding to the cache; the lock of a process that was killed is gone with it."""
    try:
        import fcntl
    except ImportError as error:
        raise ResourceError(
            "adding to a cache needs a system that locks files as POSIX does, such as Linux or macOS",
            where=folder,
            hint="`hexcal simulate references --output DIR` writes the same files into a plain folder",
        ) from error
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise ResourceError(f"the folder cannot be used: {error.strerror}", where=folder) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _parameter_references():
    """Types of the parameter references of calwebb_detector1 and its steps."""
    from hexcal.pipelines.detector1 import Detector1Pipeline

    steps = (*Detector1Pipeline.step_defs, *Detector1Pipeline.missing_steps())
    return ["pars-detector1pipeline", *(f"pars-{name.replace('_', '')}step" for name in steps)]


def _next(folder, prefix, ending):
    """First name ``prefix_0001ending`` whose number is greater than all that are there."""
    pattern = re.compile(rf"{re.escape(prefix)}_(\d+){re.escape(ending)}")
    numbers = [int(match.group(1)) for name in os.listdir(folder) if (match := pattern.fullmatch(name))]
    return f"{prefix}_{max(numbers, default=0) + 1:04d}{ending}"


def _same(path, other):
    """Whether two reference files say the same but for their names and the time at which they were written."""
    from astropy.io.fits import FITSDiff

    if not os.path.isfile(other) or os.path.getsize(path) != os.path.getsize(other):
        return False
    if not path.endswith(".fits"):
        return Path(path).read_bytes() == Path(other).read_bytes()
    return FITSDiff(path, other, ignore_keywords=["DATE", "FILENAME"], ignore_hdus=["ASDF"]).identical
