"""Many images at once: which there are, where each one's outputs go, and the table of their scores."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpo.errors import DataError, HpoError
from hpo.slides.opening import images_in
from hpo.slides.outputs import check_output, write_whole
from hpo.slides.plain_file import size_of
from hpo.slides.predict import Predictor
from hpo.slides.score import Score

COLUMNS = (
    "file", "width", "height", "tiles", "probability", "maximum", "percentile_95", "tumour_share", "tumour_mm2",
    "tissue_mm2", "label",
)  # fmt: skip


@dataclass(frozen=True)
class Images:
    """The images of a command.

    Args:
        patches: those as large as the model's patches, which are predicted together.
        slides: the others, one after another.
        names: of each, relative to the folder that was named; all different.
    """

    patches: tuple[Path, ...]
    slides: tuple[Path, ...]
    names: dict[Path, str]


def gather(sources: Sequence[Path], size: int) -> Images:
    """Find the images that files and folders mean.

    Args:
        sources: files, and folders to look into.
        size: side of the model's patches, pixels.

    Raises:
        DataError: if there is no such file, a folder has no images, or two images have one name.
    """
    names: dict[Path, str] = {}
    for source in sources:
        if source.is_dir():
            names.update({path: path.relative_to(source).as_posix() for path in images_in(source)})
        elif source.exists():
            names[source] = source.name
        else:
            raise DataError(f"{source}: no such file or folder")
    twice = [name for name, count in Counter(names.values()).items() if count > 1]
    if twice:
        raise DataError(f"{twice[0]}: is the name of two images; predict their folders one after the other")
    patches = tuple(path for path in names if size_of(path) == (size, size))
    slides = tuple(path for path in names if path not in set(patches))
    return Images(patches, slides, names)


def slides_named(sources: Sequence[Path]) -> list[Path]:
    """The slides that files and folders mean, each of another name.

    Raises:
        DataError: if there is no such file, a folder has no images, or two slides have one name.
    """
    paths = [path for source in sources for path in (images_in(source) if source.is_dir() else [source])]
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise DataError(f"{missing[0]}: no such file or folder")
    twice = [name for name, count in Counter(path.stem for path in paths).items() if count > 1]
    if twice:
        raise DataError(
            f"{twice[0]}: is the name of two slides; a slide's name is its patches' in the data set: rename one"
        )
    return paths


def folder_of(output: Path, name: str, names: Sequence[str]) -> Path:
    """An image's own output folder: named after it, with its ending only where another differs by that alone."""
    stem = str(Path(name).with_suffix(""))
    alike = [other for other in names if str(Path(other).with_suffix("")) == stem]
    return output / (name if len(alike) > 1 else stem)


def score_patches(
    predictor: Predictor,
    images: Images,
    threshold: float,
    progress: Callable[[int, int], None],
    refused: Callable[[DataError], object] | None = None,
) -> list[Score]:
    """The scores of the images that are patches, but for those that are refused; see `Predictor.predict_patches`."""
    size = predictor.classifier.size
    found = predictor.predict_patches(images.patches, progress=progress, refused=refused)
    return [
        Score(images.names[path], size, size, 1, value, value, value, float(value > threshold))
        for path, value in zip(images.patches, found.tolist(), strict=True)
        if not math.isnan(value)
    ]


def write_scores(path: Path, scores: Sequence[Score], labels: Mapping[str, int]) -> None:
    """One line per image, by name.

    Args:
        path: of the file.
        scores: of the images.
        labels: of those that have one, by name.

    Raises:
        HpoError: if the file cannot be written.
    """
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for score in sorted(scores, key=lambda one: one.name):
        areas = [_number(score.tumour_mm2, 4), _number(score.tissue_mm2, 4)]
        values = [score.probability, score.maximum, score.percentile_95, score.tumour_share]
        counts = [score.width, score.height, score.tiles]
        numbers = [_number(value, 6) for value in values]
        table.writerow([score.name, *counts, *numbers, *areas, labels.get(score.name, "")])
    write_whole(path, lambda file: file.write_text(text.getvalue(), encoding="utf-8"))


def _number(value: float | None, digits: int) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def check_csv(path: Path) -> None:
    """Make sure that a table can be written, and overwrites nothing but a table of scores.

    Raises:
        HpoError: if something else is there, or its folder cannot be written to.
    """
    check_output(path.parent)
    if not path.exists():
        return
    if not path.is_file():
        raise HpoError(f"--csv {path}: is no regular file; name a CSV file to write")
    with path.open("rb") as file:
        if file.read(len("file,")) not in (b"", b"file,"):
            raise HpoError(f"--csv {path}: already exists and is no table of scores; name another file, or remove it")
