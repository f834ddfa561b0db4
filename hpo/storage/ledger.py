"""The compute ledger and the register of test openings."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from hpo.storage.tables import TestOpeningRow, TrainedEpochRow, now


@dataclass(frozen=True)
class Compute:
    """What was spent.

    Args:
        epochs: epochs really trained.
        patch_visits: patches seen in them.
        seconds: wall-clock time of them.
    """

    epochs: int = 0
    patch_visits: int = 0
    seconds: float = 0.0

    def __add__(self, other: Compute) -> Compute:
        return Compute(self.epochs + other.epochs, self.patch_visits + other.patch_visits, self.seconds + other.seconds)


@dataclass(frozen=True)
class TrainedEpoch:
    """An entry of the compute ledger: an epoch that some worker really trained.

    Args:
        recipe_key: of the training.
        epoch: counted from 1.
        patch_visits: patches seen in it.
        seconds: wall-clock time of it.
        owner: the worker, ``HOST:PID:START``.
        at: when it ended, seconds since 1970, UTC, by the database's clock.
    """

    recipe_key: str
    epoch: int
    patch_visits: int
    seconds: float
    owner: str
    at: float


def record_epoch(
    session: Session,
    *,
    study: str,
    recipe_key: str,
    epoch: int,
    patch_visits: int,
    seconds: float,
    owner: str,
    entry: str | None = None,
) -> None:
    """Enter a trained epoch.

    Args:
        session: a transaction.
        study: for which study.
        recipe_key: of what was trained.
        epoch: counted from 1.
        patch_visits: patches seen in it.
        seconds: wall-clock time of it.
        owner: who trained it.
        entry: 32 characters of the caller's, so that repeating an entry whose commit was not confirmed adds nothing.
    """
    entry = entry or uuid.uuid4().hex
    if session.scalar(select(TrainedEpochRow.id).where(TrainedEpochRow.entry == entry)) is not None:
        return
    session.add(
        TrainedEpochRow(
            entry=entry,
            study=study,
            recipe_key=recipe_key,
            epoch=epoch,
            patch_visits=patch_visits,
            seconds=seconds,
            owner=owner,
            at=now(session),
        )
    )


def is_recorded(session: Session, recipe_key: str, epoch: int) -> bool:
    """Whether an epoch of a recipe was entered, for any study."""
    entries = select(TrainedEpochRow.id).where(TrainedEpochRow.recipe_key == recipe_key, TrainedEpochRow.epoch == epoch)
    return session.scalar(entries.limit(1)) is not None


def mean_seconds(session: Session, recipe_key: str) -> float:
    """Mean seconds of a recipe's entered epochs; 0 if there are none."""
    mean = select(func.avg(TrainedEpochRow.seconds)).where(TrainedEpochRow.recipe_key == recipe_key)
    return float(session.scalar(mean) or 0.0)


def trained_epochs(session: Session, study: str) -> list[TrainedEpoch]:
    """The epochs trained for a study, in the order in which they ended."""
    row = TrainedEpochRow
    columns = row.recipe_key, row.epoch, row.patch_visits, row.seconds, row.owner, row.at
    entries = session.execute(select(*columns).where(row.study == study).order_by(row.at, row.id))
    return [TrainedEpoch(*entry) for entry in entries]


def compute_by_epoch(entries: Iterable[TrainedEpoch]) -> dict[tuple[str, int], Compute]:
    """The compute of each (recipe key, epoch); a repeated epoch counts as often as it was trained."""
    costs: dict[tuple[str, int], Compute] = {}
    for entry in entries:
        cost = Compute(1, entry.patch_visits, entry.seconds)
        costs[entry.recipe_key, entry.epoch] = costs.get((entry.recipe_key, entry.epoch), Compute()) + cost
    return costs


def seconds_by_epoch(session: Session, study: str, recipe_keys: Collection[str]) -> dict[tuple[str, int], float]:
    """The seconds of each (recipe key, epoch), repeated epochs added up.

    Args:
        session: the transaction.
        study: whose own entries count; of epochs that it has none of, those of another study that trained them.
        recipe_keys: of the trainings.
    """
    row = TrainedEpochRow
    sums = (
        select(row.recipe_key, row.epoch, func.sum(row.seconds))
        .where(row.recipe_key.in_(recipe_keys))
        .group_by(row.study, row.recipe_key, row.epoch)
        .order_by(row.study == study, row.study)
    )
    return {(key, epoch): float(seconds) for key, epoch, seconds in session.execute(sums)}


def total_compute(session: Session, study: str) -> Compute:
    """The compute of a study so far."""
    return sum(_compute_by(session, study, TrainedEpochRow.study).values(), Compute())


def compute_by_owner(session: Session, study: str) -> dict[str, Compute]:
    """The compute of each worker for a study, by its name."""
    return _compute_by(session, study, TrainedEpochRow.owner)


def recent_throughput(session: Session, study: str, window_seconds: float) -> float:
    """Patch-visits per second of all workers over the last seconds; 0 if nothing was trained in them.

    A study that started within the window is measured from the start of its first epoch.
    """
    end = now(session)
    recent = select(
        func.sum(TrainedEpochRow.patch_visits), func.min(TrainedEpochRow.at - TrainedEpochRow.seconds)
    ).where(TrainedEpochRow.study == study, TrainedEpochRow.at >= end - window_seconds)
    visits, began = session.execute(recent).one()
    if not visits:
        return 0.0
    return float(visits) / max(1e-9, end - max(float(began), end - window_seconds))


def _compute_by(session: Session, study: str, column: InstrumentedAttribute[str]) -> dict[str, Compute]:
    sums = (
        select(column, func.count(), func.sum(TrainedEpochRow.patch_visits), func.sum(TrainedEpochRow.seconds))
        .where(TrainedEpochRow.study == study)
        .group_by(column)
    )
    return {
        key: Compute(int(epochs), int(visits), float(seconds)) for key, epochs, visits, seconds in session.execute(sums)
    }


def record_test_opening(
    session: Session, *, study: str, architecture: str, configuration: str, test_digest: str, owner: str
) -> None:
    """Enter that the test split is opened for a frozen configuration; repeating an interrupted opening adds nothing."""
    row = TestOpeningRow(
        study=study,
        architecture=architecture,
        configuration=configuration,
        test_digest=test_digest,
        owner=owner,
        opened_at=now(session),
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return


def count_epochs(session: Session, study: str) -> int:
    """Entries that a study has in the ledger."""
    return session.scalar(select(func.count()).select_from(TrainedEpochRow).where(TrainedEpochRow.study == study)) or 0


def list_test_openings(session: Session, study: str) -> list[TestOpeningRow]:
    """Every opening of the test split, in order."""
    return list(
        session.scalars(select(TestOpeningRow).where(TestOpeningRow.study == study).order_by(TestOpeningRow.id))
    )
