"""The plans of a study in the order in which they were accepted; the last one holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hpo.errors import PlanChangedError
from hpo.storage.tables import StudyRow, now

_HISTORY = "plans"
"""Of a study's settings: all its plans. A study that was never changed has none but its settings."""


@dataclass(frozen=True)
class PlanChange:
    """What one plan changed of the plan before it.

    Args:
        text: ``key: was -> is``.
        kind: ``taken`` or ``anew``, as `hpo.stages.edits.Kind`.
        effect: what it meant for what had been done.
    """

    text: str
    kind: str
    effect: str


@dataclass(frozen=True)
class AcceptedPlan:
    """A plan of a study.

    Args:
        at: when it was accepted, seconds since 1970, UTC, by the database's clock.
        settings: all that determines the study's design points.
        changes: of the plan before it; none of the first.
        tested: architectures whose test split had been opened before.
    """

    at: float
    settings: dict[str, Any]
    changes: tuple[PlanChange, ...] = ()
    tested: tuple[str, ...] = ()


def present_settings(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that hold, without the history that the database keeps beside them."""
    return {name: value for name, value in recorded.items() if name != _HISTORY}


def accepted_plans(session: Session, study: str) -> tuple[AcceptedPlan, ...]:
    """Every plan of a study, the first one first; none if it has not begun."""
    row = session.get(StudyRow, study)
    if row is None:
        return ()
    history = row.settings.get(_HISTORY) or [asdict(AcceptedPlan(row.opened_at, present_settings(row.settings)))]
    return tuple(
        AcceptedPlan(
            at=plan["at"],
            settings=plan["settings"],
            changes=tuple(PlanChange(**change) for change in plan["changes"]),
            tested=tuple(plan["tested"]),
        )
        for plan in history
    )


def check_plan(study: str, recorded: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """See that a study still has the plan that a process works by.

    Args:
        study: the study's name.
        recorded: its settings, as the database has them.
        settings: the process's own.

    Raises:
        PlanChangedError: if it has another plan by now; see `hpo.stages.replan`.
    """
    if present_settings(recorded) != settings:
        raise PlanChangedError(
            f"{study}: the study was planned anew while this worker was at work on it; a fresh one goes on by the new "
            "plan"
        )


def keep_plan(session: Session, study: str, settings: Mapping[str, Any]) -> None:
    """See that a study has this plan, and keep it from being changed until the transaction ends.

    A decision that is due by one plan would else be written after another plan was accepted. Claims go on meanwhile.

    Raises:
        PlanChangedError: as `check_plan`.
    """
    kept = select(StudyRow.settings).where(StudyRow.name == study).with_for_update(read=True, key_share=True)
    check_plan(study, session.scalars(kept).one(), settings)


def hold_study(session: Session, study: str) -> StudyRow | None:
    """A study's row, which nobody else changes until the transaction ends; None if it has not begun."""
    return session.scalar(select(StudyRow).where(StudyRow.name == study).with_for_update())


def record_plan(
    session: Session, row: StudyRow, settings: dict[str, Any], changes: Sequence[PlanChange], tested: Sequence[str]
) -> None:
    """Add a plan, which holds from now on, to a study that `hold_study` holds."""
    plan = AcceptedPlan(now(session), settings, tuple(changes), tuple(tested))
    history = [asdict(one) for one in (*accepted_plans(session, row.name), plan)]
    row.settings = {**settings, _HISTORY: history}
