"""Running a study in one process, with a worker that makes its curves up."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, cast

import numpy as np
import pytest

from hpo.config.stage import STAGES, Stage
from hpo.data.dataset import Dataset
from hpo.errors import ConfigError, HpoError, PlanChangedError, StopRequestedError, WorkerOutgrownError
from hpo.run import loop
from hpo.run.job import Job, Limits, OnClosed
from hpo.run.loop import RunSummary, run_job
from hpo.stages.order import stages_of
from hpo.stages.replan import accept_plan
from hpo.storage.claims import Claim, claim_points
from hpo.storage.database import Database
from hpo.storage.ledger import Compute
from hpo.storage.outcomes import stage_is_exhausted
from hpo.storage.owner import this_process
from hpo.worker.observer import Unobserved
from tests.stages.story import DATA, STAGE1_POINTS, STUDY, Story, load

Worked = Literal["nothing", "something", "the last of a stage"]

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
        self.heartbeat = SimpleNamespace(stop_mode=None)
        self.opened = self.closed = 0
        self.limits = Limits()
        self.on_closed: OnClosed | None = None
        self.before: Callable[[], None] = lambda: None

    @contextmanager
    def open_worker(self, *arguments: Any) -> Iterator[Any]:
        self.opened += 1
        yield SimpleNamespace(owner=arguments[3], heartbeat=self.heartbeat, settings=arguments[8])
        self.closed += 1

    def work_once(self, worker: Any) -> Worked:
        self.before()
        claims = self.story.work(owner=worker.owner, settings=worker.settings)
        if not claims:
            return "nothing"
        with self.story.database.transaction() as session:
            return "the last of a stage" if stage_is_exhausted(session, claims[0].stage_name) else "something"

    def __call__(self, until: Stage = "test") -> RunSummary:
        dataset = cast(Dataset, SimpleNamespace(digest=DATA, train=Training()))
        story = self.story
        database = story.database
        since = database.now()
        return run_job(
            Job(story.study, database, dataset, Unobserved(), self.stop, since, until, self.limits, self.on_closed)
        )


@pytest.fixture
def launch(sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Launch:
    launch = Launch(Story(load(tmp_path, architectures=ONE), sqlite))
    monkeypatch.setitem(sys.modules, "hpo.worker.worker", cast(Any, launch))
    monkeypatch.setitem(sys.modules, "hpo.worker.work", cast(Any, launch))
    monkeypatch.setattr(loop, "IDLE_SECONDS", 0.01)
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


def test_a_run_cannot_end_with_a_stage_that_the_study_lacks(launch: Launch) -> None:
    with pytest.raises(HpoError, match="no stage 'recheck' to end with"):
        launch("recheck")
    assert launch.story.stages() == {}


def test_a_run_ends_with_the_recheck_if_it_is_told_to(launch: Launch, sqlite: Database) -> None:
    folder, stage2 = launch.story.study.file.parent / "rechecked", {"recheck": {"top": 2, "seeds": 1}}
    launch.story = Story(load(folder, architectures=ONE, stage2=stage2), sqlite)
    launch("recheck")
    assert {stage for stage, _ in launch.story.stages()} == {"stage1", "stage2", "recheck"}


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


@pytest.mark.parametrize("mode", ["drain", "now"])
def test_a_run_that_hears_hpo_stop_ends_after_the_point_at_hand(launch: Launch, mode: str) -> None:
    def before() -> None:
        launch.heartbeat.stop_mode = mode

    launch.before = before
    with pytest.raises(StopRequestedError):
        launch()
    assert [point.state for point in launch.story.points("stage1")].count("complete") == 3, "one recipe's points"
    launch.heartbeat, launch.before = SimpleNamespace(stop_mode=None), lambda: None
    assert launch().standings[0].is_over()


def test_a_process_that_has_outgrown_its_memory_ends_between_two_points_and_another_one_goes_on(
    launch: Launch,
) -> None:
    launch.limits = Limits(memory_bytes=1e12)

    def before() -> None:
        launch.limits = Limits()
        monkey.setattr(loop.psutil.Process, "memory_info", lambda _self: SimpleNamespace(rss=2e12))

    launch.before = before
    with pytest.MonkeyPatch.context() as monkey, pytest.raises(WorkerOutgrownError, match=r"2000\.0 GB.*1000\.0 GB"):
        launch()
    assert {point.state for point in launch.story.points("stage1")} == {"complete", "waiting"}
    launch.before = lambda: None
    assert launch().standings[0].is_over()


def test_what_follows_is_decided_as_soon_as_a_stage_has_no_point_left(launch: Launch) -> None:
    looks: list[int] = []
    launch.before = lambda: looks.append(len(launch.story.stages()))
    launch()
    recipes = {
        stage: len({point.recipe_key for point in launch.story.points(stage)})
        for stage in stages_of(launch.story.study)
    }
    expected = [number for number, stage in enumerate(stages_of(launch.story.study), 1) for _ in range(recipes[stage])]
    assert looks == expected, "no look in vain at an empty queue, and none at a stage that is not open yet"


def test_a_stopped_run_that_is_over_is_over(launch: Launch) -> None:
    launch()
    launch.stop.set()
    assert launch().standings[0].is_over()


def hold_everything(story: Story) -> list[Claim]:
    """Others, elsewhere, take all that waits."""
    held: list[Claim] = []
    while claims := story.database.run(claim_points, "small", f"elsewhere:{len(held)}:0", 3600):
        held += claims
    return held


def test_a_run_waits_while_others_hold_all_that_is_left(launch: Launch) -> None:
    story = launch.story
    story.advance()
    held = hold_everything(story)
    looks: list[int] = []

    def before() -> None:
        looks.append(len(held))
        if len(looks) > 2 and held:
            story._finish(held.pop())

    launch.before = before
    assert launch().standings[0].is_over()
    assert looks[:3] == [STAGE1_POINTS] * 3


def test_a_free_worker_decides_its_next_step_without_waiting_for_the_others(sqlite: Database, launch: Launch) -> None:
    class Impatient(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002
            raise AssertionError("it waited")

    stage2 = {"design": "asha", "epochs": 9, "trials": 9, "warm_start": "warm"}
    story = launch.story = Story(
        load(launch.story.study.file.parent / "pauses", architectures=ONE, stage2=stage2), sqlite
    )
    story.run("stage1")
    story.advance("stage2")
    assert len(sqlite.run(claim_points, "small", "another", 3600)) == 1
    launch.stop = Impatient()

    def before() -> None:
        if sum(row.state == "complete" for row in story.points("stage2")) == 3:
            launch.stop.set()

    launch.before = before
    with pytest.raises(StopRequestedError):
        launch("stage2")


def test_a_run_that_waits_can_be_stopped(launch: Launch) -> None:
    launch.story.advance()
    hold_everything(launch.story)
    threading.Timer(0.2, launch.stop.set).start()
    with pytest.raises(StopRequestedError):
        launch()


def test_points_of_a_worker_that_died_are_taken_up_at_once(launch: Launch) -> None:
    script = "from hpo.storage.owner import this_process; print(this_process())"
    dead = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    launch.story.advance()
    launch.story.database.run(claim_points, "small", dead, 3600)
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


def test_a_worker_takes_a_new_plan_and_refuses_an_earlier_one_and_another_study(launch: Launch, tmp_path: Path) -> None:
    old = launch.story.study
    launch("stage1")
    launch.story.study = load(tmp_path, architectures=ONE, stage2={"trials": 9})
    launch("stage2")
    assert len(launch.story.points("stage2")) == 9
    launch.story.study = old
    with pytest.raises(ConfigError, match=r"which was changed since: stage2\.trials: 4 -> 9"):
        launch()
    launch.story.study = load(tmp_path, architectures=ONE, stage2={"trials": 9}, stage1={"seed": 8})
    with pytest.raises(ConfigError, match=r"stage1\.seed: 0 -> 8"):
        launch()


def test_a_plan_that_changes_while_a_process_works_ends_its_work_at_once(launch: Launch, tmp_path: Path) -> None:
    done: list[int] = []

    def edit() -> None:
        done.append(sum(row.state == "complete" for row in launch.story.points("stage1")))
        if done[-1]:
            changed = load(tmp_path, architectures=ONE, stage2={"trials": 9})
            accept_plan(launch.story.database, changed, DATA)

    launch.before = edit
    with pytest.raises(PlanChangedError) as caught:
        launch()
    assert caught.value.is_passing
    assert sum(row.state == "complete" for row in launch.story.points("stage1")) == done[-1] < STAGE1_POINTS


def closed_and_open(story: Story) -> tuple[list[str], list[str]]:
    """The stages that are closed, and those that are open."""
    rows = sorted(story.stages().values(), key=lambda row: STAGES.index(row.stage))
    return [row.stage for row in rows if row.closed_at], [row.stage for row in rows if not row.closed_at]


def test_after_each_stage_that_it_closes_and_once_the_next_is_open_the_process_does_what_follows(
    launch: Launch,
) -> None:
    seen: list[tuple[list[str], list[str]]] = []
    launch.on_closed = lambda _study, _database: seen.append(closed_and_open(launch.story))
    launch()
    stages = list(stages_of(launch.story.study))
    assert seen == [(stages[:number], stages[number : number + 1]) for number in range(1, 5)]
    launch()
    assert len(seen) == 4, "nothing was closed any more"


def test_what_follows_takes_a_tenth_of_the_time_at_most_but_for_what_follows_the_last(launch: Launch) -> None:
    seen: list[tuple[list[str], list[str]]] = []

    def slow(_study: object, _database: object) -> None:
        seen.append(closed_and_open(launch.story))
        time.sleep(0.3)

    launch.on_closed = slow
    begun = time.monotonic()
    launch()
    stages = list(stages_of(launch.story.study))
    assert seen[-1] == (stages, [])
    assert len(seen) - 2 <= (time.monotonic() - begun) / 3  # the first and the last, and others 3 s apart


def test_what_follows_a_closed_stage_may_fail_and_the_work_goes_on(
    launch: Launch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_study: object, _database: object) -> None:
        raise RuntimeError("the figures\ncould not be drawn")

    launch.on_closed = fails
    assert launch().standings[0].is_over()
    assert [record.message for record in caplog.records] == [
        "a stage has closed, but publishing it failed: the figures"
    ] * len(stages_of(launch.story.study))
