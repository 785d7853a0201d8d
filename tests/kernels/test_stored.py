"""Where machine code is kept, and whose is trusted."""

import os
import stat
import subprocess
import sys
import textwrap

import pytest

from hexcal.kernels import compiling, stored
from hexcal.kernels.compiled import is_on_disk, kernel


@pytest.fixture
def install(tmp_path, monkeypatch):
    """The folder of a package that cannot be written, for a user whose home cannot be written either."""
    for name in ("NUMBA_CACHE_DIR", "HEXCAL_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    package = tmp_path / "package"
    package.mkdir()
    # Files where the folders would be: also the superuser cannot write there.
    (package / "__pycache__").touch()
    (tmp_path / "home").touch()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    stored.folder.cache_clear()
    yield package
    stored.folder.cache_clear()


def again(install):
    stored.folder.cache_clear()
    return stored.folder(install)


def test_beside_the_source_in_the_cache_of_the_user_among_temporary_files(install, tmp_path, monkeypatch):
    last = stored.folder(install)
    assert last.parent == tmp_path / "temporary"
    assert last.name.startswith(f"hexcal-kernels-{os.getuid()}-")
    assert stat.S_IMODE(last.stat().st_mode) == 0o700
    assert again(install) == last
    monkeypatch.setenv("HEXCAL_CACHE", str(tmp_path / "cache"))
    assert again(install).parent == tmp_path / "cache"
    (install / "__pycache__").unlink()
    assert again(install) == install / "__pycache__"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "given"))
    assert again(install).parent == tmp_path / "given"


def test_two_installations_have_folders_of_their_own(install, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "__pycache__").touch()
    assert stored.folder(install) != stored.folder(other)


def test_without_a_home_as_well(install, monkeypatch):
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert again(install).parent.name == "temporary"


def test_the_folder_of_somebody_else_is_not_trusted(install, monkeypatch):
    own = stored.folder(install)
    stranger = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: stranger)
    own.rename(own.with_name(own.name.replace(f"-{stranger - 1}-", f"-{stranger}-")))
    assert again(install) is None


def test_a_folder_that_others_can_write_is_not_trusted(install):
    stored.folder(install).chmod(0o770)
    assert again(install) is None


def test_a_link_is_not_trusted(install, tmp_path):
    own = stored.folder(install)
    own.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    own.symlink_to(tmp_path / "elsewhere")
    assert again(install) is None


def test_where_nothing_can_be_kept_it_is_compiled(install, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "home"))
    monkeypatch.setattr(stored, "_source", lambda function: install / "module.py")
    assert again(install) is None
    assert kernel(next_number)(1) == 2
    assert not is_on_disk(kernel(next_number))


def next_number(x):
    return x + 1


def test_what_the_installer_has_compiled_is_taken_although_it_cannot_be_written(install, monkeypatch):
    monkeypatch.setattr(stored, "_source", lambda function: install / "module.py")
    monkeypatch.setattr(stored, "_sources", lambda path: {})
    (install / "__pycache__").unlink()
    kernel(next_number)(1)
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != install / "__pycache__" and access(path, mode))
    assert again(install) != install / "__pycache__"
    assert is_on_disk(kernel(next_number))
    monkeypatch.setattr(compiling, "machine_code_of", None)
    assert kernel(next_number)(2) == 3


PROGRAM = """
    import sys
    from hexcal.kernels.compiled import kernel

    @kernel
    def next_number(x):
        return x + 1

    print(next_number(1), "numba" in sys.modules)
"""


def test_the_second_run_of_a_read_only_installation_compiles_nothing(install, tmp_path):
    (install / "use.py").write_text(textwrap.dedent(PROGRAM))
    surroundings = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    surroundings |= {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "temporary")}

    def answer():
        words = [sys.executable, str(install / "use.py")]
        return subprocess.run(words, capture_output=True, text=True, check=True, env=surroundings).stdout.split()

    assert answer() == ["2", "True"]
    assert answer() == ["2", "False"]
