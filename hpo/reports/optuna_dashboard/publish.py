"""Our figures and notes on optuna-dashboard's pages, published by ``hpo dashboard`` and by who closes a stage.

What optuna-dashboard would write into a study, it writes into one in memory; from there it goes into the database in
one transaction that holds the study's row. So no reader sees half a figure, and of several publishers none writes over
what a later one has read. Publishing the same again changes nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import optuna
import plotly.graph_objects as go
from optuna.exceptions import ExperimentalWarning
from optuna.storages import InMemoryStorage
from optuna_dashboard import get_note, save_note, save_plotly_graph_object  # type: ignore[import-untyped]

from hpo.config.dashboard import PanelSettings
from hpo.config.study import StudyFile
from hpo.reports.optuna_dashboard.note import Context, write_note
from hpo.reports.panel import NotThereError, panel_named
from hpo.reports.plot.figure import figure_text
from hpo.reports.plot.looks import Looks, faded
from hpo.results.front import objective_words
from hpo.results.read import read_results
from hpo.results.settings import StudySettings
from hpo.results.study import StudyResults
from hpo.results.trainings import StageName
from hpo.results.words import range_words
from hpo.storage.database import Database
from hpo.storage.decisions import stage_name
from hpo.storage.optuna_studies import change_study_attributes, study_ids

PUBLISHED_AT = "hpo:published_at"
"""The system attribute that tells when what is published was read, by the database's clock."""

YOURS = "\n---\n\n*Yours to write on: hpo keeps what stands below this line.*\n"
"""Between our part of a note and what people have written there."""

FIGURE_CHARACTERS = 300_000
"""A figure whose JSON is longer is left out: the dashboard asks for all of them every few seconds."""

_HEIGHT = 440
"""Of a figure, pixels: the dashboard's frame is 450."""

_INK, _LINE, _GRID = "#1b1f24", "#b9c0c9", "#e6e9ee"
_AXIS = {
    "gridcolor": _GRID,
    "linecolor": _LINE,
    "zerolinecolor": _GRID,
    "tickcolor": _LINE,
    "ticks": "outside",
    "showline": True,
    "automargin": True,
}
_PAPER = go.layout.Template(
    layout={
        "font": {"family": "Roboto, Helvetica, Arial, sans-serif", "size": 12, "color": _INK},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "legend": {"font": {"size": 11}},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
    }
)


class Publication(NamedTuple):
    """Figures and note of one Optuna study.

    Args:
        name: the Optuna study's.
        objectives: what its values are called.
        figures: by id.
        note: Markdown.
    """

    name: str
    objectives: tuple[str, ...]
    figures: Mapping[str, go.Figure]
    note: str


def publish_study(database: Database, study: StudyFile) -> None:
    """Publish figures and notes of every Optuna study of a study, as far as it has come.

    Raises:
        StorageError: if stored test predictions are damaged.
        StoreUnavailableError: if database or checkpoint store are out of reach.
    """
    read_at = database.now()
    results = read_results(database, study)
    names = [stage_name(study.name, stage, architecture) for stage, architecture in _begun(results)]
    ids = database.run(study_ids, names)
    addresses = {name: f"/dashboard/studies/{study_id}" for name, study_id in ids.items()}
    data = "a sample made by hpo data sample" if study.data.sample is not None else study.data.folder.name
    for publication in publications(results, data, addresses):
        publish(database, publication, read_at)


def publications(results: StudyResults, data: str, addresses: Mapping[str, str]) -> Iterator[Publication]:
    """Figures and note of each Optuna study that has started.

    Args:
        results: of the whole study.
        data: the study's data, in a few words.
        addresses: of the Optuna studies' pages, by name.
    """
    for stage, architecture in _begun(results):
        figures, findings = _figures(results, stage, architecture)
        yield Publication(
            name=stage_name(results.settings.name, stage, architecture),
            objectives=_objective_names(results.settings, stage),
            figures=figures,
            note=write_note(results, stage, architecture, Context(data, addresses, findings)),
        )


def publish(database: Database, publication: Publication, read_at: float) -> None:
    """Put a publication in the place of the one before it, unless somebody has published what was read later.

    Args:
        database: the study database.
        publication: what is shown.
        read_at: when its contents were read, by the database's clock.
    """

    def published(before: dict[str, Any]) -> dict[str, Any]:
        if before.get(PUBLISHED_AT, 0.0) > read_at:
            return before
        return _shown(publication, before) | {PUBLISHED_AT: read_at}

    database.run(change_study_attributes, publication.name, published)


