"""Live progress of a run: points done, the current epoch and metric, and the time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rich.progress import Progress
from rich.text import Text

from hpo.config.stage import Stage
from hpo.config.study import StudyFile
from hpo.plain import printable
from hpo.stages.estimate import expected_points
from hpo.stages.point_words import claim_words
from hpo.storage.claims import Claim

LINE_SECONDS = 30.0
"""Between two lines of a run without a terminal: a log shows progress, and stays readable."""


class RunProgress:
    """An observer that draws a progress bar, or prints a line at intervals without a terminal.

    Args:
        progress: the display.
        study: says how many points to expect.
        done: points that were finished before.
        until: the stage to end with.
        clock: seconds, for the pace of the lines.
    """

    def __init__(
        self,
        progress: Progress,
        study: StudyFile,
        done: int,
        until: Stage = "test",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._progress, self._clock = progress, clock
        self._metric = study.objective.metric
        self._stage, self._next_line = "", 0.0
        self._task = progress.add_task(study.name, total=expected_points(study, until), completed=done, detail="")

    def started(self, claims: Sequence[Claim]) -> None:
        """Show what is worked on."""
        self._detail(claims[0].stage, f"{_name(claims[0])}: preparing")

    def epoch_ended(self, claims: Sequence[Claim], epoch: int, epochs: int, value: float) -> None:
        """Show the epoch and its metric."""
        if claims:
            text = f"{_name(claims[0])}: epoch {epoch}/{epochs}, validation {self._metric} {value:.4f}"
            self._detail(claims[0].stage, text)

    def ended(self, claim: Claim, objective: float | None, reason: str | None) -> None:
        """Count a point, and print a line that stays."""
        self._progress.advance(self._task)
        task = next(task for task in self._progress.tasks if task.id == self._task)
        if task.total is not None and task.completed > task.total:  # stage 2 decides as it goes: more than was expected
            self._progress.update(self._task, total=task.completed)
        if reason is not None:
            self._progress.console.print(Text(printable(f"{_name(claim)}: {reason}")), soft_wrap=True)
        elif objective is not None and self._progress.console.is_terminal:
            text = f"{_name(claim)}: {claim_words(claim)}  {self._metric} {objective:.4f}"
            self._progress.console.print(Text(printable(text)))

    def _detail(self, stage: str, text: str) -> None:
        self._progress.update(self._task, detail=text)
        if self._progress.console.is_terminal or (stage == self._stage and self._clock() < self._next_line):
            return
        self._stage, self._next_line = stage, self._clock() + LINE_SECONDS
        task = next(task for task in self._progress.tasks if task.id == self._task)
        line = f"{task.description}: {task.completed:.0f} of {task.total or 0:.0f} points; {text}"
        self._progress.console.print(Text(printable(line)), soft_wrap=True)


def _name(claim: Claim) -> str:
    return f"{claim.stage} {claim.architecture}"
