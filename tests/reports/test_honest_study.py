"""A report of a study with a recheck and an equally trained reference says so wherever it compares."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpo.config.dashboard import PanelSettings
from hpo.reports.page.summary import summarize
from hpo.reports.panels import (
    before_after,
    calibration,
    cold_control,
    comparison_table,
    compute,
    lineage,
    optimism,
    precision_recall,
    roc,
    two_stages,
)
from hpo.results.advice import next_steps
from hpo.results.past_best import past_its_best
from hpo.results.study import StudyResults
from hpo.results.verdict import every_metric, origin, verdict
from hpo.results.words import number, signed
from tests.reports.looks import LOOKS

OPTIONS = PanelSettings(panel="roc")
LONGER = "for as many patch-visits as the tuned model and its donors"


def test_the_verdict_is_the_difference_from_the_equally_trained_reference(honest: StudyResults) -> None:
    said = verdict(honest)
    found = honest.comparison[honest.ranking[0]].pairs["equal", "after"].metrics["auc"]
    assert "compared with the reference trained for as many patch-visits" in said
    assert f"from {number(found.before.value)} to {number(found.after.value)} ({signed(found.difference.value)}" in said
    assert "not by the settings alone" not in said


def test_where_the_gain_comes_from_begins_with_more_training_alone(honest: StudyResults) -> None:
    longer = honest.comparison["model1"].pairs["before", "equal"].metrics["auc"]
    said = origin(honest, "model1")
    assert said.startswith(
        f"More training alone takes model1's reference from {number(longer.before.value)} (40 epochs) to "
        f"{number(longer.after.value)} (72)."
    )
    assert "From random weights, the tuned settings of model1 alone" in said


def test_a_reference_that_was_trained_past_its_best_is_named(honest: StudyResults) -> None:
    assert past_its_best(honest, "model1") is None
    falling = tuple(
        replace(
            one,
            curve=tuple({**epoch, "valid_auc": 0.9 - 0.001 * place} for place, epoch in enumerate(one.curve)),
        )
        if (one.architecture, one.role) == ("model1", "equal")
        else one
        for one in honest.confirmations
    )
    spoilt = replace(honest, confirmations=falling)
    assert past_its_best(spoilt, "model1") == (1, pytest.approx(0.9), pytest.approx(0.829))
    assert "best after epoch 1 (AUC 0.900, 0.829 at the end)" in origin(spoilt, "model1")
    assert any("equally trained reference of model1" in step for step in next_steps(spoilt, "auc"))
    best = replace(spoilt.settings, objective=replace(spoilt.settings.objective, epoch="best"))
    assert past_its_best(replace(spoilt, settings=best), "model1") is None


def test_a_reference_that_is_best_at_its_end_was_not_trained_past_it(honest: StudyResults) -> None:
    """The mean of the last epochs lies below the last one of a rising curve."""
    rising = tuple(
        replace(
            one,
            curve=tuple({**epoch, "valid_auc": 0.1 + 0.01 * place} for place, epoch in enumerate(one.curve)),
        )
        if (one.architecture, one.role) == ("model1", "equal")
        else one
        for one in honest.confirmations
    )
    objective = replace(honest.settings.objective, epoch="mean_last", last=3)
    risen = replace(honest, confirmations=rising, settings=replace(honest.settings, objective=objective))
    assert past_its_best(risen, "model1") is None
    assert "past its best" not in origin(risen, "model1")


def test_a_reference_that_was_trained_no_longer_says_nothing_of_more_training(honest: StudyResults) -> None:
    trained = next(one.epochs for one in honest.confirmations if (one.architecture, one.role) == ("model1", "before"))
    same = tuple(replace(one, epochs=trained) if one.role == "equal" else one for one in honest.confirmations)
    said = origin(replace(honest, confirmations=same), "model1")
    assert "More training alone" not in said
    assert "From random weights, the tuned settings of model1 alone" in said


def test_all_five_metrics_are_in_the_headline(honest: StudyResults) -> None:
    said = every_metric(honest, "model1")
    found = honest.comparison["model1"].before_after
    assert found is not None
    raised = [one for one in found.metrics.values() if one.difference.excludes_zero and one.difference.value > 0]
    assert (said == "All five metrics of model1 rise beyond chance.") == (len(raised) == 5)
    for words in ("accuracy", "precision", "recall", "F1 score", "AUC"):
        assert len(raised) == 5 or words in said


def test_the_summary_says_what_before_is(honest: StudyResults, finished: StudyResults) -> None:
    assert LONGER in summarize(honest)
    assert LONGER not in summarize(finished)


@pytest.mark.parametrize("panel", [roc, precision_recall, calibration, comparison_table])
def test_a_panel_of_two_sides_shows_the_headlines(panel: object, honest: StudyResults, finished: StudyResults) -> None:
    assert f"trained {LONGER}" in panel.explain(panel.read(honest, OPTIONS))  # type: ignore[attr-defined]
    assert LONGER not in panel.explain(panel.read(finished, OPTIONS))  # type: ignore[attr-defined]


def test_the_area_of_the_side_before_is_the_equally_trained_references(honest: StudyResults) -> None:
    lines = roc.read(honest, OPTIONS).lines
    (area,) = (line.area for line in lines if (line.architecture, line.side) == ("model1", "before"))
    assert area == honest.comparison["model1"].measured["equal"].metrics["auc"].value


def test_the_bars_show_both_references(honest: StudyResults) -> None:
    data = before_after.read(honest, OPTIONS)
    assert [bar.side for bar in data.bars if bar.architecture == "model1"] == ["before", "equal", "after"]
    legend = [trace.name for trace in before_after.draw(data, LOOKS).data if trace.showlegend is not False]
    assert legend == ["reference, by stage 1's rules", "reference, equally trained", "tuned"]
    found = honest.comparison["model1"].measured
    values = [number(found[role].metrics["auc"].value) for role in ("equal", "after")]  # type: ignore[index]
    assert f"model1 from {values[0]} to {values[1]}" in before_after.finding(data)


def test_the_control_tells_more_training_from_settings_and_weights(honest: StudyResults) -> None:
    data = cold_control.read(honest, OPTIONS)
    headings = [column.heading for column in cold_control.draw(data, LOOKS).columns]
    assert headings[1:] == [
        "Before tuning", "Reference, equally trained", "Tuned, random weights", "Tuned, as chosen",
        "More training alone", "Settings alone", "Initial weights alone",
    ]  # fmt: skip


def test_recheck_and_equal_training_are_columns_of_the_cost_where_there_are_any(
    honest: StudyResults, finished: StudyResults
) -> None:
    def headings(results: StudyResults) -> set[str]:
        return {column.heading for column in compute.draw(compute.read(results, OPTIONS), LOOKS).columns}

    assert headings(honest) - headings(finished) == {"Equally trained", "Recheck"}


def test_the_chosen_trial_is_the_rechecks_choice(honest: StudyResults, finished: StudyResults) -> None:
    chosen, best = honest.chosen_trial("model1"), finished.chosen_trial("model1")
    assert chosen is not None
    assert best is not None
    assert chosen.recipe_key == next(one.recipe_key for one in honest.candidates if one.is_chosen)
    assert (best.objective or 0) > (chosen.objective or 0)
    (tree, _) = lineage.read(honest, OPTIONS).trees
    assert tree.choice is not None
    assert tree.choice.key == chosen.recipe_key
    assert [model.epochs for model in tree.equal] == [72, 72, 72]


def test_the_winners_curse_is_shown_before_and_after_the_recheck(honest: StudyResults) -> None:
    data = optimism.read(honest, OPTIONS)
    first, second = (one for one in honest.candidates if one.architecture == "model1")
    gap = data.gaps[0]
    assert gap.first == (first.searched, first.repeated)
    assert gap.steps["chosen"].value == second.searched
    assert gap.steps["fresh"].value == second.repeated
    said = optimism.finding(data)
    assert "the recheck chose another for model1 and model2" in said
    assert "alidation AUC of stage 2's best trial is" in said


def test_the_stages_are_drawn_with_the_recheck(honest: StudyResults) -> None:
    lines = [line for block in two_stages.read(honest, OPTIONS).blocks for line in block.lines]
    assert "the best 2 again with fresh seeds" in lines
    assert "the reference also for as many patch-visits" in lines
