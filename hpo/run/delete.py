"""Deleting a study: its files, what is its alone in the store, and then its rows, so that it can be begun anew."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hpo.errors import HpoError
from hpo.export.tuned import EXPORTED_NAMES
from hpo.run.output_folder import MARK
from hpo.stages.belongings import Belongings, belongings, checkpoint_files, prediction_files, strangers
from hpo.stages.listing import SILENT_SECONDS, ListedStudy, listed_study
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.database import Database
from hpo.storage.files import Files
from hpo.storage.study_rows import delete_rows
from hpo.storage.tables import StudyRow, TestOpeningRow
from hpo.storage.workers import live_workers


@dataclass(frozen=True)
class Deletion:
    """What deleting a study would take away.

    Args:
        study: as `hpo list` shows it.
        owned: what in its store is its own.
        openings: how often it opened the test split; the record of that goes with it.
        strangers: studies of other databases in the same store: then its checkpoints stay.
        checkpoints: how many trainings lose theirs.
        has_store: whether the store holds anything at all.
    """

    study: ListedStudy
    owned: Belongings
    openings: int
    strangers: list[str]
    checkpoints: int
    has_store: bool


def plan_deletion(database: Database, study: str, store: str | None) -> Deletion:
    """What deleting a study would take away; nothing is changed.

    Args:
        database: its database.
        study: its name.
        store: folder or URL of its checkpoints; None where it is not known, and then they stay.

    Raises:
        HpoError: if it is not there, or workers are at work on it.
    """
    with database.transaction() as session:
        check_idle(session, database, study)
        owned = belongings(session, study)
        counted = select(func.count()).select_from(TestOpeningRow).where(TestOpeningRow.study == study)
        is_there = store is not None and bool(Files(store).names(""))
        others = strangers(session, Files(store)) if store is not None and is_there else []
        is_kept = not is_there or bool(others)
        return Deletion(
            study=listed_study(session, study),
            owned=owned,
            openings=int(session.scalar(counted) or 0),
            strangers=others,
            checkpoints=0 if is_kept else len(owned.recipes - owned.shared_recipes),
            has_store=is_there,
        )


def delete_study(
    database: Database, deletion: Deletion, *, store: str | None, output: Path | None, keep_models: bool
) -> int:
    """Delete a study. Safe to repeat: whoever is killed in its middle begins again, and the rows go last.

    Args:
        database: its database.
        deletion: as `plan_deletion` gave it.
        store: folder or URL of its checkpoints, or None.
        output: its output folder, or None.
        keep_models: whether report, best configuration and models stay.

    Returns:
        How many rows were deleted.

    Raises:
        HpoError: if workers have started on it meanwhile.
        StoreUnavailableError: if database or store are out of reach.
    """
    name = deletion.study.name
    if store is not None:
        _clear_store(Files(store), deletion)
    if output is not None:
        for path in list(_written_by_us(output, tuple(deletion.study.stages), keep_models)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def delete(session: Session) -> int:
        if session.get(StudyRow, name) is None:
            return 0
        check_idle(session, database, name)
        return delete_rows(session, name)

    return database.run(delete)


def check_idle(session: Session, database: Database, study: str) -> None:
    """See that a study is there, and that nobody works on it.

    Raises:
        HpoError: if not.
    """
    if session.get(StudyRow, study) is None:
        names = ", ".join(sorted(session.scalars(select(StudyRow.name)))) or "none"
        raise HpoError(f"database {database.url} has no study {study!r}; it has: {names}")
    busy = [worker for worker in live_workers(session, study) if worker.silent_seconds < SILENT_SECONDS]
    if busy:
        raise HpoError(
            f"{study}: worker {busy[0].owner} is at work on it; hpo stop --now ends it (one that was killed elsewhere "
            f"counts as gone after {SILENT_SECONDS:.0f} s)"
        )


def _clear_store(files: Files, deletion: Deletion) -> None:
    owned = deletion.owned
    for configuration in owned.configurations - owned.shared_configurations:
        for name in list(prediction_files(files, configuration)):
            files.remove(name)
        for folder in ("test", "valid", ""):
            files.remove_empty(f"predictions/{configuration}/{folder}".rstrip("/"))
    for artifact in owned.artifacts:
        files.remove(f"artifacts/{artifact}")
    if not deletion.strangers:
        store = CheckpointStore(files)
        for key in owned.recipes - owned.shared_recipes:
            if any(True for _ in checkpoint_files(files, key)):
                store.prune(key, ())
    files.remove(owned.mark)


def _written_by_us(output: Path, architectures: tuple[str, ...], keep_models: bool) -> Iterator[Path]:
    """What in the output folder hpo wrote for this study."""
    names = ["ranges.yaml", "logs", MARK]
    if not keep_models:
        names += ["report.html", "best_config.yaml"]
        for architecture in architectures:
            names += [f"{architecture}/{name}" for name in EXPORTED_NAMES]
    for name in names:
        path = output / name
        if path.exists() and not path.is_symlink():
            yield path


def unused_database_file(database: Database, output: Path | None) -> Path | None:
    """The SQLite file that a deleted study leaves in its output folder with no study in it, ours or anybody's."""
    if database.file is None or output is None or not database.file.is_relative_to(output):
        return None
    from optuna.storages._rdb.models import StudyModel

    model: Any = StudyModel
    with database.transaction() as session:
        if session.scalar(select(StudyRow.name).limit(1)) or session.scalar(select(model.study_id).limit(1)):
            return None
    return database.file
