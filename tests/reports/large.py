"""A large study: what an invented one would be after weeks on a cluster."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hpo.recipe.key import digest
from hpo.results.study import StudyResults
from hpo.results.trainings import TrialResult
from hpo.storage.ledger import TrainedEpoch
from hpo.storage.workers import WorkerSpan
from tests.results.invented import BEGAN

WORKERS = 32
SECONDS = 1.4  # an epoch


def enlarge(results: StudyResults, trials: int = 10_000) -> StudyResults:
    """As many trials, each a training of its own for 20 epochs: stage 2's with other learning rates."""
    random = np.random.default_rng(5)
    stage1 = [trial for trial in results.trials if trial.stage == "stage1"]
    patterns = [trial for trial in results.trials if trial.stage == "stage2"]
    searched = [_varied(patterns[number % len(patterns)], number, random) for number in range(trials - len(stage1))]
    owners = [f"node-{number}:4711:100" for number in range(WORKERS)]
    entries = []
    finished = []
    for number, trial in enumerate(searched):
        owner, turn = owners[number % WORKERS], number // WORKERS
        begun = BEGAN + turn * 20 * SECONDS
        ends = [begun + epoch * SECONDS for epoch in range(1, 21)]
        entries += [
            TrainedEpoch(trial.recipe_key, epoch, int(trial.point["patches"]), SECONDS, owner, at)
            for epoch, at in enumerate(ends, 1)
        ]
        finished.append(replace(trial, finished_at=ends[-1]))
    last = max(entry.at for entry in entries)
    return replace(
        results,
        trials=(*stage1, *finished),
        epochs=tuple(sorted(entries, key=lambda entry: entry.at)),
        workers=tuple(WorkerSpan(owner, f"GPU {place}", BEGAN, last, last) for place, owner in enumerate(owners)),
    )


def _varied(trial: TrialResult, number: int, random: np.random.Generator) -> TrialResult:
    shift = float(random.normal(0, 0.01))
    return replace(
        trial,
        number=number,
        point=trial.point | {"learning_rate": float(trial.point["learning_rate"]) * float(random.uniform(0.5, 2))},
        recipe_key=digest({"trial": number}),
        objective=None if trial.objective is None else trial.objective + shift,
    )
