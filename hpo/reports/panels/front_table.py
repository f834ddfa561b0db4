"""The networks of the front, a row each."""

from __future__ import annotations

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import Panel
from hpo.reports.panels.front import front_of
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Cell, Column, Table
from hpo.results.front import Front, bare_value, objective_words
from hpo.results.study import StudyResults
from hpo.results.trials import varied_factors
from hpo.results.words import capital, factor_words, listed, plural, value_words


def read(results: StudyResults, _options: PanelSettings) -> Front:
    """The front of a study with several objectives; raises as `front_of`."""
    return front_of(results)


def draw(data: Front, looks: Looks) -> Table:
    """One row per network of the front: its values, and the factors that stage 2 varied."""
    factors = varied_factors(data.trials)
    names = data.objectives.names
    columns = [
        Column("Model"),
        Column("Trial", numeric=True),
        *(Column(capital(objective_words(name)), numeric=True) for name in names),
        *(Column(capital(factor_words(name)), numeric=True) for name in factors),
        Column("Chosen"),
    ]
    chosen = {id(trial) for trial in data.chosen.values()}
    rows = [
        [
            Cell(trial.architecture, swatch=looks.colour(trial.architecture)),
            str(trial.number),
            *(bare_value(name, value) for name, value in zip(names, trial.values, strict=True)),
            *(value_words(trial.point[name]) if name in trial.point else "" for name in factors),
            Cell("yes", kind="strong") if id(trial) in chosen else "",
        ]
        for trial in data.best
    ]
    return Table(columns, rows)


def finding(data: Front) -> str:
    """How many networks of which architectures."""
    names = listed(dict.fromkeys(trial.architecture for trial in data.best))
    return f"The front has {plural(len(data.best), 'network')} of {names}."


def explain(_data: Front) -> str:
    """Where the values are from."""
    return (
        "Metrics are of the one training in stage 2, on the validation patches, and so are partly luck; final "
        "trainings and the test are of the chosen networks alone."
    )


PANEL = Panel("Networks of the front", read, draw, finding, explain)
