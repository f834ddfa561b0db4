"""The comparison over folds, from the stored predictions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.folds import FoldComparison, compare_folds
from hpo.results.trainings import FoldRun


def compare_over_folds(
    labels: NDArray[np.uint8],
    slides: NDArray[np.str_] | None,
    architectures: Sequence[str],
    runs: Sequence[FoldRun],
) -> dict[str, FoldComparison]:
    """Compare both sides of each architecture over the folds that are tested on both with every seed.

    Args:
        labels: ``(N,)``, of the test split.
        slides: ``(N,)``, the slide of each patch, if known.
        architectures: in the study file's order.
        runs: of all of them.

    Returns:
        By architecture; those with fewer than two such folds are left out.
    """
    found = {}
    for name in architectures:
        rows = {(one.side, one.fold, one.seed): one.test_probabilities for one in runs if one.architecture == name}
        seeds = {fold: sorted({seed for _, at, seed in rows if at == fold}) for _, fold, _ in rows}
        most = max((len(known) for known in seeds.values()), default=0)
        whole = [
            fold
            for fold, known in sorted(seeds.items())
            if len(known) == most and all((side, fold, seed) in rows for side in ("before", "after") for seed in known)
        ]
        if len(whole) < 2:
            continue
        before, after = (
            np.stack([[rows[side, fold, seed] for seed in seeds[fold]] for fold in whole])
            for side in ("before", "after")
        )
        found[name] = compare_folds(labels, before, after, slides=slides)
    return found
