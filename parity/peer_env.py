"""The private environment that holds the reference implementation: made once, outside the repository, used again."""

import os
import subprocess
import sys
import venv
from pathlib import Path

VERSION = "3.0.0"


def peer_python(version=VERSION, folder=None):
    """Return the Python of an environment with ``jwst==version``, making it if needed (minutes, once).

    Parameters
    ----------
    version : str
        Version of the reference implementation.
    folder : path-like, optional
        Where the environment is; default ``$HEXCAL_PEER_DIR``, else ``~/.cache/hexcal-peer``, with the version below
        it.
    """
    base = Path(folder or os.environ.get("HEXCAL_PEER_DIR") or Path.home() / ".cache" / "hexcal-peer")
    python = base / version / "bin" / "python"
    if python.exists() and _installed(python) == version:
        return python
    print(
        f"Installing the reference implementation {version} into {base / version}: some minutes, once ...",
        file=sys.stderr,
    )
    venv.create(base / version, with_pip=True)
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"jwst=={version}", "pysiaf"],
        check=True,
    )
    installed = _installed(python)
    if installed != version:
        raise SystemExit(f"{base / version} holds the reference implementation {installed}, {version} is needed")
    return python


def _installed(python):
    command = [python, "-c", "from importlib.metadata import version; print(version('jwst'))"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


if __name__ == "__main__":
    print(peer_python(*sys.argv[1:]))
