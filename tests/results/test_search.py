"""What the search has trained."""

from __future__ import annotations

from dataclasses import replace

from hpo.results.search import search_epochs
from hpo.results.study import StudyResults
from hpo.results.trainings import InFolds, TrialResult
from hpo.storage.ledger import TrainedEpoch


def _trial(**fields: object) -> TrialResult:
    point = {"epochs": 3, "patches": 10}
    return TrialResult("stage2", "model1", 0, point, "complete", "own", **fields)  # type: ignore[arg-type]


def _ledger(key: str, epochs: int) -> list[TrainedEpoch]:
    return [TrainedEpoch(key, epoch, 10, 1.0, "a:1:1", 100.0 + epoch) for epoch in range(1, epochs + 1)]


def test_a_final_training_that_goes_on_from_a_trial_is_no_part_of_the_search(empty: StudyResults) -> None:
    entries = tuple(_ledger("own", 8) + _ledger("final", 8))
    study = replace(empty, trials=(_trial(),), epochs=entries)
    assert [(entry.recipe_key, entry.epoch) for entry in search_epochs(study, "model1")] == [
        ("own", epoch) for epoch in (1, 2, 3)
    ]
    assert search_epochs(study, "model2") == []
    waiting = replace(study, trials=(replace(_trial(), state="waiting"),))
    assert search_epochs(waiting, "model1") == []


def test_trainings_in_folds_and_their_donors_count(empty: StudyResults) -> None:
    folds = InFolds(("first", "second"), ("donor",))
    entries = tuple(_ledger("first", 4) + _ledger("second", 4) + _ledger("donor", 4) + _ledger("own", 4))
    study = replace(empty, trials=(_trial(folds=folds, donor=("own", 2)),), epochs=entries)
    found = sorted((entry.recipe_key, entry.epoch) for entry in search_epochs(study, "model1"))
    assert found == [
        ("donor", 1),
        ("donor", 2),
        *(("first", n) for n in (1, 2, 3)),
        *(("second", n) for n in (1, 2, 3)),
    ]
