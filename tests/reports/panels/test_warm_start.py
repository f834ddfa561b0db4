"""Warm against cold start: mean curves and bands, and when the cold start has caught up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError
from hpo.reports.panels import warm_start
from hpo.results.study import StudyResults
from hpo.results.trainings import Confirmation, Role
from tests.reports.looks import LOOKS
from tests.results.invented import stages_changed

OPTIONS = PanelSettings(panel="warm_start")


def _training(role: Role, seed: int, values: list[float], metric: str = "auc") -> Confirmation:
    curve = tuple({f"valid_{metric}": value} for value in values)
    donor = ("donor", 12) if role == "after" else None
    return Confirmation("model1", role, seed, {}, len(values), curve, donor=donor, objective=values[-1])


def _study(empty: StudyResults, warm: list[float], cold: list[float], metric: str = "auc") -> StudyResults:
    """The warm start's two seeds lie 0.01 to either side of the given mean."""
    seeds = [[value - 0.01 for value in warm], [value + 0.01 for value in warm]]
    trainings = [_training("after", seed, values, metric) for seed, values in enumerate(seeds)]
    trainings += [_training("cold_control", seed, cold, metric) for seed in (0, 1)]
    return replace(empty, confirmations=tuple(trainings))


def test_lines_are_means_and_bands_go_from_the_lowest_to_the_highest_seed(finished: StudyResults) -> None:
    read = warm_start.read(finished, PanelSettings(panel="warm_start", metric="accuracy"))
    start = read.starts[2]
    assert start.architecture == "model3"
    for curves in start.curves:
        values = np.array(
            [
                [epoch["valid_accuracy"] for epoch in one.curve]
                for one in finished.confirmations
                if (one.architecture, one.role) == ("model3", curves.role)
            ]
        )
        assert curves.mean == pytest.approx(values.mean(axis=0), abs=1e-5)
        assert curves.low == pytest.approx(values.min(axis=0), abs=1e-5)
        assert curves.high == pytest.approx(values.max(axis=0), abs=1e-5)
    assert [curves.role for curves in start.curves] == ["after", "cold_control", "before"]


def test_the_cold_start_has_caught_up_where_it_stays_within_the_warm_starts_seeds(empty: StudyResults) -> None:
    study = _study(empty, [0.8, 0.85, 0.9, 0.9, 0.9], [0.5, 0.7, 0.89, 0.91, 0.89])
    read = warm_start.read(study, OPTIONS)
    assert (read.starts[0].caught_up, read.starts[0].lead) == (3, pytest.approx(0.01))
    finding = "The cold start catches up with the warm start in validation AUC: model1 from epoch 3."
    assert warm_start.finding(read) == finding
    assert "trained for 12 epochs in stage 1 before" in warm_start.explain(read)


def test_touching_it_once_is_not_catching_up(empty: StudyResults) -> None:
    read = warm_start.read(_study(empty, [0.8, 0.8, 0.9, 0.9], [0.5, 0.80, 0.85, 0.86]), OPTIONS)
    assert read.starts[0].caught_up is None
    assert warm_start.finding(read) == (
        "The cold start is still behind the warm start after 4 epochs, in validation AUC: model1 by 0.040."
    )


def test_less_is_better_for_a_loss(empty: StudyResults) -> None:
    settings = replace(empty.settings, objective=replace(empty.settings.objective, metric="loss"))
    study = _study(replace(empty, settings=settings), [0.4, 0.3, 0.3], [0.9, 0.5, 0.4], "loss")
    start = warm_start.read(study, OPTIONS).starts[0]
    assert (start.caught_up, start.lead) == (None, pytest.approx(0.1))


def test_trainings_that_are_not_done_are_left_out(empty: StudyResults) -> None:
    study = _study(empty, [0.8, 0.9], [0.7, 0.8])
    unfinished = replace(_training("after", 2, [0.1]), objective=None)
    read = warm_start.read(replace(study, confirmations=(*study.confirmations, unfinished)), OPTIONS)
    assert read.starts[0].curves[0].seeds == 2
    assert read.starts[0].epochs == [1, 2]


def test_long_trainings_are_thinned_and_end_where_they_ended(empty: StudyResults) -> None:
    values = list(np.linspace(0.5, 0.9, 1000))
    read = warm_start.read(_study(empty, values, values), OPTIONS)
    epochs = read.starts[0].epochs
    assert (len(epochs), epochs[0], epochs[-1]) == (200, 1, 1000)
    assert read.starts[0].curves[0].mean[-1] == pytest.approx(0.9)
    assert "only some epochs are drawn" in warm_start.explain(read)


def test_a_plot_an_architecture_with_three_lines_and_two_bands(finished: StudyResults) -> None:
    figure = warm_start.draw(warm_start.read(finished, OPTIONS), LOOKS)
    assert isinstance(figure, go.Figure)
    assert len([trace for trace in figure.data if trace.fill == "toself"]) == 2 * 4
    assert len({trace.line.dash for trace in figure.data if trace.x != (None,) and trace.fill is None}) == 3
    legend = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert legend == ["tuned, warm start", "tuned, cold start", "before tuning"]


def test_what_is_missing_is_said(finished: StudyResults, empty: StudyResults) -> None:
    without = tuple(one for one in finished.confirmations if one.role != "cold_control")
    unasked = stages_changed(finished.settings, confirm={"cold_control": False})
    for trainings in (without, ()):
        with pytest.raises(NotThereError, match=r"not part of this study \(confirm.cold_control\)"):
            warm_start.read(replace(finished, confirmations=trainings, settings=unasked), OPTIONS)
    with pytest.raises(NotThereError, match="has not been trained yet"):
        warm_start.read(empty, OPTIONS)
    with pytest.raises(NotThereError, match="starts from random weights"):
        warm_start.read(
            replace(finished, settings=stages_changed(finished.settings, stage2={"warm_start": "cold"})), OPTIONS
        )
