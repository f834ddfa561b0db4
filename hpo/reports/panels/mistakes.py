"""The test patches that the best architecture's tuned models get most confidently wrong."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.metrics import THRESHOLD
from hpo.reports.classes.mistakes import (
    ClassMistakes,
    draw_mistakes,
    mistakes_explain,
    mistakes_finding,
    read_mistakes,
)
from hpo.reports.html import Html, element, escape
from hpo.reports.mistake_picture import mistake_picture
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.looks import Looks
from hpo.results.data import Mistake
from hpo.results.study import StudyResults
from hpo.results.words import count, number, plural


class Kind(NamedTuple):
    """Mistakes of one kind: the most confident ones, and how many there are among how many patches of that label."""

    shown: list[Mistake]
    mistaken: int
    patches: int


class Mistakes(NamedTuple):
    """Facts of the panel."""

    architecture: str
    seeds: int
    classes: tuple[str, ...]
    false_positives: Kind
    false_negatives: Kind
    best_words: str = "best on validation"


def read(results: StudyResults, options: PanelSettings) -> Mistakes | ClassMistakes:
    """Up to ``options.count`` patches of either kind, of the architecture that was best on validation.

    Raises:
        NotThereError: if it has not been tested, makes no mistake, or the patches are not at hand.
    """
    if len(results.classes) > 2:
        return read_mistakes(results, options)
    best, labels = results.best_architecture, results.test_labels
    rows = None if best is None else results.predictions(best).get("after")
    if best is None or rows is None or labels is None:
        raise NotThereError("The best tuned models have not been tested yet: the test split is still closed.")
    called = np.mean(rows, axis=0) > THRESHOLD
    false_positives, false_negatives = (
        Kind(
            [mistake for mistake in results.mistakes if mistake.label == label][: options.count],
            int(np.count_nonzero((labels == label) & (called != label))),
            int(np.count_nonzero(labels == label)),
        )
        for label in (0, 1)
    )
    if not false_positives.mistaken and not false_negatives.mistaken:
        raise NotThereError(f"The tuned models of {best} get every test patch right.")
    if not results.mistakes:
        raise NotThereError("The test patches are not at hand, so that those that were mistaken cannot be shown.")
    return Mistakes(best, len(rows), results.classes, false_positives, false_negatives, results.settings.best_words)


def draw(data: Mistakes | ClassMistakes, _looks: Looks) -> Html:
    """One row for each kind; under each patch the probability that the models give to label 1."""
    if isinstance(data, ClassMistakes):
        return draw_mistakes(data)
    negative, positive = data.classes[:2]
    return element(
        "div",
        _row(f"False positives: {negative}, called {positive}", data.false_positives, data.classes),
        _row(f"False negatives: {positive}, called {negative}", data.false_negatives, data.classes),
        class_="mistakes",
    )


def finding(data: Mistakes | ClassMistakes) -> str:
    """Numbers of mistakes of either kind, and the confidence of the worst."""
    if isinstance(data, ClassMistakes):
        return mistakes_finding(data)
    positives, negatives = data.false_positives, data.false_negatives
    negative, positive = data.classes[:2]
    sure = [mistake.probability for mistake in positives.shown] + [1 - one.probability for one in negatives.shown]
    surest = f"; the most confident mistake was made with a probability of {number(max(sure), 2)}" if sure else ""
    return (
        f"The tuned models of {data.architecture} call {_share(positives)} {negative} patches {positive} "
        f"and {_share(negatives)} {positive} ones {negative}{surest}."
    )


def explain(data: Mistakes | ClassMistakes) -> str:
    """The meaning of the numbers."""
    if isinstance(data, ClassMistakes):
        return mistakes_explain(data)
    mean = f", mean over {plural(data.seeds, 'seed')}" if data.seeds > 1 else ""
    return (
        f"The number under a patch is its probability of being {data.classes[1]}{mean}; above {THRESHOLD} it is called "
        f"so. The architecture is the {data.best_words}. A wrong label looks like a confident mistake too."
        f"{' The confusion counts each training by itself, and so has other numbers.' if data.seeds > 1 else ''}"
    )


def _row(heading: str, kind: Kind, classes: tuple[str, ...]) -> Html:
    content = [_patch(mistake, classes) for mistake in kind.shown] or [element("p", escape("None."), class_="quiet")]
    return Html(element("h4", escape(heading)) + element("div", *content, class_="patches"))


def _patch(mistake: Mistake, classes: tuple[str, ...]) -> Html:
    true, called = classes[mistake.label], classes[1 - mistake.label]
    said = f"{true}, called {called}, probability of {classes[1]} {number(mistake.probability, 2)}"
    return mistake_picture(mistake, said)


def _share(kind: Kind) -> str:
    return f"{count(kind.mistaken)} of {count(kind.patches)}"


PANEL = Panel("The most confident mistakes on the test split", read, draw, finding, explain)
OPTIONS = ("count",)
