"""Whole slides: the command's speed beside its network's, and its memory by the slide's size.

    python tests/benchmarks/slides.py runs/quickstart                # both tables, with slides that it draws
    python tests/benchmarks/slides.py runs/quickstart --slide FILE   # the speed on one slide

Speed compares four ways over the same tiles: the bare network (ONNX Runtime, and Keras) on tiles in memory; the
whole command, from start to its last file; and what one would write first, a loop of OpenSlide's ``read_region`` and
Keras' ``predict_on_batch``, a batch at a time. CPU seconds hold on a busy machine too. Memory is the largest resident
size of a command on slides of 2,000 to 40,000 pixels a side, one eighth of each tissue.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from hpo.slides.classifier import open_classifier
from hpo.slides.drawn_pieces import draw_piece
from hpo.slides.drawn_plan import PIECE, make_drawing
from hpo.slides.model_file import find_model
from hpo.slides.opening import open_slide
from hpo.slides.predict import Predictor, Settings
from hpo.slides.pyramid import write_pyramid
from hpo.slides.sample import make_slides
from hpo.slides.view import PCAM_MPP

BATCH = 64
SIDES = (2048, 10240, 20480, 40960)


def timed(work: Callable[[], int]) -> tuple[int, float, float]:
    """Tiles, wall seconds and CPU seconds, of this process and those it waited for."""
    before, start = _cpu(), time.perf_counter()
    tiles = work()
    return tiles, time.perf_counter() - start, _cpu() - before


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def row(name: str, tiles: int, wall: float, cpu: float, bare: float | None) -> float:
    """Print a line; returns CPU seconds per tile."""
    share = "" if bare is None else f"{bare / (cpu / tiles):8.2f}"
    print(f"{name:44}{tiles:9,}{wall:9.1f}{tiles / wall:10,.0f}{cpu:9.1f}{tiles / cpu:10,.0f}{share}", flush=True)
    return cpu / tiles


def speed(model: Path, slide: Path) -> None:
    print(f"\n{slide.name}\n{'':44}{'tiles':>9}{'wall s':>9}{'tiles/s':>10}{'CPU s':>9}{'per CPU s':>10}{'of bare':>8}")
    corners, tiles = some_tiles(model, slide, 8192)
    probabilities = {}
    bare = {}
    for backend in ("onnx", "keras"):
        classifier = open_classifier(find_model(model, backend=backend))
        classifier.probabilities(tiles[:BATCH])

        def network(classifier=classifier, backend=backend) -> int:  # type: ignore[no-untyped-def]
            found = [classifier.probabilities(tiles[start : start + BATCH]) for start in range(0, len(tiles), BATCH)]
            probabilities[backend] = np.concatenate(found)
            return len(tiles)

        bare[backend] = row(f"bare network, {backend}, resident tiles", *timed(network), None)
    print(f"largest difference of the two: {np.abs(probabilities['onnx'] - probabilities['keras']).max():.1e}")
    row("Keras over OpenSlide, a batch at a time", *timed(lambda: plain_loop(model, slide, corners)), bare["keras"])
    for backend in ("onnx", "keras"):
        with tempfile.TemporaryDirectory() as folder:
            found = timed(lambda folder=folder, backend=backend: command(model, slide, Path(folder), backend))  # type: ignore[misc]
            row(f"hpo predict, {backend}, start to last file", *found, bare[backend])


def some_tiles(model: Path, slide: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Corners and pixels of tiles of tissue."""
    prediction = Predictor(find_model(model), Settings(stride=96)).predict(slide)
    rows, columns = np.nonzero(np.isfinite(prediction.tiles))
    corners = np.stack([columns, rows], axis=1)[:count] * prediction.grid.stride
    opened = open_slide(slide)
    size = prediction.grid.size
    corners = corners[(corners + size <= [opened.levels[0].width, opened.levels[0].height]).all(axis=1)]
    return corners, np.stack([opened.read(0, x, y, size, size) for x, y in corners.tolist()])


def plain_loop(model: Path, slide: Path, corners: np.ndarray) -> int:
    import openslide

    from hpo.models.backend import keras

    network = keras.models.load_model(find_model(model, backend="keras").path)
    opened = openslide.OpenSlide(slide)
    for start in range(0, len(corners), BATCH):
        batch = corners[start : start + BATCH].tolist()
        pixels = [np.asarray(opened.read_region((x, y), 0, (96, 96)).convert("RGB")) for x, y in batch]
        network.predict_on_batch(np.stack(pixels).astype(np.float32))
    return len(corners)


def command(model: Path, slide: Path, folder: Path, backend: str) -> int:
    line = [sys.executable, "-m", "hpo", "predict", model, slide, "-o", folder, "--backend", backend]
    subprocess.run(line, check=True, capture_output=True)
    return len((folder / slide.stem / "tiles.csv").read_text(encoding="utf-8").splitlines()) - 1


def memory(model: Path, folder: Path) -> None:
    print(f"\n{'side':>8}{'tiles':>10}{'seconds':>9}{'peak MB':>9}")
    drawing = make_drawing(0, 0, 4 * PIECE, True)
    tissue = draw_piece(drawing, 1, 1)
    glass = draw_piece(drawing, 0, 0)
    for side in SIDES:
        slide = folder / f"{side}.tif"
        write_pyramid(slide, pattern(side // PIECE, tissue, glass), side, PIECE, PCAM_MPP)
        output = folder / f"out-{side}"
        line = [sys.executable, "-m", "hpo", "predict", model, slide, "-o", output]
        start = time.perf_counter()
        process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peak = largest(process)
        if process.returncode:
            raise SystemExit(f"{side}: the command failed")
        tiles = len((output / str(side) / "tiles.csv").read_text(encoding="utf-8").splitlines()) - 1
        print(f"{side:8,}{tiles:10,}{time.perf_counter() - start:9.1f}{peak / 1024:9.0f}", flush=True)
        slide.unlink()
        shutil.rmtree(output)


def largest(process: subprocess.Popen[bytes]) -> int:
    """Largest resident size of a process until its end, kB; rusage would count what this one had when it started it."""
    peak = 0
    while process.poll() is None:
        try:
            lines = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
        except OSError:
            break
        peak = max([peak, *(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))])
        time.sleep(0.2)
    process.wait()
    return peak


def pattern(across: int, tissue: np.ndarray, glass: np.ndarray) -> Iterator[np.ndarray]:
    """Tissue in one piece of eight."""
    for row_, column in np.ndindex(across, across):
        yield tissue if (3 * row_ + column) % 8 == 1 else glass


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--slide", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        if asked.slide is not None:
            speed(asked.model, asked.slide)
        else:
            speed(asked.model, make_slides(Path(made), count=1, side=8192)[0])
            memory(asked.model, Path(made))
