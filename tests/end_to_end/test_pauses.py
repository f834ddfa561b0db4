"""A stage 2 whose trainings pause and go on, with real workers that are really killed."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from tests.end_to_end.conftest import SPACE, STUDY, Project, new_project
from tests.end_to_end.outcome import checkpoints, points, rows_at

STUDY_WITH_PAUSES: dict[str, Any] = {
    "architectures": STUDY["architectures"][:1],
    "stage1": {"factors": ["epochs", "learning_rate"]},
    "stage2": {
        "design": "asha",
        "within": "space",
        "epochs": 27,
        "trials": 9,
        "warm_start": "cold",
        "factors": ["learning_rate", "batch_size", "patches", "stain_jitter"],
    },
    "workers": {"threads": 1, "lease_seconds": 5},
}


def project_in(folder: Path, design: str = "asha") -> Project:
    study = {**STUDY_WITH_PAUSES, "stage2": {**STUDY_WITH_PAUSES["stage2"], "design": design}}
    return new_project(folder, study=study, space=SPACE)


def steps_done(url: str) -> int:
    found = rows_at(url, "SELECT COUNT(*) FROM hpo_design_point WHERE state = 'complete' AND point_key LIKE 'step:%'")
    return int(found[0][0]) if found else 0


def wait_for_steps(url: str, count: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 300
    while steps_done(url) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "too slow"
        time.sleep(0.02)


def test_a_run_that_is_killed_between_rungs_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    quiet, loud = project_in(tmp_path / "quiet", "freeze_thaw"), project_in(tmp_path / "loud", "freeze_thaw")
    quiet.run("run", "study.yaml", "--until", "stage2")
    url = f"sqlite:///{loud.output / 'study.db'}"
    for moment in (2, 9):
        process = loud.start("run", "study.yaml", "--until", "stage2")
        wait_for_steps(url, moment, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    loud.run("run", "study.yaml", "--until", "stage2")
    assert points(loud.output) == points(quiet.output)
    assert checkpoints(loud.output) == checkpoints(quiet.output)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_two_workers_one_is_killed_and_each_step_is_accepted_once(tmp_path: Path, database_url: str) -> None:
    project = project_in(tmp_path)
    command = ("worker", "study.yaml", "--until", "stage2", "--database", database_url)
    killed, other = project.start(*command), project.start(*command)
    wait_for_steps(database_url, 3, killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    out, err = other.communicate(timeout=400)
    assert other.returncode == 0, (out, err)
    found = rows_at(
        database_url,
        "SELECT point_key, state, recipe_key, epochs, curve FROM hpo_design_point "
        "WHERE stage_name = 'small/stage2/tiny' ORDER BY id",
    )
    assert {state for _, state, *_ in found} == {"complete"}
    keys = [key for key, *_ in found if key.startswith("step:")]
    assert sorted(keys) == [f"step:{number:06d}" for number in range(len(keys))]
    trained = Counter(rows_at(database_url, "SELECT recipe_key, epoch FROM hpo_trained_epoch"))
    assert sum(trained.values()) - len(trained) <= 1, "a killed worker costs an epoch at most"
    of_recipe: defaultdict[str, list[list[Any]]] = defaultdict(list)
    for _, _, recipe, epochs, curve in found:
        of_recipe[recipe].append(curve if isinstance(curve, list) else json.loads(curve))
        assert len(of_recipe[recipe][-1]) == epochs
    for curves in of_recipe.values():
        longest = max(curves, key=len)
        assert all(curve == longest[: len(curve)] for curve in curves), "what goes on is what paused"
    assert max(len(curve) for curves in of_recipe.values() for curve in curves) == 27
    study = optuna.load_study(study_name="small/stage2/tiny", storage=database_url)
    assert Counter(trial.state for trial in study.trials) == {TrialState.COMPLETE: len(found)}
    assert len({trial.user_attrs["design_point"] for trial in study.trials}) == len(found)
    for trial in study.trials:
        assert sorted(trial.intermediate_values) == list(range(1, trial.params["epochs"] + 1))
