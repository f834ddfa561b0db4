"""How much of stage 1 need not be trained, because points of one recipe are one training.

    .venv/bin/python -m tests.benchmarks.work_not_done

Counted first, nothing trained: the design of `studies/paper.yaml`, and a full grid of 4 epochs x 4 batch sizes x 4
numbers of patches x 4 learning rates. A naive tuner trains every level of every axis, the reference point once an axis;
one that remembers its points trains each distinct point; ours trains each recipe to the longest of its points.

Then really trained, on 16 x 16 patches: a grid of 4 x 2 x 2 x 2, ours and each point from scratch with the same
compiled functions, and once more with a new trainer for every point, as a script that is started for each trial has
it. The metrics must be the same to the last bit, and what was trained what was counted. Last, a study is run to its
end: does anything predict the same patches with the same weights twice?
"""

from __future__ import annotations

import hashlib
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from functools import wraps
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import optuna
from numpy.typing import NDArray

from hpo.config.load import load_study
from hpo.config.study import StudyFile
from hpo.data.dataset import Dataset
from hpo.data.prepare import prepare_data
from hpo.models.build import weights_of
from hpo.recipe.point import apply_point
from hpo.recipe.recipe import Recipe
from hpo.run.job import Job
from hpo.run.loop import run_job
from hpo.stages.estimate import StageEstimate, estimate, total
from hpo.stages.plan import stage1_points, template_recipe
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.database import open_database
from hpo.storage.files import Files
from hpo.storage.ledger import compute_by_owner
from hpo.storage.owner import this_process
from hpo.training.engine import Trainer
from hpo.training.network import Network
from hpo.worker.observer import Unobserved
from tests.end_to_end.conftest import write_pcam
from tests.stages import story

REPEAT = 3
STUDIES = Path(__file__).parents[2] / "studies"

GRID: dict[str, Any] = {
    "epochs": {"reference": 100, "levels": [25, 50, 100, 200]},
    "batch_size": {"reference": 32, "levels": [16, 32, 64, 128], "scale": "log"},
    "patches": {"reference": 40000, "levels": [10000, 20000, 40000, 80000], "scale": "log"},
    "learning_rate": {"reference": 0.01, "levels": [0.001, 0.003, 0.01, 0.03], "scale": "log"},
}

TINY: dict[str, Any] = {
    "epochs": {"reference": 4, "levels": [1, 2, 4, 8]},
    "batch_size": {"reference": 16, "levels": [8, 16], "scale": "log"},
    "patches": {"reference": 64, "levels": [48, 64], "step": 8},
    "learning_rate": {"reference": 0.01, "levels": [0.01, 0.03], "low": 0.001, "high": 0.1, "scale": "log"},
}

Metrics = list[dict[str, float]]
"""Of each point, after its last epoch."""


def naive_visits(study: StudyFile, architecture: str) -> int:
    """Patch-visits of a tuner that goes along each axis by itself; of a grid, those of its every point."""
    template, reference = template_recipe(study, architecture, "", study.stage1.seed), study.space.reference
    if study.stage1.design == "grid":
        points = list(stage1_points(study, architecture))
    else:
        factors = {name: study.space.factors[name].levels for name in study.stage1.factors}
        points = [{**reference, name: level} for name, levels in factors.items() for level in levels]
    return sum(recipe.patch_visits(epochs) for recipe, epochs in (apply_point(template, point) for point in points))


def count(title: str, study: StudyFile) -> None:
    """Print what stage 1 takes each way."""
    stages = [stage for stage in estimate(study) if stage.stage == "stage1"]
    naive = {stage.architecture: naive_visits(study, stage.architecture) for stage in stages}
    print(f"\n{title}; million patch-visits")
    print(f"{'':10}{'points':>8}{'trainings':>11}{'naive':>10}{'each point':>12}{'ours':>10}{'naive/ours':>12}")
    for stage in [*stages, total(stages)]:
        _print_count(stage, naive.get(stage.architecture, sum(naive.values())))


def _print_count(stage: StageEstimate, naive: int) -> None:
    millions = f"{naive / 1e6:10.1f}{stage.patch_visits / 1e6:12.1f}{stage.shared_patch_visits / 1e6:10.1f}"
    ratio = naive / stage.shared_patch_visits
    print(f"{stage.architecture:10}{stage.points:8}{stage.trainings:11}{millions}{ratio:12.2f}")


