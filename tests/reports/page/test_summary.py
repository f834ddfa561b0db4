"""The top of the report has the verdict, its numbers, and what is still to come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hpo.evaluation.metrics import METRICS
from hpo.reports.html import escape
from hpo.reports.page.summary import before_after_table, summarize
from hpo.reports.table import Cell
from hpo.results.advice import next_steps
from hpo.results.study import StudyResults
from hpo.results.trainings import Role
from hpo.results.verdict import origin, price, verdict
from tests.results.invented import stages_changed


def test_the_verdict_comes_first_and_then_what_brought_it(finished: StudyResults) -> None:
    page = summarize(finished)
    assert "not finished" not in page
    assert page.index(escape(verdict(finished))) < page.index(escape(f"{origin(finished, 'model4')} {price(finished)}"))


def test_the_table_has_every_metric_of_every_architecture_with_its_difference_and_adjusted_p(
    finished: StudyResults, expected: Callable[[str, Role, str], float]
) -> None:
    rows = before_after_table(finished).rows
    assert len(rows) == len(finished.settings.architectures)
    for row, name in zip(rows, finished.settings.architectures, strict=True):
        cells = [cell if isinstance(cell, Cell) else Cell(cell) for cell in row]
        assert cells[0].text == name
        assert cells[0].note == ("best on validation" if name == finished.best_architecture else "")
        for cell, metric in zip(cells[1:], METRICS, strict=False):
            before, after = (expected(name, role, metric) for role in ("before", "after"))
            assert cell.text == f"{before:.3f} \N{RIGHTWARDS ARROW} {after:.3f}"
            assert cell.note.split(" ")[0].replace("\N{MINUS SIGN}", "-") in (
                f"{after - before:+.3f}",
                f"{after - before:.3f}".lstrip("-"),
            )
        adjusted = finished.comparison[name].adjusted_p
        auc, accuracy = ("< 0.001" if p < 0.001 else f"{p:.3f}" for p in (adjusted["auc"], adjusted["accuracy"]))
        assert (cells[-1].text, cells[-1].note) == (f"AUC {auc}", f"accuracy {accuracy}")


def test_facts_name_the_best_its_gain_and_the_cost(
    finished: StudyResults, expected: Callable[[str, Role, str], float]
) -> None:
    page = summarize(finished)
    gain = expected("model4", "after", "auc") - expected("model4", "before", "auc")
    assert "<dt>best on validation</dt><dd>model4<small>" in page
    assert f"<dt>its gain by tuning</dt><dd>+{gain:.3f}<small>" in page
    assert "<dt>cost of tuning</dt>" in page
    spent = sum(entry.spent.patch_visits for entry in finished.compute)
    unshared = sum(entry.unshared_patch_visits for entry in finished.compute)
    assert f"<dt>saved by sharing</dt><dd>{1 - spent / unshared:.0%}<small>of {unshared:,} patch-visits" in page


def test_it_ends_with_what_to_run_next(finished: StudyResults) -> None:
    page = summarize(finished)
    steps = next_steps(finished, "auc")
    assert len(steps) > 1
    assert "".join(f"<li>{escape(step)}</li>" for step in steps) in page


def test_a_study_is_finished_once_both_sides_are_tested_with_all_seeds(
    finished: StudyResults, running: StudyResults, empty: StudyResults
) -> None:
    assert finished.is_finished
    assert not running.is_finished
    assert not empty.is_finished
    one_short = tuple(one for one in finished.confirmations if (one.role, one.seed) != ("after", 2))
    assert not replace(finished, confirmations=one_short).is_finished


def test_a_study_that_is_not_finished_says_how_far_it_is(running: StudyResults) -> None:
    page = summarize(running)
    assert (
        "This study is not finished (stage 1: 17 of 68 trials done; stage 2: 14 of 14 trials done; "
        "9 final trainings done, 3 tested). Below is what there is so far."
    ) in page
    assert "verdict" not in page


def test_means_over_symmetries_are_said_where_predictions_are_such(finished: StudyResults) -> None:
    said = "Every prediction is the mean over the eight flips and quarter turns of its patch."
    averaged = replace(finished, settings=stages_changed(finished.settings, confirm={"symmetries": True}))
    assert said in summarize(averaged)
    assert said not in summarize(finished)
