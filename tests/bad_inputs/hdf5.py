"""Bad HDF5 files of patches and labels."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.bad_inputs.attempt import Attempt, Bases
from tests.bad_inputs.mutate import replace_by_no_file, spoil_bytes

SPLITS = ("train", "valid", "test")


COUNT, SIDE = 24, 16


STEM = "camelyonpatch_level_2_split_{}_{}"


def make_data(folder: Path, count: int = COUNT, side: int = SIDE) -> None:
    """A data set in which every patch is another, classes take turns, and a slide has three patches."""
    folder.mkdir(parents=True)
    for number, split in enumerate(SPLITS):
        random_ = np.random.default_rng(number)
        with h5py.File(folder / f"{STEM.format(split, 'x')}.h5", "w") as file:
            file["x"] = random_.integers(0, 256, (count, side, side, 3), np.uint8)
        with h5py.File(folder / f"{STEM.format(split, 'y')}.h5", "w") as file:
            file["y"] = (np.arange(count) % 2).astype(np.uint8).reshape(-1, 1, 1, 1)
        rows = [f"{row},0,0,{row % 2},{row % 2},slide{number}_{row // 3}" for row in range(count)]
        header = ",coord_y,coord_x,tumor_patch,center_tumor_patch,wsi"
        (folder / f"{STEM.format(split, 'meta')}.csv").write_text("\n".join([header, *rows]) + "\n")


def patches(rng: random.Random, bases: Bases) -> Attempt:
    """A bad file of patches or labels."""
    path, name, split = _copied(rng, bases)
    if rng.random() < 0.06:
        return checked(f"{name} of {split}: {replace_by_no_file(rng, path)}", None)
    if rng.random() < 0.5:
        what, content = spoil_bytes(rng, path.read_bytes())
        path.write_bytes(content)
        return checked(f"{name} of {split}: {what}", _as_h5py_reads(split))
    if rng.random() < 0.2:
        return _gzipped(rng, path, split)
    kinds = X if name == "x" else Y
    what = rng.choice(list(kinds))
    with h5py.File(path) as file:
        values = file[name][...]
    path.unlink()
    with h5py.File(path, "w") as file:
        kinds[what](file, values)
    return checked(f"{name} of {split}: {what}", _as_put_in(bases.data))


def _copied(rng: random.Random, bases: Bases) -> tuple[Path, str, str]:
    shutil.copytree(bases.data, "d")
    name, split = rng.choice("xy"), rng.choice(SPLITS)
    return Path("d") / f"{STEM.format(split, name)}.h5", name, split


def checked(what: str, judge: Callable[[str], str | None] | None) -> Attempt:
    return Attempt(what, ("data", "check", "d"), judge=judge)


def _gzipped(rng: random.Random, path: Path, split: str) -> Attempt:
    import gzip

    content = gzip.compress(path.read_bytes(), mtime=0)
    path.unlink()
    if rng.random() < 0.1:
        what, content = "a gzip bomb", gzip.compress(b"", mtime=0) + _bomb()
    else:
        what, content = spoil_bytes(rng, content)
    path.with_name(path.name + ".gz").write_bytes(content)
    return checked(f"{path.name}.gz: {what}", _as_h5py_reads(split))


def _bomb() -> bytes:
    import gzip

    return gzip.compress(bytes(50_000_000), mtime=0) * 4


def _dataset(name: str) -> Callable[..., Callable[[Any, Any], Any]]:
    return lambda change, **options: lambda file, values: file.create_dataset(name, data=change(values), **options)


_x, _y = _dataset("x"), _dataset("y")


def _virtual(file: Any, values: Any) -> None:
    layout = h5py.VirtualLayout(values.shape, values.dtype)
    layout[:] = h5py.VirtualSource("not_there.h5", "x", values.shape)
    file.create_virtual_dataset("x", layout)


def _unwritten(file: Any, values: Any) -> None:
    made = file.create_dataset("x", values.shape, values.dtype, chunks=(4, *values.shape[1:]))
    made[:4] = values[:4]


def _unwritten_labels(file: Any, values: Any) -> None:
    made = file.create_dataset("y", (len(values),), values.dtype, chunks=(4,), maxshape=(None,))
    made[:4] = values[:4].ravel()


def _external(file: Any, values: Any) -> None:
    file.create_dataset("x", values.shape, values.dtype, external=[("not_there.raw", 0, values.nbytes)])


def _external_link(file: Any, _values: Any) -> None:
    file["x"] = h5py.ExternalLink("/etc/passwd", "/x")


def _huge(file: Any, values: Any) -> None:
    file.create_dataset("x", (10**9, *values.shape[1:]), values.dtype, chunks=(64, *values.shape[1:]))


def _huge_labels(file: Any, _values: Any) -> None:
    file.create_dataset("y", (10**10,), np.uint8, chunks=(1 << 20,))


def _big_chunk_bomb(file: Any, values: Any) -> None:
    shape = (3_000_000, 16, 16, 3)
    made = file.create_dataset("x", shape, np.uint8, chunks=(1_000_000, 16, 16, 3), compression="gzip")
    made.id.write_direct_chunk((0, 0, 0, 0), __import__("zlib").compress(bytes(768_000_000), 9))


def _link(kind: str) -> Callable[[Any, Any], None]:
    def make(file: Any, _values: Any) -> None:
        file[kind] = h5py.SoftLink(f"/{kind}")

    return make


def _group(name: str) -> Callable[[Any, Any], None]:
    return lambda file, _values: file.create_group(name)


def _many_attributes(file: Any, values: Any) -> None:
    file["x"] = values
    for number in range(2000):
        file["x"].attrs[f"a{number}"] = "\x1b[31m" + "x" * 50


def _odd_names(file: Any, _values: Any) -> None:
    for number in range(5000):
        file[f"\x1b[31mred{number}" + "x" * 200] = 0


def _unknown_filter(file: Any, values: Any) -> None:
    made = file.create_dataset("x", values.shape, values.dtype, chunks=values.shape, compression="gzip")
    made.id.write_direct_chunk((0,) * values.ndim, b"not deflated at all")


X: dict[str, Callable[[Any, Any], Any]] = {
    "float": _x(lambda v: v / 255.0),
    "float 0 to 255": _x(lambda v: v.astype("f4")),
    "int16": _x(lambda v: v.astype("i2")),
    "uint16": _x(lambda v: v.astype("u2") * 257),
    "int8": _x(lambda v: v.astype("i1")),
    "bool": _x(lambda v: v > 127),
    "channels first": _x(lambda v: v.transpose(0, 3, 1, 2)),
    "grey": _x(lambda v: v[..., :1]),
    "flat": _x(lambda v: v.reshape(len(v), -1)),
    "four channels": _x(lambda v: np.concatenate([v, v[..., :1]], -1)),
    "oblong": _x(lambda v: v[:, :, :8]),
    "one patch": _x(lambda v: v[0]),
    "none": _x(lambda v: v[:0]),
    "one fewer": _x(lambda v: v[:-1]),
    "one more": _x(lambda v: np.concatenate([v, v[:1]])),
    "side 0": _x(lambda v: v[:, :0, :0]),
    "five dimensions": _x(lambda v: v[None]),
    "a scalar": _x(lambda _v: 7),
    "text": _x(lambda _v: "x"),
    "objects": lambda f, _v: f.create_dataset("x", (3,), dtype=h5py.string_dtype()),
    "empty space": lambda f, _v: f.create_dataset("x", data=h5py.Empty("u1")),
    "compound": _x(lambda v: np.zeros(len(v), [("a", "u1"), ("b", "f4")])),
    "virtual, its part missing": _virtual,
    "chunks never written": _unwritten,
    "external, its part missing": _external,
    "a link to another file": _external_link,
    "a billion rows": _huge,
    "a chunk of 768 MB": _big_chunk_bomb,
    "a link to itself": _link("x"),
    "a group": _group("x"),
    "another name": lambda f, v: f.create_dataset("X", data=v),
    "many attributes": _many_attributes,
    "odd names": _odd_names,
    "damaged gzip chunk": _unknown_filter,
    "gzip": _x(lambda v: v, compression="gzip", chunks=True),
    "lzf, shuffled": _x(lambda v: v, compression="lzf", shuffle=True),
    "checksummed": _x(lambda v: v, fletcher32=True),
    "chunks across rows": _x(lambda v: v, chunks=(COUNT, 4, 4, 1)),
    "old file, new order": lambda f, v: f.create_dataset("x", data=v, track_times=True),
    "nothing": lambda _f, _v: None,
    "scaled to fewer bits": _x(lambda v: v, scaleoffset=8, chunks=True),
    "resizable": _x(lambda v: v, maxshape=(None, 16, 16, 3)),
}


Y: dict[str, Callable[[Any, Any], Any]] = {
    "float": _y(lambda v: v.astype("f4")),
    "bool": _y(lambda v: v.astype(bool)),
    "0 and 255": _y(lambda v: v * 255),
    "1 and 2": _y(lambda v: v + 1),
    "-1 and 1": _y(lambda v: v.astype("i1") * 2 - 1),
    "int64, big-endian": _y(lambda v: v.astype(">i8")),
    "256 and 257": _y(lambda v: v.astype("u2") + 256),
    "2**32 and 2**32+1": _y(lambda v: v.astype("u8") + 2**32),
    "2**64-1": _y(lambda v: v.astype("u8") * (2**64 - 1)),
    "one-hot": _y(lambda v: np.eye(2, dtype="u1")[v.ravel()]),
    "flat": _y(np.ravel),
    "column": _y(lambda v: v.reshape(-1, 1)),
    "text": _y(lambda v: v.ravel().astype("S1")),
    "names": lambda f, v: f.create_dataset("y", data=[str(i) for i in v.ravel()]),
    "none": _y(lambda v: v[:0]),
    "one fewer": _y(lambda v: v[:-1]),
    "one class": _y(np.zeros_like),
    "nan": _y(lambda v: np.full(v.shape, np.nan)),
    "complex": _y(lambda v: v.astype("c8")),
    "a scalar": _y(lambda _v: 1),
    "enumerated": lambda f, v: f.create_dataset(
        "y", data=v, dtype=h5py.enum_dtype({"benign": 0, "malignant": 1}, basetype="u1")
    ),
    "empty space": lambda f, _v: f.create_dataset("y", data=h5py.Empty("u1")),
    "a link to itself": _link("y"),
    "a group": _group("y"),
    "ten billion": _huge_labels,
    "chunks never written": _unwritten_labels,
    "per pixel": _y(lambda v: np.broadcast_to(v, (len(v), 4, 4, 1))),
    "per pixel, one row": _y(lambda v: v.reshape(1, -1)),
}


def opened() -> Any:
    from hpo.data.dataset import open_dataset

    return open_dataset(Path("d"), patch_size=None)


def _compare(split: str, x: Any, y: Any) -> str | None:
    found = getattr(opened(), split)
    if len(found) != len(x):
        return f"{split}: {len(x)} patches were put in, {len(found)} are there"
    if not np.array_equal(found.labels.ravel(), np.asarray(y).ravel()):
        return f"{split}: labels {np.asarray(y).ravel()[:8]} were taken for {found.labels[:8]}"
    if not np.array_equal(found.read(range(len(found))), x):
        return f"{split}: other pixels than were put in"
    return None


def _as_put_in(data: Path) -> Callable[[str], str | None]:
    def judge(output: str) -> str | None:
        if "problem:" in output:
            return None
        for split in SPLITS:
            with h5py.File(data / f"{STEM.format(split, 'x')}.h5") as file:
                x = file["x"][...]
            with h5py.File(data / f"{STEM.format(split, 'y')}.h5") as file:
                y = file["y"][...]
            if (found := _compare(split, x, y)) is not None:
                return found
        return None

    return judge


def _as_h5py_reads(split: str) -> Callable[[str], str | None]:
    """Bits that no checksum guards: what is opened has to be what the file says now."""

    def judge(output: str) -> str | None:
        if "problem:" in output:
            return None
        with h5py.File(Path("d") / f"{STEM.format(split, 'x')}.h5") as file:
            x = file["x"][...]
        with h5py.File(Path("d") / f"{STEM.format(split, 'y')}.h5") as file:
            y = file["y"][...]
        return _compare(split, x, y)

    return judge
