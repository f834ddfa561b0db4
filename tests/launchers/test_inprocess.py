"""Running a study in one process, with a worker that makes its curves up."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from hpo.data.dataset import Dataset
from hpo.errors import ConfigError, StopRequestedError
from hpo.launchers import inprocess
from hpo.launchers.inprocess import RunSummary, run_in_process
from hpo.stages.order import Until
from hpo.storage.claims import claim_points
from hpo.storage.database import Database
from hpo.storage.ledger import Compute
from hpo.storage.owner import this_process
from hpo.worker.observer import Unobserved
from tests.stages.story import DATA, STAGE1_POINTS, STUDY, Story, load

ONE = STUDY["architectures"][:1]


class Training:
    """As much of the training patches as a launcher looks at."""

    labels = np.arange(200) % 2

    def __len__(self) -> int:
        return len(self.labels)


class Launch:
    """Runs a story's study; in place of TensorFlow's worker it works, and before each claim it does `before`."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.stop = threading.Event()
        self.opened = 0
        self.before: Callable[[], None] = lambda: None

    def open_worker(self, *arguments: Any) -> str:
        self.opened += 1
        return cast(str, arguments[3])

    def work_once(self, owner: str) -> bool:
        self.before()
        return bool(self.story.work(owner=owner))

    def __call__(self, until: Until = "test") -> RunSummary:
        dataset = cast(Dataset, SimpleNamespace(digest=DATA, train=Training()))
        return run_in_process(self.story.study, self.story.database, dataset, Unobserved(), self.stop, until)


@pytest.fixture
def launch(sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Launch:
    launch = Launch(Story(load(tmp_path, architectures=ONE), sqlite))
    monkeypatch.setitem(sys.modules, "hpo.worker.worker", cast(Any, launch))
    monkeypatch.setattr(inprocess, "IDLE_SECONDS", 0.01)
    return launch


def test_a_study_is_brought_to_its_end(launch: Launch) -> None:
    summary = launch()
    assert [(standing.architecture, standing.closed[-1]) for standing in summary.standings] == [("tiny", "test")]
    assert launch.opened == 1


def test_a_finished_study_opens_no_worker_and_has_trained_nothing(launch: Launch) -> None:
    launch()
    again = launch()
    assert launch.opened == 1
    assert again.standings[0].is_over()
    assert again.trained == Compute()


def test_a_run_ends_with_the_stage_it_is_told_to(launch: Launch) -> None:
    launch("stage1")
    assert set(launch.story.stages()) == {("stage1", "tiny")}
    launch("confirm")
    assert {stage for stage, _ in launch.story.stages()} == {"stage1", "stage2", "confirm"}


def test_a_run_that_was_stopped_before_it_began_claims_nothing(launch: Launch) -> None:
    launch.stop.set()
    with pytest.raises(StopRequestedError):
        launch()
    assert launch.opened == 0
    assert {point.state for point in launch.story.points("stage1")} == {"waiting"}


def test_a_run_stops_between_two_points(launch: Launch) -> None:
    launch.before = launch.stop.set
    with pytest.raises(StopRequestedError):
        launch()
    states = [point.state for point in launch.story.points("stage1")]
    assert set(states) == {"complete", "waiting"}
    launch.stop.clear()
    launch.before = lambda: None
    assert launch().standings[0].is_over()


def test_a_stopped_run_that_is_over_is_over(launch: Launch) -> None:
    launch()
    launch.stop.set()
    assert launch().standings[0].is_over()


def test_a_run_waits_while_others_hold_all_that_is_left(launch: Launch) -> None:
    story = launch.story
    story.advance()
    held = []
    while claims := claim_points(story.database, "small", "elsewhere:1:0", 3600):
        held += claims
    looks: list[int] = []

    def before() -> None:
        looks.append(len(held))
        if len(looks) > 2 and held:
            story._finish(held.pop())

    launch.before = before
    assert launch().standings[0].is_over()
    assert looks[:3] == [STAGE1_POINTS] * 3


def test_a_run_that_waits_can_be_stopped(launch: Launch) -> None:
    launch.story.advance()
    while claim_points(launch.story.database, "small", "elsewhere:1:0", 3600):
        pass
    threading.Timer(0.2, launch.stop.set).start()
    with pytest.raises(StopRequestedError):
        launch()


def test_points_of_a_worker_that_died_are_taken_up_at_once(launch: Launch) -> None:
    script = "from hpo.storage.owner import this_process; print(this_process())"
    dead = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    launch.story.advance()
    claim_points(launch.story.database, "small", dead, 3600)
    assert launch("stage1").standings[0].closed == ("stage1",)
    reasons = [reason for point in launch.story.points("stage1") for reason in point.reasons]
    assert set(reasons) == {f"attempt 1: worker {dead} died"}


def test_only_what_this_process_trained_is_its_own(launch: Launch) -> None:
    launch.story.owner = "another worker"
    launch("stage1")
    launch.story.owner = this_process()
    summary = launch("stage2")
    epochs = sum(launch.story.trained.values())
    stage1 = {point.recipe_key for point in launch.story.points("stage1")}
    assert summary.trained.epochs == epochs - sum(launch.story.trained[key or ""] for key in stage1)


def test_a_study_that_was_planned_from_other_settings_is_refused(launch: Launch, tmp_path: Path) -> None:
    launch("stage1")
    launch.story.study = load(tmp_path, architectures=ONE, stage2={"trials": 9})
    with pytest.raises(ConfigError, match=r"stage2\.trials was 4, is 9"):
        launch()
