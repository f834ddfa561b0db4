"""How well a search does at equal cost, replayed on recorded curves: ours, random search, halving, TPE.

    .venv/bin/python -m tests.benchmarks.quality CURVES [--seeds 100] [--trainings 20] [--only ours random] [--csv FILE]

CURVES is a folder of ``.npz`` files, each a task: ``valid_loss`` (configurations, epochs), ``settings``
(configurations, factors) and ``names``. A scheduler asks for the next epochs of a configuration and is given them; a
proposal is the configuration of the table, not open yet, that is nearest to what was asked for.

Regret is (best validation loss so far - best of the table) / (median final loss - best of the table), at most 1; values
that are not finite or above 1,000 count as the worst finite one. The last column is how many times as fast as random
search each reaches what random search has at the end, the mean over the tasks (not reached counts as 1).
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import FloatDistribution

from hpo.recipe.point import Value
from hpo.search.halving import promotable
from hpo.search.history import Continue, Open, Training
from hpo.search.pool import PoolSettings, next_step
from hpo.search.spaces import Space

Array = NDArray[np.float64]
Stretch = tuple[int, int]
"""A row of the table, and the epochs to bring it to."""

Search = Callable[["Table", int], Iterator[Stretch]]

WORST = 1000.0
RUNGS = (2, 6, 17, 51)
MARKS = (2, 5, 10, 20)


class Table:
    """The recorded curves of a task."""

    def __init__(self, file: Path) -> None:
        found = np.load(file)
        loss = found["valid_loss"].astype(float)
        bad = ~np.isfinite(loss) | (loss > WORST)
        self.name, self.loss = file.stem, np.where(bad, loss[~bad].max(), loss)
        self.count, self.epochs = loss.shape
        self.best, self.middle = float(self.loss.min()), float(np.median(self.loss[:, -1]))
        names = [str(name) for name in found["names"]]
        self.spaces: dict[str, Space] = {}
        for name, column in zip(names, found["settings"].T, strict=True):
            low, high = float(column.min()), float(column.max())
            self.spaces[name] = FloatDistribution(low, high, log=low > 0 and high <= 100 / low and "beta" not in name)
        rows = found["settings"].tolist()
        self.values: list[dict[str, Value]] = [dict(zip(names, row, strict=True)) for row in rows]
        self.place = np.array([self.unit(values) for values in self.values])

    def unit(self, values: Mapping[str, Value]) -> Array:
        """Settings in the unit cube."""
        place = []
        for name, space in self.spaces.items():
            assert isinstance(space, FloatDistribution)
            scale = math.log if space.log else float
            low, high = scale(space.low), scale(space.high)
            place.append((scale(float(values[name])) - low) / (high - low))
        return np.array(place)

    def nearest(self, values: Mapping[str, Value], taken: set[int]) -> int:
        far = ((self.place - self.unit(values)) ** 2).sum(1)
        far[list(taken)] = np.inf
        return int(far.argmin())


def rungs_of(table: Table) -> tuple[int, ...]:
    return (*(rung for rung in RUNGS if rung < table.epochs), table.epochs)


def random_search(table: Table, seed: int) -> Iterator[Stretch]:
    for row in np.random.default_rng(seed).permutation(table.count):
        yield int(row), table.epochs


def stopping(table: Table, seed: int) -> Iterator[Stretch]:
    """Successive halving that can only stop: what a pruner does."""
    seen: dict[int, list[float]] = {}
    for row in map(int, np.random.default_rng(seed).permutation(table.count)):
        for rung in rungs_of(table):
            yield row, rung
            value = table.loss[row, rung - 1]
            values = seen.setdefault(rung, [])
            values.append(value)
            if sorted(values).index(value) >= max(1, len(values) // 3):
                break


def promotion(table: Table, seed: int) -> Iterator[Stretch]:
    """Asynchronous successive halving of random proposals (ASHA)."""
    order = iter(np.random.default_rng(seed).permutation(table.count))
    pool: list[Training] = []
    while True:
        step = promotable(rungs_of(table), 3, 1, pool)
        row, to = (int(step.key), step.epochs) if step else (int(next(order)), RUNGS[0])
        yield row, to
        grown(pool, table, row, to)


def ours(table: Table, seed: int) -> Iterator[Stretch]:
    """The platform's design at its defaults."""
    pool: list[Training] = []
    settings = PoolSettings(longest=table.epochs, first=RUNGS[0])
    for number in range(10**6):
        step = next_step(settings, table.spaces, pool, seed * 10**6 + number)
        if isinstance(step, Continue):
            row = int(step.key)
        elif isinstance(step, Open):
            row = table.nearest(step.values, {int(training.key) for training in pool})
        else:
            return
        yield row, step.epochs
        grown(pool, table, row, step.epochs)


