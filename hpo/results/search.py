"""The epochs that a study's search has trained, by the compute ledger."""

from __future__ import annotations

from hpo.results.study import StudyResults
from hpo.storage.ledger import TrainedEpoch


def search_epochs(results: StudyResults, architecture: str) -> list[TrainedEpoch]:
    """What has been trained for an architecture's trials of both stages, in its order.

    A final training with the search's own seed goes on from where a trial ended: its further epochs are no part of it.
    """
    needed: dict[str, int] = {}
    for trial in results.trials:
        if trial.architecture != architecture or trial.state == "waiting":
            continue
        own = max(int(trial.point.get("epochs", 0)), len(trial.curve))
        lengths = dict.fromkeys(trial.folds.keys or (trial.recipe_key,), own)
        lengths |= dict.fromkeys(trial.folds.donors, 0 if trial.donor is None else trial.donor[1])
        for key, epochs in lengths.items():
            needed[key] = max(needed.get(key, 0), epochs)
    found = [entry for entry in results.epochs if entry.epoch <= needed.get(entry.recipe_key, 0)]
    return sorted(found, key=lambda entry: entry.at)
