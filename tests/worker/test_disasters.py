"""Workers are killed or frozen, databases restart or do not answer: nothing is lost, and nothing told twice."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from optuna.trial import TrialState

from hpo.run.loop import _Sweeper
from hpo.storage import patience
from hpo.storage.database import open_database
from hpo.storage.leases import Heartbeat
from hpo.storage.sweep import sweep_leases
from hpo.worker.work import work_once
from tests.postgresql import OwnServer
from tests.storage.at_once import forgetful, freeze, trials, wait_until
from tests.worker.bench import STAGE, bench
from tests.worker.conftest import OWNER, Watcher
from tests.worker.slow import Nursery, SlowTrainer, slow_worker


def test_answers_of_the_database_that_are_lost_again_and_again_change_nothing(sqlite_url: str, tmp_path: Path) -> None:
    made = bench(tmp_path, sqlite_url, epochs=[1, 2, 3])
    watcher, database = Watcher(), forgetful(made.database, lambda number: number % 2 == 0)
    with Heartbeat(made.database, "small", OWNER, 60) as heartbeat:
        worker = slow_worker(made.study, database, heartbeat, SlowTrainer(made.store), OWNER, watcher)
        assert work_once(worker) == "the last of a stage"
    assert [(point.state, point.attempt, point.reasons) for point in made.points()] == [("complete", 2, [])] * 3
    assert made.trained() == [1, 2, 3]
    assert [trial.value for trial in trials(made.database, STAGE)] == [point.objective for point in made.points()]
    assert len(watcher.ends) == 3
    made.database.close()


@pytest.fixture
def own_server() -> Iterator[OwnServer]:
    server = OwnServer()
    yield server
    server.close()


def test_training_goes_on_while_the_database_restarts_and_every_point_is_accepted_once_on_its_first_lease(
    own_server: OwnServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is away for longer than the lease lasts, and an idle worker is at hand to sweep what has expired."""
    monkeypatch.setattr(patience, "LONGEST_WAIT_SECONDS", 0.05)  # so that the idle one is there before any heart beats
    made = bench(tmp_path, own_server.url, epochs=[4, 8, 12], lease=2.0)
    looked, over = threading.Event(), threading.Event()
    nearby = open_database(own_server.url)
    sweeper = _Sweeper(nearby, made.study)

    def sweep() -> None:
        while not over.wait(0.02):
            nearby.patiently(nearby.now)
            sweeper.sweep()
            looked.set()

    with Heartbeat(made.database, "small", OWNER, 2.0) as heartbeat:

        def before_epoch(epoch: int) -> None:
            if epoch == 3:
                own_server.stop()
            if epoch == 10:
                wait_until(heartbeat.is_overdue)
                time.sleep(1.0)
                looked.clear()
                own_server.start()
                assert looked.wait(20)

        idle = threading.Thread(target=sweep, daemon=True)
        idle.start()
        trainer, watcher = SlowTrainer(made.store, 0.01, before_epoch), Watcher()
        assert work_once(slow_worker(made.study, made.database, heartbeat, trainer, OWNER, watcher)) != "nothing"
        over.set()
        idle.join()
    found = [(point.state, point.attempt, point.owner, point.reasons) for point in made.points()]
    assert found == [("complete", 1, OWNER, [])] * 3
    assert made.trained() == list(range(1, 13))
    told = {len(trial.intermediate_values): trial.value for trial in trials(made.database, STAGE)}
    assert told == {point.epochs: point.objective for point in made.points()}
    nearby.close()
    made.database.close()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    opened = Nursery()
    yield opened
    opened.close()


def lines(said: Path) -> list[str]:
    return said.read_text().splitlines() if said.exists() else []


def test_a_frozen_worker_publishes_nothing_when_it_thaws(nursery: Nursery, database_url: str, tmp_path: Path) -> None:
    made, said = bench(tmp_path, database_url, epochs=[2, 4], lease=0.5), tmp_path / "said"
    frozen = nursery.fork(**made.hand(said, seconds=3.0))
    wait_until(lambda: "epoch 1" in lines(said))
    freeze(frozen, made.database)
    wait_until(lambda: len(made.database.run(sweep_leases, "small", 9)) > 0)
    with Heartbeat(made.database, "small", OWNER, 60) as heartbeat:
        worker = slow_worker(made.study, made.database, heartbeat, SlowTrainer(made.store), OWNER)
        assert work_once(worker) == "the last of a stage"
    accepted, told, files = made.points(), trials(made.database, STAGE), made.files()
    assert [(point.state, point.attempt, point.owner) for point in accepted] == [("complete", 2, OWNER)] * 2
    os.kill(frozen, signal.SIGCONT)
    wait_until(lambda: lines(said)[-1:] == ["exit"])
    assert lines(said) == ["epoch 1", "turn", "exit"], "its turn has ended, and nothing was left to do"
    assert made.files() == files
    assert trials(made.database, STAGE) == told
    assert [(point.finished_at, point.attempt, point.reasons) for point in made.points()] == [
        (point.finished_at, point.attempt, point.reasons) for point in accepted
    ]
    made.database.close()


def test_a_worker_that_is_killed_again_and_again_is_never_given_up_on_while_it_gets_on(
    nursery: Nursery, database_url: str, tmp_path: Path
) -> None:
    # So many epochs that no life is over before it is ended, however late its first epoch is seen.
    kills, epochs = 6, 200
    made, chance = bench(tmp_path, database_url, epochs=[1, epochs]), random.Random(0)
    for life in range(kills):
        before = len(made.trained())
        pid = nursery.fork(**made.hand(tmp_path / f"said {life}", seconds=0.02))
        wait_until(lambda: len(made.trained()) > before)  # noqa: B023
        time.sleep(chance.uniform(0, 0.06))
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(made.database.run(sweep_leases, "small", max_attempts=2)) > 0)
        assert "exit" not in lines(tmp_path / f"said {life}")
    nursery.fork(**made.hand(tmp_path / "last", seconds=0.0))
    wait_until(lambda: lines(tmp_path / "last")[-1:] == ["exit"])
    first, last = made.points()
    assert (first.state, last.state, last.failures, len(last.reasons)) == ("complete", "complete", 0, kills)
    assert last.attempt == kills + 1
    # A kill costs at most the epoch at hand; between its checkpoint and its entry in the ledger, that entry.
    trained = made.trained()
    assert len(trained) <= epochs + kills
    assert len(set(trained)) >= epochs - kills
    assert [len(trial.intermediate_values) for trial in trials(made.database, STAGE)] == [1, epochs]
    made.database.close()


def test_a_worker_that_dies_in_its_first_epoch_each_time_is_given_up_on(
    nursery: Nursery, sqlite_url: str, tmp_path: Path
) -> None:
    made = bench(tmp_path, sqlite_url, epochs=[1, 5])
    for life in range(3):
        assert {point.state for point in made.points()} == {"waiting"}
        nursery.fork(**made.hand(tmp_path / f"said {life}", seconds=0.0, dies_in_epoch=1))
        wait_until(lambda: len(made.database.run(sweep_leases, "small", max_attempts=3)) > 0)
    assert [(point.state, len(point.reasons)) for point in made.points()] == [("failed", 3)] * 2
    assert {trial.state for trial in trials(made.database, STAGE)} == {TrialState.FAIL}
    made.database.close()
