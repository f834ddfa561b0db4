"""The summary's sentences say what the numbers say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hpo.evaluation.compare import MetricComparison
from hpo.evaluation.estimate import Estimate, Interval
from hpo.evaluation.improvement import Improvement
from hpo.evaluation.objective import Objective
from hpo.reports.comparison import compare_architectures
from hpo.reports.records import Role
from hpo.reports.results import StudyResults
from hpo.reports.summary import headline_metric, is_finished, sentence, summarize


def _found(after: Estimate, difference: Estimate) -> MetricComparison:
    improvement = Improvement(0.5, 0.2, 0.8)
    return MetricComparison(_estimate(0.909, 0.89, 0.92), after, difference, improvement)


def _estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate(value, low, high, 0.01, Interval(low, high))


AFTER = _estimate(0.9401, 0.93, 0.95)


def test_a_gain_whose_interval_excludes_0() -> None:
    found = _found(AFTER, _estimate(0.0311, 0.021, 0.041))
    assert sentence("model2", "auc", found) == (
        "After tuning, model2's test AUC is 0.940 (0.930 to 0.950), 0.031 higher than before; "
        "the interval of the difference, +0.021 to +0.041, excludes 0."
    )


def test_a_loss_whose_interval_includes_0() -> None:
    found = _found(AFTER, _estimate(-0.012, -0.03, 0.006))
    assert sentence("m", "f1", found) == (
        "After tuning, m's test F1 score is 0.940 (0.930 to 0.950), 0.012 lower than before; "
        "the interval of the difference, \N{MINUS SIGN}0.030 to +0.006, includes 0, so this may be chance."
    )


def test_no_difference_to_speak_of() -> None:
    found = _found(AFTER, _estimate(-0.0001, -0.004, 0.003))
    assert "(0.930 to 0.950), the same as before; the interval" in sentence("m", "accuracy", found)


def test_the_headline_is_the_studys_objective_where_it_is_a_metric_of_the_test(finished: StudyResults) -> None:
    assert headline_metric(finished) == "auc"
    for metric, headline in (("f1", "f1"), ("loss", "auc")):
        settings = replace(finished.settings, objective=Objective(metric))
        assert headline_metric(replace(finished, settings=settings)) == headline


def test_a_card_for_every_tested_architecture(
    finished: StudyResults, expected: Callable[[str, Role, str], float]
) -> None:
    page = summarize(finished)
    assert "not finished" not in page
    for name, sides in compare_architectures(finished).items():
        assert sides.before_after is not None
        assert f"{expected(name, 'before', 'auc'):.3f}" in page
        assert f"After tuning, {name}&#x27;s test AUC is {expected(name, 'after', 'auc'):.3f} (" in page


def test_a_card_tells_what_the_settings_alone_bring(
    finished: StudyResults, expected: Callable[[str, Role, str], float]
) -> None:
    alone = expected("model2", "cold_control", "auc") - expected("model2", "before", "auc")
    assert f"From random weights, the tuned settings alone bring +{alone:.3f} (" in summarize(finished)


def test_a_gain_without_other_settings_is_called_what_it_is(finished: StudyResults) -> None:
    same = tuple(replace(one, point=finished.settings.reference) for one in finished.confirmations)
    page = summarize(replace(finished, confirmations=same))
    assert page.count("The tuned settings are the reference&#x27;s own: whatever was gained comes from starting") == 4


def test_without_a_control_nothing_is_said_of_it(finished: StudyResults) -> None:
    without = tuple(one for one in finished.confirmations if one.role != "cold_control")
    page = summarize(replace(finished, confirmations=without))
    assert "settings" not in page


def test_a_study_is_finished_once_both_sides_are_tested_with_all_seeds(
    finished: StudyResults, running: StudyResults, empty: StudyResults
) -> None:
    assert is_finished(finished)
    assert not is_finished(running)
    assert not is_finished(empty)
    one_short = tuple(one for one in finished.confirmations if (one.role, one.seed) != ("after", 2))
    assert not is_finished(replace(finished, confirmations=one_short))


def test_a_study_that_is_not_finished_says_how_far_it_is(running: StudyResults) -> None:
    assert (
        "This study is not finished (stage 1: 17 of 68 trials done; stage 2: 14 of 14 trials done; "
        "9 final trainings done, 3 tested). Below is what there is so far."
    ) in summarize(running)