class Visits:
    """Counts what is really trained."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, recipe: Recipe, _epoch: int, _seconds: float) -> None:
        """Count an epoch."""
        self.count += recipe.patch_visits(1)


def shared(trainer: Trainer, points: list[tuple[Recipe, int]], trained: Visits) -> Metrics:
    """Each recipe once, to the longest of its points."""
    curves = {}
    for recipe in dict.fromkeys(recipe for recipe, _ in points):
        epochs = {epochs for other, epochs in points if other == recipe}
        curves[recipe] = [result.metrics for result in trainer.bring(recipe, epochs, on_trained=trained.add)]
    return [curves[recipe][epochs - 1] for recipe, epochs in points]


def each(make_trainer: Callable[[], Trainer], points: list[tuple[Recipe, int]], trained: Visits) -> Metrics:
    """Every point from scratch, in a store that is empty."""
    found = []
    for recipe, epochs in points:
        results = list(make_trainer().bring(recipe, {epochs}, on_trained=trained.add))
        found.append(results[-1].metrics)
    return found


def really_train(folder: Path, study: StudyFile, dataset: Dataset) -> None:
    """Print seconds, ratio and patch-visits of the ways to train stage 1."""
    template = template_recipe(study, "tiny", dataset.digest, study.stage1.seed)
    points = [apply_point(template, point) for point in stage1_points(study, "tiny")]
    store = CheckpointStore(Files(folder / "warm"))
    warm = Trainer(store, dataset)

    def emptied() -> Trainer:
        for recipe, _ in points:
            store.prune(recipe.key, ())
        return warm

    numbers = iter(range(10**6))

    def new() -> Trainer:
        return Trainer(CheckpointStore(Files(folder / f"new-{next(numbers)}")), dataset)

    shared(emptied(), points, Visits())  # compiles
    ways: dict[str, Callable[[Visits], Metrics]] = {
        "ours": lambda trained: shared(emptied(), points, trained),
        "each from scratch": lambda trained: each(emptied, points, trained),
        "each in a new trainer": lambda trained: each(new, points, trained),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    counted, metrics = {}, {}
    for _ in range(REPEAT):
        for name, way in ways.items():
            trained, began = Visits(), time.perf_counter()
            metrics[name] = way(trained)
            seconds[name].append(time.perf_counter() - began)
            counted[name] = trained.count
    (planned,) = [stage for stage in estimate(study) if stage.stage == "stage1"]
    if counted["ours"] != planned.shared_patch_visits or counted["each from scratch"] != planned.patch_visits:
        raise RuntimeError(f"trained {counted}, planned {planned}")
    if any(found != metrics["ours"] for found in metrics.values()):
        raise RuntimeError("the metrics differ")
    print(f"\n{len(points)} points of {planned.trainings} recipes, really trained; all metrics are identical")
    print(f"{'':24}{'patch-visits':>14}{'of ours':>9}{'seconds':>10}{'of ours':>9}   median of {REPEAT}")
    ours = statistics.median(seconds["ours"])
    for name, found in seconds.items():
        middle, visited = statistics.median(found), counted[name]
        print(f"{name:24}{visited:14}{visited / counted['ours']:9.2f}{middle:10.2f}{middle / ours:9.2f}")


def predictions(study: StudyFile, dataset: Dataset) -> None:
    """Print how often a whole study predicts, and how often the same patches with the same weights."""
    made: Counter[bytes] = Counter()
    original = Network.predict

    @wraps(original)
    def predict(network: Network, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        said = hashlib.sha256(patches.tobytes())
        for path, value in sorted(weights_of(network.model).items()):
            said.update(path.encode() + value.tobytes())
        made[said.digest()] += 1
        return original(network, patches)

    with closing(open_database(study.database)) as database, mock.patch.object(Network, "predict", predict):
        run_job(Job(study, database, dataset, Unobserved(), threading.Event(), database.now()))
        epochs = database.run(compute_by_owner, study.name)[this_process()].epochs
    runs = made.total() - epochs
    print(f"\na whole study: {epochs} epochs trained, {made.total()} predictions, {runs} of them of the test split")
    print(f"of the same patches with the same weights: {made.total() - len(made)}")


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    four = ["model1", "model2", "model3", "model4"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count("studies/paper.yaml, one factor at a time", load_study(STUDIES / "paper.yaml"))
        whole = {"design": "grid", "factors": ["epochs", "batch_size", "patches", "learning_rate"]}
        tuned = {"factors": ["learning_rate"], "epochs": 2}
        grid = story.load(folder / "grid", space=GRID, architectures=four, stage1=whole, stage2=tuned)
        count("a grid of 4 x 4 x 4 x 4", grid)
        write_pcam(folder / "data")
        changes = {"architectures": story.STUDY["architectures"][:1], "data": {"folder": str(folder / "data")}}
        changes |= {"stage1": whole, "stage2": tuned, "workers": {"threads": None}}
        tiny = story.load(folder / "tiny", space=TINY, **changes)
        dataset = prepare_data(tiny.data)
        really_train(folder, tiny, dataset)
        predictions(tiny, dataset)


if __name__ == "__main__":
    main()
