"""One slide from file to outputs, with what is known of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hpo.errors import HpoError
from hpo.slides.agreement import Agreement, agreement_with
from hpo.slides.annotations import Annotations, annotations_beside, read_annotations
from hpo.slides.outputs import write_outputs
from hpo.slides.predict import Predictor
from hpo.slides.score import Score, score_of
from hpo.slides.slide_table import SlideTable
from hpo.slides.summary import Truth, finished_slide


@dataclass(frozen=True)
class Sources:
    """Where it may be said what a slide shows.

    Args:
        table: labels of whole slides.
        annotations: folder of annotations; None looks for none.
        positive: names of annotations that are tumour.
    """

    table: SlideTable | None = None
    annotations: Path | None = None
    positive: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Done:
    """A predicted slide.

    Args:
        score: its numbers.
        label: 1 if it has tumour, 0 if not; None if nobody says.
        agreement: with its annotations; None without.
        was_finished: whether an earlier run had predicted it.
    """

    score: Score
    label: int | None
    agreement: Agreement | None
    was_finished: bool = False


def predict_one(
    predictor: Predictor,
    path: Path,
    name: str,
    *,
    folder: Path | None,
    sources: Sources,
    progress: Callable[[int, int], None],
) -> Done:
    """Predict a slide and write its outputs, unless an earlier run has done just that.

    Args:
        predictor: the model.
        path: of the slide.
        name: of the slide, for people.
        folder: for its outputs; None writes none.
        sources: what is known of it.
        progress: told of the tiles.

    Raises:
        HpoError: if the slide or its annotations cannot be read, they contradict the table, or nothing can be written.
    """
    label, truth = _known(path, sources)
    if folder is not None:
        before = finished_slide(folder, name, predictor, path, truth)
        if before is not None:
            return Done(before[0], label, before[1], was_finished=True)
    prediction = predictor.predict(path, output=folder, progress=progress)
    agreement = None if truth is None else agreement_with(prediction, truth.annotations)
    if folder is not None:
        write_outputs(prediction, folder, truth, agreement)
    return Done(score_of(name, prediction), label, agreement)


def _known(path: Path, sources: Sources) -> tuple[int | None, Truth | None]:
    """The slide's label and its tumour."""
    label = None if sources.table is None else sources.table.label_of(path)
    file = None if sources.annotations is None else annotations_beside(path, sources.annotations)
    if file is not None:
        annotations = read_annotations(file, sources.positive)
        found = int(annotations.has_tumour)
        if label is not None and label != found:
            raise HpoError(
                f"{file}: outlines {'tumour' if found else 'no tumour'}, but the table of slides has label {label} for "
                f"{path.name}"
            )
        return found, Truth(annotations, _sha256(annotations), sources.positive)
    is_normal = label == 0 and sources.annotations is not None
    return label, Truth(None, "no tumour") if is_normal else None


def _sha256(annotations: Annotations) -> str:
    return hashlib.sha256(annotations.path.read_bytes()).hexdigest()
