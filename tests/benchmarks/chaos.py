"""A study under fire: workers killed, frozen and thawed, and PostgreSQL restarted, again and again; is anything lost?

    .venv/bin/python -m tests.benchmarks.chaos [--stage 2] [--workers 4] [--every 6] [--seed 0] [--database postgresql]

Two runs of one small study, from the same data: an undisturbed one by a single worker, and one launched with several
workers while every few seconds something befalls a worker (SIGKILL; or SIGSTOP for up to three leases, then SIGCONT)
or the database (an immediate shutdown, and a start some seconds later). Then both databases and checkpoint stores are
compared, bit for bit. It ends with exit code 1 if a point was lost or accepted twice, or anything differs.

With ``--stage 2`` the fire goes on through a stage 2 whose trainings pause and go on. What it decides depends on who
was free when, so its reference is made afterwards: every training that it decided on, from its beginning, in one piece.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import create_engine, text

from tests.end_to_end.conftest import STUDY, Project, write_pcam
from tests.postgresql import OwnServer

LEASE_SECONDS = 5
SPACE: dict[str, Any] = {
    "epochs": {"reference": 4, "levels": [2, 4, 8]},
    "batch_size": {"reference": 8, "levels": [8, 16, 32]},
    "patches": {},  # as many as are asked for, and half of them
    "learning_rate": {"reference": 0.01, "levels": [0.005, 0.01, 0.02, 0.05], "low": 0.001, "high": 0.1},
}
"""With two architectures and two amounts of patches: a grid of 144 design points, 48 trainings of 8 epochs."""


STAGE2: dict[str, Any] = {
    "design": "freeze_thaw",
    "within": "space",
    "epochs": 27,
    "trials": 12,
    "warm_start": "cold",
    "factors": ["learning_rate", "batch_size", "patches"],
}


def new_project(folder: Path, stage: int, patches: int) -> Project:
    """The study, with its data."""
    write_pcam(folder / "data", {"train": patches, "valid": 1000, "test": 64})
    project = Project(folder)
    stage1: dict[str, Any] = {"design": "grid", "factors": list(SPACE)}
    if stage == 2:
        stage1 = {"design": "one_factor", "factors": ["epochs", "learning_rate"]}
    workers = {"threads": 1, "lease_seconds": LEASE_SECONDS, "max_attempts": 3}
    changes = {"stage1": stage1, "stage2": STAGE2, "workers": workers, "architectures": STUDY["architectures"]}
    amounts = {"reference": patches, "levels": [patches // 2, patches], "step": 8}
    project.write(changes, {"factors": SPACE | {"patches": amounts}})
    return project


@contextmanager
def database_for(kind: str, project: Project) -> Iterator[tuple[str, OwnServer | None]]:
    """URL of the database of the disturbed run, and the server behind it."""
    if kind == "sqlite":
        yield f"sqlite:///{project.output / 'study.db'}", None
        return
    server = OwnServer()
    try:
        yield server.url, server
    finally:
        server.close()


@dataclass
class Chaos:
    """What befalls a launch.

    Args:
        launcher: the process of ``hpo launch``.
        server: the database's, if it can be restarted.
        chance: what happens when.
    """

    launcher: subprocess.Popen[bytes]
    server: OwnServer | None
    chance: random.Random
    happened: Counter[str] = field(default_factory=Counter)
    frozen: dict[int, float] = field(default_factory=dict)

    def workers(self) -> list[psutil.Process]:
        """The launcher's workers that are alive."""
        return [p for p in psutil.Process(self.launcher.pid).children() if p.status() != psutil.STATUS_ZOMBIE]

    def thaw(self, *, everyone: bool = False) -> None:
        """Let those go on that have been frozen for long enough."""
        for pid, until in list(self.frozen.items()):
            if everyone or time.monotonic() >= until:
                del self.frozen[pid]
                if psutil.pid_exists(pid):
                    os.kill(pid, signal.SIGCONT)

    def strike(self) -> None:
        """Something happens."""
        fault = self.chance.choices(["SIGKILL", "SIGSTOP", "restart"], [3, 2, 1 if self.server else 0])[0]
        if fault == "restart" and self.server is not None:
            self.server.stop()
            time.sleep(self.chance.uniform(1, 6))
            self.server.start()
        else:
            victims = [worker for worker in self.workers() if worker.pid not in self.frozen]
            if not victims:
                return
            victim = self.chance.choice(victims)
            victim.send_signal(signal.Signals[fault])
            if fault == "SIGSTOP":
                self.frozen[victim.pid] = time.monotonic() + self.chance.uniform(1, 3 * LEASE_SECONDS)
        self.happened[fault] += 1


