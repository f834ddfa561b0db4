"""Right and wrong calls of the tuned models on the test split: at 0.5, and at validation's own threshold."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.metrics import THRESHOLD
from hpo.evaluation.threshold import Confusion, choose_threshold, confusion, share_called_rightly
from hpo.reports.classes.confusion import (
    ClassMatrices,
    draw_matrices,
    matrices_explain,
    matrices_finding,
    read_matrices,
)
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.figure import figure, figure_text
from hpo.reports.plot.looks import Looks, faded
from hpo.results.study import StudyResults
from hpo.results.trainings import Confirmation
from hpo.results.words import DASH, count, number, plural

_PLOT, _GAP, _TOP, _BOTTOM = 118, 58, 46, 50  # pixels


class Matrix(NamedTuple):
    """Mean numbers of patches over the seeds at one rule for the threshold; ``thresholds`` has one per seed."""

    thresholds: list[float]
    tp: float
    fp: float
    tn: float
    fn: float

    @property
    def recall(self) -> float:
        """The share of label-1 patches that are called so; 0 without any."""
        return share_called_rightly(self.tp, self.fn)

    @property
    def specificity(self) -> float:
        """The share of label-0 patches that are called so; 0 without any."""
        return share_called_rightly(self.tn, self.fp)


class Matrices(NamedTuple):
    """One architecture; ``chosen`` is None where there are no validation predictions."""

    architecture: str
    fixed: Matrix
    chosen: Matrix | None


class ConfusionMatrices(NamedTuple):
    """Facts of the figure; ``best`` is the architecture that was best on validation."""

    seeds: int
    best: str
    classes: tuple[str, ...]
    matrices: list[Matrices]


def read(results: StudyResults, _options: PanelSettings) -> ConfusionMatrices | ClassMatrices:
    """Architectures whose tuned models have been tested.

    Raises:
        NotThereError: if there is none.
    """
    if len(results.classes) > 2:
        return read_matrices(results)
    matrices, seeds = [], 0
    for architecture in results.settings.architectures:
        tested = results.tested_finals(architecture, "after")
        if tested and results.test_labels is not None:
            fixed = _matrix(results, tested, [THRESHOLD] * len(tested))
            chosen = _chosen_thresholds(results, tested)
            matrices.append(Matrices(architecture, fixed, _matrix(results, tested, chosen) if chosen else None))
            seeds = max(seeds, len(tested))
    if not matrices:
        raise NotThereError("No tuned model has been tested yet: the test split is still closed.")
    tested_names = [of.architecture for of in matrices]
    best = results.best_of(tested_names) or tested_names[0]
    return ConfusionMatrices(seeds, best, results.classes, matrices)


def draw(data: ConfusionMatrices | ClassMatrices, looks: Looks) -> go.Figure:
    """One row per architecture, 0.5 on the left; the larger a cell's share of the true class, the darker it is."""
    if isinstance(data, ClassMatrices):
        return draw_matrices(data, looks)
    rows = len(data.matrices)
    inner = rows * _PLOT + (rows - 1) * _GAP
    titles = [
        f"{figure_text(of.architecture, line=20)}<br>{words}"
        for of in data.matrices
        for words in (f"at {THRESHOLD}", _threshold_words(of.chosen))
    ]
    shown: go.Figure = make_subplots(
        rows,
        2,
        shared_yaxes=True,
        subplot_titles=titles,
        horizontal_spacing=0.05,
        vertical_spacing=_GAP / inner if rows > 1 else 0,
        figure=figure(inner + _TOP + _BOTTOM, margin={"l": 62, "r": 18, "t": _TOP, "b": _BOTTOM}),
    )
    shown.update_annotations(font_size=12.5)
    classes = [figure_text(name, line=12) for name in data.classes[:2]]
    for row, of in enumerate(data.matrices, 1):
        for column, matrix in enumerate((of.fixed, of.chosen), 1):
            if matrix is not None:
                _add_matrix(shown, looks.colour(of.architecture), matrix, row, column, classes)
    shown.update_xaxes(showgrid=False, zeroline=False, showticklabels=False)
    shown.update_xaxes(showticklabels=True, title_text="called", row=rows)
    shown.update_yaxes(showgrid=False, zeroline=False, autorange="reversed")
    shown.update_yaxes(title_text="really", tickangle=-90, col=1)
    return shown


