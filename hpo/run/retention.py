"""Retention of checkpoints: those that can still be needed stay.

While an architecture is running, all checkpoints of its design points stay: a later stage may continue from them or
start from their weights. Once it is finished, what it or another study can still need stays: each training at the
epochs at which its design points ended, where an extended study continues and a copy of the study finds it; the
confirmation's runs at the epoch that counts; and the donors of their weights.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from hpo.config.study import StudyFile
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.database import Database
from hpo.storage.decided import ConfirmResult, FrozenRun
from hpo.storage.decisions import load_stages, note_cleaned, study_names, uncleaned_ends
from hpo.storage.files import Files
from hpo.storage.points import NamedTraining, named_trainings
from hpo.storage.stage_json import abandoned, result_of
from hpo.storage.tables import StageRow


def clean_after_the_end(database: Database, study: StudyFile) -> int:
    """Clean up once after each finished architecture.

    Returns:
        How many checkpoints were removed.

    Raises:
        StoreUnavailableError: if database or store are out of reach.
    """
    ended = database.run(uncleaned_ends, study.name)
    if not ended:
        return 0
    removed = clean_checkpoints(database, study, CheckpointStore(Files(study.checkpoints)))
    database.run(note_cleaned, ended)
    return removed


def clean_checkpoints(database: Database, study: StudyFile, store: CheckpointStore) -> int:
    """Remove the checkpoints of a study's recipes that nothing in this database needs.

    Safe to repeat, and to run in several processes at once, whatever the workers do meanwhile: a checkpoint that is
    needed after all is trained again to the same bits. What the study does not name is not touched, for a store may be
    shared, and neither is what another study of the same database needs. Studies of other databases are not known
    here: give them a store of their own.

    Args:
        database: the study database.
        study: the study file.
        store: its checkpoints.

    Returns:
        How many checkpoints were removed.

    Raises:
        StoreUnavailableError: if database or store are out of reach.
    """
    return sum(store.prune(key, epochs) for key, epochs in needed_checkpoints(database, study).items())


def needed_checkpoints(database: Database, study: StudyFile) -> dict[str, set[int]]:
    """The epochs that can still be needed of each of a study's recipes, donors included.

    Args:
        database: the study database; all of its studies are asked for what they need.
        study: the study file.

    Returns:
        Epochs by recipe key; an empty set where nothing is needed any more.

    Raises:
        StoreUnavailableError: if the database is out of reach.
    """
    needed: defaultdict[str, set[int]] = defaultdict(set)
    ours: set[str] = set()
    for architecture in database.run(_architectures):
        for recipe, epochs in architecture.points:
            for ancestor, last in recipe.lineage(epochs):
                if architecture.study == study.name:
                    ours.add(ancestor.key)
                needed[ancestor.key].update(range(1 if architecture.runs is None else last, last + 1))
        for run in architecture.runs or ():
            for ancestor, speaking in run.recipe.lineage(run.epoch):
                needed[ancestor.key].add(speaking)
    return {key: needed[key] for key in ours}


@dataclass(frozen=True)
class _Architecture:
    """The trainings of an architecture of some study.

    Args:
        study: the study's name.
        points: its design points.
        runs: what its comparison was made from; None while it is under way.
    """

    study: str
    points: list[NamedTraining]
    runs: tuple[FrozenRun, ...] | None


def _architectures(session: Session) -> list[_Architecture]:
    """Every architecture of every study in the database."""
    found = []
    for study in study_names(session):
        stages = load_stages(session, study)
        for architecture in {architecture for _, architecture in stages}:
            rows = [row for (_, name), row in stages.items() if name == architecture]
            points = [training for row in rows for training in named_trainings(session, row)]
            found.append(_Architecture(study, points, _runs(rows)))
    return found


def _runs(stages: Sequence[StageRow]) -> tuple[FrozenRun, ...] | None:
    closed = {stage.stage: stage for stage in stages if stage.closed_at is not None}
    is_tested = "test" in closed or any(abandoned(stage) is not None for stage in closed.values())
    if not is_tested or len(closed) < len(stages):
        return None
    frozen = result_of(closed.get("confirm"), ConfirmResult)
    return () if frozen is None else frozen.runs
