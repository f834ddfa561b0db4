"""Importance of the factors: PED-ANOVA as Optuna computes it from a study of its own."""

from __future__ import annotations

from dataclasses import replace

import optuna
import pytest

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError
from hpo.reports.panels import importance
from hpo.results.study import StudyResults
from tests.reports.looks import LOOKS
from tests.results.invented import invent_study

OPTIONS = PanelSettings(panel="importance")


def test_shares_are_those_that_optuna_gives_for_the_same_trials(finished: StudyResults) -> None:
    read = importance.read(finished, OPTIONS)
    assert [one.architecture for one in read.architectures] == list(finished.settings.architectures)
    done = [
        trial
        for trial in finished.trials
        if (trial.stage, trial.architecture, trial.state) == ("stage2", "model2", "complete")
    ]
    ends = {
        name: (min(trial.point[name] for trial in done), max(trial.point[name] for trial in done))
        for name in ("learning_rate", "batch_size", "patches")
    }
    queue = optuna.create_study(direction="maximize")
    for trial in done:
        queue.enqueue_trial({name: trial.point[name] for name in ends})
    for trial in done:
        asked = queue.ask()
        asked.suggest_float("learning_rate", *ends["learning_rate"], log=True)
        asked.suggest_int("batch_size", *ends["batch_size"], log=True)
        asked.suggest_int("patches", *ends["patches"], log=True)
        queue.tell(asked, trial.objective)
    assert read.architectures[1].shares == pytest.approx(optuna.importance.get_param_importances(queue))


def test_the_factor_that_decides_comes_first(finished: StudyResults) -> None:
    template = next(trial for trial in finished.trials if trial.stage == "stage2")
    trials = tuple(
        replace(
            template,
            number=number,
            objective=0.9 - abs(number % 10 - 3) / 100,
            point={**template.point, "batch_size": 16 + number % 10, "patches": 4000 + (number * 7919) % 3000},
        )
        for number in range(100)
    )
    read = importance.read(replace(finished, trials=trials), OPTIONS)
    assert read.factors == ["batch_size", "patches"]
    (shares,) = read.architectures
    assert shares.shares["batch_size"] > 0.8
    assert sum(shares.shares.values()) == pytest.approx(1)
    assert importance.finding(read).startswith("Most important: batch size, for model1, with ")
    assert "hint" not in importance.finding(read)
    labels = importance.draw(read, LOOKS).layout.yaxis.ticktext
    assert labels == ("Batch size", "Training<br>patches")


def test_few_trials_are_a_hint_at_most(finished: StudyResults) -> None:
    assert importance.finding(importance.read(finished, OPTIONS)).endswith(
        "with as few as 13 trials take it as a hint."
    )
    few = tuple(trial for trial in finished.trials if trial.number < 9)
    with pytest.raises(NotThereError, match=r"needs 10 finished trials .* no architecture has so many in stage 2 yet"):
        importance.read(replace(finished, trials=few), OPTIONS)


def test_an_architecture_that_nothing_can_be_said_of_is_left_out_with_a_word(finished: StudyResults) -> None:
    equal = tuple(
        replace(trial, objective=0.9) if trial.architecture == "model3" and trial.objective else trial
        for trial in finished.trials
    )
    read = importance.read(replace(finished, trials=equal), OPTIONS)
    assert (len(read.architectures), read.left_out) == (3, ["model3"])
    assert "model3 cannot be judged, with fewer than 10 finished trials that differ." in importance.explain(read)


def test_the_stage_can_be_wished(finished: StudyResults) -> None:
    read = importance.read(finished, PanelSettings(panel="importance", stage="stage1"))
    assert set(read.factors) == set(finished.settings.factors)
    assert "stage 1" in importance.title(finished, PanelSettings(panel="importance", stage="stage1"))


def test_optuna_says_nothing_on_the_terminal(finished: StudyResults, capfd: pytest.CaptureFixture[str]) -> None:
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.INFO)
    try:
        importance.read(finished, OPTIONS)
        assert optuna.logging.get_verbosity() == optuna.logging.INFO
    finally:
        optuna.logging.set_verbosity(verbosity)
    assert capfd.readouterr() == ("", "")


def test_every_architecture_has_its_colour_and_symbol_in_every_row(finished: StudyResults) -> None:
    read = importance.read(finished, OPTIONS)
    marks = [trace for trace in importance.draw(read, LOOKS).data if trace.mode == "markers"]
    assert [(trace.marker.color, trace.marker.symbol) for trace in marks] == [
        (LOOKS.colour(one.architecture), LOOKS.symbol(one.architecture)) for one in read.architectures
    ]
    assert all(len(trace.x) == len(read.factors) for trace in marks)


def test_names_from_yaml_stay_text() -> None:
    study = invent_study(architectures=("<b>bold</b>", "plain"), seeds=(0,))
    assert "<b>" not in importance.draw(importance.read(study, OPTIONS), LOOKS).to_json()


def test_it_waits_for_the_stage(empty: StudyResults) -> None:
    with pytest.raises(NotThereError, match=r"No stage-2 trial has finished yet\."):
        importance.read(empty, OPTIONS)


def test_a_short_stage_2_leaves_the_word_to_stage_1_unless_it_is_asked_for(finished: StudyResults) -> None:
    short = replace(finished, trials=tuple(one for one in finished.trials if one.stage == "stage1" or one.number < 8))
    assert importance.read(short, OPTIONS).stage == "stage 1"
    assert importance.title(short, OPTIONS) == "What mattered in stage 1: importance of the factors"
    with pytest.raises(NotThereError, match="no architecture has so many in stage 2"):
        importance.read(short, PanelSettings(panel="importance", stage="stage2"))
