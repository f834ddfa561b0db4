"""The progress of a study."""

from __future__ import annotations

from typing import NamedTuple

from hpo.config.as_planned import StudyPlace
from hpo.config.study import StudyFile
from hpo.stages.estimate import finished_points
from hpo.storage.database import Database
from hpo.storage.decisions import count_stages
from hpo.storage.ledger import count_epochs


class Progress(NamedTuple):
    """Numbers that are cheap to count; while they are unchanged, so is the study's report."""

    stages_opened: int
    stages_closed: int
    points_finished: int
    epochs_trained: int


def study_progress(database: Database, study: StudyFile | StudyPlace) -> Progress | None:
    """The progress of a study; None if it has not started."""
    with database.snapshot() as session:
        opened, closed = count_stages(session, study.name)
        trained = count_epochs(session, study.name)
    if not opened:
        return None
    return Progress(opened, closed, finished_points(database, study), trained)
