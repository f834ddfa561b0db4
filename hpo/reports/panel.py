"""What a panel is: one figure or table, read from the results first and drawn then."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.reports.html import Html
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Table
from hpo.results.records import StageName, TrialResult
from hpo.results.study import StudyResults
from hpo.results.trials import STAGES, best_trial
from hpo.results.words import listed

Drawing: TypeAlias = go.Figure | Table | Html


class NotThereError(Exception):
    """What a panel draws is not there (yet); the text says what is missing, and the page shows it in its place."""


class BrokenPanelError(NotThereError):
    """A panel of the user's own went wrong; the page shows why in its place, the terminal too, and the rest stands."""


class Panel(Protocol):
    """A module in ``hpo/reports/panels``: these five functions, and a NamedTuple for what is read.

    To add one, write the module and name it in `hpo.config.dashboard.PanelName`.
    """

    def title(self, results: StudyResults, options: PanelSettings) -> str:
        """The heading, also where the panel's data is missing."""
        ...

    def read(self, results: StudyResults, options: PanelSettings) -> Any:
        """What is drawn.

        Raises:
            NotThereError: if it is missing.
        """
        ...

    def draw(self, data: Any, looks: Looks) -> Drawing:
        """A Plotly figure, a table, or HTML."""
        ...

    def finding(self, data: Any) -> str:
        """What it shows of this very study, with its numbers: one sentence, not escaped.

        It stands above the drawing, and is what somebody who cannot see it is told.
        """
        ...

    def explain(self, data: Any) -> str:
        """How to read it, in plain words: one to three sentences, not escaped."""
        ...


def finished_by_architecture(results: StudyResults, stage: StageName) -> dict[str, list[TrialResult]]:
    """A stage's finished trials of every architecture that has any, in the study file's order.

    Raises:
        NotThereError: if there is none yet.
    """
    found = {name: results.finished(stage, name) for name in results.settings.architectures}
    if not any(found.values()):
        raise NotThereError(f"No {STAGES[stage].replace(' ', '-')} trial has finished yet.")
    return {name: trials for name, trials in found.items() if trials}


def stage_of(options: PanelSettings) -> StageName:
    """The stage whose trials a figure shows."""
    return options.stage or "stage2"


def architecture_shown(results: StudyResults, options: PanelSettings, stage: StageName) -> str:
    """Which architecture a figure of a single one shows.

    The one that the options name, or else the best on validation: by its final trainings or, before there are any, by
    the trials of the stage.

    Raises:
        NotThereError: if the study has no such architecture, or no trial of the stage has finished yet.
    """
    settings = results.settings
    if options.architecture is not None:
        if options.architecture not in settings.architectures:
            raise NotThereError(
                f"This study has no architecture '{options.architecture}'; it has {listed(settings.architectures)}."
            )
        return options.architecture
    found = finished_by_architecture(results, stage)
    best = next((name for name in results.ranking if name in found), None)
    if best is not None:
        return best
    return best_trial(settings.objective, (trial for trials in found.values() for trial in trials)).architecture


def shown_trials(results: StudyResults, options: PanelSettings) -> tuple[str, list[TrialResult]]:
    """The architecture of a figure that shows a single one, and the stage's finished trials of it.

    Raises:
        NotThereError: if the study has no such architecture, or none of its trials has finished yet.
    """
    stage = stage_of(options)
    architecture = architecture_shown(results, options, stage)
    trials = results.finished(stage, architecture)
    if not trials:
        raise NotThereError(f"No {STAGES[stage].replace(' ', '-')} trial of {architecture} has finished yet.")
    return architecture, trials
