"""Stage 1's levels, the ranges left of them, and stage 2's trials."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError
from hpo.reports.panels import factor_effect, range_axes
from hpo.results.study import StudyResults
from tests.reports.looks import LOOKS
from tests.results.invented import invent_study, stages_changed

OPTIONS = PanelSettings(panel="range_axes")


def test_there_is_a_plot_for_each_number_that_stage_1_varies(finished: StudyResults) -> None:
    read = range_axes.read(finished, OPTIONS)
    assert [axis.axis.factor for axis in read.axes] == ["patches", "batch_size", "learning_rate", "epochs"]
    assert [axis.axis.log for axis in read.axes] == [True, True, True, False]
    effect = factor_effect.read(finished, PanelSettings(panel="factor_effect", factor="batch_size"))
    assert read.axes[1].levels == effect.lines


def test_ranges_are_those_that_stage_1_left_and_whole_where_the_factor_is(finished: StudyResults) -> None:
    axes = {axis.axis.factor: axis for axis in range_axes.read(finished, OPTIONS).axes}
    assert axes["learning_rate"].ranges == dict.fromkeys(finished.settings.architectures, (0.0017, 0.0173))
    assert axes["batch_size"].ranges["model1"] == (16, 45)  # of 45.25
    assert axes["epochs"].ranges == {}


def test_trials_are_drawn_on_the_factors_that_stage_2_tunes(finished: StudyResults) -> None:
    read = range_axes.read(finished, OPTIONS)
    axes = {axis.axis.factor: axis for axis in read.axes}
    done = [
        trial
        for trial in finished.trials
        if (trial.stage, trial.architecture, trial.state) == ("stage2", "model2", "complete")
    ]
    (shown,) = (trials for trials in axes["learning_rate"].trials if trials.architecture == "model2")
    assert shown.values == [trial.point["learning_rate"] for trial in done]
    assert shown.metric == pytest.approx([trial.metrics["valid_auc"] for trial in done], abs=1e-5)
    assert done[shown.best].objective == max(trial.objective or 0 for trial in done)
    assert axes["epochs"].trials == []
    assert "Stage 2 does not vary epochs." in range_axes.explain(read)


def test_the_finding_says_where_the_best_trial_fell(finished: StudyResults) -> None:
    done = [trial for trial in finished.trials if trial.stage == "stage2" and trial.objective is not None]
    best = max(done, key=lambda trial: trial.objective or 0)
    share = math.log(float(best.point["learning_rate"]) / 0.0017) / math.log(0.0173 / 0.0017)
    assert 1 / 3 < share < 2 / 3
    text = range_axes.finding(range_axes.read(finished, OPTIONS))
    assert text.startswith(f"Stage 2's best trial ({best.architecture}, AUC {best.objective:.3f}) has ")
    assert f"learning rate {best.point['learning_rate']:.3g} (in the middle of 0.0017 to 0.0173)" in text


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (0.0017, "at the low end"),
        (0.0025, "in the lower third"),
        (0.012, "in the upper third"),
        (0.0173, "at the high end of 0.0017"),
        (0.0001, "below 0.0017 to 0.0173"),
        (0.1, "above 0.0017 to 0.0173"),
    ],
)
def test_an_end_of_the_range_is_told_from_its_inside(finished: StudyResults, rate: float, words: str) -> None:
    trial = next(trial for trial in finished.trials if trial.stage == "stage2")
    moved = replace(trial, point={**trial.point, "learning_rate": rate}, objective=0.9999)
    study = replace(finished, trials=(*finished.trials, moved))
    assert f"learning rate {rate:.3g} ({words}" in range_axes.finding(range_axes.read(study, OPTIONS))


def test_ranges_lie_below_every_trial_each_in_a_lane_of_its_own(finished: StudyResults) -> None:
    read = range_axes.read(finished, OPTIONS)
    figure = range_axes.draw(read, LOOKS)
    bars = [trace for trace in figure.data if trace.line.width == 5]
    assert len(bars) == 12
    lanes = {trace.y[0] for trace in bars}
    assert len(lanes) == 4
    points = [value for trace in figure.data if trace.line.width != 5 for value in trace.y if value is not None]
    assert max(lanes) < min(points)


def test_before_stage_2_there_are_levels_and_ranges(finished: StudyResults) -> None:
    study = replace(finished, trials=tuple(trial for trial in finished.trials if trial.stage == "stage1"))
    read = range_axes.read(study, OPTIONS)
    assert range_axes.finding(read) == "Stage 1 has left 12 ranges so far; no stage-2 trial has finished yet."
    assert all(not axis.trials for axis in read.axes)


def test_of_many_trials_some_are_drawn_the_best_among_them(finished: StudyResults) -> None:
    template = next(trial for trial in finished.trials if trial.stage == "stage2")
    many = tuple(
        replace(
            template,
            number=number,
            objective=0.5 + (number == 777),
            point={**template.point, "learning_rate": 0.002 + number * 1e-6},
        )
        for number in range(3000)
    )
    first = tuple(trial for trial in finished.trials if trial.stage == "stage1")
    read = range_axes.read(replace(finished, trials=first + many), OPTIONS)
    (trials,) = next(axis.trials for axis in read.axes if axis.axis.factor == "learning_rate")
    assert len(trials.values) == range_axes.MOST_TRIALS
    assert trials.values[trials.best] == pytest.approx(0.002777)
    assert "At most 120 trials" in range_axes.explain(read)


def test_names_from_yaml_stay_text() -> None:
    study = invent_study(architectures=("<b>bold</b>", "plain"), seeds=(0,))
    assert "<b>" not in range_axes.draw(range_axes.read(study, OPTIONS), LOOKS).to_json()


def test_what_is_missing_is_said(empty: StudyResults, finished: StudyResults) -> None:
    with pytest.raises(NotThereError, match=r"No stage-1 trial of a factor that is a number has finished yet\."):
        range_axes.read(empty, OPTIONS)
    settings = stages_changed(finished.settings, stage1={"factors": ("strategy",)})
    with pytest.raises(NotThereError, match="varies no factor that is a number"):
        range_axes.read(replace(finished, settings=settings), OPTIONS)
