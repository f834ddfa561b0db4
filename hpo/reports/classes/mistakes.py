"""The most confident mistakes of K classes, by pair of what a patch is and what it is called."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.many import confusion_counts
from hpo.reports.html import Html, element, escape
from hpo.reports.mistake_picture import mistake_picture
from hpo.reports.panel import NotThereError
from hpo.results.data import Mistake
from hpo.results.study import StudyResults
from hpo.results.words import count, number, plural

_PAIRS = 6
"""The most pairs that are shown: the most frequent ones."""


class Pair(NamedTuple):
    """Patches of one class that are called another: the most confident ones, and how many of how many there are."""

    label: int
    called: int
    shown: list[Mistake]
    mistaken: int
    patches: int


class ClassMistakes(NamedTuple):
    """Facts of the panel; ``wrong`` of ``patches`` test patches are called wrongly, in ``pairs_in_all`` pairs."""

    architecture: str
    seeds: int
    classes: tuple[str, ...]
    pairs: list[Pair]
    wrong: int
    patches: int
    pairs_in_all: int
    best_words: str = "best on validation"


def read_mistakes(results: StudyResults, options: PanelSettings) -> ClassMistakes:
    """Up to ``options.count`` patches of each of the most frequent pairs, of the architecture best on validation.

    Raises:
        NotThereError: if it has not been tested, makes no mistake, or the patches are not at hand.
    """
    best, labels = results.best_architecture, results.test_labels
    rows = None if best is None else results.predictions(best).get("after")
    if best is None or rows is None or labels is None:
        raise NotThereError("The best tuned models have not been tested yet: the test split is still closed.")
    counts = confusion_counts(labels, np.mean(rows, axis=0))
    totals, wrong = counts.sum(axis=1), counts - np.diag(np.diag(counts))
    if not wrong.any():
        raise NotThereError(f"The tuned models of {best} get every test patch right.")
    if not results.mistakes:
        raise NotThereError("The test patches are not at hand, so that those that were mistaken cannot be shown.")
    places = sorted(zip(*np.nonzero(wrong), strict=True), key=lambda place: (-wrong[place], place))
    pairs = [
        Pair(
            int(label),
            int(called),
            [one for one in results.mistakes if (one.label, one.called) == (label, called)][: options.count],
            int(wrong[label, called]),
            int(totals[label]),
        )
        for label, called in places[:_PAIRS]
    ]
    words = results.settings.best_words
    return ClassMistakes(best, len(rows), results.classes, pairs, int(wrong.sum()), len(labels), len(places), words)


def draw_mistakes(data: ClassMistakes) -> Html:
    """One row for each pair; under each patch the probability of what it is called."""
    content = []
    for pair in data.pairs:
        heading = f"{data.classes[pair.label]}, called {data.classes[pair.called]}: {_share(pair)} patches"
        pictures = [_picture(mistake, pair, data.classes) for mistake in pair.shown]
        content += [element("h4", escape(heading)), element("div", *pictures, class_="patches")]
    return element("div", *content, class_="mistakes")


def mistakes_finding(data: ClassMistakes) -> str:
    """The number of mistakes, the most frequent pair, and the confidence of the worst."""
    first = data.pairs[0]
    sure = [mistake.probability for pair in data.pairs for mistake in pair.shown]
    surest = f"; the most confident mistake was made with a probability of {number(max(sure), 2)}" if sure else ""
    return (
        f"The tuned models of {data.architecture} call {count(data.wrong)} of {count(data.patches)} test patches "
        f"wrongly, most often {data.classes[first.label]} as {data.classes[first.called]} ({_share(first)}){surest}."
    )


def mistakes_explain(data: ClassMistakes) -> str:
    """The meaning of the numbers."""
    mean = f", mean over {plural(data.seeds, 'seed')}" if data.seeds > 1 else ""
    some = (
        f" Shown are the {len(data.pairs)} most frequent of {data.pairs_in_all} pairs of classes."
        if data.pairs_in_all > len(data.pairs)
        else ""
    )
    return (
        f"The number under a patch is the probability of what it is called, its most probable class{mean}.{some} The "
        f"architecture is the {data.best_words}. A wrong label looks like a confident mistake too."
    )


def _picture(mistake: Mistake, pair: Pair, classes: tuple[str, ...]) -> Html:
    called = classes[pair.called]
    said = f"{classes[pair.label]}, called {called}, probability of {called} {number(mistake.probability, 2)}"
    return mistake_picture(mistake, said)


def _share(pair: Pair) -> str:
    return f"{count(pair.mistaken)} of {count(pair.patches)}"
