"""What several processes do at once in the tests; apart from them, because each process imports this."""

from __future__ import annotations

from hpo.storage.claims import Outcome, claim_points, complete_point, sweep_leases
from hpo.storage.database import Database, open_database
from hpo.storage.decisions import open_stage, open_study
from hpo.storage.optuna_bridge import ensure_optuna_study
from hpo.storage.points import PlannedPoint, count_points

STAGE = "study/stage1/model1"
DONE = Outcome(objective=0.9, standard_error=0.01, curve=[{"valid_auc": 0.9}])


def point(number: int, *, recipe: str | None = None, epochs: int = 1) -> PlannedPoint:
    return PlannedPoint(f"point-{number}", recipe_key=recipe or f"recipe-{number}", recipe={}, epochs=epochs)


def plan(database: Database, points: list[PlannedPoint]) -> None:
    with database.transaction() as session:
        open_study(session, "study", {})
        open_stage(session, "study", "stage1", "model1", {"space": {}}, points)


def counts(database: Database) -> dict[str, int]:
    """How many points of `STAGE` are in each state."""
    with database.transaction() as session:
        return count_points(session, STAGE)


def plan_twenty(_number: int, url: str) -> None:
    database = open_database(url)  # the tables are made at once, too
    plan(database, [point(number) for number in range(20)])
    database.close()


def claim_all(number: int, url: str) -> list[str]:
    database = open_database(url)
    taken = []
    while claims := claim_points(database, "study", f"worker {number}", 600):
        taken += [claim.planned.key for claim in claims]
        for claim in claims:
            complete_point(database, claim, DONE)
    database.close()
    return taken


def claim_once(number: int, url: str) -> list[str]:
    database = open_database(url)
    keys = [claim.planned.key for claim in claim_points(database, "study", f"worker {number}", 600)]
    database.close()
    return keys


def sweep(_number: int, url: str) -> list[str]:
    database = open_database(url)
    reasons = sweep_leases(database, "study", max_attempts=9)
    database.close()
    return reasons


def make_optuna_study(_number: int, url: str) -> None:
    database = open_database(url)
    ensure_optuna_study(database, "study/stage1/model1", "maximize")
    database.close()
