from __future__ import annotations

import fcntl
import gzip
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import pytest

from hpo.data.dataset import Patches, open_split
from hpo.data.digest import patch_hashes
from hpo.data.hdf5 import open_array
from hpo.data.rows import read_rows, row_blocks
from hpo.errors import DataError

SHAPE = (40, 8, 8, 3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "patches_x.h5"


def values(count: int = 40, side: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def write(path: Path, make: Callable[[h5py.File], object]) -> None:
    with h5py.File(path, "w") as file:
        make(file)


def refused(path: Path, *words: str) -> None:
    """One line that names the file, within two seconds."""
    began = time.process_time()
    with pytest.raises(DataError) as error, open_array(path, "x") as x:
        x[...]
    assert time.process_time() - began < 2
    assert "\n" not in str(error.value)
    for word in (path.name, *words):
        assert word in str(error.value)


class TestNoFile:
    def test_named_pipe(self, path):
        os.mkfifo(path)
        refused(path, "a named pipe")

    def test_folder(self, path):
        path.mkdir()
        refused(path, "a folder")

    def test_device(self, path):
        path.symlink_to("/dev/zero")
        refused(path, "a device")

    def test_link_to_nothing(self, path):
        path.symlink_to("moved_away.h5")
        refused(path, "link to moved_away.h5, which does not exist")

    def test_link_to_itself(self, path):
        path.symlink_to(path.name)
        refused(path, "a link that leads back to itself")

    def test_file_that_may_not_be_read(self, path):
        write(path, lambda file: file.create_dataset("x", data=values()))
        with mock.patch("os.open", side_effect=PermissionError(13, "Permission denied")):
            refused(path, "permission denied")

    def test_file_that_another_process_writes(self, path):
        write(path, lambda file: file.create_dataset("x", data=values()))
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            refused(path, "locked by another process")


class TestNotHdf5:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"<!DOCTYPE html><html><body>404</body></html>", "page that a server sent"),
            (gzip.compress(b"x" * 99, mtime=0), "gzip-compressed"),
            (b"PK\x03\x04" + b"\0" * 99, "zip archive"),
            (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
            (b"\0" * 5000, "zeros"),
            (b"garbage" * 9, "begins with 'garbage"),
        ],
    )
    def test_says_what_it_seems_to_be(self, path, content, words):
        path.write_bytes(content)
        refused(path, "not HDF5", words)


class TestDamage:
    @pytest.mark.parametrize("magic", [b"TREE", b"SNOD", b"HEAP"])
    def test_signature_of_a_structure(self, path, magic):
        write(path, lambda file: file.create_dataset("x", data=values()))
        content = bytearray(path.read_bytes())
        content[content.index(magic)] ^= 1
        path.write_bytes(bytes(content))
        refused(path, "damaged")

    @pytest.mark.parametrize("keep", [7, 90, 500, -1])
    def test_end_that_is_missing(self, path, keep):
        write(path, lambda file: file.create_dataset("x", data=values()))
        path.write_bytes(path.read_bytes()[:keep])
        refused(path)

    @pytest.mark.parametrize("place", range(0, 2048, 61))
    def test_any_byte_of_the_beginning(self, path, place):
        write(path, lambda file: file.create_dataset("x", data=values()))
        content = bytearray(path.read_bytes())
        content[place] ^= 0xFF
        path.write_bytes(bytes(content))
        try:
            with open_array(path, "x") as x:
                assert x.shape == SHAPE
        except DataError as error:
            assert str(path) in str(error)  # noqa: PT017  a byte that matters to nobody may be anything


class TestStrangeContent:
    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda file: file.__setitem__("x", h5py.Empty("u1")), "empty"),
            (lambda file: file.__setitem__("x", h5py.SoftLink("/x")), "back to itself"),
            (lambda file: file.__setitem__("x", h5py.SoftLink("/gone")), "no dataset 'x'"),
            (lambda file: file.__setitem__("x", h5py.ExternalLink("patches_x.h5", "/x")), "back to itself"),
            (lambda file: file.__setitem__("x", h5py.ExternalLink("gone.h5", "/x")), "gone.h5: no such file"),
            (lambda file: file.create_group("x"), "a group"),
            (
                lambda file: h5py.h5d.create(file.id, b"x", h5py.h5t.UNIX_D32LE, h5py.h5s.create_simple((40, 8, 8, 3))),
                "a type that cannot be read",
            ),
        ],
        ids=["null", "loop", "dangling", "external loop", "external dangling", "group", "time"],
    )
    def test_is_refused(self, path, make, words):
        write(path, make)
        refused(path, words)

    def test_links_that_lead_to_patches_are_followed(self, path, tmp_path):
        write(tmp_path / "all.h5", lambda file: file.create_dataset("deep/images", data=values()))
        write(path, lambda file: file.__setitem__("x", h5py.ExternalLink("all.h5", "/deep/images")))
        with open_array(path, "x") as x:
            assert np.array_equal(x[...], values())


