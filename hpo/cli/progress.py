"""Live progress of a run: points done of all, the current one's epoch and metric, and the time left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.progress import Progress
from rich.text import Text

from hpo.config.study import StudyFile
from hpo.plain import printable
from hpo.stages.estimate import expected_points
from hpo.stages.order import Until
from hpo.storage.claims import Claim


class RunProgress:
    """An observer that draws on a progress display; without a terminal it tells only of failures.

    Args:
        progress: the display.
        study: says how many points to expect.
        done: points that were finished before.
        until: the stage to end with.
    """

    def __init__(self, progress: Progress, study: StudyFile, done: int, until: Until = "test") -> None:
        self._progress = progress
        self._metric = study.objective.metric
        self._task = progress.add_task(study.name, total=expected_points(study, until), completed=done, detail="")

    def started(self, claims: Sequence[Claim]) -> None:
        """Show what is worked on."""
        self._detail(f"{_name(claims[0])}: preparing")

    def epoch_ended(self, claims: Sequence[Claim], epoch: int, epochs: int, value: float) -> None:
        """Show the epoch and its metric."""
        self._detail(f"{_name(claims[0])}: epoch {epoch}/{epochs}, validation {self._metric} {value:.4f}")

    def ended(self, claim: Claim, objective: float | None, reason: str | None) -> None:
        """Count a point, and print a line that stays."""
        self._progress.advance(self._task)
        if reason is not None:
            self._progress.console.print(Text(printable(f"{_name(claim)}: {reason}")), soft_wrap=True)
        elif objective is not None and self._progress.console.is_terminal:
            text = f"{_name(claim)}: {_values(claim)}  {self._metric} {objective:.4f}"
            self._progress.console.print(Text(printable(text)))

    def _detail(self, text: str) -> None:
        self._progress.update(self._task, detail=text)


def _name(claim: Claim) -> str:
    return f"{claim.stage} {claim.architecture}"


def _values(claim: Claim) -> str:
    """What sets this point apart: its label, or its values."""
    label: dict[str, Any] = claim.planned.label
    if "role" in label:
        return f"{label['role']}, seed {label['seed']}"
    reference = claim.plan.get("reference") or claim.plan.get("fixed") or {}
    values = {name: value for name, value in (claim.planned.point or {}).items() if reference.get(name) != value}
    shown = ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
    )
    return shown or "reference"
