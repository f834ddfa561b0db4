"""From the chosen trial to the test split: each step against the results, and what the finding says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.metrics import binary_metrics
from hpo.reports.panel import NotThereError
from hpo.reports.panels import optimism
from hpo.reports.panels.optimism import Gap, Optimism, Reached
from hpo.results.study import StudyResults
from hpo.results.trainings import Role
from tests.reports.looks import LOOKS

OPTIONS = PanelSettings(panel="optimism")


def test_every_step_is_what_the_results_say(
    finished: StudyResults, expected: Callable[[str, Role, str], float]
) -> None:
    (gap,) = (gap for gap in optimism.read(finished, OPTIONS).gaps if gap.architecture == "model2")
    trials = [one for one in finished.trials if (one.stage, one.architecture) == ("stage2", "model2")]
    curves = [one.curve for one in finished.confirmations if (one.architecture, one.role) == ("model2", "after")]
    assert list(gap.steps) == ["chosen", "repeated", "final", "test"]
    assert gap.steps["chosen"].value == max(one.objective for one in trials if one.objective is not None)
    # Trials are trained for 20 epochs, final trainings for 40.
    assert gap.steps["repeated"].value == pytest.approx(fmean(curve[19]["valid_auc"] for curve in curves))
    assert gap.steps["final"].value == pytest.approx(fmean(curve[39]["valid_auc"] for curve in curves))
    test = gap.steps["test"]
    assert test.value == pytest.approx(expected("model2", "after", "auc"))
    assert test.low is not None
    assert test.high is not None
    assert test.low < test.value < test.high


def test_the_final_training_that_is_the_chosen_trial_does_not_repeat_it(finished: StudyResults) -> None:
    chosen = max(
        (one for one in finished.trials if (one.stage, one.architecture) == ("stage2", "model1")),
        key=lambda one: one.objective or 0.0,
    )
    trainings = tuple(
        replace(one, recipe_key=chosen.recipe_key)
        if (one.architecture, one.role, one.seed) == ("model1", "after", 0)
        else one
        for one in finished.confirmations
    )
    gap = optimism.read(replace(finished, confirmations=trainings), OPTIONS).gaps[0]
    others = [
        one.curve
        for one in finished.confirmations
        if (one.architecture, one.role) == ("model1", "after") and one.seed != 0
    ]
    assert gap.steps["repeated"].value == pytest.approx(fmean(curve[19]["valid_auc"] for curve in others))


def test_before_the_test_split_is_opened_the_last_step_is_missing(running: StudyResults) -> None:
    trainings = tuple(
        replace(one, role="after", test_probabilities=None) if one.role == "before" else one
        for one in running.confirmations
    )
    read = optimism.read(replace(running, confirmations=trainings, test_labels=None), OPTIONS)
    assert "test" not in read.gaps[0].steps
    assert "test AUC" not in optimism.finding(read)


def test_a_loss_is_measured_on_the_test_split_too_and_less_is_better(finished: StudyResults) -> None:
    objective = replace(finished.settings.objective, metric="loss")
    trials = tuple(replace(one, objective=one.metrics.get("valid_loss")) for one in finished.trials)
    study = replace(finished, trials=trials, settings=replace(finished.settings, objective=objective))
    read = optimism.read(study, OPTIONS)
    gap = read.gaps[3]
    losses = [one.objective for one in trials if (one.stage, one.architecture) == ("stage2", "model4")]
    assert gap.steps["chosen"].value == min(loss for loss in losses if loss is not None)
    labels = finished.test_labels
    assert labels is not None
    rows = [one for one in finished.confirmations if (one.architecture, one.role) == ("model4", "after")]
    tested = [binary_metrics(labels, np.asarray(one.test_probabilities))["loss"] for one in rows]
    assert gap.steps["test"] == Reached(pytest.approx(fmean(tested)))
    assert read.sign == -1


def _invented(**steps: dict[str, Reached]) -> Optimism:
    gaps = [Gap(name, found) for name, found in steps.items()]  # type: ignore[arg-type]
    return Optimism("auc", 1.0, gaps, 13, 20, 40)


def test_the_finding_names_the_extremes() -> None:
    read = _invented(
        one={"chosen": Reached(0.95), "repeated": Reached(0.94), "final": Reached(0.96), "test": Reached(0.93)},
        two={"chosen": Reached(0.95), "repeated": Reached(0.952), "final": Reached(0.96), "test": Reached(0.95)},
    )
    assert optimism.finding(read) == (
        "The chosen trial's validation AUC is 0.002 worse (two) to 0.010 better (one) than other seeds repeat it, and "
        "the final models' validation AUC is 0.010 better (two) to 0.030 better (one) than their test AUC."
    )


def test_trainings_of_other_lengths_say_nothing_of_the_search() -> None:
    read = _invented(one={"chosen": Reached(0.95), "final": Reached(0.99), "test": Reached(0.93)})
    assert optimism.finding(read) == "The final models' validation AUC is 0.060 better than their test AUC."


def test_a_stair_an_architecture_with_a_number_at_each_step(finished: StudyResults) -> None:
    read = optimism.read(finished, OPTIONS)
    figure = optimism.draw(read, LOOKS)
    stairs = [trace for trace in figure.data if trace.mode == "lines+markers+text"]
    assert [trace.name for trace in stairs] == list(finished.settings.architectures)
    assert [text.strip() for text in stairs[0].text] == [
        f"{reached.value:.3f}" for reached in read.gaps[0].steps.values()
    ]
    assert len(set(stairs[0].marker.symbol)) == 4
    assert len([trace for trace in figure.data if trace.mode == "lines"]) == 4  # the test values' intervals
    texts = " ".join(trace.name for trace in figure.data if trace.mode == "markers")
    assert "chosen trial, validation" in texts
    assert "final trainings, test" in texts


def test_without_final_trainings_there_is_no_gap(empty: StudyResults, finished: StudyResults) -> None:
    for study in (empty, replace(finished, confirmations=())):
        with pytest.raises(NotThereError, match="with the final seeds yet"):
            optimism.read(study, OPTIONS)