class TestDeclaredButNotStored:
    @pytest.mark.parametrize("chunks", [None, (64, 16, 16, 3)])
    def test_a_billion_rows_in_a_small_file(self, path, chunks):
        write(path, lambda file: file.create_dataset("x", (10**9, 16, 16, 3), dtype="u1", chunks=chunks))
        refused(path, "768,000,000,000 bytes", "written")

    def test_some_chunks_that_were_never_written(self, path):
        def make(file: h5py.File) -> None:
            file.create_dataset("x", SHAPE, dtype="u1", chunks=(10, 8, 8, 3))[:30] = values()[:30]

        write(path, make)
        refused(path, "4 chunks, of which 3 were written")

    def test_a_chunk_that_would_fill_the_memory(self, path):
        def make(file: h5py.File) -> None:
            size = 1 << 28
            options = {"chunks": (size, 1, 1, 3), "compression": "gzip"}
            x = file.create_dataset("x", (size, 1, 1, 3), dtype="u1", **options)
            x.id.write_direct_chunk((0, 0, 0, 0), b"\x78\x9c" + b"\0" * 99)

        write(path, make)
        refused(path, "chunks of 805,306,368 bytes", "h5repack")

    def test_a_filter_that_is_missing_is_named(self, path):
        def make(file: h5py.File) -> None:
            plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plan.set_chunk(SHAPE)
            plan.set_filter(32015, h5py.h5z.FLAG_OPTIONAL)
            h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_UINT8, h5py.h5s.create_simple(SHAPE), plan)

        write(path, make)
        refused(path, "Zstandard", "32015", "hdf5plugin")


class TestPartsInOtherFiles:
    """Where one is missing, HDF5 reads zeros without a word."""

    def virtual(self, path: Path, rows: int = 40) -> None:
        layout = h5py.VirtualLayout(SHAPE, "u1")
        for number in range(2):
            layout[20 * number : min(rows, 20 * number + 20)] = h5py.VirtualSource(
                f"part{number}.h5", "x", (20, 8, 8, 3)
            )[: rows - 20 * number]
            write(
                path.with_name(f"part{number}.h5"),
                lambda file, number=number: file.create_dataset("x", data=values()[20 * number : 20 * number + 20]),
            )
        write(path, lambda file: file.create_virtual_dataset("x", layout))

    def external(self, path: Path) -> None:
        path.with_name("raw.bin").write_bytes(values().tobytes())
        write(path, lambda file: file.create_dataset("x", SHAPE, "u1", external=[("raw.bin", 0, 40 * 192)]))

    @pytest.mark.parametrize("kind", ["virtual", "external"])
    def test_are_read_wherever_this_process_is(self, path, kind):
        getattr(self, kind)(path)
        with open_array(path, "x") as x:
            assert np.array_equal(x[...], values())

    def test_a_missing_part_of_a_virtual_dataset(self, path):
        self.virtual(path)
        path.with_name("part1.h5").unlink()
        refused(path, "virtual", "part1.h5: no such file")

    def test_a_part_that_is_a_pipe(self, path):
        self.virtual(path)
        path.with_name("part1.h5").unlink()
        os.mkfifo(path.with_name("part1.h5"))
        refused(path, "a named pipe")

    def test_a_part_that_is_too_short(self, path):
        self.virtual(path)
        write(path.with_name("part1.h5"), lambda file: file.create_dataset("x", data=values(5)))
        refused(path, "part1.h5", "(5, 8, 8, 3)")

    def test_rows_that_are_mapped_to_no_file(self, path):
        self.virtual(path, rows=39)
        refused(path, "192 of its values are in no file")

    def test_a_virtual_dataset_of_itself(self, path):
        layout = h5py.VirtualLayout(SHAPE, "u1")
        layout[:] = h5py.VirtualSource(".", "x", SHAPE)
        write(path, lambda file: file.create_virtual_dataset("x", layout))
        refused(path, "back to itself")

    @pytest.mark.parametrize("change", ["unlink", "cut"])
    def test_external_storage_that_is_missing_or_short(self, path, change):
        self.external(path)
        raw = path.with_name("raw.bin")
        raw.unlink() if change == "unlink" else raw.write_bytes(raw.read_bytes()[:-1])
        refused(path, "raw.bin: no such file" if change == "unlink" else "have 7,679 of them")

    @pytest.mark.parametrize(("kind", "part"), [("virtual", "part1.h5"), ("external", "raw.bin")])
    def test_a_part_that_changes_changes_the_digest(self, path, kind, part):
        getattr(self, kind)(path)
        before = patch_hashes(path, 40)
        assert np.array_equal(patch_hashes(path, 40), before)
        if kind == "virtual":
            write(path.with_name(part), lambda file: file.create_dataset("x", data=values(20, seed=9)))
        else:
            path.with_name(part).write_bytes(values(seed=9).tobytes())
        assert not np.array_equal(patch_hashes(path, 40), before)


