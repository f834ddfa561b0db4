"""What in a store belongs to a study: its checkpoints, predictions and artifacts, and what others share with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from hpo.storage.decisions import load_stages, study_names
from hpo.storage.files import Files
from hpo.storage.points import named_trainings
from hpo.storage.store_mark import mark_name
from hpo.storage.study_rows import artifact_ids, read_rows
from hpo.storage.tables import StudyRow, TestOpeningRow


@dataclass(frozen=True)
class Belongings:
    """What in a store is a study's.

    Args:
        recipes: keys of the trainings that its design points name, donors included.
        shared_recipes: those of them that another study of the same database names too.
        configurations: whose predictions are its own.
        shared_configurations: those of them that another study of the same database has too.
        artifacts: names of its trials' files.
        mark: the file by which its workers know the store.
    """

    recipes: frozenset[str]
    shared_recipes: frozenset[str]
    configurations: frozenset[str]
    shared_configurations: frozenset[str]
    artifacts: frozenset[str]
    mark: str


def belongings(session: Session, study: str) -> Belongings:
    """What belongs to a study that has begun, as its database has it."""
    others = [name for name in study_names(session) if name != study]
    recipes, configurations = _recipes(session, study), _configurations(session, study)
    opened_at = session.get_one(StudyRow, study).opened_at
    return Belongings(
        recipes=recipes,
        shared_recipes=recipes & frozenset(key for other in others for key in _recipes(session, other)),
        configurations=configurations,
        shared_configurations=configurations
        & frozenset(name for other in others for name in _configurations(session, other)),
        artifacts=frozenset(artifact_ids(read_rows(session, study))),
        mark=mark_name(study, opened_at),
    )


def strangers(session: Session, files: Files) -> list[str]:
    """The studies of other databases that keep their checkpoints in a store, as far as their marks tell."""
    known = {mark_name(row.name, row.opened_at).rpartition("/")[2] for row in session.scalars(select(StudyRow))}
    return sorted(name for name in files.names("studies") if name not in known)


def checkpoint_files(files: Files, recipe_key: str) -> Iterator[str]:
    """The names of a training's checkpoints."""
    for name in files.names(recipe_key):
        if name.endswith(".h5"):
            yield f"{recipe_key}/{name}"


def prediction_files(files: Files, configuration: str) -> Iterator[str]:
    """The names of the predictions of a frozen configuration."""
    for split in ("test", "valid"):
        folder = f"predictions/{configuration}/{split}"
        for name in files.names(folder):
            if name.endswith(".npz"):
                yield f"{folder}/{name}"


def _recipes(session: Session, study: str) -> frozenset[str]:
    return frozenset(
        ancestor.key
        for row in load_stages(session, study).values()
        for recipe, epochs in named_trainings(session, row)
        for ancestor, _ in recipe.lineage(epochs)
    )


def _configurations(session: Session, study: str) -> frozenset[str]:
    opened = select(TestOpeningRow.configuration).where(TestOpeningRow.study == study)
    return frozenset(session.scalars(opened))
