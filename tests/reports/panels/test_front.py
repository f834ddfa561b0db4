"""The front in the report: only where a study has several objectives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpo.config.dashboard import Dashboard, PanelSettings
from hpo.reports.page.report import render_report
from hpo.reports.panel import NotAskedError, NotThereError
from hpo.reports.panels import front, front_table, hypervolume
from hpo.reports.plot.looks import Looks
from hpo.results.study import StudyResults
from tests.results.invented import several

THREE = Dashboard(
    panels=(
        PanelSettings(panel="history"),
        *(PanelSettings(panel=name) for name in ("front", "front_table", "hypervolume")),
    )
)


def test_a_study_with_one_objective_has_no_front_and_no_word_of_it(finished: StudyResults) -> None:
    page = render_report(finished, THREE)
    assert 'data-panel="history"' in page
    assert "front" not in page.split("<main")[1].split("<footer")[0].lower().replace("in front", "")
    for panel in (front, front_table, hypervolume):
        with pytest.raises(NotAskedError):
            panel.read(finished, PanelSettings(panel="front"))


@pytest.mark.parametrize("names", [("parameters",), ("parameters", "latency_ms", "model_mb")])
def test_dots_front_ring_and_table_agree(finished: StudyResults, names: tuple[str, ...]) -> None:
    results = several(finished, *names)
    data = front.read(results, PanelSettings(panel="front"))
    looks = Looks(results.settings.architectures)
    drawn = front.draw(data, looks)
    assert data.across == list(names)
    dots = [trace for trace in drawn.data if trace.mode == "markers" and trace.name != "chosen"]
    assert sum(len(trace.x) for trace in dots) == len(data.front.trials) * len(names)
    filled = [trace for trace in dots if trace.marker.size == 11]
    assert sum(len(trace.x) for trace in filled) == len(data.front.best) * len(names)
    table = front_table.draw(data.front, looks)
    assert len(table.rows) == len(data.front.best)
    assert front.finding(data).startswith(f"Of {len(data.front.trials)} networks {len(data.front.best)} ")
    assert set(data.front.chosen) == {trial.architecture for trial in data.front.trials}
    page = render_report(results, THREE)
    assert page.count("<article") == 4


def test_the_hypervolume_never_falls(finished: StudyResults) -> None:
    data = hypervolume.read(several(finished, "parameters"), PanelSettings(panel="hypervolume"))
    for line in data.lines:
        assert line.shares == sorted(line.shares)
        assert line.spent == sorted(line.spent)
        assert 0 < line.shares[-1] <= 1
    assert "covers" in hypervolume.finding(data)
    assert hypervolume.draw(data, Looks([line.architecture for line in data.lines])).data


def test_the_compute_of_a_trial_is_its_trainings_whatever_its_point_names(finished: StudyResults) -> None:
    results = several(finished, "parameters")
    named = {name: value for name, value in results.settings.reference.items() if name != "batch_size"}
    trials = tuple(replace(trial, point=named, patch_visits=96) for trial in results.trials)
    data = hypervolume.read(replace(results, trials=trials), PanelSettings(panel="hypervolume"))
    for line in data.lines:
        assert line.spent == [96 * number for number in range(1, len(line.shares) + 1)]


def test_before_a_trial_has_finished_the_front_says_so(empty: StudyResults) -> None:
    with pytest.raises(NotThereError, match="No stage-2 trial has finished yet"):
        front.read(several(empty, "parameters"), PanelSettings(panel="front"))


def test_bounds_that_no_network_keeps_are_named(finished: StudyResults) -> None:
    results = several(finished.only("model1"), "parameters")
    objectives = results.settings.objectives
    assert objectives is not None
    for least, said in (
        (0.1, ""),
        (0.999, " No network of model1 keeps all bounds: the chosen one breaks auc at least"),
    ):
        bounded = replace(objectives, rule=replace(objectives.rule, at_least={"auc": least}))
        data = front.read(
            replace(results, settings=replace(results.settings, objectives=bounded)), PanelSettings(panel="front")
        )
        assert ("keeps all bounds" in front.finding(data)) is bool(said)
        assert said in front.finding(data)


@pytest.mark.parametrize(("name", "shape"), [("parameters", "hv"), ("loss", "hv"), ("accuracy", "vh")])
def test_the_front_is_joined_by_what_is_reached(finished: StudyResults, name: str, shape: str) -> None:
    results = several(finished, name)
    drawn = front.draw(front.read(results, PanelSettings(panel="front")), Looks(results.settings.architectures))
    (line,) = [trace for trace in drawn.data if trace.name == "front"]
    assert line.line.shape == shape