class TestChunks:
    """Whatever the chunks, patches come as they are, and no chunk is decompressed twice."""

    LAYOUTS = ((1, 16, 16, 3), (32, 16, 16, 3), (300, 4, 8, 1), (1000, 16, 16, 3), (1000, 2, 16, 3))

    def patches(self, folder: Path, chunks: tuple[int, ...]) -> tuple[Patches, np.ndarray]:
        stored = values(1000, 16)
        write(
            folder / "patches_x.h5",
            lambda file: file.create_dataset("x", data=stored, chunks=chunks, compression="gzip"),
        )
        write(folder / "patches_y.h5", lambda file: file.create_dataset("y", data=np.arange(1000) % 2))
        return open_split(folder, "patches"), stored

    @pytest.mark.parametrize("chunks", LAYOUTS)
    @pytest.mark.parametrize("at_once", [1 << 26, 50_000])
    def test_rows_come_as_they_are_stored(self, tmp_path, chunks, at_once):
        with mock.patch("hpo.data.rows.AT_ONCE", at_once), mock.patch("hpo.data.rows.HASHED_AT_ONCE", at_once):
            patches, stored = self.patches(tmp_path, chunks)
            rng = np.random.default_rng(3)
            for rows in (rng.permutation(1000)[:500], rng.integers(0, 1000, 300), np.arange(1000), [999], [0, 500]):
                assert np.array_equal(patches.read(rows), stored[rows])
        other = self.patches(tmp_path, (8, 16, 16, 3))[0]
        assert patches.digest == other.digest

    @pytest.mark.parametrize("chunks", LAYOUTS)
    def test_each_chunk_is_decompressed_once(self, tmp_path, chunks):
        patches, _ = self.patches(tmp_path, chunks)
        rows = np.random.default_rng(3).permutation(1000)[:500]
        whole = _bytes_read(lambda: _read_all(patches.path))
        assert _bytes_read(lambda: patches.read(rows)) < 1.2 * whole + 100_000


class _Watched:
    """Patches without chunks, and the rows that were read of them at once."""

    chunks, is_virtual = None, False

    def __init__(self, stored: np.ndarray) -> None:
        self.stored, self.shape, self.at_once = stored, stored.shape, 0

    def __len__(self) -> int:
        return len(self.stored)

    def __getitem__(self, rows: slice) -> np.ndarray:
        found = self.stored[rows]
        self.at_once = max(self.at_once, len(found))
        return found


def test_of_large_patches_fewer_are_read_at_once():
    stored = values(100, 16)
    x, found, rows = _Watched(stored), np.empty_like(stored[::2]), np.arange(0, 100, 2)
    with mock.patch("hpo.data.rows.AT_ONCE", 10 * stored[0].nbytes):
        read_rows(x, rows, np.arange(50), found)
        assert np.array_equal(found, stored[::2])
        assert np.array_equal(np.concatenate([block for _, block in row_blocks(x)]), stored)
    assert x.at_once == 10


def _read_all(path: Path) -> None:
    with h5py.File(path) as file:
        file["x"][...]


def _bytes_read(work: Callable[[], object]) -> int:
    """Bytes that this thread asks the system for: a chunk that is decompressed twice is read twice."""
    read: list[int] = []

    def measured() -> None:
        counter = Path("/proc/thread-self/io")
        before = _rchar(counter)
        work()
        read.append(_rchar(counter) - before)

    thread = threading.Thread(target=measured)
    thread.start()
    thread.join()
    return read[0]


def _rchar(counter: Path) -> int:
    return int(counter.read_text().split()[1])
