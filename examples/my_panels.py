"""Panels of one's own, for a dashboard: ``{panel: function, function: "my_panels:epoch_seconds"}``.

Each function takes what a study gave (`hpo.results.study.StudyResults`) and returns a Plotly figure, a table or HTML.
Put the module beside the study file or the dashboard.
"""

from __future__ import annotations

import plotly.graph_objects as go

from hpo.reports.table import Column, Table
from hpo.results.study import StudyResults
from hpo.results.words import plural


def epoch_seconds(results: StudyResults) -> tuple[go.Figure, str]:
    """How long an epoch took.

    One box per worker; an epoch's time includes validation and its checkpoint.
    """
    owners = sorted({epoch.owner for epoch in results.epochs})
    figure = go.Figure()
    for number, owner in enumerate(owners, start=1):
        seconds = [epoch.seconds for epoch in results.epochs if epoch.owner == owner]
        figure.add_box(y=seconds, name=f"worker {number}")
    figure.update_layout(yaxis_title="Seconds", showlegend=False)
    return figure, f"{len(results.epochs)} epochs were trained by {plural(len(owners), 'worker')}."


def best_trials(results: StudyResults) -> Table:
    """The best trial of each architecture and stage."""
    gain = results.settings.objective.gain
    rows = []
    for stage in ("stage1", "stage2"):
        for name in results.settings.architectures:
            done = [
                trial
                for trial in results.trials
                if (trial.stage, trial.architecture) == (stage, name) and trial.objective is not None
            ]
            if done:
                best = max(done, key=lambda trial: gain(trial.objective or 0.0))
                rows.append([name, stage, str(best.number), f"{best.objective:.4f}"])
    columns = [
        Column("Architecture"),
        Column("Stage"),
        Column("Trial", numeric=True),
        Column("Objective", numeric=True),
    ]
    return Table(columns, rows)
