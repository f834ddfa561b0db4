"""Custom panels for a dashboard: ``{panel: function, function: "my_panels:epoch_seconds"}``.

Each function takes a study's results (`hpo.results.study.StudyResults`) and returns a Plotly figure, a table or HTML.
`hpo.reports.plot` draws the report's own figures. Put the module beside the study file or the dashboard.
"""

from __future__ import annotations

import plotly.graph_objects as go

from hpo.reports.plot.figure import figure, figure_text
from hpo.reports.plot.legend import LEGEND_ABOVE
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Column, Table
from hpo.results.study import StudyResults
from hpo.results.trainings import STAGES
from hpo.results.trials import best_trial
from hpo.results.words import plural


def epoch_seconds(results: StudyResults) -> tuple[go.Figure, str]:
    """How long an epoch took.

    One box per worker; an epoch's time includes validation and its checkpoint.
    """
    owners = sorted({epoch.owner for epoch in results.epochs})
    shown = go.Figure()
    for number, owner in enumerate(owners, start=1):
        seconds = [epoch.seconds for epoch in results.epochs if epoch.owner == owner]
        shown.add_box(y=seconds, name=f"worker {number}")
    shown.update_layout(yaxis_title="Seconds", showlegend=False)
    return shown, f"{len(results.epochs)} epochs were trained by {plural(len(owners), 'worker')}."


def value_by_patches(results: StudyResults) -> go.Figure:
    """Stage 2's objective against the training patches.

    One mark per trial, in the colours of the report's own figures.
    """
    looks = Looks(results.settings.architectures)
    shown = figure(340, legend=LEGEND_ABOVE, xaxis_title="Training patches", yaxis_title="Objective")
    for name in results.settings.architectures:
        trials = results.finished("stage2", name)
        shown.add_scatter(
            x=[trial.point["patches"] for trial in trials],
            y=[trial.objective for trial in trials],
            mode="markers",
            name=figure_text(name),
            marker={"color": looks.colour(name), "symbol": looks.symbol(name), "size": 9},
        )
    return shown


def best_trials(results: StudyResults) -> Table:
    """The best trial of each architecture and stage."""
    rows = []
    for stage in STAGES:
        for name in results.settings.architectures:
            done = results.finished(stage, name)
            if done:
                best = best_trial(results.settings.objective, done)
                rows.append([name, stage, str(best.number), f"{best.objective:.4f}"])
    columns = [
        Column("Architecture"),
        Column("Stage"),
        Column("Trial", numeric=True),
        Column("Objective", numeric=True),
    ]
    return Table(columns, rows)
