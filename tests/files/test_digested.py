"""The sha256 of a file is known when it has been written, or not at all; it is never that of other bytes."""

import gzip
import hashlib
import os

import numpy as np

from hexcal.datamodels import ImageModel
from hexcal.files import gate
from hexcal.files.atomic import atomic
from hexcal.references import digest


def of_file(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def written(path, pieces):
    with gate.run(digests=True) as files:
        with atomic(path) as stream:
            for piece in pieces:
                stream.write(piece)
        return files.digests.get(str(path))


def test_the_digest_is_that_of_the_file_for_small_and_large_pieces_in_any_order(tmp_path):
    random = np.random.default_rng(1)
    pieces = [
        random.bytes(size) for size in (10, 1 << 20, 3, 0, (9 << 20) + 7, 1 << 18, 1 << 19, 2880, *[1 << 18] * 20, 5)
    ]
    path = tmp_path / "product"
    status, found = written(path, pieces)
    assert path.read_bytes() == b"".join(pieces)
    assert found == of_file(path)
    assert (status.st_size, status.st_mtime_ns, status.st_ino) == (
        (now := path.stat()).st_size, now.st_mtime_ns, now.st_ino,
    )  # fmt: skip


def test_a_buffer_that_is_used_again_is_digested_as_it_was_written(tmp_path):
    buffer = np.zeros(1 << 20, np.uint8)

    def pieces():
        for number in range(30):
            buffer[:] = number
            yield buffer

    path = tmp_path / "product"
    assert written(path, pieces())[1] == of_file(path)


def test_a_file_that_is_changed_while_it_is_written_has_no_digest(tmp_path):
    path = tmp_path / "product"
    with gate.run(digests=True) as files, atomic(path) as stream:
        stream.write(b"0123456789")
        stream.seek(3)
        stream.write(b"x")
    assert path.read_bytes() == b"012x456789"
    assert not files.digests
    with gate.run(digests=True) as files, atomic(tmp_path / "cut") as stream:
        stream.write(b"0123456789")
        stream.truncate(4)
    assert (tmp_path / "cut").read_bytes() == b"0123"
    assert not files.digests


def test_a_run_inside_tells_the_run_around_it(tmp_path):
    path = tmp_path / "product.fits.gz"
    with gate.run(digests=True) as files, gate.run():
        ImageModel(np.ones((300, 300), np.float32)).save(path)
    assert files.digests[str(path)][1] == of_file(path)
    assert gzip.decompress(path.read_bytes()).startswith(b"SIMPLE")


def test_nothing_is_digested_unasked(tmp_path):
    with gate.run() as files, atomic(tmp_path / "product") as stream:
        stream.write(b"text")
    assert files.digests == {}


def test_a_remembered_digest_is_taken_only_for_the_same_file(tmp_path, monkeypatch):
    monkeypatch.setenv("HEXCAL_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "file"
    path.write_bytes(b"first")
    digest.remember([(path, path.stat(), "of first")])
    assert digest.sha256(path) == "of first"
    os.utime(path, ns=(1, 1))
    assert digest.sha256(path) == of_file(path)
