"""The model card's sections on the test split: comparison, thresholds and calibration."""

from __future__ import annotations

from hpo.evaluation.calibration import calibrate
from hpo.evaluation.metrics import METRICS, THRESHOLD
from hpo.evaluation.scores import metrics_of
from hpo.evaluation.threshold import choose_threshold, confusion, share_called_rightly
from hpo.export.card_classes import classes_section
from hpo.export.markdown import table
from hpo.export.subject import Subject, class_words
from hpo.recipe.recipe import Recipe
from hpo.results.words import (
    capital,
    count,
    interval,
    metric_words,
    number,
    p_value,
    plural,
    resampled_words,
    signed,
    signed_interval,
)


def results_section(subject: Subject) -> list[str]:
    """The comparison of before and after, and these very weights beside it."""
    comparison, sides = subject.comparison, subject.sides
    labels, probabilities = subject.tested
    own = metrics_of(labels, probabilities)
    rows = []
    for name in METRICS:
        metric = comparison.metrics[name]
        cells = [
            f"{number(metric.before.value)} ({interval(metric.before)})",
            f"{number(metric.after.value)} ({interval(metric.after)})",
            f"{signed(metric.difference.value)} ({signed_interval(metric.difference)})",
            number(own[name]),
        ]
        rows.append([capital(metric_words(name)), *cells])
    sampling = sides.sampling
    adjusted = {name: f", adjusted by Holm over the architectures {_p(p)}" for name, p in sides.adjusted_p.items()}
    blocks = [
        "## Results on the test split",
        f"Before is the search space's reference point, {_trained(subject)}; after is the tuned configuration. "
        f"Means of {plural(sampling.seeds, 'seed')} with 95% intervals (bootstrap over {resampled_words(sampling)}). "
        f"This file has the weights of the seed that did best on validation. {_called(subject)}",
        table(["", "Before", "After", "Difference", "These weights"], rows),
        f"DeLong's test of the AUC's difference: {_p(comparison.auc_test.p_value)}{adjusted.get('auc', '')}. "
        f"McNemar's of the accuracy's: {_p(comparison.accuracy_test.p_value)}{adjusted.get('accuracy', '')}.",
    ]
    blocks += _beside(subject)
    cold = sides.pairs.get(("before", "cold_control"))
    if cold is not None:
        difference = cold.metrics["auc"].difference
        blocks.append(
            "From random weights, the tuned settings alone change the AUC by "
            f"{signed(difference.value)} ({signed_interval(difference)})."
        )
    return blocks


def calls_section(subject: Subject) -> list[str]:
    """Thresholds and calibration of the exported weights; of more than two classes, each class."""
    if len(subject.results.classes) > 2:
        return classes_section(subject)
    labels, probabilities = subject.tested
    thresholds = {"as above": THRESHOLD}
    valid_labels, valid = subject.results.valid_labels, subject.training.valid_probabilities
    if valid_labels is not None and valid is not None:
        thresholds["chosen on validation (Youden's index)"] = choose_threshold(valid_labels, valid)
    rows = []
    for words, threshold in thresholds.items():
        calls = confusion(labels, probabilities, threshold)
        rates = (share_called_rightly(calls.tp, calls.fn), share_called_rightly(calls.tn, calls.fp))
        rows.append([f"{number(threshold)}, {words}", *map(number, rates), *(count(patches) for patches in calls)])
    calibration = calibrate(labels, probabilities[None, :])
    negative, positive = (class_words(subject, label) for label in (0, 1))
    return [
        "## Thresholds and calibration of these weights",
        table(["Threshold", "Sensitivity", "Specificity", "TP", "FP", "TN", "FN"], rows),
        f"Sensitivity is the share of {positive} patches that are called so (recall), specificity that of {negative} "
        f"patches; TP and TN are the numbers of patches called rightly, FP and FN wrongly, as {positive} and as "
        f"{negative}.",
        f"Brier score {number(calibration.brier)} (0.250 for a constant 0.5), NLL {number(calibration.nll)} (0.693 for "
        f"a constant 0.5), expected calibration error {number(calibration.ece)}, on the test split.",
    ]


def _called(subject: Subject) -> str:
    if len(subject.results.classes) > 2:
        return (
            "A patch is called its most probable class; precision, recall, F1 and AUC are means over the classes, each "
            "against the rest."
        )
    return f"Patches above probability {THRESHOLD} are called {class_words(subject, 1)}."


def _trained(subject: Subject) -> str:
    """How the baseline was trained."""
    if subject.sides.baseline == "equal":
        return "trained for as many patch-visits as the tuned model and its donors"
    rules = "trained by stage 1's rules"
    reference = subject.results.finals(subject.name, "before")[0]
    patches, batch_size = (int(reference.point.get(name, Recipe.batch_size)) for name in ("patches", "batch_size"))
    seen = reference.epochs * (patches // batch_size) * batch_size
    tuned = subject.model.recipe.lineage_patch_visits(subject.training.epochs)
    return f"{rules}, for less than the tuned model and its donors together" if seen < tuned else rules


def _beside(subject: Subject) -> list[str]:
    """The reference by stage 1's rules, where the headline has another, trained for longer."""
    longer = subject.sides.pairs.get(("before", "equal"))
    if longer is None:
        return []
    found = longer.metrics["auc"]
    if found.difference.low == found.difference.high == 0:  # both are as long: one training, seen twice
        return []
    return [
        f"By stage 1's rules, the reference has an AUC of {number(found.before.value)} ({interval(found.before)}); "
        f"more training alone changes it by {signed(found.difference.value)} ({signed_interval(found.difference)})."
    ]


def _p(value: float) -> str:
    words = p_value(value)
    return f"p {words}" if words.startswith("<") else f"p = {words}"
