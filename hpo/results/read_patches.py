"""The patches in a report: their numbers, a few samples, and the mistakes."""

from __future__ import annotations

import io
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hpo.config.study import StudyFile
from hpo.data.check import as_picture, draw_preview
from hpo.data.dataset import Dataset, Patches
from hpo.evaluation.many import called_class
from hpo.evaluation.metrics import THRESHOLD
from hpo.results.data import DataDescription, Mistake, SplitDescription
from hpo.results.study import StudyResults

_MISTAKES = 50
"""The most mistakes of each kind that a dashboard may ask for."""

_PAIRS = 12
"""The most pairs of classes whose mistakes are kept."""


def describe_data(study: StudyFile, dataset: Dataset) -> DataDescription:
    """The three splits, and a sheet of a few training and validation patches; the test split's stay unseen."""
    made = "a sample made by hpo data sample" if study.data.sample is not None else study.data.folder.name
    return DataDescription(
        name=made,
        patch_size=dataset.train.shape[1],
        splits={part.name: _split(part) for part in (dataset.train, dataset.valid, dataset.test)},
        digest=dataset.digest,
        test_digest=dataset.test_digest,
        contact_sheet=_contact_sheet(dataset),
        doubts=dataset.doubts,
        channels=dataset.train.channels,
    )


def find_mistakes(results: StudyResults, test: Patches) -> tuple[Mistake, ...]:
    """The test patches that the best architecture's tuned models get most confidently wrong, on average over the seeds.

    Returns:
        False positives, the most confident first, then false negatives likewise; of more than two classes, those of
        the most frequent pairs of what a patch is and is called. Nothing before the test split is
        opened, or if ``test`` is not the predicted split.
    """
    best = results.best_architecture
    rows = None if best is None else results.predictions(best).get("after")
    labels = results.test_labels
    if rows is None or labels is None or not np.array_equal(labels, test.labels):
        return ()
    mean = np.mean(rows, axis=0)
    if mean.ndim == 2:
        return _pictured(results, test, [(row, mean[row].max(), label) for row, label in _of_classes(labels, mean)])
    order = np.argsort(-mean, kind="stable")
    false_positives = [row for row in order if labels[row] == 0 and mean[row] > THRESHOLD][:_MISTAKES]
    false_negatives = [row for row in order[::-1] if labels[row] == 1 and mean[row] <= THRESHOLD][:_MISTAKES]
    return _pictured(results, test, [(row, mean[row], None) for row in false_positives + false_negatives])


def _of_classes(labels: NDArray[np.uint8], mean: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Rows and what they are called, of the most frequent pairs of classes, of each the most confident first."""
    called = called_class(mean)
    pairs = Counter(zip(labels[called != labels].tolist(), called[called != labels].tolist(), strict=True))
    found = []
    for (label, other), _ in sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:_PAIRS]:
        rows = np.flatnonzero((labels == label) & (called == other))
        surest = rows[np.argsort(-mean[rows, other], kind="stable")][:_MISTAKES]
        found += [(int(row), int(other)) for row in surest]
    return found


def _pictured(
    results: StudyResults, test: Patches, chosen: Sequence[tuple[int, float, int | None]]
) -> tuple[Mistake, ...]:
    """Rows, probabilities, and what the patches are called, as mistakes."""
    labels, files = test.labels, test.files()
    return tuple(
        Mistake(
            row=int(row),
            label=int(labels[row]),
            probability=float(probability),
            image=_jpeg(test, int(row)),
            slide="" if results.test_slides is None else str(results.test_slides[row]),
            file="" if files is None else str(files[row]),
            called=called,
        )
        for row, probability, called in chosen
    )


def _jpeg(patches: Patches, row: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(as_picture(patches.read(np.array([row]))[0])).save(file, "JPEG", quality=88)
    return file.getvalue()


def _contact_sheet(dataset: Dataset) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "patches.png"
        draw_preview([dataset.train, dataset.valid], path, dataset.classes)
        file = io.BytesIO()
        with Image.open(path) as sheet:
            sheet.save(file, "WEBP", quality=85)  # a PNG would keep every grain of the tissue and be many times larger
        return file.getvalue()


def _split(part: Patches) -> SplitDescription:
    slides = None if part.slides is None else len(np.unique(part.slides))
    counts = np.bincount(part.labels, minlength=2).tolist()
    return SplitDescription(len(part), counts[1], slides, tuple(counts) if len(counts) > 2 else ())