def group(table: Table, seed: int) -> Iterator[Stretch]:
    """Promotion that compares 16 random trainings first; then the best of each rung goes on, and one of four."""
    order = iter(np.random.default_rng(seed).permutation(table.count))
    pool: list[Training] = []
    while True:
        step = promotable(rungs_of(table), 4, 1, pool, at_least=1) if len(pool) >= 16 else None
        row, to = (int(step.key), step.epochs) if step else (int(next(order)), RUNGS[0])
        yield row, to
        grown(pool, table, row, to)


def tpe(table: Table, seed: int, pruner: optuna.pruners.BasePruner | None = None) -> Iterator[Stretch]:
    """Optuna's TPE, its Hyperband pruner if given."""
    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(sampler=sampler, pruner=pruner or optuna.pruners.NopPruner(), study_name=str(seed))
    taken: set[int] = set()
    while len(taken) < table.count:
        trial = study.ask(dict(table.spaces))
        row = table.nearest(trial.params, taken)
        taken.add(row)
        pruned = False
        for epoch in range(1, table.epochs + 1):
            yield row, epoch
            trial.report(float(table.loss[row, epoch - 1]), epoch)
            if trial.should_prune():
                pruned = True
                break
        state = optuna.trial.TrialState.PRUNED if pruned else optuna.trial.TrialState.COMPLETE
        study.tell(trial, None if pruned else float(table.loss[row, -1]), state=state)


def tpe_hyperband(table: Table, seed: int) -> Iterator[Stretch]:
    return tpe(table, seed, optuna.pruners.HyperbandPruner(min_resource=2, max_resource=table.epochs))


def grown(pool: list[Training], table: Table, row: int, to: int) -> None:
    gains = tuple((-table.loss[row, :to]).tolist())
    for index, training in enumerate(pool):
        if training.key == str(row):
            pool[index] = replace(training, gains=gains, target=to)
            return
    pool.append(Training(str(row), table.values[row], gains, target=to))


def regrets(search: Search, table: Table, seed: int, budget: int) -> Array:
    """Regret after each epoch paid for, ``(budget,)``."""
    best, paid, reached = math.inf, [], {}
    for row, to in search(table, seed):
        for epoch in range(reached.get(row, 0), to):
            best = min(best, float(table.loss[row, epoch]))
            paid.append(best)
        reached[row] = max(to, reached.get(row, 0))
        if len(paid) >= budget:
            break
    paid += [best] * (budget - len(paid))
    return np.minimum(1.0, (np.array(paid[:budget]) - table.best) / (table.middle - table.best))


SEARCHES: dict[str, Search] = {
    "random": random_search,
    "stopping": stopping,
    "promotion": promotion,
    "tpe": tpe,
    "tpe_hyperband": tpe_hyperband,
    "group": group,
    "ours": ours,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("curves", type=Path)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--trainings", type=int, default=20, help="budget, in full trainings")
    parser.add_argument("--only", nargs="+", choices=list(SEARCHES), default=list(SEARCHES))
    parser.add_argument("--csv", type=Path, help="append each task's figures to this file")
    options = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    tables = [Table(file) for file in sorted(options.curves.glob("*.npz"))]
    # Random search is cheap to replay: its value at 20 trainings is the aim whatever the budget.
    aims = [np.mean([regrets(random_search, one, seed, 20 * one.epochs)[-1] for seed in range(100)]) for one in tables]
    marks = [mark for mark in MARKS if mark <= options.trainings]
    print(f"{'':15}" + "".join(f"{mark:>14}" for mark in marks) + f"{'times as fast':>16}", flush=True)
    for name in options.only:
        rows = []
        spread: list[Array] = []
        for table, aim in zip(tables, aims, strict=True):
            budget = options.trainings * table.epochs
            runs = np.array([regrets(SEARCHES[name], table, seed, budget) for seed in range(options.seeds)])
            mean = runs.mean(0)
            reached = np.nonzero(mean <= aim)[0]
            speed = 20 * table.epochs / (reached[0] + 1) if len(reached) else 1.0
            at = [float(mean[mark * table.epochs - 1]) for mark in marks]
            rows.append([*at, speed])
            spread.append(runs[:, [mark * table.epochs - 1 for mark in marks]])
            if options.csv:
                with options.csv.open("a", newline="") as file:
                    line = [name, table.name, options.seeds, *(f"{value:.4f}" for value in at), f"{speed:.2f}"]
                    csv.writer(file, lineterminator=os.linesep).writerow(line)
        half = 1.96 * np.mean(spread, axis=0).std(0, ddof=1) / math.sqrt(options.seeds)
        means = np.mean(rows, axis=0)
        cells = "".join(f"   {mean:.3f} ±{error:.3f}" for mean, error in zip(means, half, strict=False))
        print(f"{name:15}{cells}{means[-1]:16.1f}", flush=True)


if __name__ == "__main__":
    main()
