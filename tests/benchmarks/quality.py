"""How well a search does at equal cost, replayed on recorded curves: ours, Optuna's, KerasTuner's and Ray Tune's.

    .venv/bin/python -m tests.benchmarks.quality CURVES [--seeds 100] [--trainings 20] [--only ours random] [--csv FILE]
    ... --visits 30 60 120 240      on curves of image classifiers: after so many thousand patch-visits, the test AUC of
                                    what the search would choose, and the validation AUC by which it chooses

CURVES is an ``.npz`` file, a task, or a folder of them (see `tests.benchmarks.curves`; `tests.benchmarks.record_curves`
records image classifiers). A scheduler asks for the next epochs of a configuration and is given them; a proposal is the
configuration of the table, not open yet, that is nearest to what was asked for. All pay for the same epochs.

Regret is (best validation loss so far - best of the table) / (median final loss - best of the table), at most 1; values
that are not finite or above 1,000 count as the worst finite one. The last column is how many times as fast as random
search each reaches what random search has after 20 trainings, the mean over the tasks (not reached counts as 1).

KerasTuner, Ray Tune's schedulers and what Optuna's Gaussian process needs are no dependencies of the platform:
``pip install keras-tuner "ray[tune]" torch`` before they are compared.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import optuna
from scipy.stats import spearmanr

from tests.benchmarks.curves import Array, Table, read_table, regrets
from tests.benchmarks.searches import ENDING, SEARCHES, choices, random_search

MARKS = (2, 5, 10, 20)
EARLY = (1, 3, 9)
"""Epochs at which the image classifiers' first rungs are, whose values are compared with the last."""

SMOOTHING = 2
"""Of image classifiers: the studies judge by the mean of the last two epochs."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("curves", type=Path)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--trainings", type=int, default=20, help="budget, in full trainings")
    parser.add_argument("--visits", type=int, nargs="+", help="budgets, in thousand patch-visits")
    parser.add_argument("--patches", type=int, default=1000, help="patches of an epoch, with --visits")
    parser.add_argument("--only", nargs="+", choices=[*SEARCHES, *ENDING])
    parser.add_argument("--csv", type=Path, help="append each figure to this file")
    options = parser.parse_args(arguments)
    names = options.only or [*SEARCHES, *(ENDING if options.visits else ())]
    if not options.visits and set(names) & set(ENDING):
        parser.error(f"{', '.join(ENDING)}: their regret after each epoch depends on the budget; give --visits")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    files = sorted(options.curves.glob("*.npz")) if options.curves.is_dir() else [options.curves]
    smoothing = SMOOTHING if options.visits else 1
    tables = [read_table(file, smoothing) for file in files]
    if options.visits:
        marks = [1000 * thousand // options.patches for thousand in options.visits]
        for table in tables:
            _test_quality(table, names, options.seeds, options.visits, marks, options.csv)
    else:
        _regret(tables, names, options.seeds, options.trainings, options.csv)


def _regret(tables: Sequence[Table], names: Sequence[str], seeds: int, trainings: int, file: Path | None) -> None:
    # Random search is cheap to replay: its value at 20 trainings is the aim whatever the budget.
    aims = [np.mean([regrets(random_search, one, seed, 20 * one.epochs)[-1] for seed in range(100)]) for one in tables]
    marks = [mark for mark in MARKS if mark <= trainings]
    print(f"{'':16}" + "".join(f"{mark:>14}" for mark in marks) + f"{'times as fast':>16}", flush=True)
    for name in names:
        rows = []
        spread: list[Array] = []
        for table, aim in zip(tables, aims, strict=True):
            budget = trainings * table.epochs
            runs = np.array([regrets(SEARCHES[name], table, seed, budget) for seed in range(seeds)])
            mean = runs.mean(0)
            reached = np.nonzero(mean <= aim)[0]
            speed = 20 * table.epochs / (reached[0] + 1) if len(reached) else 1.0
            at = [float(mean[mark * table.epochs - 1]) for mark in marks]
            rows.append([*at, speed])
            spread.append(runs[:, [mark * table.epochs - 1 for mark in marks]])
            for mark, value in zip(marks, at, strict=True):
                _keep(file, [name, table.name, seeds, f"regret at {mark} trainings", f"{value:.4f}"])
            _keep(file, [name, table.name, seeds, "times as fast", f"{speed:.2f}"])
        half = 1.96 * np.mean(spread, axis=0).std(0, ddof=1) / math.sqrt(seeds)
        means = np.mean(rows, axis=0)
        cells = "".join(f"   {mean:.3f} ±{error:.3f}" for mean, error in zip(means, half, strict=False))
        print(f"{name:16}{cells}{means[-1]:16.1f}", flush=True)


def _test_quality(
    table: Table, names: Sequence[str], seeds: int, visits: Sequence[int], marks: Sequence[int], file: Path | None
) -> None:
    """Print the test AUC of what each search chose by validation, and the validation AUC that it chose by."""
    if table.test is None:
        raise SystemExit(f"{table.name}: has no test_auc; leave out --visits")
    ranks = [spearmanr(table.judged[:, epoch - 1], table.judged[:, -1])[0] for epoch in EARLY]
    early = ", ".join(f"{rank:.2f} after {epoch}" for epoch, rank in zip(EARLY, ranks, strict=True))
    print(f"{table.name}: {table.count} configurations; best on validation {1 - table.judged.min():.4f}")
    print(f"rank correlation with the end, by epochs: {early}")
    print(f"{'':24}" + "".join(f"{thousand:>15}k" for thousand in visits), flush=True)
    for name in names:
        chosen = np.array([choices(name, table, seed, marks) for seed in range(seeds)])
        rows, epochs = chosen[..., 0], chosen[..., 1]
        for split, values in (("test", table.test[rows, epochs]), ("validation", 1 - table.judged[rows, epochs])):
            means, half = values.mean(0), 1.96 * values.std(0, ddof=1) / math.sqrt(seeds)
            cells = [f"  {mean:.4f} ±{error:.4f}" for mean, error in zip(means, half, strict=True)]
            print(f"{name if split == 'test' else '  ' + split:24}" + "".join(cells), flush=True)
            for thousand, mean, error in zip(visits, means, half, strict=True):
                _keep(file, [name, table.name, seeds, f"{split} AUC at {thousand}k", f"{mean:.4f}", f"{error:.4f}"])


def _keep(file: Path | None, line: Sequence[object]) -> None:
    if file is not None:
        with file.open("a", newline="") as opened:
            csv.writer(opened, lineterminator=os.linesep).writerow(line)


if __name__ == "__main__":
    main()
