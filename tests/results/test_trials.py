"""Trials as figures read them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.evaluation.objective import Objective
from hpo.results.study import StudyResults
from hpo.results.trials import best_trial, from_best, others_at_reference, thinned, varied_factors


def test_only_complete_trials_with_a_finite_objective_are_finished(finished: StudyResults) -> None:
    spoiled = {0: {"objective": float("nan")}, 1: {"state": "pruned"}, 2: {"objective": None}, 3: {"stage": "stage1"}}
    trials = tuple(
        replace(trial, **spoiled.get(trial.number, {})) if trial.stage == "stage2" else trial
        for trial in reversed(finished.trials)
    )
    numbers = [trial.number for trial in replace(finished, trials=trials).finished("stage2", "model1")]
    assert numbers == list(range(4, 13))  # 13 failed


def test_the_best_is_by_the_objectives_own_direction_and_the_first_of_equals(finished: StudyResults) -> None:
    template = finished.trials[0]
    trials = [
        replace(template, number=number, objective=value) for number, value in enumerate((0.2, 0.9, 0.1, 0.9, 0.1))
    ]
    for metric, best, order in (("auc", 1, [1, 3, 0, 2, 4]), ("loss", 2, [2, 4, 0, 1, 3])):
        assert best_trial(Objective(metric), trials).number == best
        assert [trial.number for trial in from_best(Objective(metric), trials)] == order
    with pytest.raises(ValueError, match="trial 7 of model1 has no objective"):
        best_trial(Objective("auc"), [replace(template, number=7, objective=None)])


def test_factors_that_vary_come_in_their_usual_order(finished: StudyResults) -> None:
    first = [trial for trial in finished.trials if trial.stage == "stage1"]
    assert varied_factors(first) == ["epochs", "batch_size", "patches", "learning_rate", "strategy"]
    assert varied_factors(first[:1]) == []


def test_how_far_trainings_of_stage_2_were_brought_is_no_factor(finished: StudyResults) -> None:
    paused = [replace(trial, stage="stage2") for trial in finished.trials if trial.stage == "stage1"]
    assert varied_factors(paused) == ["batch_size", "patches", "learning_rate", "strategy"]


def test_a_trial_stands_on_its_axes(finished: StudyResults) -> None:
    trial = replace(finished.trials[0], point={**finished.settings.reference, "batch_size": 64, "epochs": 3})
    assert others_at_reference(finished.settings, trial, ("batch_size", "epochs"))
    assert not others_at_reference(finished.settings, trial, ("batch_size",))


@given(st.integers(0, 500), st.integers(2, 60))
def test_thinning_keeps_the_ends_and_the_order(amount: int, most: int) -> None:
    items = list(range(amount))
    few = thinned(items, most)
    assert len(few) == min(amount, most)
    assert few == sorted(set(few))
    assert few[:1] == items[:1]
    assert few[-1:] == items[-1:]
