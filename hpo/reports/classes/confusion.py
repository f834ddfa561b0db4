"""Which class is taken for which: confusion matrices of K classes, one per architecture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from hpo.evaluation.many import confusion_counts
from hpo.reports.panel import NotThereError
from hpo.reports.plot.figure import figure, figure_text
from hpo.reports.plot.looks import Looks, faded
from hpo.results.study import StudyResults
from hpo.results.words import count, plural

_CELL, _GAP, _TOP, _BOTTOM = 34, 92, 40, 84  # pixels
_WRITTEN = 14
"""The most classes of a matrix whose cells have their numbers written in."""


class ClassMatrix(NamedTuple):
    """One architecture: ``counts[i, j]`` patches of class i are called class j, mean over the seeds."""

    architecture: str
    counts: NDArray[np.float64]


class ClassMatrices(NamedTuple):
    """Facts of the figure; ``best`` is the architecture that was best on validation."""

    seeds: int
    best: str
    classes: tuple[str, ...]
    matrices: list[ClassMatrix]


def read_matrices(results: StudyResults) -> ClassMatrices:
    """Architectures whose tuned models have been tested.

    Raises:
        NotThereError: if there is none.
    """
    matrices, seeds, labels = [], 0, results.test_labels
    for architecture in results.settings.architectures:
        tested = results.tested_finals(architecture, "after")
        rows = [one.test_probabilities for one in tested if one.test_probabilities is not None]
        if rows and labels is not None:
            counts = np.mean([confusion_counts(labels, row) for row in rows], axis=0)
            matrices.append(ClassMatrix(architecture, counts))
            seeds = max(seeds, len(rows))
    if not matrices:
        raise NotThereError("No tuned model has been tested yet: the test split is still closed.")
    names = [of.architecture for of in matrices]
    return ClassMatrices(seeds, results.best_of(names) or names[0], results.classes, matrices)


def draw_matrices(data: ClassMatrices, looks: Looks) -> go.Figure:
    """One matrix below the other; the larger a cell's share of the true class, the darker it is."""
    rows, side = len(data.matrices), max(160, _CELL * len(data.classes))
    inner = rows * side + (rows - 1) * _GAP
    shown: go.Figure = make_subplots(
        rows,
        1,
        subplot_titles=[figure_text(of.architecture, line=40) for of in data.matrices],
        vertical_spacing=_GAP / inner if rows > 1 else 0,
        figure=figure(inner + _TOP + _BOTTOM, margin={"l": 110, "r": 18, "t": _TOP, "b": _BOTTOM}),
    )
    shown.update_annotations(font_size=12.5)
    classes = [figure_text(name, line=14) for name in data.classes]
    for row, of in enumerate(data.matrices, 1):
        shares = _shares(of.counts)
        text = [[_cell(int(i == j), *pair) for j, pair in enumerate(zip(*line, strict=True))]
                for i, line in enumerate(zip(of.counts, shares, strict=True))]  # fmt: skip
        shown.add_heatmap(
            x=classes,
            y=classes,
            z=np.round(shares, 4).tolist(),
            zmin=0,
            zmax=1,
            colorscale=[
                [0, faded(looks.colour(of.architecture), 0.03)],
                [1, faded(looks.colour(of.architecture), 0.55)],
            ],
            showscale=False,
            name="share of the class",
            text=text if len(classes) <= _WRITTEN else None,
            texttemplate="%{text}" if len(classes) <= _WRITTEN else None,
            textfont={"size": 11},
            customdata=np.round(of.counts, 1).tolist(),
            hovertemplate="%{y}, called %{x}: %{customdata} patches, %{z:.1%}<extra></extra>",
            xgap=1,
            ygap=1,
            row=row,
            col=1,
        )
    shown.update_xaxes(showgrid=False, zeroline=False, title_text="called", tickangle=-35, type="category")
    shown.update_yaxes(showgrid=False, zeroline=False, autorange="reversed", title_text="really", type="category")
    return shown


def matrices_finding(data: ClassMatrices) -> str:
    """The share of right calls of the best architecture, and its most frequent mistake."""
    of = next(one for one in data.matrices if one.architecture == data.best)
    right = f"{np.trace(of.counts) / of.counts.sum():.1%}"
    text = f"The tuned models of {of.architecture} call {right} of {count(float(of.counts.sum()))} test patches rightly"
    wrong = of.counts - np.diag(np.diag(of.counts))
    if not wrong.any():
        return f"{text}."
    true, called = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    patches = float(of.counts[true].sum())
    return (
        f"{text}; most often {data.classes[true]} is called {data.classes[called]}: "
        f"{count(float(wrong[true, called]))} of {count(patches)} patches ({wrong[true, called] / patches:.1%})."
    )


def matrices_explain(data: ClassMatrices) -> str:
    """The meaning of the numbers."""
    mean = f", mean over {plural(data.seeds, 'seed')}" if data.seeds > 1 else ""
    return (
        f"Numbers of test patches by what they are (rows) and are called (columns){mean}; the shade is the share of "
        "the row. A patch is called what is most probable: of more than two classes, no threshold is chosen on "
        "validation."
    )


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    totals = counts.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0))


def _cell(is_right: int, patches: float, share: float) -> str:
    if not patches:
        return ""
    text = f"{patches:.1f}" if patches < 10 and patches % 1 else count(patches)
    return f"<b>{text}</b>" if is_right or share >= 0.1 else text
