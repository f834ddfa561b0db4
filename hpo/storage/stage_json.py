"""Plans and results of stages as the database's JSON; no other module knows it."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from hpo.config.stage import Stage
from hpo.errors import StorageError
from hpo.storage.decided import (
    ConfirmPlan,
    ConfirmResult,
    Plan,
    RecheckPlan,
    RecheckResult,
    Result,
    Stage1Plan,
    Stage1Result,
    Stage2Plan,
    Stage2Result,
)
from hpo.storage.tables import StageRow

_PLANS: dict[Stage, type[Plan]] = {
    "stage1": Stage1Plan,
    "stage2": Stage2Plan,
    "recheck": RecheckPlan,
    "confirm": ConfirmPlan,
    "test": ConfirmResult,
}

_P = TypeVar("_P", Stage1Plan, Stage2Plan, RecheckPlan, ConfirmPlan, ConfirmResult)
_R = TypeVar("_R", Stage1Result, Stage2Result, RecheckResult, ConfirmResult)


def to_json(decision: Plan | Result) -> dict[str, Any]:
    """The JSON-ready values of a plan or result."""
    kind: Any = type(decision)
    values: dict[str, Any] = _adapter(kind).dump_python(decision, mode="json", exclude_defaults=True)
    return values


def claimed_plan(stage: StageRow) -> Plan:
    """The plan of a stage, whichever kind it is."""
    plan: Plan = _read(_PLANS[stage.stage], stage, stage.plan, "plan")
    return plan


def plan_of(stage: StageRow, kind: type[_P]) -> _P:
    """The plan of a stage that has this kind of plan.

    Raises:
        StorageError: if the database holds something else.
    """
    plan: _P = _read(kind, stage, stage.plan, "plan")
    return plan


def result_of(stage: StageRow | None, kind: type[_R]) -> _R | None:
    """The result of a stage that has this kind of result; None while it is open, or if it was abandoned.

    Raises:
        StorageError: if the database holds something else.
    """
    if stage is None or stage.result is None or abandoned(stage) is not None:
        return None
    return needed_result(stage, kind)


def needed_result(stage: StageRow, kind: type[_R]) -> _R:
    """The result of a stage that is closed and not abandoned.

    Raises:
        StorageError: if the database holds something else.
    """
    result: _R = _read(kind, stage, stage.result, "result")
    return result


def abandoned(stage: StageRow) -> str | None:
    """Why the stage's architecture goes no further, or None."""
    reason = (stage.result or {}).get("abandoned")
    return None if reason is None else str(reason)


def _read(kind: Any, stage: StageRow, values: Any, what: str) -> Any:
    try:
        return _adapter(kind).validate_python(values)
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError(
            f"{stage.name}: its {what} in the database cannot be read ({_fault(error)}); it is damaged, or was written "
            "by another version of hpo: continue with that version, or restore a backup of the database"
        ) from error


def _fault(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return f"{type(error).__name__}: {error}"
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    text = {"missing": "is missing", "unexpected_keyword_argument": "is unknown"}.get(first["type"], first["msg"])
    return f"{place}: {text}" if place else text


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
