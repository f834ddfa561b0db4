"""The questions that results answer, against the same answers looked up by hand."""

from __future__ import annotations

import builtins
import math
from dataclasses import replace
from typing import Any

import pytest

from hpo.errors import HpoError
from hpo.results.study import StudyResults
from hpo.results.trainings import STAGES


def test_finished_trials_are_complete_with_a_finite_objective_and_in_order(finished: StudyResults) -> None:
    first, second, third, *_ = finished.finished("stage2", "model1")
    spoilt = {first.number: math.nan, second.number: None, third.number: math.inf}
    trials = tuple(
        replace(one, objective=spoilt[one.number])
        if (one.stage, one.architecture) == ("stage2", "model1") and one.number in spoilt
        else one
        for one in reversed(finished.trials)
    )
    found = replace(finished, trials=trials).finished("stage2", "model1")
    assert [one.number for one in found] == [one.number for one in finished.finished("stage2", "model1")[3:]]
    assert all(one.state == "complete" for one in found)


def test_every_trial_belongs_to_one_stage_and_architecture(running: StudyResults) -> None:
    names = running.settings.architectures
    found = [one for stage in STAGES for name in names for one in running.trials_of(stage, name)]
    assert sorted(map(id, found)) == sorted(map(id, running.trials))
    for stage in STAGES:
        assert len(running.trials_of(stage)) == sum(one.stage == stage for one in running.trials)


def test_final_trainings_are_those_planned_trained_and_tested(running: StudyResults) -> None:
    for name in running.settings.architectures:
        for role in ("before", "after", "cold_control"):
            planned = running.finals(name, role)
            assert all((one.architecture, one.role) == (name, role) for one in planned)
            assert running.trained_finals(name, role) == [one for one in planned if one.objective is not None]
            assert running.tested_finals(name, role) == [one for one in planned if one.test_probabilities is not None]
    assert sum(len(running.finals(name, "after")) for name in running.settings.architectures) == sum(
        one.role == "after" for one in running.confirmations
    )


def test_one_architecture_alone_has_its_own_records_and_everybodys_settings(honest: StudyResults) -> None:
    best, other = honest.ranking[:2]
    alone = honest.only(other)
    assert alone.settings is honest.settings
    for field in ("trials", "confirmations", "candidates", "test_openings", "compute", "donors", "ranges", "faults"):
        expected = [one for one in getattr(honest, field) if one.architecture == other]
        assert list(getattr(alone, field)) == expected, field
    assert alone.trials
    assert list(alone.comparison) == [other]
    assert alone.mistakes == ()
    assert honest.only(best).mistakes == honest.mistakes


def test_records_of_an_architecture_are_found_by_its_name(honest: StudyResults) -> None:
    name = honest.settings.architectures[1]
    donor, chosen = honest.donor(name), honest.chosen(name)
    assert donor is not None
    assert chosen is not None
    assert donor.architecture == chosen.architecture == name
    assert set(honest.ranges_of(name)) == {one.factor for one in honest.ranges if one.architecture == name}
    assert sum(one.spent.epochs for one in honest.compute_of(name)) > 0
    assert honest.donor("nobody") is None
    assert honest.ranges_of("nobody") == {}


def test_the_comparison_is_computed_once(finished: StudyResults) -> None:
    assert finished.comparison is finished.comparison
    assert replace(finished).comparison is not finished.comparison


def test_the_frame_has_a_row_a_trial(finished: StudyResults) -> None:
    frame = finished.to_frame()
    assert list(frame.recipe_key) == [one.recipe_key for one in finished.trials]
    best = frame[(frame.stage == "stage2") & (frame.architecture == "model2")].objective.max()
    assert best == max(one.objective for one in finished.finished("stage2", "model2") if one.objective is not None)


def test_without_pandas_there_is_one_clear_line(finished: StudyResults, monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without_pandas(name: str, *rest: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_pandas)
    with pytest.raises(HpoError, match="needs pandas, which is not installed: pip install pandas"):
        finished.to_frame()
