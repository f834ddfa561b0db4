"""A study's results from its database and prediction store; TensorFlow and the data are not needed."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from hpo.config.study import StudyFile
from hpo.config.versions import versions
from hpo.data.dataset import Dataset
from hpo.data.description import CLASSES
from hpo.results.decisions import TestOpening
from hpo.results.read_decisions import read_compute, read_donors, read_ranges
from hpo.results.read_patches import describe_data, find_mistakes
from hpo.results.read_points import read_candidates, read_confirmations, read_faults, read_folds, read_trials
from hpo.results.recorded import Recorded, read_recorded
from hpo.results.settings import settings_of
from hpo.results.study import StudyResults
from hpo.storage.database import Database
from hpo.storage.decided import Stage1Plan
from hpo.storage.files import Files
from hpo.storage.predictions import PredictionStore
from hpo.storage.stage_json import plan_of


def read_results(database: Database, study: StudyFile, dataset: Dataset | None = None) -> StudyResults:
    """Read everything that a report needs, as far as the study has come.

    The database is read as of one moment, even while workers write to it.

    Args:
        database: the study database.
        study: the study file.
        dataset: for the data section and the mistakes; None leaves both out.

    Raises:
        StorageError: if stored test predictions are damaged.
    """
    recorded = read_recorded(database, study)
    store = PredictionStore(Files(study.checkpoints))
    labels, slides, valid_labels = None, None, None
    for frozen in islice(recorded.frozen.values(), 1):  # the same for all
        labels, slides = store.load_truth(frozen.configuration)
        if store.keeps_valid(frozen.configuration):
            valid_labels, _ = store.load_truth(frozen.configuration, "valid")
    results = StudyResults(
        settings=settings_of(study),
        trials=tuple(read_trials(study, recorded)),
        confirmations=tuple(read_confirmations(store, recorded)),
        candidates=tuple(read_candidates(study, recorded)),
        folds=tuple(read_folds(study, store, recorded)),
        test_labels=labels,
        test_slides=slides,
        valid_labels=valid_labels,
        test_openings=tuple(
            TestOpening(row.architecture, row.opened_at, row.owner, row.configuration, row.test_digest)
            for row in recorded.openings
        ),
        plans=tuple(recorded.plans),
        compute=tuple(read_compute(study, recorded)),
        donors=tuple(read_donors(study, recorded)),
        ranges=tuple(read_ranges(study, recorded)),
        data=None if dataset is None else describe_data(study, dataset),
        versions=versions(),
        epochs=tuple(recorded.epochs),
        workers=tuple(recorded.workers),
        faults=tuple(read_faults(recorded)),
        classes=_classes(recorded) if dataset is None else dataset.classes,
        given_up=recorded.given_up,
    )
    return results if dataset is None else replace(results, mistakes=find_mistakes(results, dataset.test))


def _classes(recorded: Recorded) -> tuple[str, ...]:
    """The names that stage 1 was planned with, for use when the data is not available."""
    planned = (plan_of(stage, Stage1Plan).classes for (name, _), stage in recorded.stages.items() if name == "stage1")
    return next((classes for classes in planned if classes), CLASSES)