def disturbed(project: Project, url: str, server: OwnServer | None, options: argparse.Namespace) -> Chaos:
    """The launch, and all that befalls it until it has ended."""
    command = [sys.executable, "-m", "hpo", "launch", "study.yaml", "--until", f"stage{options.stage}"]
    command += ["--workers", str(options.workers), "--database", url]
    launcher = subprocess.Popen(command, cwd=project.folder, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"})
    chaos = Chaos(launcher, server, random.Random(options.seed))
    while launcher.poll() is None and not chaos.workers():
        time.sleep(0.05)  # the launcher itself does not wait for a database that was never there
    next_strike = time.monotonic() + max(10, options.every)
    while launcher.poll() is None:
        chaos.thaw()
        if time.monotonic() >= next_strike:
            chaos.strike()
            next_strike = time.monotonic() + chaos.chance.expovariate(1 / options.every)
        time.sleep(0.05)
    chaos.thaw(everyone=True)
    if launcher.returncode:
        sys.exit(f"the launch ended with {launcher.returncode}")
    return chaos


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """What a query finds."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


def accepted(url: str) -> dict[tuple[str, str], tuple[Any, ...]]:
    """What was accepted of every design point: state, objective, standard error and curve."""
    query = "SELECT stage_name, point_key, state, objective, standard_error, curve FROM hpo_design_point"
    return {
        (row[0], row[1]): (*row[2:5], row[5] if isinstance(row[5], list) else json.loads(row[5] or "null"))
        for row in rows(url, query)
    }


def checkpoints(project: Project) -> set[str]:
    """Every checkpoint's recipe, epoch and SHA-256 of all its content, which its name holds."""
    folder = project.output / "checkpoints"
    return {str(path.relative_to(folder)) for path in folder.rglob("epoch-*.h5")}


def repeated(project: Project, url: str) -> dict[tuple[str, str], tuple[Any, ...]]:
    """What the points of a study give if each training is made from its beginning, in one piece, in this project."""
    from hpo.config.load import load_study
    from hpo.evaluation.objective import objective_of
    from hpo.recipe.recipe import recipe_from_json
    from hpo.stages.data import open_data
    from hpo.storage.checkpoints import CheckpointStore
    from hpo.storage.files import Files
    from hpo.training.engine import Trainer
    from hpo.training.runtime import configure

    configure(1)
    study = load_study(project.study)
    objective = objective_of(study)
    trainer = Trainer(
        CheckpointStore(Files(study.checkpoints)), open_data(study), most_patches=study.space.most_patches
    )
    query = "SELECT stage_name, point_key, recipe_key, recipe, epochs, standard_error FROM hpo_design_point"
    points = rows(url, query)
    recipes = {row[2]: row[3] if isinstance(row[3], dict) else json.loads(row[3]) for row in points}
    curves = {}
    for key, recipe in recipes.items():
        epochs = sorted({row[4] for row in points if row[2] == key})
        curves[key] = [result.metrics for result in trainer.bring(recipe_from_json(recipe), epochs)]
    return {
        (row[0], row[1]): ("complete", objective.value(curves[row[2]][: row[4]]), row[5], curves[row[2]][: row[4]])
        for row in points
    }


def report(
    undisturbed: dict[tuple[str, str], tuple[Any, ...]],
    expected: set[str],
    run: tuple[Project, str],
    chaos: Chaos,
    seconds: float,
) -> bool:
    """Print the table; whether all is well."""
    found = accepted(run[1])
    tells = rows(run[1], "SELECT value_json, study_id FROM trial_user_attributes JOIN trials USING (trial_id) "
                         "WHERE key = 'design_point' AND state = 'COMPLETE'")  # fmt: skip
    open_trials = rows(run[1], "SELECT COUNT(*) FROM trials WHERE state NOT IN ('COMPLETE', 'FAIL')")[0][0]
    shown = Counter(tells)
    epochs = Counter(rows(run[1], "SELECT recipe_key, epoch FROM hpo_trained_epoch"))
    complete = [key for key, row in found.items() if row[0] == "complete"]
    attempts = rows(run[1], "SELECT SUM(attempt) FROM hpo_design_point")[0][0]
    went_on = sum("from" in (label if isinstance(label, dict) else json.loads(label))
                  for (label,) in rows(run[1], "SELECT label FROM hpo_design_point"))  # fmt: skip
    kept = checkpoints(run[0])
    same = {
        "objectives, errors and curves equal": found == undisturbed,
        "every checkpoint equal, bit for bit": expected <= kept,
    }
    lost, twice = len(undisturbed) - len(complete), sum(shown.values()) - len(complete)
    lines = [
        ("seconds", f"{seconds:.0f}"),
        *((f"faults: {name}", str(count)) for name, count in sorted(chaos.happened.items())),
        ("design points planned", str(len(undisturbed))),
        ("of them, a paused training that went on", str(went_on)),
        ("accepted once", str(len(complete))),
        ("lost", str(lost)),
        ("accepted twice (complete trials beyond one a point)", str(twice)),
        ("trials left open", str(open_trials)),
        ("attempts at them in all", str(attempts)),
        ("epochs trained", str(len(epochs))),
        ("epochs trained twice", str(sum(epochs.values()) - len(epochs))),
        ("checkpoints that nothing needs", str(len(kept - expected))),
        *((name, "yes" if holds else "NO") for name, holds in same.items()),
    ]
    for name, value in lines:
        print(f"{name:55}{value:>8}")
    return not lost and not twice and not open_trials and all(same.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", type=int, choices=[1, 2], default=1)
    parser.add_argument("--patches", type=int, default=24000, help="training patches at most: how long an epoch takes")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--every", type=float, default=6.0, help="seconds between two faults, on average")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        quiet, loud = (new_project(Path(folder) / name, options.stage, options.patches) for name in ("quiet", "loud"))
        if options.stage == 1:
            quiet.run("run", "study.yaml", "--until", "stage1")
        with database_for(options.database, loud) as (url, server):
            began = time.monotonic()
            chaos = disturbed(loud, url, server, options)
            seconds = time.monotonic() - began
            if options.stage == 1:
                undisturbed = accepted(f"sqlite:///{quiet.output / 'study.db'}")
            else:
                undisturbed = repeated(quiet, url)
            is_well = report(undisturbed, checkpoints(quiet), (loud, url), chaos, seconds)
    sys.exit(not is_well)


if __name__ == "__main__":
    main()
