"""Selection of patches: nested subsets, and the split of a single labelled set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hpo.data.digest import Hashes, identities
from hpo.errors import DataError
from hpo.recipe.recipe import Balance

Rows = npt.NDArray[np.int64]


class ImpossibleSplitError(DataError):
    """A part of a split would lack a class; another seed may give every part every class."""


def nested_subset(labels: npt.ArrayLike, n: int, seed: int, balance: Balance = "equal") -> Rows:
    """A subset that contains every smaller one of the same seed and balance.

    Args:
        labels: number of the class of each patch, from 0, shape (N,); there are as many classes as the largest says.
        n: number of patches; where they are to be equal and do not come out even, the first labels have one more.
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
    available = [np.flatnonzero(values == label) for label in range(class_count(values))]
    if balance == "natural":
        return _natural_subset(available, n, seed)
    classes = len(available)
    for label, rows in enumerate(available):
        need = (n + classes - 1 - label) // classes
        if len(rows) < need:
            raise DataError(_too_few(n, [len(rows) for rows in available]))
        chosen[label::classes] = np.random.default_rng([seed, label]).permutation(rows)[:need]
    return chosen


def class_count(labels: npt.NDArray[Any]) -> int:
    """The number of classes, of which every one has a patch: the largest label and 1; at least 2."""
    return max(2, int(labels.max(initial=0)) + 1)


def most_balanced(counts: Sequence[int]) -> int:
    """The size of the largest subset that shares itself equally among classes of so many patches each."""
    return min(len(counts) * count + label for label, count in enumerate(counts))


def largest_subset(labels: npt.NDArray[Any], balance: Balance = "equal") -> int:
    """The size of the largest subset that `nested_subset` can draw.

    Args:
        labels: ``(N,)``, number of the class of each patch.
        balance: likewise.
    """
    if balance == "natural":
        return len(labels)
    return most_balanced(np.bincount(labels, minlength=class_count(labels)).tolist())


def _too_few(n: int, counts: Sequence[int]) -> str:
    most = most_balanced(counts)
    if len(counts) == 2:
        return (
            f"{n} patches, half of each class, were asked for, but there are {counts[0]} of label 0 and {counts[1]} of "
            f"label 1: at most {most} are available"
        )
    label = min(range(len(counts)), key=lambda one: counts[one])
    return (
        f"{n} patches, equally many of each of {len(counts)} classes, were asked for, but there are {counts[label]} of "
        f"label {label}: at most {most} are available"
    )


def _natural_subset(available: Sequence[Rows], n: int, seed: int) -> Rows:
    """Of the first k rows, about k times its share are of each label; of two classes, that number rounded."""
    total = sum(len(rows) for rows in available)
    if n > total:
        raise DataError(f"{n} patches were asked for: at most {total} are available")
    if len(available) == 2:
        so_far = (2 * np.arange(n + 1, dtype=np.int64) * len(available[1]) + total) // (2 * total)
        labels = np.diff(so_far)
    else:
        labels = _turns([len(rows) for rows in available])[:n]
    chosen = np.empty(n, dtype=np.int64)
    for label, rows in enumerate(available):
        places = np.flatnonzero(labels == label)
        chosen[places] = np.random.default_rng([seed, label]).permutation(rows)[: len(places)]
    return chosen


def _turns(counts: Sequence[int]) -> Rows:
    """The order in which classes take turns, each as often as it has patches, shape (sum of counts,).

    Source: Webster's and Sainte-Laguë's rule, by which seats go to parties one after the other.
    """
    due = np.concatenate([(2 * np.arange(count) + 1) / (2 * max(count, 1)) for count in counts])
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.asarray(labels[np.argsort(due, kind="stable")], dtype=np.int64)


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
        labels: number of the class of each patch, from 0, shape (N,).
        groups: group number of each patch, shape (N,), from 0.
        shares: of the parts; they add up to 1. A share of 0 is an empty part.
        seed: of the order in which groups of equal size are placed; >= 0.

    Returns:
        The rows of each part, ascending.

    Raises:
        DataError: if there are no patches of a class.
        ImpossibleSplitError: if a part with a share would lack one of the classes: too few or too large groups.
    """
    totals = np.bincount(labels, minlength=2)
    if totals.min() == 0:
        if len(totals) == 2:
            raise DataError(f"a split needs both classes; there are {totals[0]} patches of label 0, {totals[1]} of 1")
        raise DataError(f"a split needs all classes; there are no patches of label {int(np.argmin(totals))}")
    every = range(len(totals))
    sizes = np.stack([np.bincount(groups[labels == label], minlength=groups.max() + 1) for label in every], axis=1)
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    order = shuffled[np.argsort(-sizes[shuffled].sum(axis=1), kind="stable")].tolist()
    weights = (sizes / totals).tolist()
    for is_second in (False, True):
        first = _one_of_each(weights, order, shares) if is_second else {}
        parts = _placed(weights, order, shares, first)
        rows = [np.flatnonzero(parts[groups] == part) for part in range(len(shares))]
        if all(share == 0 or len(np.unique(labels[rows[part]])) == len(totals) for part, share in enumerate(shares)):
            return rows
    named = ", ".join(f"{share:.0%}" for share in shares)
    raise ImpossibleSplitError(
        f"a split into {named} is not possible: a part would lack a class, as only {len(sizes)} groups of patches may "
        f"be separated (the largest has {sizes.sum(axis=1).max()} of {len(labels)}); slides and identical patches stay "
        "on one side"
    )


Weights = Sequence[Sequence[float]]
"""For each group the share that it has of the patches of each class."""


def _placed(weights: Weights, order: Sequence[int], shares: Sequence[float], first: dict[int, int]) -> Rows:
    """The part of each group: those of ``first`` as it says, then each where most is missing of what it holds."""
    missing = [[share] * len(weights[0]) for share in shares]
    parts = np.empty(len(weights), dtype=np.int64)
    empty = {part for part, share in enumerate(shares) if share > 0}
    for placed, group in enumerate([*first, *(group for group in order if group not in first)]):
        held = weights[group]
        allowed = empty if len(order) - placed <= len(empty) else [i for i, share in enumerate(shares) if share > 0]
        part = first.get(group)
        if part is None:
            part = max(allowed, key=lambda i: sum(weight * lack for weight, lack in zip(held, missing[i], strict=True)))
        missing[part] = [lack - weight for weight, lack in zip(held, missing[part], strict=True)]
        parts[group] = part
        empty.discard(part)
    return parts


def _one_of_each(weights: Weights, order: Sequence[int], shares: Sequence[float]) -> dict[int, int]:
    """Groups by which every part gets every class, the rarest class first, each as near to its share as there is.

    It is for few groups, of which those that are placed last would lack a class.
    """
    first: dict[int, int] = {}
    held_by = {label: [group for group in order if weights[group][label] > 0] for label in range(len(weights[0]))}
    for label, holding in sorted(held_by.items(), key=lambda item: len(item[1])):
        for part in sorted((part for part, share in enumerate(shares) if share > 0), key=lambda part: shares[part]):
            if any(first.get(group) == part for group in holding):
                continue
            free = [group for group in holding if group not in first]
            if free:
                first[min(free, key=lambda group: abs(weights[group][label] - shares[part]))] = part
    return first
