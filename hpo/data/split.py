"""Which patches are used: nested subsets of a split, and a split of a single labelled file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.errors import DataError

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class SplitRule:
    """How a single labelled file is split.

    Args:
        valid: fraction of all patches for validation; in (0, 1).
        test: fraction of all patches for the test; in [0, 1).
        seed: of the split.
    """

    valid: float = 0.2
    test: float = 0.0
    seed: int = 0


def nested_subset(labels: NDArray[np.uint8], patches: int, seed: int) -> Rows:
    """A class-balanced subset; the smaller of two with one seed lies inside the larger.

    Args:
        labels: ``(N,)``, 0 or 1.
        patches: how many; of an odd number, class 0 has one more.
        seed: which subset.

    Returns:
        Row numbers, ``(patches,)``: the two classes in turn, each in an order drawn from the seed.

    Raises:
        DataError: if a class has too few patches.
    """
    random = np.random.Generator(np.random.Philox(seed))
    orders = [random.permutation(np.flatnonzero(labels == label)) for label in (0, 1)]
    wanted = (patches - patches // 2, patches // 2)
    if any(len(order) < count for order, count in zip(orders, wanted, strict=True)):
        raise DataError(
            f"a class-balanced subset of {patches} patches needs {wanted[0]} benign and {wanted[1]} malignant ones; "
            f"there are {len(orders[0])} and {len(orders[1])}: at most {2 * min(map(len, orders))} patches"
        )
    rows = np.empty(patches, dtype=np.intp)
    rows[0::2], rows[1::2] = orders[0][: wanted[0]], orders[1][: wanted[1]]
    return rows


def split_rows(
    labels: NDArray[np.uint8], slides: NDArray[np.str_] | None, contents: NDArray[np.bytes_], rule: SplitRule
) -> dict[str, Rows]:
    """Split one labelled file into ``train``, ``valid`` and ``test``.

    Whole slides go to one side where slides are known; identical patches always do. Groups are dealt in an order drawn
    from the seed, each to the side that is furthest from its share of that group's main class: stratified as well as
    the groups allow.

    Args:
        labels: ``(N,)``, 0 or 1.
        slides: ``(N,)``, the slide of each patch, or None.
        contents: ``(N,)``, a digest of each patch's pixels.
        rule: the shares and the seed.

    Returns:
        Ascending row numbers of each split; together every row once.

    Raises:
        DataError: if there are too few groups to give each wanted split both classes.
    """
    shares = {"train": 1.0 - rule.valid - rule.test, "valid": rule.valid, "test": rule.test}
    groups = _groups(slides, contents)
    count = int(groups.max()) + 1 if len(groups) else 0
    positives = np.bincount(groups, weights=labels, minlength=count)
    sizes = np.stack([np.bincount(groups, minlength=count) - positives, positives], axis=1)
    totals = sizes.sum(axis=0)
    given = {name: np.zeros(2) for name in shares}
    side_of_group = np.empty(count, dtype=object)
    order = np.random.Generator(np.random.Philox(rule.seed)).permutation(count)
    # Large groups first: a small one can still even out what a large one upset.
    for group in sorted(order, key=lambda group: -sizes[group].sum()):
        main = int(sizes[group, 1] > sizes[group, 0])
        side = max(
            (name for name, share in shares.items() if share > 0),
            key=lambda name: shares[name] * totals[main] - given[name][main],
        )
        side_of_group[group] = side
        given[side] += sizes[group]
    sides = side_of_group[groups] if count else np.empty(0, dtype=object)
    rows = {name: np.flatnonzero(sides == name) for name in shares}
    for name, share in shares.items():
        if share > 0 and set(np.unique(labels[rows[name]])) != {0, 1}:
            raise DataError(
                f"the {name} split would not have both classes: {count} groups of "
                f"{'one slide' if slides is not None else 'identical patches'} are too few for shares of "
                f"{', '.join(f'{key} {value:g}' for key, value in shares.items() if value > 0)}"
            )
    return rows


def _groups(slides: NDArray[np.str_] | None, contents: NDArray[np.bytes_]) -> NDArray[np.intp]:
    """The number of each patch's group: patches are of one group if a chain of equal slides or pixels joins them."""
    _, of_content = np.unique(contents, return_inverse=True)
    if slides is None:
        return of_content.astype(np.intp)
    _, of_slide = np.unique(slides, return_inverse=True)
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    first = int(of_slide.max()) + 1 if len(of_slide) else 0
    size = first + (int(of_content.max()) + 1 if len(of_content) else 0)
    joined = coo_matrix((np.ones(len(slides)), (of_slide, first + of_content)), shape=(size, size))
    _, component = connected_components(joined, directed=False)
    _, groups = np.unique(component[of_slide], return_inverse=True)
    return groups.astype(np.intp)
