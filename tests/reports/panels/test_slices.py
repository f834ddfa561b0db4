"""The objective against each factor that a stage's trials vary."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy.stats import rankdata

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError
from hpo.reports.panels import slices
from hpo.results.study import StudyResults
from tests.reports.looks import LOOKS
from tests.results.invented import invent_study

OPTIONS = PanelSettings(panel="slices")
STAGE_1 = PanelSettings(panel="slices", stage="stage1")


def test_every_finished_trial_is_a_dot_on_each_factors_axis(finished: StudyResults) -> None:
    read = slices.read(finished, OPTIONS)
    assert {axis.factor for axis in read.axes} == {"learning_rate", "batch_size", "patches"}
    done = [
        trial
        for trial in finished.trials
        if (trial.stage, trial.architecture, trial.state) == ("stage2", "model4", "complete")
    ]
    dots = read.dots[3]
    assert dots.places["batch_size"] == [trial.point["batch_size"] for trial in done]
    assert dots.values == pytest.approx([trial.objective for trial in done], abs=1e-5)
    assert dots.values[dots.best] == max(dots.values)


def test_words_have_places_in_their_order_after_the_numbers(finished: StudyResults) -> None:
    read = slices.read(finished, STAGE_1)
    last = read.axes[-1]
    assert (last.factor, last.words) == ("strategy", ("constant", "time_based", "step", "exponential"))
    trial = next(trial for trial in finished.trials if trial.point["strategy"] == "step")
    assert read.dots[0].places["strategy"][trial.number] == 2
    figure = slices.draw(read, LOOKS)
    assert figure.layout.xaxis5.ticktext == ("constant", "time based", "step", "exponential")
    assert (figure.layout.xaxis5.type, figure.layout.xaxis4.type) == ("linear", "log")


def test_the_clearest_trend_is_the_strongest_rank_correlation(finished: StudyResults) -> None:
    found = {}
    for name in finished.settings.architectures:
        done = [t for t in finished.trials if t.stage == "stage2" and t.architecture == name and t.state == "complete"]
        ranks = rankdata([trial.objective for trial in done])
        for factor in ("learning_rate", "batch_size", "patches"):
            other = rankdata([trial.point[factor] for trial in done])
            covariance = ((ranks - ranks.mean()) * (other - other.mean())).mean()
            found[name, factor] = covariance / (ranks.std() * other.std())
    (name, factor) = max(found, key=lambda key: abs(found[key]))
    trend = slices.read(finished, OPTIONS).trend
    assert trend is not None
    assert (trend.architecture, trend.factor) == (name, factor)
    assert trend.correlation == pytest.approx(found[name, factor])
    text = slices.finding(slices.read(finished, OPTIONS))
    assert f"in {name} (rank correlation {found[name, factor]:.2f} over 13 trials)" in text


def test_a_weak_trend_is_none(finished: StudyResults) -> None:
    template = next(trial for trial in finished.trials if trial.stage == "stage2")
    trials = tuple(
        replace(
            template,
            number=number,
            objective=0.9 - abs(number - 20) / 1000,
            point={**template.point, "batch_size": 16 + number},
        )
        for number in range(41)
    )
    read = slices.read(replace(finished, trials=trials), OPTIONS)
    assert slices.finding(read) == (
        "Of 41 trials, none of whose numbers shows a clear trend, the best is model1's at batch size 36."
    )


def test_of_many_trials_some_are_drawn_the_best_among_them(finished: StudyResults) -> None:
    template = next(trial for trial in finished.trials if trial.stage == "stage2")
    many = tuple(
        replace(
            template, number=number, objective=0.5 + 0.4 * (number == 777), point={**template.point, "patches": number}
        )
        for number in range(3000)
    )
    read = slices.read(replace(finished, trials=many), OPTIONS)
    (dots,) = read.dots
    assert (len(dots.values), dots.values[dots.best]) == (slices.MOST_TRIALS, 0.9)
    assert dots.places["patches"][dots.best] == 777
    assert "150 trials of 3,000 are drawn." in slices.explain(read)


def test_the_legend_names_an_architecture_once(finished: StudyResults) -> None:
    figure = slices.draw(slices.read(finished, OPTIONS), LOOKS)
    assert [trace.name for trace in figure.data if trace.showlegend] == list(finished.settings.architectures)


def test_names_from_yaml_stay_text() -> None:
    study = invent_study(architectures=("<b>bold</b>", "plain"), seeds=(0,))
    figure = slices.draw(slices.read(study, OPTIONS), LOOKS)
    assert {trace.name for trace in figure.data} == {"&lt;b&gt;bold&lt;/b&gt;", "plain"}


def test_what_is_missing_is_said(empty: StudyResults, finished: StudyResults) -> None:
    with pytest.raises(NotThereError, match=r"No stage-2 trial has finished yet\."):
        slices.read(empty, OPTIONS)
    alone = replace(finished, trials=tuple(trial for trial in finished.trials if trial.number == 0))
    same = replace(alone, trials=tuple(replace(trial, point={"epochs": 3}) for trial in alone.trials))
    with pytest.raises(NotThereError, match=r"The finished trials of stage 2 do not differ in any factor\."):
        slices.read(same, OPTIONS)
