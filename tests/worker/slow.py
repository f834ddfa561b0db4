"""A trainer that only waits, with a real checkpoint store; and a process that forks workers which use it.

Run as a program, ``python -m tests.worker.slow``, it imports TensorFlow once and forks a worker for each line of JSON
on its standard input: the arguments of `work`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import psutil

from hpo.config.load import load_study
from hpo.config.study import StudyFile
from hpo.recipe.recipe import Recipe
from hpo.storage.artifacts import ArtifactFiles
from hpo.storage.checkpoints import Checkpoint, CheckpointStore
from hpo.storage.claims import Claim
from hpo.storage.database import Database, open_database
from hpo.storage.files import Files
from hpo.storage.leases import Heartbeat
from hpo.storage.owner import this_process
from hpo.storage.predictions import PredictionStore
from hpo.training.engine import EpochResult, OnTrained
from hpo.worker.observer import Observer, Unobserved
from hpo.worker.work import work_once
from hpo.worker.worker import Worker

LABELS = (np.arange(16) % 2).astype(np.uint8)


class SlowTrainer:
    """Waits in place of training; what an epoch gives is a function of its number.

    Args:
        store: where its checkpoints are.
        seconds: how long an epoch takes.
        before_epoch: called in the middle of each.
    """

    def __init__(
        self, store: CheckpointStore, seconds: float = 0.0, before_epoch: Callable[[int], None] = lambda _epoch: None
    ) -> None:
        self._store, self._seconds, self._before_epoch = store, seconds, before_epoch
        self.valid_labels, self.valid_rows = LABELS, np.arange(len(LABELS))

    def bring(
        self,
        recipe: Recipe,
        epochs: Collection[int],
        *,
        on_trained: OnTrained,
        before_save: Callable[[], None],
    ) -> Iterator[EpochResult]:
        found = self._store.latest(recipe.key, max(epochs))
        curve = found.curve if found else ()
        for number, metrics in enumerate(curve, 1):
            yield EpochResult(number, metrics, None)
        for epoch in range(len(curve) + 1, max(epochs) + 1):
            time.sleep(self._seconds)
            self._before_epoch(epoch)
            curve = (*curve, {"valid_auc": 1 - 0.5**epoch})
            before_save()
            self._store.save(Checkpoint(recipe.key, epoch, {"valid_probabilities": LABELS * np.float32(0.9)}, curve))
            on_trained(recipe, epoch, self._seconds)
            yield EpochResult(epoch, curve[-1], self._seconds)

    def valid_probabilities(self, _recipe: Recipe, _epoch: int) -> Any:
        return LABELS * np.float32(0.9)


def with_lease(study: StudyFile, seconds: float) -> StudyFile:
    """The study with a shorter lease than a study file may ask for."""
    return study.model_copy(update={"workers": study.workers.model_copy(update={"lease_seconds": seconds})})


def slow_worker(
    study: StudyFile,
    database: Database,
    heartbeat: Heartbeat,
    trainer: SlowTrainer,
    owner: str,
    observer: Observer | None = None,
) -> Worker:
    dataset: Any = SimpleNamespace(valid=SimpleNamespace(slides=None))
    files, a_trainer = Files(study.checkpoints), cast(Any, trainer)
    predictions, artifacts = PredictionStore(files), ArtifactFiles(files)
    watching = observer or Unobserved()
    return Worker(study, database, dataset, a_trainer, predictions, artifacts, owner, watching, heartbeat)


class Said(Unobserved):
    """An observer that appends a line to a file for each thing that happens."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def say(self, line: str) -> None:
        with self._file.open("a") as file:
            file.write(f"{line}\n")

    def epoch_ended(self, claims: Sequence[Claim], epoch: int, epochs: int, value: float) -> None:  # noqa: ARG002
        self.say(f"epoch {epoch}")

    def ended(self, claim: Claim, objective: float | None, reason: str | None) -> None:  # noqa: ARG002
        self.say(f"ended {objective} {reason}")


def work(study_file: str, url: str, lease: float, seconds: float, said: str, dies_in_epoch: int | None) -> None:
    """A worker's process, until there is nothing to do; it tells in the file ``said`` what happens."""
    said_to, database = Said(Path(said)), open_database(url)
    study = with_lease(load_study(study_file), lease)

    def before_epoch(epoch: int) -> None:
        if epoch == dies_in_epoch:
            os.kill(os.getpid(), signal.SIGKILL)

    trainer = SlowTrainer(CheckpointStore(Files(study.checkpoints)), seconds, before_epoch)
    owner = this_process()
    with Heartbeat(database, study.name, owner, lease) as heartbeat:
        worker = slow_worker(study, database, heartbeat, trainer, owner, said_to)
        while work_once(worker) != "nothing":
            said_to.say("turn")
    database.close()
    said_to.say("exit")


class Nursery:
    """A process that forks workers."""

    def __init__(self) -> None:
        # A session of its own: what interrupts the tests does not interrupt it first.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.worker.slow"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def fork(self, **arguments: Any) -> int:
        """The number of a new process that does `work`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it, and the workers of a test that failed, frozen or not."""
        assert self._process.stdin is not None
        for child in psutil.Process(self._process.pid).children():
            child.kill()
        self._process.stdin.close()
        self._process.wait(timeout=300)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for line in sys.stdin:
        number = os.fork()
        if number == 0:
            status = 1
            try:
                work(**json.loads(line))
                status = 0
            finally:
                os._exit(status)
        print(number, flush=True)


if __name__ == "__main__":
    main()
