"""Trials a second of our claim-run-tell loop with an objective that does nothing, against Optuna's `optimize`.

    .venv/bin/python -m tests.benchmarks.orchestration [--points 240] [--workers 1 2 4 8 16] [--database sqlite]

Ours: `work_once`, whole, with a trainer that trains nothing: claim, Optuna trial, one reported epoch, standard error,
acceptance, ledger. Optuna's: `study.optimize` with `GridSampler` over the same grid, one reported value. Each has a new
database of the same kind; processes are ready before the clock starts. Repeats are trials of a point that has one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import optuna

from tests.benchmarks.databases import new_database

GRID: dict[str, list[float]] = {
    "batch_size": [8, 16, 32, 64],
    "patches": [64, 72, 80, 88, 96],
    "learning_rate": [0.001 * number for number in range(1, 601)],
}
_context = multiprocessing.get_context("spawn")


def grid_of(points: int) -> dict[str, list[float]]:
    """The grid with about so many points."""
    others = len(GRID["batch_size"]) * len(GRID["patches"])
    return {**GRID, "learning_rate": GRID["learning_rate"][: max(1, points // others)]}


def optuna_worker(barrier: Any, url: str, grid: dict[str, list[float]]) -> None:
    """One process of Optuna's."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial: optuna.Trial) -> float:
        for name, levels in grid.items():
            trial.suggest_categorical(name, levels)
        trial.report(0.5, 1)
        return 0.5

    study = optuna.load_study(study_name="grid", storage=url, sampler=optuna.samplers.GridSampler(grid))
    barrier.wait()
    study.optimize(objective, catch=Exception)
    barrier.wait()


class NoTrainer:
    """Trains nothing, at once."""

    valid_labels = np.arange(8, dtype=np.uint8) % 2
    valid_rows = np.arange(8)

    def bring(self, recipe: Any, _epochs: Any, *, on_trained: Callable[..., None], before_save: Any) -> Iterator[Any]:
        before_save()
        on_trained(recipe, 1, 0.0)
        yield SimpleNamespace(epoch=1, metrics={"valid_auc": 0.5}, seconds=0.0)

    def valid_probabilities(self, _recipe: Any, _epoch: int) -> Any:
        return np.linspace(0, 1, 8, dtype=np.float32)


def our_worker(barrier: Any, url: str, study_file: str) -> None:
    """One process of ours."""
    from hpo.config.load import load_study
    from hpo.storage.artifacts import ArtifactFiles
    from hpo.storage.database import open_database
    from hpo.storage.files import Files
    from hpo.storage.leases import Heartbeat
    from hpo.storage.owner import this_process
    from hpo.storage.predictions import PredictionStore
    from hpo.worker.observer import Unobserved
    from hpo.worker.work import work_once
    from hpo.worker.worker import Worker

    study, database, trainer = load_study(study_file), open_database(url), cast(Any, NoTrainer())
    files = Files(study.checkpoints)
    predictions, artifacts = PredictionStore(files), ArtifactFiles(files)
    dataset = cast(Any, SimpleNamespace(valid=SimpleNamespace(slides=None), digest="d" * 64))
    with Heartbeat(database, study.name, this_process(), study.workers.lease_seconds) as heartbeat:
        owner, nobody = this_process(), Unobserved()
        worker = Worker(study, database, dataset, trainer, predictions, artifacts, owner, nobody, heartbeat)
        barrier.wait()
        while work_once(worker) != "nothing":
            pass
        barrier.wait()


def run(workers: int, target: Callable[..., None], *arguments: Any) -> float:
    """Seconds that so many processes take from a common start to the last one's last trial."""
    barrier = _context.Barrier(workers + 1)
    processes = [_context.Process(target=target, args=(barrier, *arguments)) for _ in range(workers)]
    for process in processes:
        process.start()
    barrier.wait()
    began = time.perf_counter()
    barrier.wait()
    taken = time.perf_counter() - began
    for process in processes:
        process.join()
    return taken


@dataclass(frozen=True)
class Measured:
    """One run: seconds, complete trials, and trials beyond one a point."""

    seconds: float
    complete: int
    repeats: int


def trials_of(url: str, study_name: str) -> tuple[int, int]:
    """Complete trials, and how many of all trials repeat the parameters of another."""
    trials = optuna.load_study(study_name=study_name, storage=url).trials
    points = Counter(tuple(sorted(trial.params.items())) for trial in trials)
    complete = sum(trial.state == optuna.trial.TrialState.COMPLETE for trial in trials)
    return complete, sum(count - 1 for count in points.values())


def measure_optuna(kind: str, workers: int, points: int) -> Measured:
    """`study.optimize` over the grid."""
    with tempfile.TemporaryDirectory() as folder, new_database(kind, Path(folder)) as url:
        optuna.create_study(study_name="grid", storage=url)
        seconds = run(workers, optuna_worker, url, grid_of(points))
        return Measured(seconds, *trials_of(url, "grid"))


def measure_ours(kind: str, workers: int, points: int) -> Measured:
    """Our loop over the same grid."""
    from hpo.stages.advance import advance
    from hpo.storage.database import open_database
    from tests.stages.story import STUDY, load

    grid = grid_of(points)
    low, high = grid["learning_rate"][0], max(grid["learning_rate"][-1], 0.002)
    space = {
        "epochs": {"reference": 1},
        "batch_size": {"reference": 8, "levels": grid["batch_size"]},
        "patches": {"reference": 64, "levels": grid["patches"], "step": 8},
        "learning_rate": {"reference": low, "levels": grid["learning_rate"], "low": low, "high": high},
    }
    with tempfile.TemporaryDirectory() as folder, new_database(kind, Path(folder)) as url:
        study = load(
            Path(folder),
            space=space,
            architectures=STUDY["architectures"][:1],
            stage1={"design": "grid", "factors": ["batch_size", "patches", "learning_rate"]},
            stage2={"factors": ["learning_rate"]},
        )
        database = open_database(url)
        advance(database, study, "d" * 64)
        seconds = run(workers, our_worker, url, str(study.file))
        database.close()
        return Measured(seconds, *trials_of(url, f"{study.name}/stage1/tiny"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=240)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--database", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--repeat", type=int, default=1)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print(f"grid of {len(grid_of(options.points)['learning_rate']) * 20} points; trials a second")
    print(f"{'database':12}{'workers':>8}{'Optuna':>9}{'repeats':>9}{'ours':>9}{'repeats':>9}{'ratio':>8}")
    for kind in options.database:
        for workers in options.workers:
            pairs = [
                (measure_optuna(kind, workers, options.points), measure_ours(kind, workers, options.points))
                for _ in range(options.repeat)
            ]
            theirs = statistics.median(pair[0].complete / pair[0].seconds for pair in pairs)
            ours = statistics.median(pair[1].complete / pair[1].seconds for pair in pairs)
            lost, repeated = (max(pair[side].repeats for pair in pairs) for side in (0, 1))
            print(f"{kind:12}{workers:8}{theirs:9.1f}{lost:9}{ours:9.1f}{repeated:9}{ours / theirs:8.2f}", flush=True)


if __name__ == "__main__":
    main()
