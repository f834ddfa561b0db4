"""The model card's numbers of a model of more than two classes: each class, and which is taken for which."""

from __future__ import annotations

import math

from hpo.evaluation.calibration import calibrate_classes
from hpo.evaluation.many import by_class, confusion_counts
from hpo.export.markdown import table
from hpo.export.subject import Subject, class_words
from hpo.results.words import DASH, count, number, p_value

_MATRIX = 12
"""The most classes of which the card has the whole confusion matrix."""


def classes_section(subject: Subject) -> list[str]:
    """Every class against the rest, the confusion matrix, and calibration, of the exported weights."""
    labels, probabilities = subject.tested
    words = [class_words(subject, label) for label in range(probabilities.shape[1])]
    rows = []
    tests = subject.comparison.class_tests
    for label, one in enumerate(by_class(labels, probabilities)):
        measured = (one.precision, one.recall, one.f1, one.auc, one.average_precision)
        cells = [DASH if math.isnan(value) else number(value) for value in measured]
        rows.append([words[label], count(one.patches), *cells, p_value(tests[label].p_value)])
    calibration = calibrate_classes(labels, probabilities[None])
    blocks = [
        "## Classes, by these weights",
        table(["Class", "Test patches", "Precision", "Recall", "F1", "AUC", "Average precision", "p"], rows),
        "Each class against the rest, on the test split. A patch is called its most probable class; no threshold is "
        "chosen. p is DeLong's of the difference of this class's AUC between reference and tuned configuration, not "
        "adjusted for the number of classes.",
    ]
    if len(words) <= _MATRIX:
        counts = confusion_counts(labels, probabilities)
        lines = [[words[label], *map(count, line)] for label, line in enumerate(counts.tolist())]
        blocks += [table(["Really, and called", *words], lines)]
    blocks.append(
        f"Brier score {number(calibration.brier)} (from 0 to 2), NLL {number(calibration.nll)} "
        f"({number(math.log(len(words)))} for equal probabilities), expected calibration error over all classes "
        f"{number(calibration.ece)}, on the test split."
    )
    return blocks
