"""Searches that are compared on recorded curves: ours, and those of Optuna, KerasTuner and Ray Tune."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution

from hpo.recipe.point import Value
from hpo.search.halving import promotable, rungs_between
from hpo.search.history import Continue, Open, Step, Training
from hpo.search.pool import PoolSettings, finishing_step, next_step
from hpo.search.propose import Searched
from hpo.stages.budget import Spending
from hpo.stages.steps import GATHERING
from tests.benchmarks.curves import Search, Stretch, Table, chosen

FIRST = {51: 2}
"""First rung by the longest training: TaskSet's first evaluation is of the untrained network."""


def random_search(table: Table, seed: int) -> Iterator[Stretch]:
    for row in np.random.default_rng(seed).permutation(table.count):
        yield int(row), table.epochs


def stopping(table: Table, seed: int) -> Iterator[Stretch]:
    """Successive halving that can only stop: what a pruner does."""
    seen: dict[int, list[float]] = {}
    for row in map(int, np.random.default_rng(seed).permutation(table.count)):
        for rung in _rungs(table, 3):
            yield row, rung
            value = table.judged[row, rung - 1]
            values = seen.setdefault(rung, [])
            values.append(value)
            if sorted(values).index(value) >= max(1, len(values) // 3):
                break


def promotion(table: Table, seed: int) -> Iterator[Stretch]:
    """Asynchronous successive halving of random proposals (ASHA), one of three goes on."""
    order = iter(np.random.default_rng(seed).permutation(table.count))
    pool: list[Training] = []
    rungs = _rungs(table, 3)
    while True:
        step = promotable(rungs, 3, table.smoothing, pool)
        row, to = (int(step.key), step.epochs) if step else (int(next(order)), rungs[0])
        yield row, to
        _grow(pool, table, row, to)


def ours(table: Table, seed: int) -> Iterator[Stretch]:
    """The platform's design at its defaults."""
    return pooled(table, seed, _defaults(table))


def ours_to_the_end(table: Table, seed: int, budget: int) -> Iterator[Stretch]:
    """The same with a budget of epochs, the rest of which brings the best to the end."""
    return ended(table, seed, _defaults(table), budget)


def ours_at_random(table: Table, seed: int) -> Iterator[Stretch]:
    """The same, every training opened at random."""
    return pooled(table, seed, replace(_defaults(table), random_share=1.0))


def ours_by_tpe(table: Table, seed: int) -> Iterator[Stretch]:
    """The same, all but one of ten later trainings proposed by TPE."""
    return pooled(table, seed, replace(_defaults(table), random_share=0.1))


def ours_from_two_epochs(table: Table, seed: int) -> Iterator[Stretch]:
    """The same, the first pause after two epochs."""
    return pooled(table, seed, replace(_defaults(table), first=2))


def ours_without_group(table: Table, seed: int) -> Iterator[Stretch]:
    """The same, the best third goes on from the first three trainings."""
    return pooled(table, seed, replace(_defaults(table), group=0))


def freeze_thaw(table: Table, seed: int) -> Iterator[Stretch]:
    """The platform's design that chooses by a model of learning curves, at its defaults."""
    return pooled(table, seed, replace(_defaults(table), design="freeze_thaw"))


def freeze_thaw_to_the_end(table: Table, seed: int, budget: int) -> Iterator[Stretch]:
    """The same with a budget of epochs, the rest of which brings the best to the end."""
    return ended(table, seed, replace(_defaults(table), design="freeze_thaw"), budget)


def freeze_thaw_at_random(table: Table, seed: int) -> Iterator[Stretch]:
    """The same, every training opened at random."""
    return pooled(table, seed, replace(_defaults(table), design="freeze_thaw", random_share=1.0))


def _defaults(table: Table) -> PoolSettings:
    # As the platform: a sixteenth of the epochs. The tables of TaskSet have a fixed ladder for every search.
    first = FIRST.get(table.epochs, table.epochs // 16)
    return PoolSettings(longest=table.epochs, first=first, smoothing=table.smoothing)


def pooled(table: Table, seed: int, settings: PoolSettings) -> Iterator[Stretch]:
    """The platform's pool, worked in a certain way, without a budget."""
    pool: list[Training] = []
    for number in range(10**6):
        stretch = _step(table, pool, next_step(settings, Searched(table.spaces), pool, seed * 10**6 + number))
        if stretch is None:
            return
        yield stretch
        _grow(pool, table, *stretch)


def ended(table: Table, seed: int, settings: PoolSettings, budget: int) -> Iterator[Stretch]:
    """The platform's pool with a budget of epochs, as `hpo.stages.steps` spends one of patch-visits."""
    pool: list[Training] = []
    for number in range(10**6):
        spent = Spending((float(sum(one.epochs for one in pool)),), float(budget), per_epoch=1.0)
        last = finishing_step(settings, pool) if spent.is_ending(settings.longest) else None
        asked = replace(settings, group=0) if spent.share >= GATHERING else settings
        stretch = _step(table, pool, last or next_step(asked, Searched(table.spaces), pool, seed * 10**6 + number))
        if stretch is None:
            return
        yield stretch
        _grow(pool, table, *stretch)


def _step(table: Table, pool: Sequence[Training], step: Step | None) -> Stretch | None:
    if isinstance(step, Continue):
        return int(step.key), step.epochs
    if isinstance(step, Open):
        return table.nearest(step.values, {int(training.key) for training in pool}), step.epochs
    return None


def tpe(table: Table, seed: int) -> Iterator[Stretch]:
    """Optuna's TPE at its defaults."""
    return _optuna(table, seed, optuna.samplers.TPESampler(seed=seed), optuna.pruners.NopPruner())


def gaussian_process(table: Table, seed: int) -> Iterator[Stretch]:
    """Optuna's Gaussian process at its defaults."""
    return _optuna(table, seed, optuna.samplers.GPSampler(seed=seed), optuna.pruners.NopPruner())


def _optuna(
    table: Table, seed: int, sampler: optuna.samplers.BaseSampler, pruner: optuna.pruners.BasePruner
) -> Iterator[Stretch]:
    """Trials of an Optuna study, which its pruner may stop."""
    study = optuna.create_study(sampler=sampler, pruner=pruner, study_name=str(seed))
    taken: set[int] = set()
    while len(taken) < table.count:
        trial = study.ask(dict(table.spaces))
        row = table.nearest(trial.params, taken)
        taken.add(row)
        pruned = False
        for epoch in range(1, table.epochs + 1):
            yield row, epoch
            trial.report(float(table.judged[row, epoch - 1]), epoch)
            if trial.should_prune():
                pruned = True
                break
        state = optuna.trial.TrialState.PRUNED if pruned else optuna.trial.TrialState.COMPLETE
        study.tell(trial, None if pruned else float(table.judged[row, -1]), state=state)


def tpe_hyperband(table: Table, seed: int) -> Iterator[Stretch]:
    """As Optuna's documentation advises for TPE: from the first rung to the longest training."""
    lowest = FIRST.get(table.epochs, 1)
    pruner = optuna.pruners.HyperbandPruner(min_resource=lowest, max_resource=table.epochs)
    return _optuna(table, seed, optuna.samplers.TPESampler(seed=seed), pruner)


def keras_hyperband(table: Table, seed: int) -> Iterator[Stretch]:
    """KerasTuner's Hyperband (factor 3), whose promoted trials go on from their weights."""
    tuner = _keras_tuner()
    return _oracle(
        table, lambda objective: tuner.oracles.HyperbandOracle(objective, table.epochs, factor=3, seed=_far(seed))
    )


def keras_bayesian(table: Table, seed: int) -> Iterator[Stretch]:
    """KerasTuner's BayesianOptimization."""
    tuner = _keras_tuner()
    return _oracle(
        table, lambda objective: tuner.oracles.BayesianOptimizationOracle(objective, table.count, seed=_far(seed))
    )


def ray_asha(table: Table, seed: int) -> Iterator[Stretch]:
    """Ray Tune's ASHA (reduction factor 4, its default) over random settings, two trials at a time: it stops only."""
    from ray.tune.schedulers import AsyncHyperBandScheduler

    scheduler = AsyncHyperBandScheduler(
        time_attr="epoch", metric="value", mode="max", max_t=table.epochs, grace_period=FIRST.get(table.epochs, 1)
    )
    order = iter(np.random.default_rng(seed).permutation(table.count))
    running: list[list[int]] = []
    while True:
        while len(running) < 2:
            running.append([int(next(order)), 0])
            scheduler.on_trial_add(None, SimpleNamespace(trial_id=str(running[-1][0])))
        held = running.pop(0)
        row, held[1] = held[0], held[1] + 1
        yield row, held[1]
        trial = SimpleNamespace(trial_id=str(row))
        result = {"epoch": held[1], "value": -float(table.judged[row, held[1] - 1])}
        if held[1] < table.epochs and scheduler.on_trial_result(None, trial, result) == scheduler.CONTINUE:
            running.append(held)
        else:
            scheduler.on_trial_complete(None, trial, result)


def _oracle(table: Table, make: Any) -> Iterator[Stretch]:
    """Trials of a KerasTuner oracle, asked and told as its tuners do."""
    tuner = _keras_tuner()
    oracle = make(tuner.Objective("value", "min"))
    space = tuner.HyperParameters()
    for name, distribution in table.spaces.items():
        if isinstance(distribution, CategoricalDistribution):
            space.Choice(name, list(distribution.choices), ordered=False)
        else:
            sampling = "log" if distribution.log else "linear"
            space.Float(name, distribution.low, distribution.high, sampling=sampling)
    oracle.verbose = 0
    oracle.update_space(space)
    with tempfile.TemporaryDirectory() as folder:
        oracle._set_project_dir(folder, "oracle")
        row_of: dict[str, int] = {}
        taken: set[int] = set()
        while len(taken) < table.count:
            trial = oracle.create_trial("one")
            if trial.status != "RUNNING":
                return
            values: dict[str, Value] = dict(trial.hyperparameters.values)
            of = values.get("tuner/trial_id")
            row = row_of[str(of)] if of else table.nearest(values, taken)
            taken.add(row)
            row_of[trial.trial_id] = row
            epochs = int(values.get("tuner/epochs", table.epochs))
            yield row, epochs
            best = float(table.judged[row, :epochs].min())
            oracle.update_trial(trial.trial_id, {"value": best}, step=epochs)
            trial.status = "COMPLETED"
            oracle.end_trial(trial)


def _far(seed: int) -> int:
    """A seed of KerasTuner, which adds one for each trial: neighbours would propose the same."""
    return 1 + 10**6 * seed


def _keras_tuner() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import keras_tuner
    return keras_tuner


def _rungs(table: Table, eta: int) -> tuple[int, ...]:
    return rungs_between(FIRST.get(table.epochs, 1), table.epochs, eta)


def _grow(pool: list[Training], table: Table, row: int, to: int) -> None:
    gains = tuple((-table.loss[row, :to]).tolist())
    for index, training in enumerate(pool):
        if training.key == str(row):
            pool[index] = replace(training, gains=gains, target=to)
            return
    pool.append(Training(str(row), table.values[row], gains, target=to))


SEARCHES: dict[str, Search] = {
    "random": random_search,
    "stopping": stopping,
    "promotion": promotion,
    "tpe": tpe,
    "tpe_hyperband": tpe_hyperband,
    "gaussian_process": gaussian_process,
    "keras_hyperband": keras_hyperband,
    "keras_bayesian": keras_bayesian,
    "ray_asha": ray_asha,
    "ours_without_group": ours_without_group,
    "ours_from_two_epochs": ours_from_two_epochs,
    "ours_by_tpe": ours_by_tpe,
    "ours_at_random": ours_at_random,
    "ours": ours,
    "freeze_thaw_at_random": freeze_thaw_at_random,
    "freeze_thaw": freeze_thaw,
}

ENDING: dict[str, Callable[[Table, int, int], Iterator[Stretch]]] = {
    "ours_to_the_end": ours_to_the_end,
    "freeze_thaw_to_the_end": freeze_thaw_to_the_end,
}
"""Those that depend on the budget, as the platform does: each budget is a search of its own."""


def choices(name: str, table: Table, seed: int, budgets: Sequence[int]) -> list[tuple[int, int]]:
    """What a search would choose after each budget of epochs: the row, and its epoch from 0."""
    if name in ENDING:
        ends = [chosen(partial(ENDING[name], budget=one), table, seed, one) for one in budgets]
        return [(int(rows[-1]), int(epochs[-1])) for _, rows, epochs in ends]
    _, rows, epochs = chosen(SEARCHES[name], table, seed, max(budgets))
    return [(int(rows[one - 1]), int(epochs[one - 1])) for one in budgets]
