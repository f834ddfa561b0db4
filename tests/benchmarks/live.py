"""How well a search does at equal cost, live: a configuration is trained when a search asks for it.

    .venv/bin/python -m tests.benchmarks.live DATA OUT.jsonl [--seeds 5] [--visits 30 60 120] [--only ours random]

It complements `tests.benchmarks.quality`, which replays recorded curves: here the searches choose among 2,000
configurations instead of about a hundred, and population based training takes part, whose settings change on the way.
All train with one code, and pay for the same patch-visits; configuration n has its own seed n, whoever trains it.

The table shows the test AUC of what each search would choose by validation, the same of its settings trained anew with
a fresh seed, and how far it is behind another one (``--against``) at the same seeds, which had as many patch-visits or
half of them, each with a 95% interval over the seeds.
A search of one seed is a line of OUT.jsonl, written when it ends: a second run goes on, and several programs may work
at once on one file, each with its own ``--only``.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from hpo.data.dataset import Dataset, open_dataset
from hpo.errors import NonFiniteLossError
from hpo.evaluation.metrics import binary_metrics
from hpo.models.backend import tf
from hpo.recipe.architecture import ARCHITECTURES, ArchitectureSpec
from hpo.recipe.recipe import Recipe, WarmStart
from hpo.recipe.schedule import Strategy
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training.engine import Trainer
from tests.benchmarks.curves import Table
from tests.benchmarks.record_curves import BATCHES, LINEAR, NAMES, RATES, STAINS, drawn, settings_of
from tests.benchmarks.searches import ENDING, SEARCHES, choices

CONFIGURATIONS = 2000
SMOOTHING = 2
"""As the studies judge: by the mean of the last two epochs."""

MEMBERS, INTERVAL = 4, 4
"""Of a population: its size, and the epochs between exploits."""

POPULATION = "population"
NAMED = [*SEARCHES, *ENDING, POPULATION]
FRESH = 10**6
"""Seeds of retrainings begin here: no configuration has them."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--architecture", choices=list(ARCHITECTURES), default="model2")
    parser.add_argument("--crop", type=int, default=64, help="side of the middle that the network sees")
    parser.add_argument("--epochs", type=int, default=16, help="of the longest training")
    parser.add_argument("--patches", type=int, default=1000, help="of an epoch")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--visits", type=int, nargs="+", default=[30, 60, 120], help="budgets, in thousand patch-visits"
    )
    parser.add_argument("--only", nargs="+", choices=NAMED, default=NAMED)
    parser.add_argument("--against", choices=NAMED, default="freeze_thaw_to_the_end", help="compared with the others")
    options = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    architecture = replace(ARCHITECTURES[options.architecture], crop=options.crop)
    dataset = open_dataset(options.data, patch_size=None)
    marks = [1000 * thousand // options.patches for thousand in options.visits]
    for seed in range(options.seeds):
        for name in options.only:
            if (name, seed) in {(one["search"], one["seed"]) for one in _lines(options.out)}:
                continue
            with tempfile.TemporaryDirectory() as folder:
                trainer = Trainer(CheckpointStore(Files(folder)), dataset)
                lab = Lab(trainer, dataset, options.patches, architecture, options.epochs)
                line = {"search": name, "seed": seed, "marks": options.visits, **_searched(lab, name, seed, marks)}
            with options.out.open("a") as file:
                file.write(json.dumps(line) + "\n")
            print(line, flush=True)
    _print(_lines(options.out), options.visits, options.against)


@dataclass(frozen=True)
class Lab:
    """Where everything is trained.

    Args:
        trainer: with a store of its own.
        dataset: its patches.
        patches: training patches of an epoch.
        architecture: of every network.
        epochs: of the longest training.
    """

    trainer: Trainer
    dataset: Dataset
    patches: int
    architecture: ArchitectureSpec
    epochs: int

    @property
    def template(self) -> Recipe:
        return Recipe(self.dataset.digest, self.patches, self.architecture)

    def curve(self, recipe: Recipe, after: int, to: int) -> Iterator[tuple[float, float]]:
        """Validation and test AUC of each epoch beyond ``after``, up to ``to``; of chance once training diverged."""
        given = after
        try:
            for epoch in self.trainer.bring(recipe, {to}):
                if epoch.epoch > after:
                    probabilities = self.trainer.predict(recipe, epoch.epoch, self.dataset.test)
                    given = epoch.epoch
                    yield epoch.metrics["valid_auc"], binary_metrics(self.dataset.test.labels, probabilities)["auc"]
        except NonFiniteLossError:
            yield from [(0.5, 0.5)] * (to - given)


@dataclass(frozen=True)
class Choice:
    """What a search would deliver: a training, and how long it was trained."""

    recipe: Recipe
    epochs: int
    test_auc: float


class LiveTable(Table):
    """Configurations drawn at random, trained as far as anybody asked."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.recipes = [drawn(lab.template, seed) for seed in range(CONFIGURATIONS)]
        self.trained = [0] * CONFIGURATIONS
        shape = (CONFIGURATIONS, lab.epochs)
        settings = np.array([settings_of(recipe) for recipe in self.recipes])
        super().__init__("live", settings, NAMES, LINEAR, np.full(shape, 0.5), np.full(shape, 0.5), SMOOTHING)

    def bring(self, row: int, to: int) -> None:
        """Trains a configuration up to an epoch, unless it is there."""
        assert self.test is not None
        after = self.trained[row]
        if to <= after:
            return
        for epoch, (valid, test) in enumerate(self.lab.curve(self.recipes[row], after, to), after):
            self.loss[row, epoch], self.test[row, epoch] = 1 - valid, test
        self.trained[row] = to
        self.judged[row] = self._judged(row)


def _searched(lab: Lab, name: str, seed: int, marks: Sequence[int]) -> dict[str, list[float]]:
    """Test AUC of the choice at each budget, and of its settings with a fresh seed."""
    found = _by_population(lab, seed, marks) if name == POPULATION else _by_table(lab, name, seed, marks)
    known: dict[tuple[str, int], float] = {}
    for choice in found:
        recipe = _with_seed(choice.recipe, FRESH + seed)
        if (recipe.key, choice.epochs) not in known:
            *_, (_, known[recipe.key, choice.epochs]) = lab.curve(recipe, 0, choice.epochs)
    anew = [known[_with_seed(choice.recipe, FRESH + seed).key, choice.epochs] for choice in found]
    return {"chosen": [choice.test_auc for choice in found], "anew": anew}


def _by_table(lab: Lab, name: str, seed: int, marks: Sequence[int]) -> list[Choice]:
    table = LiveTable(lab)
    assert table.test is not None
    found = choices(name, table, seed, marks)
    return [Choice(table.recipes[row], epoch + 1, float(table.test[row, epoch])) for row, epoch in found]


@dataclass
class _Member:
    """One of a population: what it trains now, for so many epochs, and its validation AUC from its first epoch on."""

    recipe: Recipe
    epochs: int = 0
    curve: list[float] = field(default_factory=list)

    @property
    def judged(self) -> float:
        return float(np.mean(self.curve[-SMOOTHING:]))


def _by_population(lab: Lab, seed: int, marks: Sequence[int]) -> list[Choice]:
    """Population based training (Jaderberg et al. 2017), one population after another while the budget lasts.

    After every fourth epoch the worst quarter takes weights and settings from the best and changes learning rate, batch
    size and stain jitter as Ray Tune does at its defaults. BatchNormalization stays as the weights have it. The rate is
    constant between the changes: its course is what the method finds.
    """
    random.seed(seed)  # which Ray Tune draws from
    paid: list[tuple[float, Choice]] = []
    for number in range(10**6):
        members = [
            _Member(replace(drawn(lab.template, FRESH * (seed + 1) + MEMBERS * number + one), strategy=Strategy()))
            for one in range(MEMBERS)
        ]
        for part in range(lab.epochs // INTERVAL):
            if part:
                members.sort(key=lambda member: member.judged)
                members[: MEMBERS // 4] = [_explored(members[-1 - one]) for one in range(MEMBERS // 4)]
            for member in members:
                for valid, test in lab.curve(member.recipe, member.epochs, member.epochs + INTERVAL):
                    member.epochs += 1
                    member.curve.append(valid)
                    paid.append((member.judged, Choice(member.recipe, member.epochs, test)))
                    if len(paid) == max(marks):
                        return [max(paid[:mark], key=lambda one: one[0])[1] for mark in marks]
    raise AssertionError("unreachable")


def _explored(best: _Member) -> _Member:
    from ray import tune
    from ray.tune.schedulers.pbt import _explore  # has no public name; the scheduler itself wants a running cluster

    recipe = best.recipe
    old = {"learning_rate": recipe.learning_rate, "batch_size": recipe.batch_size, "stain_jitter": recipe.stain_jitter}
    space = {
        "learning_rate": tune.loguniform(*RATES),
        "batch_size": list(BATCHES),
        "stain_jitter": tune.uniform(*STAINS),
    }
    new, _ = _explore(old, space, 0.25, (1.2, 0.8), None)
    changed = replace(
        recipe,
        learning_rate=float(np.clip(new["learning_rate"], *RATES)),
        batch_size=new["batch_size"],
        stain_jitter=float(np.clip(new["stain_jitter"], *STAINS)),
        initial=WarmStart(recipe, best.epochs),
    )
    return _Member(changed, 0, list(best.curve))


def _with_seed(recipe: Recipe, seed: int) -> Recipe:
    """The same settings with another seed, in every part of a lineage."""
    initial = recipe.initial
    return replace(recipe, seed=seed, initial=initial and replace(initial, donor=_with_seed(initial.donor, seed)))


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _print(lines: Sequence[dict[str, Any]], visits: Sequence[int], against: str) -> None:
    found = {(one["search"], one["seed"]): one for one in lines if one["marks"] == list(visits)}
    halves = [(visits.index(thousand / 2), at) for at, thousand in enumerate(visits) if thousand / 2 in visits]
    print(f"{'':28}" + "".join(f"{thousand:>16}k" for thousand in visits))
    for name in dict.fromkeys(name for name, _ in found):
        for kind in ("chosen", "anew"):
            of = {seed: np.array(one[kind]) for (search, seed), one in found.items() if search == name}
            print(f"{name + ', ' + kind:28}" + _cells(list(of.values())))
            if name == against:
                continue
            other = {seed: np.array(found[against, seed][kind]) for seed in of if (against, seed) in found}
            if other:
                print(f"{'  behind by':28}" + _cells([other[seed] - of[seed] for seed in other]))
            if other and halves:
                early, late = map(list, zip(*halves, strict=True))
                differences = _cells([other[seed][early] - of[seed][late] for seed in other])
                print(f"{'  behind half of it by':28}" + " " * 17 * (len(visits) - len(halves)) + differences)


def _cells(values: Sequence[Any]) -> str:
    """Means over the seeds with 95% intervals (Student's t)."""
    from scipy import stats

    count = len(values)
    half = stats.t.ppf(0.975, count - 1) * np.std(values, axis=0, ddof=1) / math.sqrt(count) if count > 1 else None
    means = np.mean(values, axis=0)
    return "".join(
        f"  {mean:7.4f} ±{half[one]:.4f}" if half is not None else f"  {mean:15.4f}" for one, mean in enumerate(means)
    )


if __name__ == "__main__":
    main()
