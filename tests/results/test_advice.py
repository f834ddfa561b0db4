"""What a report suggests to run next."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpo.config.stages import StopSettings
from hpo.results.advice import next_steps
from hpo.results.data import SplitDescription
from hpo.results.decisions import FactorRange
from hpo.results.settings import FactorSettings
from hpo.results.study import StudyResults


def _said(results: StudyResults, words: str) -> list[str]:
    return [sentence for sentence in next_steps(results, "auc") if words in sentence]


def test_a_best_level_at_the_end_of_its_axis_asks_for_levels_beyond(finished: StudyResults) -> None:
    assert finished.data is not None
    splits = {**finished.data.splits, "train": SplitDescription(12000, 6000)}
    assert _said(replace(finished, data=replace(finished.data, splits=splits)), "training patches") == [
        "Of training patches, model1, model2, model3 and model4 did best at the highest level that stage 1 tried, "
        "8,000: try higher ones."
    ]
    lowest = replace(finished, ranges=(FactorRange("model2", "learning_rate", 0.001, 0.002, (), 0.001),))
    assert "Of learning rate, model2 did best at the lowest level" in _said(lowest, "try lower ones")[0]


def test_nobody_is_sent_beyond_what_there_is(finished: StudyResults) -> None:
    assert finished.data is not None
    assert finished.data.splits["train"].patches == 8000
    assert _said(finished, "training patches") == [], "all of them were tried"
    none = FactorSettings("stain_jitter", 0.0, (0.0, 0.2))
    crop = FactorSettings("crop", 64, (64, 96), whole=True)
    ends = replace(
        finished,
        settings=replace(finished.settings, factors={"stain_jitter": none, "crop": crop}),
        ranges=(
            FactorRange("model1", "stain_jitter", 0.0, 0.1, (), 0.0),
            FactorRange("model1", "crop", 64, 96, (), 96),
            FactorRange("model2", "crop", 64, 96, (), 64),
        ),
    )
    assert _said(ends, "did best at") == [
        "Of crop, model2 did best at the lowest level that stage 1 tried, 64: try lower ones."
    ]


def test_nobody_is_sent_beyond_what_is_on_or_off(finished: StudyResults) -> None:
    momentum = FactorSettings("momentum", 0.0, (0.0, 0.9))
    found = replace(finished, ranges=(FactorRange("model1", "momentum", 0.0, 0.9, (), 0.9),))
    for is_switch in (True, False):
        factors = {"momentum": replace(momentum, is_switch=is_switch)}
        said = _said(replace(found, settings=replace(found.settings, factors=factors)), "momentum")
        assert bool(said) is not is_switch


def test_nobody_is_sent_to_values_that_stage_2_has_tried(finished: StudyResults) -> None:
    lowest = replace(finished, ranges=(FactorRange("model2", "learning_rate", 0.001, 0.002, (), 0.001),))
    wider = tuple(
        replace(one, point={**one.point, "learning_rate": 0.0005}) if one.stage == "stage2" else one
        for one in finished.trials
    )
    assert _said(lowest, "learning rate") != []
    assert _said(replace(lowest, trials=wider), "learning rate") == []


def test_a_best_level_in_the_middle_and_a_word_ask_for_nothing(finished: StudyResults) -> None:
    inside = replace(
        finished,
        ranges=(
            FactorRange("model1", "batch_size", 16, 45, (), 32),
            FactorRange("model1", "strategy", None, None, ("constant",), "constant"),
        ),
    )
    assert _said(inside, "did best at") == []


@pytest.mark.parametrize(("slope", "is_rising"), [(0.01, True), (0.0, False), (-0.01, False)])
def test_curves_that_still_rise_ask_for_more_epochs(finished: StudyResults, slope: float, is_rising: bool) -> None:
    curve = tuple({"valid_auc": 0.5 + slope * epoch} for epoch in range(40))
    trainings = tuple(
        replace(one, curve=curve if (one.architecture, one.role) == ("model3", "after") else one.curve[:3])
        for one in finished.confirmations
    )
    said = _said(replace(finished, confirmations=trainings), "still improving")
    assert [sentence.split(" was ")[0] for sentence in said] == ["model3"] * is_rising


def test_a_best_trial_among_the_last_asks_for_more_trials(finished: StudyResults) -> None:
    def found_at(number: int) -> list[str]:
        trials = tuple(
            replace(one, objective=1.0 if one.number == number else 0.5)
            for one in finished.trials
            if one.architecture == "model1" and one.stage == "stage2" and one.state == "complete"
        )
        return _said(replace(finished, trials=trials), "stage2.trials")

    assert "the best trial of model1" in found_at(12)[0]
    assert found_at(3) == []


def test_the_best_of_trainings_that_pause_is_always_among_the_last_and_asks_for_nothing(finished: StudyResults) -> None:
    trials = tuple(
        replace(one, objective=float(one.number)) for one in finished.trials if one.stage == "stage2" and one.objective
    )
    assert _said(replace(finished, trials=trials), "among its last ones")
    stopping = replace(
        finished.settings, stage2=finished.settings.stage2.model_copy(update={"stop": StopSettings(no_gain="20%")})
    )
    assert "and a later stage2.stop" in _said(replace(finished, trials=trials, settings=stopping), "among its last")[0]
    pausing = replace(finished.settings, stage2=finished.settings.stage2.model_copy(update={"design": "asha"}))
    assert _said(replace(finished, trials=trials, settings=pausing), "among its last ones") == []


def test_an_interval_that_includes_0_asks_for_more_evidence(finished: StudyResults) -> None:
    before = {
        (one.architecture, one.seed): one.test_probabilities for one in finished.confirmations if one.role == "before"
    }
    nudge = np.random.default_rng(0).normal(0, 0.02, 600)
    trainings = tuple(
        replace(one, test_probabilities=np.clip(before["model1", one.seed] + nudge, 0, 1).astype(np.float32))
        if (one.architecture, one.role) == ("model1", "after")
        else one
        for one in finished.confirmations
    )
    (sentence,) = _said(replace(finished, confirmations=trainings), "is unknown")
    assert sentence.startswith("Whether tuning changed model1 is unknown")
    assert _said(finished, "is unknown") == []


def test_a_cold_start_that_does_as_well_is_named(finished: StudyResults) -> None:
    after = {
        (one.architecture, one.seed): one.test_probabilities for one in finished.confirmations if one.role == "after"
    }
    same = tuple(
        replace(one, test_probabilities=after[one.architecture, one.seed]) if one.role == "cold_control" else one
        for one in finished.confirmations
    )
    (sentence,) = _said(replace(finished, confirmations=same), "cold start")
    assert "of model1, model2, model3 and model4 do as well" in sentence
    warm_only = tuple(one for one in finished.confirmations if one.role != "cold_control")
    assert _said(replace(finished, confirmations=warm_only), "cold start") == []


def test_many_failures_come_first(finished: StudyResults) -> None:
    assert _said(finished, "failed") == []
    trials = tuple(replace(one, state="failed") if one.number < 5 else one for one in finished.trials)
    failed = sum(one.state == "failed" for one in trials)
    assert next_steps(replace(finished, trials=trials), "auc")[0].startswith(f"{failed} of {len(trials)} trials failed")


def test_a_study_that_has_not_begun_is_given_no_advice(empty: StudyResults) -> None:
    assert next_steps(empty, "auc") == []