def _shown(publication: Publication, before: Mapping[str, Any]) -> dict[str, Any]:
    """A study's system attributes after optuna-dashboard has saved a publication there."""
    storage = InMemoryStorage()
    study = optuna.create_study(storage=storage, directions=["maximize"] * len(publication.objectives))
    for key, value in before.items():
        storage.set_study_system_attr(study._study_id, key, value)
    with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
        study.set_metric_names(list(publication.objectives))
    for identity, figure in publication.figures.items():
        save_plotly_graph_object(study, figure, graph_object_id=identity)
    note = get_note(study)
    _, _, theirs = note.rpartition(YOURS)
    if note != publication.note + YOURS + theirs:  # each saving is a new version, which ends the edits of the last one
        save_note(study, publication.note + YOURS + theirs)
    return storage.get_study_system_attrs(study._study_id)


def _objective_names(settings: StudySettings, stage: StageName) -> tuple[str, ...]:
    several = settings.objectives if stage == "stage2" else None
    return tuple(map(objective_words, [settings.objective.metric] if several is None else several.names))


def _begun(results: StudyResults) -> list[tuple[StageName, str]]:
    """Stage and architecture of each Optuna study, in the order of the trials."""
    return list(dict.fromkeys((trial.stage, trial.architecture) for trial in results.trials))


def _figures(results: StudyResults, stage: StageName, architecture: str) -> tuple[dict[str, go.Figure], list[str]]:
    """An Optuna study's figures by id, and what they show; those without data are left out."""
    alone, looks = results.only(architecture), Looks(results.settings.architectures)
    figures, findings = {}, []
    for options in _panels(results.settings, stage, architecture):
        panel = panel_named(options.panel)
        try:
            data = panel.read(alone, options)
        except NotThereError:
            continue
        drawing = panel.draw(data, looks)
        if isinstance(drawing, go.Figure) and len(drawing.to_json()) <= FIGURE_CHARACTERS:
            identity = "-".join(filter(None, ("hpo", options.panel, options.factor)))
            below = _shade_range(drawing, alone, options.factor, looks) if options.factor else ""
            figures[identity] = _on_paper(drawing, panel.heading(alone, options), below)
            findings.append(panel.finding(data))
    return figures, findings


def _panels(settings: StudySettings, stage: StageName, architecture: str) -> Iterator[PanelSettings]:
    """The report's panels that speak about an Optuna study."""
    if stage == "stage1":
        for factor in settings.stage1.factors:
            yield PanelSettings(panel="factor_effect", factor=factor)
        yield PanelSettings(panel="learning_curves", architecture=architecture)
    else:
        if settings.objectives is not None:
            yield PanelSettings(panel="front")
            yield PanelSettings(panel="hypervolume")
        yield PanelSettings(panel="history")
        yield PanelSettings(panel="best_so_far")
        yield PanelSettings(panel="warm_start")


def _shade_range(figure: go.Figure, results: StudyResults, factor: str, looks: Looks) -> str:
    """Shade what stage 1 leaves of a factor to stage 2, where that is a range of numbers.

    Returns:
        What the shade is, in words; an empty text if there is none.
    """
    for limits in results.ranges:
        if limits.factor == factor and limits.low is not None and limits.high is not None:
            shade = faded(looks.colour(limits.architecture), 0.12)
            figure.add_vrect(
                limits.low,
                limits.high,
                fillcolor=shade,
                line_width=0,
                layer="below",
            )
            return f"shaded: the range for stage 2, {range_words(limits.low, limits.high)}"
    return ""


def _on_paper(figure: go.Figure, title: str, below: str) -> go.Figure:
    """A figure as it fits the dashboard's frame: with its title, on white, where nothing comes from a page of ours."""
    second = f"<br><span style='font-size:12px'>{figure_text(below)}</span>" if below else ""
    figure.update_layout(
        template=_PAPER,
        height=_HEIGHT,
        margin={"t": (figure.layout.margin.t or 0) + 56},
        title={"text": figure_text(title) + second, "x": 0.01, "y": 0.97, "yanchor": "top", "font": {"size": 15}},
    )
    return figure
