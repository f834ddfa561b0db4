"""The answer in words says what the numbers say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hpo.results.advice import next_steps
from hpo.results.study import StudyResults
from hpo.results.trainings import Role
from hpo.results.verdict import origin, price, verdict
from tests.results.invented import invent_study


def _with_after(results: StudyResults, change: Callable[[str], str]) -> StudyResults:
    """The study with each architecture's tuned models better, worse, or the same but for noise."""
    before = {
        (one.architecture, one.seed): one.test_probabilities for one in results.confirmations if one.role == "before"
    }
    labels = results.test_labels
    assert labels is not None
    trainings = []
    for one in results.confirmations:
        was = before[one.architecture, one.seed]
        if one.role != "after" or was is None:
            trainings.append(one)
            continue
        logits = np.log(was / (1 - was)) + np.random.default_rng(one.seed).normal(0, 0.05, len(was))
        logits += {"better": 1.0, "worse": -1.0, "same": 0.0}[change(one.architecture)] * (labels - 0.5)
        trainings.append(replace(one, test_probabilities=(1 / (1 + np.exp(-logits))).astype(np.float32)))
    return replace(results, confirmations=tuple(trainings))


def test_a_gain_of_all_is_a_yes_with_the_best_ones_numbers_and_the_cost(
    finished: StudyResults, expected: Callable[[str, Role, str], float]
) -> None:
    said = verdict(finished)
    best = finished.best_architecture
    assert best == "model4"
    before, after = (expected(best, role, "auc") for role in ("before", "after"))
    assert said.startswith(
        "Yes: tuning raised the test AUC of all 4 architectures; model4, the best on validation, goes from "
        f"{before:.3f} to {after:.3f} (+{after - before:.3f}, 95% interval +"
    )
    visits = {
        role: sum(one.spent.patch_visits for one in finished.compute if one.role == role)
        for role in ("stage1", "stage2", "before", "after")
    }
    ratio = (visits["stage1"] + visits["stage2"] + visits["after"]) / visits["before"]
    assert price(finished).startswith(f"Tuning took {ratio:.1f} times the training of the reference alone")


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"model1": "better", "model2": "better"}, "Yes: tuning raised the test AUC of both architectures;"),
        ({"model1": "worse", "model2": "worse"}, "No: tuning lowered the test AUC of both architectures;"),
        ({"model1": "same", "model2": "same"}, "Inconclusive: what changed in the test AUC may be chance;"),
        (
            {"model1": "better", "model2": "same"},
            "In part: tuning raised the test AUC of model1 and may have done nothing for model2;",
        ),
        (
            {"model1": "worse", "model2": "better"},
            "In part: tuning raised the test AUC of model2 and lowered that of model1;",
        ),
        (
            {"model1": "worse", "model2": "same"},
            "No: tuning lowered the test AUC of model1 and may have done nothing for model2;",
        ),
    ],
)
def test_the_answer_is_no_more_than_what_was_measured(changes: dict[str, str], answer: str) -> None:
    study = _with_after(invent_study(architectures=("model1", "model2")), changes.__getitem__)
    assert verdict(study).startswith(answer)


def test_a_single_architecture_is_not_called_the_best() -> None:
    said = verdict(_with_after(invent_study(architectures=("model2",)), lambda _: "better"))
    assert said.startswith("Yes: tuning raised the test AUC; model2 goes from ")


def test_without_compute_nothing_is_said_of_cost(finished: StudyResults) -> None:
    assert price(replace(finished, compute=())) == ""


def test_nothing_tested_is_refused(empty: StudyResults) -> None:
    with pytest.raises(ValueError, match="no architecture has been tested"):
        verdict(empty)


def test_a_gain_that_the_settings_alone_do_not_bring_is_not_theirs(finished: StudyResults) -> None:
    before = {
        (one.architecture, one.seed): one.test_probabilities for one in finished.confirmations if one.role == "before"
    }
    nothing = tuple(
        replace(one, test_probabilities=before[one.architecture, one.seed]) if one.role == "cold_control" else one
        for one in finished.confirmations
    )
    study = replace(finished, confirmations=nothing)
    assert verdict(study).startswith(
        "Yes: tuning raised the test AUC of all 4 architectures, but not by the settings alone;"
    )
    assert next_steps(study, "auc")[0].startswith(
        "The settings alone bring model1, model2, model3 and model4 no certain gain: train the reference"
    )
    assert "settings alone" not in verdict(finished)
    without = tuple(one for one in finished.confirmations if one.role != "cold_control")
    assert "settings alone" not in verdict(replace(finished, confirmations=without))


class TestOrigin:
    def test_it_tells_what_the_settings_alone_bring(
        self, finished: StudyResults, expected: Callable[[str, Role, str], float]
    ) -> None:
        alone = expected("model2", "cold_control", "auc") - expected("model2", "before", "auc")
        assert f"the tuned settings of model2 alone bring +{alone:.3f} (" in origin(finished, "model2")

    def test_a_gain_without_other_settings_is_called_what_it_is(self, finished: StudyResults) -> None:
        same = tuple(replace(one, point=finished.settings.reference) for one in finished.confirmations)
        said = origin(replace(finished, confirmations=same), "model1")
        assert said.startswith("model1's tuned settings are the reference's own: whatever was gained comes from")

    def test_without_a_control_nothing_is_said(self, finished: StudyResults) -> None:
        without = tuple(one for one in finished.confirmations if one.role != "cold_control")
        assert origin(replace(finished, confirmations=without), "model1") == ""
