"""Nothing writes around the gate.

The calls that write files are in the room `files`, and in few places that are named here.
"""

import ast
from pathlib import Path

import hexcal

_WRITING = {
    "write_text",
    "write_bytes",
    "mkstemp",
    "NamedTemporaryFile",
    "savefig",
    "writeto",
    "copyfile",
    "copy2",
    "FileHandler",
}
_MODULES = {
    "os": {"replace", "rename", "link"},
    "shutil": {"move", "copy", "copyfile", "copy2", "copytree"},
    "np": {"save", "savez", "savetxt"},
}
_ALLOWED = {
    "fits_generator/level1b.py": "astropy writes into the stream of `atomic`",
    "kernels/stored.py": "compiled kernels in the folder of numba's, of which no run reads data",
    "models/fits_writer.py": "astropy writes a table into memory",
    "models/fits_memory.py": "astropy writes into memory",
    "simulate/truth.py": "astropy writes into the stream of `atomic`",
    "simulate/spectra/files.py": "associations are written by `association_file.write_text`, which asks the gate",
    "simulate/spectra/nirspec_mos_files.py": "the same",
    "simulate/imaging_files.py": "astropy writes into the stream of `atomic`, and text into memory",
    "simulate/reference_files.py": "the same",
    "simulate/reference_cache.py": "a new file of a cache, written through the gate, gets its place under a lock",
    "steps/image/sky_interface.py": "numpy writes into the stream of `atomic`; temporary files of their own",
    "reffiles/pictures.py": "matplotlib writes into the stream of `atomic`",
    "report/picture.py": "matplotlib writes into the stream of `atomic`",
    "report/difference.py": "matplotlib writes into the stream of `atomic`",
    "report/spectrum_picture.py": "matplotlib writes into the stream of `atomic`",
    "report/show/views.py": "matplotlib writes into the stream of `atomic`",
    "report/pages/plots.py": "matplotlib writes into memory",
    "workflow/worker.py": "asks the system to measure the memory of the process anew",
    "report/mosaic_picture.py": "matplotlib writes into the stream of `atomic`",
    "models/scratch.py": "temporary files in a folder of their own",
    "references/fetching/partial.py": "files received into the cache, which are not there yet",
    "cli/demo.py": "its log file, after asking the gate",
    "cli/demo_parts.py": "the log file of a demonstration, after asking the gate",
}


def _writes(node):
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    owner = function.value.id if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) else ""
    if name == "open" and owner in ("", "gzip", "io"):
        modes = [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "mode")]
        return any(isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax+") for mode in modes)
    return isinstance(function, ast.Attribute) and (name in _WRITING or name in _MODULES.get(owner, ()))


def test_nothing_writes_around_the_gate():
    root = Path(hexcal.__file__).parent
    found = set()
    for path in sorted(root.rglob("*.py")):
        place = path.relative_to(root).as_posix()
        if not place.startswith("files/") and any(_writes(node) for node in ast.walk(ast.parse(path.read_text()))):
            found.add(place)
    assert found == set(_ALLOWED)
