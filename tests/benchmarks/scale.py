"""A study of 10,000 trials: how long do status, a claim, a decision and the report take?

    .venv/bin/python -m tests.benchmarks.scale [--points 10000] [--database sqlite postgresql]

The trials are written in bulk, all complete but for the last hundred design points. Seconds, the median of five; the
commands as whole processes, once.
"""

from __future__ import annotations

import argparse
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from hpo.config.study import StudyFile
from hpo.stages.advance import advance
from hpo.stages.estimate import estimate, total
from hpo.stages.status import pace, running_points, stage_statuses
from hpo.storage.claims import claim_points, release_points
from hpo.storage.database import Database, open_database
from hpo.storage.ledger import record_epoch
from hpo.storage.optuna_trials import begin_trial, report_epochs, tell_trial
from hpo.storage.points import stage_points
from hpo.storage.sweep import sweep_leases
from hpo.storage.tables import StageRow
from tests.benchmarks.databases import new_database
from tests.end_to_end.conftest import write_pcam
from tests.stages.story import STUDY, load, smooth

LEFT_OVER = 100


def new_study(folder: Path, url: str, points: int) -> StudyFile:
    """A grid of about so many design points: 10 epochs a training, and as many batch sizes, patches and rates."""
    side = round((points / 10) ** (1 / 3))
    rates = [0.001 * number for number in range(1, side + 1)]
    space = {
        "epochs": {"reference": 2, "levels": list(range(1, 11))},
        "batch_size": {"reference": 8, "levels": list(range(8, 8 + side))},
        "patches": {"reference": 64, "levels": list(range(64, 64 + side))},
        "learning_rate": {"reference": 0.001, "levels": rates, "low": 0.001, "high": max(rates)},
        "strategy": {"reference": "constant"},
    }
    write_pcam(folder / "data")
    stage1 = {"design": "grid", "factors": ["epochs", "batch_size", "patches", "learning_rate"]}
    architectures = STUDY["architectures"][:1]
    return load(folder, space=space, stage1=stage1, architectures=architectures, database=url, dashboard="all.yaml")


def fill(database: Database, study: StudyFile, digest: str) -> int:
    """Complete all but the last points, in bulk; returns how many."""
    advance(database, study, digest)
    stage = f"{study.name}/stage1/tiny"
    with database.transaction() as session:
        space = session.scalars(select(StageRow.plan).where(StageRow.name == stage)).one()["space"]
        done = stage_points(session, stage)[:-LEFT_OVER]
        for row in done:
            point = row.point or {}
            curve = [
                {"valid_auc": smooth({**point, "epochs": epoch}) or 0.0, "valid_loss": math.exp(-epoch)}
                for epoch in range(1, int(row.epochs or 0) + 1)
            ]
            row.trial_id = begin_trial(session, stage, row.point_key, point, space)
            report_epochs(session, row.trial_id, {number + 1: it["valid_auc"] for number, it in enumerate(curve)})
            row.state, row.attempt, row.curve, row.standard_error = "complete", 1, curve, 0.01
            row.objective = curve[-1]["valid_auc"]
            tell_trial(session, row.trial_id, row.objective, {"epochs": row.epochs})
            if row.epochs == 10:
                for epoch in range(1, 11):
                    record_epoch(
                        session,
                        study=study.name,
                        recipe_key=row.recipe_key or "",
                        epoch=epoch,
                        patch_visits=64,
                        seconds=1.0,
                        owner="machine:1:0",
                    )
    return len(done)


def median_seconds(work: Callable[[], object], times: int = 5) -> float:
    """The median of several calls."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def command_seconds(study: StudyFile, *arguments: str) -> float:
    """A whole process of ``hpo``."""
    command = [sys.executable, "-m", "hpo", arguments[0], str(study.file), *arguments[1:]]
    return median_seconds(lambda: subprocess.run(command, check=True, capture_output=True), 1)


def measure(kind: str, points: int) -> None:
    """Print the lines of one database."""
    from hpo.data.prepare import prepare_data

    with tempfile.TemporaryDirectory() as name, new_database(kind, Path(name)) as url:
        folder = Path(name)
        every = (Path(__file__).parents[2] / "dashboards" / "paper.yaml").read_text(encoding="utf-8")
        (folder / "all.yaml").write_text(every, encoding="utf-8")
        study = new_study(folder, url, points)
        database = open_database(url)
        digest = prepare_data(study.data).digest
        done = fill(database, study, digest)

        def claim() -> None:
            database.run(release_points, database.run(claim_points, study.name, "machine:1:0", 60))

        def look() -> None:
            stage_statuses(database, study)
            running_points(database, study)
            pace(database, study, lambda: total(estimate(study)).shared_patch_visits)

        lines = {
            "claim, and give back": median_seconds(claim),
            "sweep": median_seconds(lambda: database.run(sweep_leases, study.name, 3)),
            "decide": median_seconds(lambda: advance(database, study, digest)),
            "status": median_seconds(look),
            "hpo status": command_seconds(study, "status"),
            "hpo report": command_seconds(study, "report"),
        }
        size = (study.output / "report.html").stat().st_size / 1e6
        for what, seconds in lines.items():
            print(f"{kind:12}{done:8} trials  {what:24}{seconds:8.3f} s")
        print(f"{kind:12}{done:8} trials  {'report.html':24}{size:8.1f} MB")
        database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--database", nargs="+", default=["sqlite", "postgresql"])
    options = parser.parse_args()
    for kind in options.database:
        measure(kind, options.points)


if __name__ == "__main__":
    main()
