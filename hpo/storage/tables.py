"""Our own tables, in Optuna's database: the work, the workers and the cost.

Optuna's tables hold trials; these hold what Optuna cannot promise: each design point once, leases, decisions taken
once, openings of the test split, the workers, and the ledger of epochs really trained.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, Index, Integer, String, UniqueConstraint, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.sql.functions import FunctionElement

from hpo.config.stage import Stage

PointState = Literal["waiting", "running", "complete", "failed", "aside"]
"""``aside`` is a point that the present plan does not ask for; see `hpo.storage.aside`."""

_Number = Float(53)
"""Double precision, on every database: MySQL's FLOAT would round a time to hours."""

_Id = BigInteger().with_variant(Integer, "sqlite")


class Table(DeclarativeBase):
    """Base of the tables."""

    type_annotation_map: ClassVar = {dict[str, Any]: JSON, list[Any]: JSON}


class StudyRow(Table):
    """A study file that has been planned: its name, and the settings that its design points came from.

    Workers that were started before ``stop_requested_at`` stop: after their design point, or with ``stop_now`` after
    their epoch. Later ones work, so that a request needs no withdrawal.
    """

    __tablename__ = "hpo_study"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    settings: Mapped[dict[str, Any]]
    opened_at: Mapped[float] = mapped_column(_Number)
    stop_requested_at: Mapped[float | None] = mapped_column(_Number)
    stop_now: Mapped[bool | None]


class StageRow(Table):
    """A stage of one architecture: what was decided when it opened and when it closed.

    ``name`` is ``STUDY/STAGE/ARCHITECTURE``; for stage 1 and 2 it is also the Optuna study's name. ``cleaned_at`` is
    when the checkpoints were cleaned up, of the stage that its architecture ended with.
    """

    __tablename__ = "hpo_stage"

    name: Mapped[str] = mapped_column(String(250), primary_key=True)
    study: Mapped[str] = mapped_column(ForeignKey("hpo_study.name"), index=True)
    stage: Mapped[Stage] = mapped_column(String(20))
    architecture: Mapped[str] = mapped_column(String(100))
    plan: Mapped[dict[str, Any]]
    opened_at: Mapped[float] = mapped_column(_Number)
    closed_at: Mapped[float | None] = mapped_column(_Number)
    cleaned_at: Mapped[float | None] = mapped_column(_Number)
    result: Mapped[dict[str, Any] | None]


class PointRow(Table):
    """A design point: exactly one row, and so exactly one accepted result, for each (stage, key).

    ``attempt`` counts the claims and only ever rises: it fences stale workers out. ``failures`` counts the attempts in
    a row that ended badly without having trained an epoch: a long training that is preempted ten times has not failed.
    ``faults`` has every attempt that ended badly: ``reason`` (one line), ``owner``, ``attempt`` and ``at``.
    """

    __tablename__ = "hpo_design_point"
    __table_args__ = (
        UniqueConstraint("stage_name", "point_key"),
        Index("hpo_design_point_by_state", "stage_name", "state"),
        Index("hpo_design_point_running", "state", "recipe_key"),
    )

    id: Mapped[int] = mapped_column(_Id, primary_key=True, autoincrement=True)
    stage_name: Mapped[str] = mapped_column(ForeignKey("hpo_stage.name"))
    point_key: Mapped[str] = mapped_column(String(64))
    label: Mapped[dict[str, Any]]
    point: Mapped[dict[str, Any] | None]
    recipe: Mapped[dict[str, Any] | None]
    recipe_key: Mapped[str | None] = mapped_column(String(64), index=True)
    donor_key: Mapped[str | None] = mapped_column(String(64))
    epochs: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(10))
    attempt: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None] = mapped_column(String(200))
    claimed_at: Mapped[float | None] = mapped_column(_Number)
    lease_expires_at: Mapped[float | None] = mapped_column(_Number)
    trial_id: Mapped[int | None]
    faults: Mapped[list[Any]]
    objective: Mapped[float | None] = mapped_column(_Number)
    standard_error: Mapped[float | None] = mapped_column(_Number)
    curve: Mapped[list[Any] | None]
    finished_at: Mapped[float | None] = mapped_column(_Number)

    @property
    def reasons(self) -> list[str]:
        """Why attempts ended badly, one line each."""
        return [fault["reason"] for fault in self.faults]


class TrainedEpochRow(Table):
    """The compute ledger: one row for each epoch really trained, by whichever worker.

    ``entry`` is drawn by the worker, so that an entry whose commit was not confirmed can be made again.
    """

    __tablename__ = "hpo_trained_epoch"
    __table_args__ = (
        Index("hpo_trained_epoch_by_study", "study", "at"),
        Index("hpo_trained_epoch_by_owner", "owner", "at"),
        Index("hpo_trained_epoch_by_recipe", "recipe_key", "epoch"),
    )

    id: Mapped[int] = mapped_column(_Id, primary_key=True, autoincrement=True)
    entry: Mapped[str] = mapped_column(String(32), unique=True)
    study: Mapped[str] = mapped_column(String(100))
    recipe_key: Mapped[str] = mapped_column(String(64))
    epoch: Mapped[int]
    patch_visits: Mapped[int]
    seconds: Mapped[float] = mapped_column(_Number)
    owner: Mapped[str] = mapped_column(String(200))
    at: Mapped[float] = mapped_column(_Number)


class WorkerRow(Table):
    """A worker: since when it works on a study, and when it was last heard of."""

    __tablename__ = "hpo_worker"

    owner: Mapped[str] = mapped_column(String(200), primary_key=True)
    study: Mapped[str] = mapped_column(String(100), primary_key=True)
    device: Mapped[str] = mapped_column(String(100))
    started_at: Mapped[float] = mapped_column(_Number)
    seen_at: Mapped[float] = mapped_column(_Number)
    ended_at: Mapped[float | None] = mapped_column(_Number)


class TestOpeningRow(Table):
    """One row for each time the test split was opened for an architecture's frozen configuration."""

    __tablename__ = "hpo_test_opening"
    __table_args__ = (UniqueConstraint("study", "architecture", "configuration"),)
    __test__ = False

    id: Mapped[int] = mapped_column(_Id, primary_key=True, autoincrement=True)
    study: Mapped[str] = mapped_column(String(100), index=True)
    architecture: Mapped[str] = mapped_column(String(100))
    configuration: Mapped[str] = mapped_column(String(64))
    test_digest: Mapped[str] = mapped_column(String(64))
    owner: Mapped[str] = mapped_column(String(200))
    opened_at: Mapped[float] = mapped_column(_Number)


class database_now(FunctionElement[float]):  # noqa: N801 - reads as an SQL function
    """The database's own clock, seconds since 1970-01-01 UTC: workers' clocks differ, this one does not."""

    type = Float(53)
    inherit_cache = True
    name = "database_now"


def now(session: Session) -> float:
    """The time of the database's clock, seconds since 1970-01-01 UTC."""
    return float(session.scalar(select(database_now())) or 0.0)


@compiles(database_now, "sqlite")
def _sqlite_now(_element: database_now, _compiler: Any, **_options: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(database_now, "postgresql")
def _postgresql_now(_element: database_now, _compiler: Any, **_options: Any) -> str:
    return "EXTRACT(EPOCH FROM clock_timestamp())::double precision"


@compiles(database_now, "mysql")
@compiles(database_now, "mariadb")
def _mysql_now(_element: database_now, _compiler: Any, **_options: Any) -> str:
    return "UNIX_TIMESTAMP(SYSDATE(6))"  # in UTC, which `hpo.storage.engine` sets for each connection
