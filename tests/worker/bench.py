"""A study of one recipe, and what workers need that only wait in place of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.config.load import load_study
from hpo.config.study import StudyFile
from hpo.stages.plan import open_first_stage
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.database import Database, open_database
from hpo.storage.files import Files
from hpo.storage.ledger import compute_by_epoch, trained_epochs
from hpo.storage.points import stage_points
from hpo.storage.tables import PointRow
from tests.stages import story
from tests.worker.slow import with_lease

STAGE = "small/stage1/tiny"


@dataclass
class Bench:
    """A study of one recipe, and what workers need that only wait in place of training."""

    file: Path
    database: Database
    url: str
    lease: float

    @property
    def study(self) -> StudyFile:
        return with_lease(load_study(self.file), self.lease)

    @property
    def store(self) -> CheckpointStore:
        return CheckpointStore(Files(self.study.checkpoints))

    def points(self) -> list[PointRow]:
        with self.database.transaction() as session:
            return sorted(stage_points(session, STAGE), key=lambda point: point.epochs or 0)

    def trained(self) -> list[int]:
        """The epochs in the ledger, in order; one that was trained twice is there twice."""
        with self.database.transaction() as session:
            costs = compute_by_epoch(trained_epochs(session, self.study.name))
        return sorted(epoch for (_, epoch), cost in costs.items() for _ in range(cost.epochs))

    def files(self) -> dict[str, int]:
        """Every checkpoint, and when it was written."""
        return {str(path): path.stat().st_mtime_ns for path in Path(self.study.checkpoints).rglob("*.h5")}

    def hand(self, said: Path, *, seconds: float, dies_in_epoch: int | None = None) -> dict[str, Any]:
        """The arguments of a worker's process."""
        return {
            "study_file": str(self.file), "url": self.url, "lease": self.lease, "seconds": seconds, "said": str(said),
            "dies_in_epoch": dies_in_epoch,
        }  # fmt: skip


def bench(folder: Path, url: str, *, epochs: Sequence[int], lease: float = 60) -> Bench:
    """Opened and planned: a point for each of these epochs."""
    space = {**story.SPACE, "epochs": {"reference": epochs[-1], "levels": list(epochs)}}
    file = story.write(
        folder, space=space, stage1={"factors": ["epochs"]}, architectures=story.STUDY["architectures"][:1]
    )
    made = Bench(file, open_database(url), url, lease)
    open_first_stage(made.database, made.study, story.DATA)
    return made
