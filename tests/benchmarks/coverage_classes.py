"""How often intervals cover the true difference of three classes: ``python -m tests.benchmarks.coverage_classes``.

Slides have an effect of their own on each class, and trainings differ in skill. The truth is the mean over many large
data sets and trainings. It is asked of the intervals of one split, and of those over folds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.compare import compare
from hpo.evaluation.folds import compare_folds
from hpo.evaluation.scores import metrics_of

SETS, SLIDES, PATCHES, SEEDS, FOLDS = 400, 24, 8, 3, 5
BEFORE, AFTER, SPREAD = 1.0, 1.25, 0.12  # mean skill of either side, and its standard deviation over trainings
METRICS = ("auc", "accuracy", "f1")
_FREQUENCY = np.array([0.5, 0.3, 0.2])

Floats = NDArray[np.float64]
Made = tuple[NDArray[np.int64], NDArray[np.int64], Floats]


def made(slides: int, patches: int, random: np.random.Generator) -> Made:
    """Labels, the slide of each patch, and the slides' effects."""
    of_patch = np.repeat(np.arange(slides), patches)
    labels = random.choice(len(_FREQUENCY), len(of_patch), p=_FREQUENCY)
    return labels, of_patch, random.normal(scale=0.6, size=(slides, len(_FREQUENCY)))


def predicted(data: Made, skill: float, random: np.random.Generator) -> Floats:
    """The probabilities of a training of that skill."""
    labels, of_patch, effects = data
    logits = random.normal(size=(len(labels), len(_FREQUENCY))) + skill * np.eye(len(_FREQUENCY))[labels]
    odds = np.exp(logits + effects[of_patch])
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def truth(random: np.random.Generator) -> dict[str, float]:
    """The expected difference of each metric."""
    differences = []
    for _ in range(60):
        data = made(200, 10, random)
        before, after = (
            metrics_of(data[0], predicted(data, mean + random.normal(scale=SPREAD), random)) for mean in (BEFORE, AFTER)
        )
        differences.append([after[name] - before[name] for name in METRICS])
    return dict(zip(METRICS, np.mean(differences, axis=0).tolist(), strict=True))


def trained(data: Made, skill: float, trainings: int, random: np.random.Generator) -> Floats:
    """The probabilities of so many trainings, ``(trainings, N, K)``."""
    return np.stack([predicted(data, skill + random.normal(scale=SPREAD), random) for _ in range(trainings)])


def main() -> None:
    true, random, of_folds = truth(np.random.default_rng(99)), np.random.default_rng(0), np.random.default_rng(1)
    covered = {kind: dict.fromkeys(METRICS, 0) for kind in ("one split", f"{FOLDS} folds")}
    sets = 0
    while sets < SETS:
        data = made(SLIDES, PATCHES, random)
        if len(set(data[0].tolist())) < len(_FREQUENCY):
            continue
        slides = data[1].astype(str)
        sides = [trained(data, mean, SEEDS, random) for mean in (BEFORE, AFTER)]
        in_folds = [trained(data, mean, FOLDS, of_folds)[:, None] for mean in (BEFORE, AFTER)]
        split = compare(data[0], sides[0], sides[1], slides=slides, resamples=400, seed=sets)
        folds = compare_folds(data[0], in_folds[0], in_folds[1], slides=slides, resamples=400, seed=sets)
        for found, kind in zip((split, folds), covered, strict=True):
            for name in METRICS:
                difference = found.metrics[name].difference
                covered[kind][name] += difference.low <= true[name] <= difference.high
        sets += 1
    for kind, counts in covered.items():
        for name in METRICS:
            print(f"{kind:<10} {name:<9} true {true[name]:+.4f}, covered {counts[name] / sets:.1%} of {sets}")


if __name__ == "__main__":
    main()
