"""Recreate lost files of a finished study."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product

from sqlalchemy.orm import Session

from hpo.config.study import StudyFile
from hpo.errors import StorageError, StoreUnavailableError
from hpo.recipe.folds import FOLD_ROLES
from hpo.storage.database import Database
from hpo.storage.decided import ConfirmResult
from hpo.storage.decisions import load_stages
from hpo.storage.files import Files
from hpo.storage.points import stage_points
from hpo.storage.predictions import PredictionStore, Split
from hpo.storage.stage_json import abandoned, plan_of
from hpo.storage.tables import StageRow


def remake_predictions(database: Database, study: StudyFile) -> list[str]:
    """Requeue the test of each architecture whose stored predictions are not complete and sound.

    The frozen configuration and the register of openings stay as they are: the same weights predict the same patches.
    They come from their checkpoints, or are trained again if those are gone.

    Returns:
        One line per architecture on what is recreated.

    Raises:
        StoreUnavailableError: if database or store are out of reach.
    """
    tests = database.run(lambda session: _closed_tests(session, study))
    lost = {stage.architecture: _lost(study, plan_of(stage, ConfirmResult)) for stage in tests}
    again = [stage.name for stage in tests if lost[stage.architecture]]
    if again:
        database.run(lambda session: _queue_again(session, study, again))
    return [
        f"{architecture}: {len(faults)} stored predictions are to be made again ({faults[0]}), from checkpoints, or by "
        "training again where those are gone"
        for architecture, faults in lost.items()
        if faults
    ]


def _closed_tests(session: Session, study: StudyFile) -> list[StageRow]:
    stages = load_stages(session, study.name)
    tests = [stages.get(("test", name)) for name in study.architecture_specs]
    return [stage for stage in tests if stage is not None and stage.closed_at is not None and abandoned(stage) is None]


def _lost(study: StudyFile, frozen: ConfirmResult) -> list[str]:
    """The fault of each prediction that cannot be read, or of the data that they are compared with."""
    store = PredictionStore(Files(study.checkpoints))
    splits: tuple[Split, ...] = ("valid", "test")
    faults: list[str] = []
    reads: list[Callable[[], object]] = [partial(store.load_truth, frozen.configuration, split) for split in splits]
    reads += [
        partial(store.load, frozen.configuration, run.role, run.seed, split)
        for split, run in product(splits, frozen.runs)
        if split == "test" or run.role not in FOLD_ROLES
    ]
    for read in reads:
        try:
            read()
        except StoreUnavailableError:
            raise
        except StorageError as error:
            faults.append(str(error).partition(";")[0])
    return faults


def _queue_again(session: Session, study: StudyFile, names: list[str]) -> None:
    for stage in load_stages(session, study.name).values():
        if stage.name in names and stage.closed_at is not None:
            stage.closed_at = stage.result = stage.cleaned_at = None
            for row in stage_points(session, stage.name):
                row.state, row.curve, row.finished_at, row.failures = "waiting", None, None, 0