def finding(data: ConfusionMatrices | ClassMatrices) -> str:
    """Patches that the best architecture's models find and miss, at either threshold."""
    if isinstance(data, ClassMatrices):
        return matrices_finding(data)
    of = next(one for one in data.matrices if one.architecture == data.best)
    text = f"At {THRESHOLD} the tuned models of {of.architecture} {_calls(of.fixed, data.classes)}"
    if of.chosen is None:
        return f"{text}."
    return f"{text}; at the threshold that validation chooses they {_calls(of.chosen, data.classes)}."


def explain(data: ConfusionMatrices | ClassMatrices) -> str:
    """The meaning of the numbers, and the origin of the threshold."""
    if isinstance(data, ClassMatrices):
        return matrices_explain(data)
    mean = f", mean over {plural(data.seeds, 'seed')}" if data.seeds > 1 else ""
    return (
        f"Numbers of test patches{mean}, and their share of the patches that really are of that class. Chosen: each "
        "training's threshold with the largest recall + specificity on the validation patches; the test split has no "
        "say in it."
    )


def _matrix(results: StudyResults, tested: Sequence[Confirmation], thresholds: Sequence[float]) -> Matrix:
    counted: list[Confusion] = [
        confusion(results.test_labels, training.test_probabilities, threshold)
        for training, threshold in zip(tested, thresholds, strict=True)
        if results.test_labels is not None and training.test_probabilities is not None
    ]
    means = (fmean(getattr(one, field) for one in counted) for field in ("tp", "fp", "tn", "fn"))
    return Matrix(list(thresholds), *means)


def _chosen_thresholds(results: StudyResults, tested: Sequence[Confirmation]) -> list[float]:
    """One per training; none where a validation prediction is missing."""
    predictions = [one.valid_probabilities for one in tested if one.valid_probabilities is not None]
    if results.valid_labels is None or len(predictions) < len(tested):
        return []
    return [choose_threshold(results.valid_labels, row) for row in predictions]


def _threshold_words(matrix: Matrix | None) -> str:
    if matrix is None:
        return "no validation predictions"
    low, high = (number(pick(matrix.thresholds), 2) for pick in (min, max))
    return f"chosen: {low}" if low == high else f"chosen: {low}{DASH}{high}"


def _add_matrix(shown: go.Figure, colour: str, matrix: Matrix, row: int, column: int, classes: Sequence[str]) -> None:
    counts = [[matrix.tn, matrix.fp], [matrix.fn, matrix.tp]]
    shares = [[value / sum(line) if sum(line) else 0.0 for value in line] for line in counts]
    shown.add_heatmap(
        x=classes,
        y=classes,
        z=shares,
        zmin=0,
        zmax=1,
        colorscale=[[0, faded(colour, 0.04)], [1, faded(colour, 0.5)]],
        showscale=False,
        name="share of the class",
        xgap=2,
        ygap=2,
        hoverinfo="skip",
        row=row,
        col=column,
    )
    places = [(line, place) for line in range(2) for place in range(2)]
    shown.add_scatter(
        x=[classes[place] for _, place in places],
        y=[classes[line] for line, _ in places],
        mode="text",
        name="patches and share",
        text=[f"<b>{count(counts[line][place])}</b><br>{shares[line][place]:.1%}" for line, place in places],
        showlegend=False,
        hoverinfo="skip",
        row=row,
        col=column,
    )


def _calls(matrix: Matrix, classes: Sequence[str]) -> str:
    positives, negatives = matrix.tp + matrix.fn, matrix.fp + matrix.tn
    negative, positive = classes[:2]
    return (
        f"find {count(matrix.tp)} of {count(positives)} {positive} patches ({matrix.recall:.1%}) and call "
        f"{count(matrix.fp)} of {count(negatives)} {negative} ones {positive} ({1 - matrix.specificity:.1%})"
    )


PANEL = Panel("Right and wrong calls of the tuned models on the test split", read, draw, finding, explain)
