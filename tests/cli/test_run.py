"""``hpo run`` around the work itself: the summary, and the lines of progress."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

from hpo.cli.run import _print_summary
from hpo.config import yaml_file
from hpo.config.study import StudyFile
from hpo.errors import HpoError
from hpo.run.loop import RunSummary
from hpo.run.progress import RunProgress
from hpo.stages.advance import Standing
from hpo.stages.estimate import expected_points
from hpo.storage.claims import Claim
from hpo.storage.decided import Stage1Plan
from hpo.storage.ledger import Compute
from hpo.storage.points import DesignPoint
from tests.cli.hpo import Hpo
from tests.stages.story import load, write
from tests.storage.at_once import decided_for

OVER = Standing("wide", ("stage1", "stage2", "confirm", "test"), None)
GIVEN_UP = Standing("tiny", ("stage1",), "none of 10 trials succeeded: diverged")


def test_the_summary_says_what_was_trained_and_what_was_given_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _print_summary(load(tmp_path), RunSummary([GIVEN_UP, OVER], Compute(12, 34567, 8.0)))
    captured = capsys.readouterr()
    assert captured.out == "small: trained 12 epochs, 34,567 patch-visits\n"
    assert captured.err == "tiny: given up: none of 10 trials succeeded: diverged\n"


def test_a_run_that_found_everything_done_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _print_summary(load(tmp_path), RunSummary([OVER], Compute()))
    assert capsys.readouterr().out == "small: everything was already trained; nothing to do\n"


def test_a_study_all_of_which_was_given_up_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HpoError, match="every architecture was given up"):
        _print_summary(load(tmp_path), RunSummary([GIVEN_UP], Compute(1, 64, 1.0)))


def test_a_study_file_is_read_once(hpo: Hpo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, opened = write(tmp_path, nonsense=1), []
    read_bytes = yaml_file._read_bytes

    def counted(path: Path) -> bytes:
        opened.append(path)
        return read_bytes(path)

    monkeypatch.setattr(yaml_file, "_read_bytes", counted)
    assert "nonsense: unknown key" in hpo.refused("run", file)
    assert opened == [file]


class Shown:
    """A progress display that writes to memory."""

    def __init__(self, study: StudyFile, done: int, *, terminal: bool = True) -> None:
        self.seconds = 0.0
        self.text = io.StringIO()
        console = Console(file=self.text, width=200, force_terminal=terminal, color_system=None)
        self.progress = Progress(console=console, disable=True)
        self.observer = RunProgress(self.progress, study, done, clock=lambda: self.seconds)

    @property
    def task(self) -> Any:
        return self.progress.tasks[0]


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    return Shown(load(tmp_path), done=3)


REFERENCE = {"epochs": 2, "learning_rate": 0.01}
TUNED = {"epochs": 1, "learning_rate": 0.0123456}  # one epoch, as the plan fixes it
CLAIM = Claim(
    id=1,
    stage_name="small/stage1/tiny",
    stage="stage1",
    architecture="tiny",
    attempt=1,
    owner="me",
    trial_id=None,
    plan=Stage1Plan(REFERENCE, {}),
    planned=DesignPoint("key", point={"epochs": 2, "learning_rate": 0.0123456}),
)


def test_progress_counts_from_what_was_done_to_what_is_expected(shown: Shown, tmp_path: Path) -> None:
    assert (shown.task.completed, shown.task.total) == (3, expected_points(load(tmp_path)))
    shown.observer.ended(CLAIM, 0.9, None)
    assert shown.task.completed == 4


def test_progress_shows_the_epoch_and_its_metric(shown: Shown) -> None:
    shown.observer.started([CLAIM])
    assert shown.task.fields["detail"] == "stage1 tiny: preparing"
    shown.observer.epoch_ended([CLAIM], 2, 5, 0.87654)
    assert shown.task.fields["detail"] == "stage1 tiny: epoch 2/5, validation auc 0.8765"


@pytest.mark.parametrize(
    ("claim", "line"),
    [
        (CLAIM, "stage1 tiny: learning_rate 0.01235  auc 0.9000"),
        (
            replace(CLAIM, planned=DesignPoint("key", point=REFERENCE)),
            "stage1 tiny: reference  auc 0.9000",
        ),
        (
            replace(CLAIM, stage="confirm", planned=DesignPoint("key", label={"role": "after", "seed": 3})),
            "confirm tiny: after, seed 3  auc 0.9000",
        ),
        (
            replace(CLAIM, stage="stage2", plan=decided_for("stage2", {}), planned=DesignPoint("key", point=TUNED)),
            "stage2 tiny: learning_rate 0.01235  auc 0.9000",
        ),
    ],
)
def test_a_finished_point_leaves_a_line_with_what_sets_it_apart(shown: Shown, claim: Claim, line: str) -> None:
    shown.observer.ended(claim, 0.9, None)
    assert shown.text.getvalue() == f"{line}\n"


def test_without_a_terminal_a_finished_point_leaves_no_line_and_a_failed_one_does(tmp_path: Path) -> None:
    shown = Shown(load(tmp_path), 0, terminal=False)
    shown.observer.ended(CLAIM, 0.9, None)
    assert shown.text.getvalue() == ""
    shown.observer.ended(CLAIM, None, "diverged")
    assert shown.text.getvalue() == "stage1 tiny: diverged\n"
    assert shown.task.completed == 2


def test_without_a_terminal_a_line_says_every_half_minute_and_at_each_stage_how_far_it_is(tmp_path: Path) -> None:
    shown = Shown(load(tmp_path), 3, terminal=False)
    total = expected_points(load(tmp_path))
    shown.observer.started([CLAIM])
    assert shown.text.getvalue() == f"small: 3 of {total} points; stage1 tiny: preparing\n"
    shown.seconds = 29.0
    shown.observer.epoch_ended([CLAIM], 1, 5, 0.7)
    assert len(shown.text.getvalue().splitlines()) == 1
    shown.seconds = 31.0
    shown.observer.epoch_ended([CLAIM], 2, 5, 0.8)
    shown.observer.started([replace(CLAIM, stage="stage2")])
    assert shown.text.getvalue().splitlines()[1:] == [
        f"small: 3 of {total} points; stage1 tiny: epoch 2/5, validation auc 0.8000",
        f"small: 3 of {total} points; stage2 tiny: preparing",
    ]


def test_a_failed_attempt_leaves_a_line_with_its_reason(shown: Shown) -> None:
    shown.observer.ended(CLAIM, None, "the training loss was not finite in epoch 1 [bold]")
    assert shown.text.getvalue() == "stage1 tiny: the training loss was not finite in epoch 1 [bold]\n"
