"""Panels: one figure or table each, read first and drawn then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic, TypeAlias, TypeVar

import plotly.graph_objects as go

from hpo.config.dashboard import PanelName, PanelSettings
from hpo.reports.html import Html
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Table
from hpo.results.study import StudyResults
from hpo.results.trainings import StageName, TrialResult
from hpo.results.trials import STAGES, best_trial
from hpo.results.words import listed

Drawing: TypeAlias = go.Figure | Table | Html
Subject = TypeVar("Subject")
Options = TypeVar("Options")
Data = TypeVar("Data")


class NotThereError(Exception):
    """A panel's data is missing (yet); the page shows the text, which says what is missing, in its place."""


class NotAskedError(NotThereError):
    """A panel is about something that the study's file does not ask for, such as a front; the page leaves it out."""


class BrokenPanelError(NotThereError):
    """A panel of the user's own went wrong; the page shows why in its place, the terminal too, and the rest stands."""


@dataclass(frozen=True)
class Panel(Generic[Subject, Options, Data]):
    """One figure or table, of one study or of several: facts are read first and drawn then.

    A panel of one study is a module in ``hpo/reports/panels`` that ends with ``PANEL = Panel(...)`` and names the
    options that it takes, as `hpo.config.panels` says. Its subject is a `StudyResults`, its options a `PanelSettings`.

    Args:
        title: the heading, also where the data is missing; a text, or a function of subject and options.
        read: the facts, which have no colours and no markup.
            Raises `NotThereError` if they are missing.
        draw: a Plotly figure, a table, or HTML.
        finding: what the facts show of this very study, with their numbers: one sentence, not escaped. It stands above
            the drawing, and is what somebody who cannot see it is told.
        explain: how to read the drawing, in plain words: one to three sentences, not escaped.
    """

    title: str | Callable[[Subject, Options], str]
    read: Callable[[Subject, Options], Data]
    draw: Callable[[Data, Looks], Drawing]
    finding: Callable[[Data], str]
    explain: Callable[[Data], str]

    def heading(self, subject: Subject, options: Options) -> str:
        """The title in words."""
        return self.title if isinstance(self.title, str) else self.title(subject, options)


def panel_named(name: PanelName) -> Panel[StudyResults, PanelSettings, Any]:
    """The panel that a dashboard names."""
    panel: Panel[StudyResults, PanelSettings, Any] = import_module(f"hpo.reports.panels.{name}").PANEL
    return panel


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
    """The architecture of a figure that shows a single one.

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
    best = results.best_of(found)
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
