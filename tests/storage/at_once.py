"""What several processes do at once in the tests; apart from them, because each process imports this."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

import optuna
from optuna.trial import FrozenTrial
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hpo.recipe.architecture import ARCHITECTURES
from hpo.recipe.recipe import Recipe
from hpo.storage.claims import Claim, claim_points
from hpo.storage.database import Database, open_database
from hpo.storage.decided import Choice, ConfirmPlan, ConfirmResult, Donor, Plan, RecheckPlan, Stage1Plan, Stage2Plan
from hpo.storage.decisions import open_stage, open_study
from hpo.storage.files import Files
from hpo.storage.ledger import record_epoch
from hpo.storage.optuna_trials import begin_trial
from hpo.storage.outcomes import Outcome, complete_point
from hpo.storage.points import DesignPoint, add_points, count_points, stage_points
from hpo.storage.store_mark import agree_on_store
from hpo.storage.sweep import sweep_leases
from hpo.storage.tables import PointRow
from hpo.storage.workers import register_worker

STAGE = "study/stage1/model1"
DONE = Outcome(objective=0.9, standard_error=0.01, curve=[{"valid_auc": 0.9}], attributes={"epochs": 1})


def point(number: int, *, recipe: str | None = None, epochs: int = 1, donor: str | None = None) -> DesignPoint:
    return DesignPoint(
        f"point-{number}", recipe_key=recipe or f"recipe-{number}", recipe={}, donor_key=donor, epochs=epochs
    )


def decided_for(stage: str, space: dict[str, str]) -> Plan:
    """Some plan of a stage."""
    recipe = Recipe("data", 50, ARCHITECTURES["model2"])
    if stage == "stage2":
        donor = Donor(recipe, 1, {"epochs": 1}, recipe.key, 0.9)
        return Stage2Plan(recipe, {"epochs": 1}, space, "tpe", 0, 3, {}, donor)
    if stage == "recheck":
        return RecheckPlan((), ())
    if stage == "confirm":
        return ConfirmPlan(Choice({"epochs": 1}, recipe, recipe.key, 0.9, "key", 1), 1)
    return Stage1Plan({}, space) if stage == "stage1" else ConfirmResult((), "configuration", 0)


def plan(
    database: Database,
    points: list[DesignPoint],
    *,
    stage: str = "stage1",
    architecture: str = "model1",
    space: dict[str, str] | None = None,
) -> None:
    with database.transaction() as session:
        open_study(session, "study", {})
        directions = {"auc": "maximize"} if stage in ("stage1", "stage2") else None
        open_stage(session, "study", stage, architecture, decided_for(stage, space or {}), points, directions)  # type: ignore[arg-type]


def claim(database: Database, owner: str = "a", lease_seconds: float = 60) -> list[Claim]:
    with database.transaction() as session:
        return claim_points(session, "study", owner, lease_seconds)


def claim_one(database: Database, owner: str = "a", lease_seconds: float = 60) -> Claim:
    (found,) = claim(database, owner, lease_seconds)
    return found


def complete(database: Database, claim: Claim, outcome: Outcome = DONE) -> bool:
    return database.run(complete_point, claim, outcome)


_epochs = itertools.count(1)


def train_an_epoch(database: Database, claim: Claim) -> None:
    """What the ledger holds once a claim's owner has trained an epoch."""
    with database.transaction() as session:
        record_epoch(
            session, study="study", recipe_key="r", epoch=next(_epochs), patch_visits=1, seconds=0.1, owner=claim.owner
        )


def counts(database: Database) -> dict[str, int]:
    """How many points of `STAGE` are in each state."""
    with database.transaction() as session:
        return count_points(session, STAGE)


def rows(database: Database) -> list[PointRow]:
    """The points of `STAGE`."""
    with database.transaction() as session:
        return stage_points(session, STAGE)


def trials(database: Database, name: str = STAGE) -> list[FrozenTrial]:
    """As any user of Optuna reads them, who has just come."""
    storage = optuna.storages.RDBStorage(database.engine.url.render_as_string(hide_password=False))
    try:
        return optuna.load_study(study_name=name, storage=storage).trials
    finally:
        storage.remove_session()
        storage.engine.dispose()


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@dataclass(frozen=True)
class Forgetful(Database):
    """A database that commits, and whose answer is lost on the way back if ``forgets`` says so of its number."""

    forgets: Callable[[int], bool] = lambda _number: True
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with super().transaction() as session:
            yield session
        if self.forgets(next(self.numbers)):
            raise OperationalError("COMMIT", {}, Exception("server closed the connection unexpectedly"))


def forgetful(database: Database, forgets: Callable[[int], bool]) -> Forgetful:
    """The same database, of whose answers, counted from 0, some are lost."""
    same: dict[str, Any] = {one.name: getattr(database, one.name) for one in fields(Database)}
    return Forgetful(**same, forgets=forgets)


def twice(number: int) -> bool:
    """Whether an answer is one of the first two."""
    return number < 2


def freeze(pid: int, database: Database) -> None:
    """Freeze a process while it holds no lock on a point: otherwise, rightly, nobody can take its point."""
    lock = select(PointRow.id).order_by(PointRow.epochs, PointRow.id).with_for_update()
    while True:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.05)  # what it has just sent is carried out
        probe = threading.Thread(target=lambda: database.run(lambda session: session.execute(lock)))
        probe.start()
        probe.join(timeout=0.2)
        if not probe.is_alive():
            return
        os.kill(pid, signal.SIGCONT)
        probe.join()


def plan_twenty(_number: int, url: str) -> None:
    database = open_database(url)  # the tables are made at once, too
    plan(database, [point(number) for number in range(20)])
    database.close()


def add_tens(number: int, url: str, rounds: int) -> int:
    """Queue ten points in each round, the first nine of which another process queues too."""
    database, added = open_database(url), 0
    for first in range(0, 100 * rounds, 100):
        points = [point(first + number + more) for more in range(10)]
        added += database.run(add_points, STAGE, points)
    database.close()
    return added


def claim_all(number: int, url: str) -> list[tuple[str, int]]:
    """Take and complete whatever there is; tells which points, and for the how-manieth time they were claimed."""
    database = open_database(url)
    taken = []
    while claims := database.patiently(lambda: claim(database, f"worker {number}", 600)):
        accepted = database.run(lambda session: [complete_point(session, one, DONE) for one in claims])
        assert all(accepted)
        taken += [(one.planned.key, one.attempt) for one in claims]
    database.close()
    return taken


def claim_once(number: int, url: str) -> list[str]:
    database = open_database(url)
    keys = [one.planned.key for one in claim(database, f"worker {number}", 600)]
    database.close()
    return keys


def sweep(_number: int, url: str) -> list[str]:
    database = open_database(url)
    reasons = database.run(sweep_leases, "study", max_attempts=9)
    database.close()
    return reasons


def agree(number: int, url: str, store: str) -> None:
    database, owner = open_database(url), f"worker {number}:1:0"
    database.run(register_worker, "study", owner, "CPU")
    agree_on_store(database, "study", owner, Files(store), 20.0)
    database.close()


def make_trials(number: int, url: str, count: int) -> list[int]:
    """The odd processes make trials with Optuna's own API, the others with ours."""
    database = open_database(url)
    study = optuna.load_study(study_name=STAGE, storage=database.storage)
    made = []
    for _ in range(count):
        if number % 2:
            made.append(study.ask()._trial_id)
        else:
            made.append(database.run(begin_trial, STAGE, "point", None, {}))
    database.close()
    return made
