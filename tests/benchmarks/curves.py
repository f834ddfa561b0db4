"""Learning curves, as a search asks for them, one epoch after another."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import CategoricalDistribution, FloatDistribution

from hpo.recipe.point import Value
from hpo.search.spaces import Space

Array = NDArray[np.float64]

Stretch = tuple[int, int]
"""A row of the table, and the epochs to bring it to."""

Search = Callable[["Table", int], Iterator[Stretch]]

WORST = 1000.0
_CHOICES = 4
"""A setting with no more values than this is a choice, any other a number."""


class Table:
    """Configurations and their curves: recorded (`read_table`), or trained when asked for (`tests.benchmarks.live`).

    Args:
        name: of the task.
        settings: ``(configurations, factors)``.
        names: of the factors.
        linear: those that were not drawn on a logarithmic scale.
        loss: ``(configurations, epochs)``, smaller is better; finite.
        test: AUC on the test split, ``(configurations, epochs)``, or None.
        smoothing: a configuration is judged by the mean of its last so many epochs.

    Attributes:
        judged: what a configuration is judged by after each epoch, ``(configurations, epochs)``.
        spaces: from names to distributions.
        values: each configuration's settings.
    """

    def __init__(
        self,
        name: str,
        settings: Array,
        names: Sequence[str],
        linear: Collection[str],
        loss: Array,
        test: Array | None,
        smoothing: int,
    ) -> None:
        self.name, self.loss, self.test, self.smoothing = name, loss, test, smoothing
        self.count, self.epochs = loss.shape
        self.judged = np.stack([self._judged(row) for row in range(self.count)])
        self.spaces: dict[str, Space] = {
            name: _space(column, linear=name in linear) for name, column in zip(names, settings.T, strict=True)
        }
        self.values: list[dict[str, Value]] = [dict(zip(names, row, strict=True)) for row in settings.tolist()]
        self.place = np.array([self.unit(values) for values in self.values])

    def bring(self, row: int, to: int) -> None:
        """Sees to it that a configuration's curve is there up to an epoch; a recorded one is."""

    def unit(self, values: Mapping[str, Value]) -> Array:
        """Settings in the unit cube."""
        place = []
        for name, space in self.spaces.items():
            if isinstance(space, CategoricalDistribution):
                place += [0.5 * (values[name] == choice) for choice in space.choices]
                continue
            assert isinstance(space, FloatDistribution)
            scale = math.log if space.log else float
            low, high = scale(space.low), scale(space.high)
            place.append((scale(float(values[name])) - low) / (high - low))
        return np.array(place)

    def nearest(self, values: Mapping[str, Value], taken: set[int]) -> int:
        """The configuration nearest to what was asked for that is not open yet."""
        far = ((self.place - self.unit(values)) ** 2).sum(1)
        far[list(taken)] = np.inf
        return int(far.argmin())

    def _judged(self, row: int) -> Array:
        """The mean of each epoch and the few before it, ``(epochs,)``."""
        losses = self.loss[row]
        first = [max(0, epoch + 1 - self.smoothing) for epoch in range(self.epochs)]
        return np.array([losses[low : epoch + 1].mean() for epoch, low in enumerate(first)])


def read_table(file: Path, smoothing: int = 1) -> Table:
    """The recorded curves of a task.

    Args:
        file: an ``.npz`` with ``valid_loss`` (configurations, epochs), ``settings`` (configurations, factors), names
            and, of image classifiers, ``test_auc`` (configurations, epochs) and ``linear``, the names of the settings
            that were not drawn on a logarithmic scale. Losses that are not finite or above 1,000 become the worst
            finite one.
        smoothing: a configuration is judged by the mean of its last so many epochs.
    """
    found = np.load(file)
    loss = found["valid_loss"].astype(float)
    bad = ~np.isfinite(loss) | (loss > WORST)
    return Table(
        file.stem,
        found["settings"],
        [str(name) for name in found["names"]],
        {str(name) for name in found["linear"]} if "linear" in found else {"beta1", "beta2"},
        np.where(bad, loss[~bad].max(), loss),
        found["test_auc"].astype(float) if "test_auc" in found else None,
        smoothing,
    )


def _space(column: Array, *, linear: bool) -> Space:
    levels = sorted(set(column.tolist()))
    if len(levels) <= _CHOICES:
        return CategoricalDistribution(levels)
    low, high = levels[0], levels[-1]
    return FloatDistribution(low, high, log=not linear and low > 0)


def chosen(search: Search, table: Table, seed: int, budget: int) -> tuple[Array, NDArray[np.int_], NDArray[np.int_]]:
    """What a search would choose after each epoch that it paid for.

    Returns:
        The best judged loss so far, and the row and epoch (from 0) that have it; ``(budget,)`` each.
    """
    best, held = math.inf, (0, 0)
    paid: list[tuple[float, int, int]] = []
    reached: dict[int, int] = {}
    for row, to in search(table, seed):
        table.bring(row, to)
        for epoch in range(reached.get(row, 0), to):
            if table.judged[row, epoch] < best:
                best, held = float(table.judged[row, epoch]), (row, epoch)
            paid.append((best, *held))
        reached[row] = max(to, reached.get(row, 0))
        if len(paid) >= budget:
            break
    paid += paid[-1:] * (budget - len(paid))
    values = np.array(paid[:budget])
    return values[:, 0], values[:, 1].astype(int), values[:, 2].astype(int)


def regrets(search: Search, table: Table, seed: int, budget: int) -> Array:
    """(best so far - best of the table) / (median at the end - best), at most 1, after each epoch, ``(budget,)``."""
    best, _, _ = chosen(search, table, seed, budget)
    lowest, middle = table.judged.min(), np.median(table.judged[:, -1])
    return np.minimum(1.0, (best - lowest) / (middle - lowest))
