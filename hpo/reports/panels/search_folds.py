"""The folds by which stage 2 judged what it chose: the validation value in each."""

from __future__ import annotations

from typing import NamedTuple

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.fold_curves import fold_name
from hpo.reports.panel import NotAskedError, NotThereError, Panel
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Cell, Column, Table
from hpo.results.study import StudyResults
from hpo.results.trainings import TrialResult
from hpo.results.trials import value_of
from hpo.results.words import capital, listed, metric_words, number


class SearchFolds(NamedTuple):
    """Facts of the table: the objective's metric, and the trial chosen for each architecture, or the best so far."""

    metric: str
    chosen: dict[str, TrialResult]


def title(results: StudyResults, _options: PanelSettings) -> str:
    """Names the metric."""
    return f"Folds of stage 2: validation {metric_words(results.settings.objective.metric)} of what it chose"


def read(results: StudyResults, _options: PanelSettings) -> SearchFolds:
    """Architectures whose stage 2 has a finished trial.

    Raises:
        NotAskedError: if stage 2 has no folds.
        NotThereError: if no trial has finished.
    """
    if results.settings.stage2.folds is None:
        raise NotAskedError("Stage 2 has no folds.")
    found = {name: results.chosen_trial(name) for name in results.settings.architectures}
    chosen = {name: trial for name, trial in found.items() if trial is not None and trial.folds.values}
    if not chosen:
        raise NotThereError("No trial of stage 2 has finished yet.")
    return SearchFolds(results.settings.objective.metric, chosen)


def draw(data: SearchFolds, looks: Looks) -> Table:
    """One row per architecture, one column per fold."""
    most = max(len(trial.folds.values) for trial in data.chosen.values())
    names = [capital(fold_name(place).replace("_", " ")) for place in range(most)]
    columns = [Column("Model"), Column("Mean", numeric=True), *(Column(name, numeric=True) for name in names)]
    rows: list[list[Cell | str]] = [
        [
            Cell(name, f"trial {trial.number}", swatch=looks.colour(name)),
            number(value_of(trial)),
            *(number(value) for value in trial.folds.values),
        ]
        for name, trial in data.chosen.items()
    ]
    return Table(columns, rows)


def finding(data: SearchFolds) -> str:
    """The range over the folds."""
    ranges = [
        f"{number(min(trial.folds.values))} to {number(max(trial.folds.values))} for {name}"
        for name, trial in data.chosen.items()
    ]
    return f"Over the folds, validation {metric_words(data.metric)} is {listed(ranges)}."


def explain(_data: SearchFolds) -> str:
    """What a trial's value is."""
    return (
        "Every trial of stage 2 is trained once without each fold of the training and validation patches, whole slides "
        "in one fold, and validated on it; the mean judges the trial. Stage 1 and the final trainings are on the "
        "study's own split."
    )


PANEL = Panel(title, read, draw, finding, explain)
