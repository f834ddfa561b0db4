"""The best objective so far against the compute that the ledger had when it was known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError
from hpo.reports.panels import best_so_far
from hpo.results.study import StudyResults
from hpo.storage.ledger import TrainedEpoch
from tests.reports.looks import LOOKS
from tests.results.invented import REFERENCE, invent_study

OPTIONS = PanelSettings(panel="best_so_far")


def _trials(study: StudyResults, architecture: str) -> list[tuple[float, float]]:
    """When each finished trial ended, and its objective."""
    return sorted(
        (trial.finished_at, trial.objective)
        for trial in study.trials
        if trial.architecture == architecture and trial.finished_at is not None and trial.objective is not None
    )


def test_a_step_is_where_a_trial_beats_all_before_it_and_the_reference(finished: StudyResults) -> None:
    read = best_so_far.read(finished, OPTIONS)
    for line in read.lines:
        keys = {trial.recipe_key for trial in finished.trials if trial.architecture == line.architecture}
        reference = next(
            trial.objective
            for trial in finished.trials
            if (trial.architecture, trial.point, trial.stage) == (line.architecture, REFERENCE, "stage1")
        )
        expected, best = [(0, reference)], reference or 0.0
        for at, value in _trials(finished, line.architecture):
            if value > best:
                spent = sum(
                    entry.patch_visits for entry in finished.epochs if entry.recipe_key in keys and entry.at <= at
                )
                expected.append((spent, value))
                best = value
        assert [(step.spent, step.value) for step in line.steps] == expected
        assert line.spent == sum(entry.patch_visits for entry in finished.epochs if entry.recipe_key in keys)
        assert line.reference == reference


def test_stage_2_begins_when_stage_1_has_ended(finished: StudyResults) -> None:
    line = best_so_far.read(finished, OPTIONS).lines[0]
    keys = {trial.recipe_key for trial in finished.trials if trial.architecture == "model1"}
    end = max(
        trial.finished_at or 0 for trial in finished.trials if (trial.stage, trial.architecture) == ("stage1", "model1")
    )
    spent = sum(entry.patch_visits for entry in finished.epochs if entry.recipe_key in keys and entry.at <= end)
    assert line.stage1_spent == spent
    assert all((step.spent > spent) == (step.stage == "stage 2") for step in line.steps)


def test_an_epoch_that_was_trained_twice_was_paid_twice(finished: StudyResults) -> None:
    first = finished.epochs[0]
    again = TrainedEpoch(first.recipe_key, first.epoch, first.patch_visits, 1.0, first.owner, first.at + 0.01)
    before, after = (
        best_so_far.read(study, OPTIONS).lines[0].spent
        for study in (finished, replace(finished, epochs=(*finished.epochs, again)))
    )
    assert after - before == first.patch_visits


def test_the_finding_tells_when_nine_tenths_of_the_gain_were_there(finished: StudyResults) -> None:
    read = best_so_far.read(finished, OPTIONS)
    best = max(read.lines, key=lambda line: line.steps[-1].value)
    start, end = best.steps[0].value, best.steps[-1].value
    spent = min(step.spent for step in best.steps if step.value >= start + 0.9 * (end - start))
    assert best_so_far.finding(read) == (
        f"{best.architecture} went from AUC {start:.3f} at the reference point to {end:.3f}; 90% of that was there "
        f"after {spent:,} of {best.spent:,} patch-visits ({spent / best.spent:.0%})."
    )


def test_a_search_that_gained_nothing_says_so(finished: StudyResults) -> None:
    only = tuple(trial for trial in finished.trials if trial.point == REFERENCE and trial.stage == "stage1")
    read = best_so_far.read(replace(finished, trials=only), OPTIONS)
    assert "at the reference point was not surpassed in" in best_so_far.finding(read)
    assert all(line.stage1_spent is None for line in read.lines)


def test_less_is_better_for_a_loss(finished: StudyResults) -> None:
    objective = replace(finished.settings.objective, metric="loss")
    study = replace(finished, settings=replace(finished.settings, objective=objective))
    line = best_so_far.read(study, OPTIONS).lines[1]
    assert line.steps[-1].value == min(value for _, value in _trials(finished, "model2"))


def test_lines_are_dotted_in_stage_1_and_solid_in_stage_2(finished: StudyResults) -> None:
    read = best_so_far.read(finished, OPTIONS)
    figure = best_so_far.draw(read, LOOKS)
    lines = [trace for trace in figure.data if trace.mode == "lines" and trace.x[0] is not None]
    for architecture, (first, second) in zip(read.lines, zip(lines[::2], lines[1::2], strict=True), strict=True):
        assert (first.line.dash, second.line.dash) == ("dot", "solid")
        assert (first.x[0], first.y[0]) == (0, architecture.reference)
        assert first.x[-1] == second.x[0] == architecture.stage1_spent
        assert second.x[-1] == architecture.spent


def test_a_study_whose_reference_point_is_missing_begins_at_its_first_trial(finished: StudyResults) -> None:
    others = tuple(trial for trial in finished.trials if trial.point != REFERENCE)
    read = best_so_far.read(replace(finished, trials=others), OPTIONS)
    assert all(
        line.steps[0].value == _trials(replace(finished, trials=others), line.architecture)[0][1] for line in read.lines
    )
    assert "begin at their first trial" in best_so_far.explain(read)
    assert "at its first trial" in best_so_far.finding(read)


def test_names_from_yaml_stay_text() -> None:
    study = invent_study(architectures=("<b>bold</b>", "plain"), seeds=(0,))
    assert "<b>" not in best_so_far.draw(best_so_far.read(study, OPTIONS), LOOKS).to_json()


def test_what_is_missing_is_said(empty: StudyResults, finished: StudyResults) -> None:
    with pytest.raises(NotThereError, match=r"No epoch has been entered in the compute ledger yet\."):
        best_so_far.read(empty, OPTIONS)
    with pytest.raises(NotThereError, match=r"No trial whose end is known has finished yet\."):
        best_so_far.read(replace(finished, trials=()), OPTIONS)
