"""Selection of patches: nested subsets, and the split of a single labelled set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hpo.data.digest import Hashes, identities
from hpo.errors import DataError
from hpo.recipe.recipe import Balance

Rows = npt.NDArray[np.int64]


def nested_subset(labels: npt.ArrayLike, n: int, seed: int, balance: Balance = "equal") -> Rows:
    """A subset that contains every smaller one of the same seed and balance.

    Args:
        labels: 0 or 1 for each patch, shape (N,).
        n: number of patches; where they are to be equal, an odd one more is of label 0.
        seed: of the choice; >= 0.
        balance: ``equal`` takes as many patches of each class; ``natural`` keeps their ratio, to within half a patch.

    Returns:
        Rows, shape (n,), int64, the classes taking turns: the first k rows are the subset of k patches.

    Raises:
        DataError: if n < 1, or a class has too few patches.
    """
    values = np.asarray(labels)
    if n < 1:
        raise DataError(f"a subset of {n} patches was asked for; it must have at least 1")
    chosen = np.empty(n, dtype=np.int64)
    available = [np.flatnonzero(values == label) for label in (0, 1)]
    if balance == "natural":
        return _natural_subset(available, n, seed)
    for label, rows in enumerate(available):
        need = (n + 1 - label) // 2
        if len(rows) < need:
            zeros, ones = (len(rows) for rows in available)
            most = min(2 * zeros, 2 * ones + 1)
            raise DataError(
                f"{n} patches, half of each class, were asked for, but there are {zeros} of label 0 and {ones} of "
                f"label 1: at most {most} are available"
            )
        chosen[label::2] = np.random.default_rng([seed, label]).permutation(rows)[:need]
    return chosen


def _natural_subset(available: Sequence[Rows], n: int, seed: int) -> Rows:
    """Of the first k rows, k times the share of label 1 are of label 1, rounded."""
    ones, total = len(available[1]), sum(len(rows) for rows in available)
    if n > total:
        raise DataError(f"{n} patches were asked for: at most {total} are available")
    so_far = (2 * np.arange(n + 1, dtype=np.int64) * ones + total) // (2 * total)
    labels = np.diff(so_far)
    chosen = np.empty(n, dtype=np.int64)
    for label, rows in enumerate(available):
        places = np.flatnonzero(labels == label)
        chosen[places] = np.random.default_rng([seed, label]).permutation(rows)[: len(places)]
    return chosen


def groups_of(hashes: Hashes, slides: npt.NDArray[np.str_] | None) -> Rows:
    """Groups that a split must keep together: identical patches, and whole slides where they are known.

    Args:
        hashes: of each patch.
        slides: of each patch, or None.

    Returns:
        A group number for each patch, shape (N,), int64. Slides that share an identical patch are one group.
    """
    same = identities(hashes)
    if slides is None:
        return same
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    slide = np.unique(slides, return_inverse=True)[1].reshape(-1)
    links = int(same.max()) + 1
    graph = coo_array((np.ones(len(same)), (same, links + slide)), shape=(links + int(slide.max()) + 1,) * 2)
    component = connected_components(graph, directed=False)[1]
    return np.asarray(component[same], dtype=np.int64)


def split_rows(labels: npt.NDArray[np.uint8], groups: Rows, shares: Sequence[float], seed: int) -> list[Rows]:
    """A stratified random split that keeps every group on one side.

    The largest groups are placed first, each where most is missing of the classes it holds; groups of one patch
    therefore end within one patch of the exact shares in either class.

    Args:
        labels: 0 or 1 for each patch, shape (N,).
        groups: group number of each patch, shape (N,), from 0.
        shares: of the parts; they add up to 1. A share of 0 is an empty part.
        seed: of the order in which groups of equal size are placed; >= 0.

    Returns:
        The rows of each part, ascending.

    Raises:
        DataError: if a part with a share would lack one of the classes: too few or too large groups.
    """
    totals = np.bincount(labels, minlength=2)
    if totals.min() == 0:
        raise DataError(f"a split needs both classes; there are {totals[0]} patches of label 0, {totals[1]} of 1")
    sizes = np.stack([np.bincount(groups[labels == label], minlength=groups.max() + 1) for label in (0, 1)], axis=1)
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order].sum(axis=1), kind="stable")]
    missing = [[share, share] for share in shares]
    parts = np.empty(len(sizes), dtype=np.int64)
    empty = {part for part, share in enumerate(shares) if share > 0}
    weights = (sizes / totals).tolist()
    for placed, group in enumerate(order.tolist()):
        benign, malignant = weights[group]
        allowed = empty if len(order) - placed <= len(empty) else [i for i, share in enumerate(shares) if share > 0]
        part = max(allowed, key=lambda i: benign * missing[i][0] + malignant * missing[i][1])
        missing[part][0] -= benign
        missing[part][1] -= malignant
        parts[group] = part
        empty.discard(part)
    rows = [np.flatnonzero(parts[groups] == part) for part in range(len(shares))]
    for part, share in enumerate(shares):
        if share > 0 and len(np.unique(labels[rows[part]])) < 2:
            raise DataError(
                f"a split into {', '.join(f'{share:.0%}' for share in shares)} is not possible: a part would lack a "
                f"class, as only {len(sizes)} groups of patches may be separated (the largest has "
                f"{sizes.sum(axis=1).max()} of {len(labels)}); slides and identical patches stay on one side"
            )
    return rows
