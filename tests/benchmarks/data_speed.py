"""How fast patches come in and are read, against h5py and plain reading of the same bytes.

    .venv/bin/python -m tests.benchmarks.data_speed [--patches 8000] [--repeat 5]

MB/s of uncompressed 96 x 96 RGB patches, medians; all that is compared takes turns. Everything that is read has been
read before: this measures the code, not the disk. `dd` reads the file in blocks of 4 MiB and drops it; h5py reads the
whole array at once, as someone would who has nothing else to do. A nested subset is what a training takes: half of
each class by turns, in random order.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import statistics
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from hpo.data.dataset import open_split
from hpo.data.digest import patch_hashes
from hpo.data.images.importing import Options, import_images
from hpo.data.split import nested_subset
from hpo.data.synthetic import make_sample

SIDE = 96
IMAGES = 2000
DRAWN = 500


def seconds_of(ways: dict[str, Callable[[], object]], repeat: int) -> dict[str, float]:
    """Median seconds of each, in turns, after one round that counts for nothing."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(repeat + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            if number:
                taken[name].append(time.perf_counter() - began)
    return {name: statistics.median(found) for name, found in taken.items()}


def show(title: str, megabytes: dict[str, float], seconds: dict[str, float], against: str) -> None:
    """Print a table of rates."""
    rates = {name: megabytes[name] / seconds[name] for name in seconds}
    print(f"\n{title:44}{'MB/s':>10}{'of ' + against:>34}")
    for name, rate in rates.items():
        print(f"{name:44}{rate:10.0f}{rate / rates[against]:34.2f}", flush=True)


def measure_reading(folder: Path, count: int, repeat: int) -> None:
    """The reading of an HDF5 file."""
    make_patches(folder, count)
    patches = open_split(folder, "train")
    half = np.sort(np.random.default_rng(1).permutation(count)[: count // 2])
    nested = nested_subset(patches.labels, count // 2, 0)
    tenth = nested_subset(patches.labels, count // 10, 0)

    def whole() -> object:
        with h5py.File(patches.path) as file:
            return file["x"][...]

    ways: dict[str, Callable[[], object]] = {
        "dd": lambda: subprocess.run(["dd", f"if={patches.path}", "of=/dev/null", "bs=4M", "status=none"], check=True),
        "h5py, the whole array": whole,
        "Patches.read, all in order": lambda: patches.read(np.arange(count)),
        "Patches.read, a random half": lambda: patches.read(half),
        "Patches.read, a nested subset, half": lambda: patches.read(nested),
        "Patches.read, a nested subset, a tenth": lambda: patches.read(tenth),
        "first opening: hashing": lambda: hashed(patches.path, count),
        "later opening": lambda: open_split(folder, "train"),
    }
    size = SIDE * SIDE * 3 / 1e6
    counts = dict.fromkeys(ways, count) | {
        "Patches.read, a random half": len(half),
        "Patches.read, a nested subset, half": len(nested),
        "Patches.read, a nested subset, a tenth": len(tenth),
    }
    show("reading", {name: size * n for name, n in counts.items()}, seconds_of(ways, repeat), "h5py, the whole array")


def hashed(path: Path, count: int) -> None:
    """Hash as if for the first time."""
    path.with_name(f".{path.name}.hashes.npz").unlink(missing_ok=True)
    patch_hashes(path, count)


def make_patches(folder: Path, count: int) -> None:
    """Noise, in PCam's files."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    with h5py.File(folder / "camelyonpatch_level_2_split_train_x.h5", "w") as file:
        x = file.create_dataset("x", (count, SIDE, SIDE, 3), np.uint8)
        for start in range(0, count, 1000):
            x[start : start + 1000] = random.integers(0, 256, (min(1000, count - start), SIDE, SIDE, 3), np.uint8)
    with h5py.File(folder / "camelyonpatch_level_2_split_train_y.h5", "w") as file:
        file["y"] = random.integers(0, 2, (count, 1, 1, 1), np.uint8)


def measure_import(folder: Path, repeat: int) -> None:
    """The import of images that look like tissue: a made sample's, as PNG and JPEG."""
    make_sample(folder / "sample", train=DRAWN, valid=2, test=2)
    with h5py.File(folder / "sample" / "camelyonpatch_level_2_split_train_x.h5") as file:
        drawn = file["x"][...]
    encoded: dict[str, list[bytes]] = {}
    for kind in ("png", "jpeg"):
        encoded[kind] = []
        for number in range(IMAGES):
            buffer = io.BytesIO()
            Image.fromarray(drawn[number % DRAWN]).save(buffer, kind)
            encoded[kind].append(buffer.getvalue())
            path = folder / kind / str(number % 2) / f"{number}.{kind}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(buffer.getvalue())
    with tarfile.open(folder / "png.tar", "w") as tar:
        tar.add(folder / "png", "png")
    ways: dict[str, Callable[[], object]] = {
        f"PIL, {kind} in memory": lambda kind=kind: [np.asarray(Image.open(io.BytesIO(b))) for b in encoded[kind]]
        for kind in encoded
    }
    for source in ("png", "png.tar", "jpeg"):
        ways[f"import of {source}"] = lambda source=source: import_images(
            folder / source, folder / "imported", Options(overwrite=True)
        )
    size = SIDE * SIDE * 3 * IMAGES / 1e6
    show("import", dict.fromkeys(ways, size), seconds_of(ways, repeat), "PIL, png in memory")


def measure_sample(folder: Path) -> None:
    """The drawing of a sample."""
    ways: dict[str, Callable[[], object]] = {
        f"hpo data sample, {processes} processes": lambda processes=processes: make_sample(
            folder / f"drawn{processes}", train=4 * DRAWN, valid=2, test=2, processes=processes
        )
        for processes in sorted({1, os.cpu_count() or 1})
    }
    size = SIDE * SIDE * 3 * (4 * DRAWN + 4) / 1e6
    show("drawing", dict.fromkeys(ways, size), seconds_of(ways, 1), next(iter(ways)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patches", type=int, default=8000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    if shutil.which("dd") is None:
        parser.error("needs dd")
    with tempfile.TemporaryDirectory() as folder:
        measure_reading(Path(folder, "read"), options.patches, options.repeat)
        measure_import(Path(folder, "import"), min(3, options.repeat))
        measure_sample(Path(folder, "draw"))


if __name__ == "__main__":
    main()
