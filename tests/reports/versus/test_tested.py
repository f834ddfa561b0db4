"""Tuned models of several studies: paired where the patches are the same, and told apart where they are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hpo.evaluation.metrics import METRICS
from hpo.reports.panel import NotThereError
from hpo.reports.table import Cell
from hpo.reports.versus import figures, tested
from hpo.reports.versus.study import ComparedStudy
from tests.reports.looks import LOOKS
from tests.reports.versus.conftest import changed_digest


def mean_auc(study: ComparedStudy, architecture: str, seeds: tuple[int, ...], role: str = "after") -> float:
    """Once more, from the predictions, by another library."""
    return float(
        np.mean(
            [
                roc_auc_score(study.results.test_labels, one.test_probabilities)
                for one in study.results.confirmations
                if (one.architecture, one.role) == (architecture, role) and one.seed in seeds
            ]
        )
    )


def test_a_difference_is_the_others_models_minus_the_firsts_on_the_seeds_that_both_have(
    first: ComparedStudy, second: ComparedStudy
) -> None:
    data = tested.read((first, second))
    rows = {row.name: row for row in data.rows}
    assert list(rows) == ["model1", "model2", "model3", "mine"]
    for name in ("model2", "model3"):
        (pair,) = rows[name].pairs
        assert pair is not None
        found = pair.comparison.metrics["auc"].difference
        expected = mean_auc(second, name, (1, 2)) - mean_auc(first, name, (1, 2))
        assert found.value == pytest.approx(expected, abs=1e-6)
        assert found.low < found.value < found.high
        assert pair.comparison.sampling.seeds == 2
        assert pair.adjusted_p >= pair.comparison.auc_test.p_value
    assert rows["model1"].pairs == [None]
    assert rows["mine"].pairs == [None]


def test_each_studys_own_numbers_are_of_all_its_seeds(first: ComparedStudy, second: ComparedStudy) -> None:
    data = tested.read((first, second))
    row = next(row for row in data.rows if row.name == "model2")
    assert row.measured[0]["after"].metrics["auc"].value == pytest.approx(
        mean_auc(first, "model2", (0, 1, 2)), abs=1e-6
    )
    assert row.measured[1]["after"].metrics["auc"].value == pytest.approx(mean_auc(second, "model2", (1, 2)), abs=1e-6)


def test_it_is_said_where_a_difference_leaves_out_seeds_of_a_column(
    first: ComparedStudy, second: ComparedStudy
) -> None:
    data = tested.read((first, second))
    assert "for model2 and model3, whose studies share only some seeds" in tested.explain(data)
    assert "share only some seeds" not in tested.explain(tested.read((first, replace(first, label="again"))))


def test_the_table_has_both_studies_and_their_difference(first: ComparedStudy, second: ComparedStudy) -> None:
    data = tested.read((first, second))
    table = tested.draw(data, LOOKS)
    headings = [column.heading for column in table.columns]
    assert headings == ["Model", "Metric", "first", "second", "second minus first", "DeLong p, Holm"]
    rows = [[cell for cell, _ in row] for row in table.full_rows()]
    assert len(rows) == 4 * len(METRICS)
    auc = next(row for row in rows if (row[0].text, row[1].text) == ("model2", "AUC"))
    assert auc[2].text == f"{mean_auc(first, 'model2', (0, 1, 2)):.3f}"
    assert [cell.text for cell in rows[0][3:]] == ["\N{EN DASH}", "\N{EN DASH}", ""]  # model1 is not in the second
    assert "second minus first, test AUC of the tuned models: model2 " in tested.finding(data)
    assert "24 slides and 2 seeds" in tested.explain(data)
    assert "adjusted by Holm over 2 comparisons" in tested.explain(data)


def test_studies_with_other_test_patches_stand_side_by_side_and_it_says_why(
    first: ComparedStudy, second: ComparedStudy
) -> None:
    data = tested.read((first, changed_digest(second)))
    assert all(row.pairs == [None] for row in data.rows)
    assert len(tested.draw(data, LOOKS).columns) == 4
    reason = "first and second were tested on different patches: their numbers stand side by side, without a paired"
    assert tested.finding(data).startswith(reason)
    assert reason in tested.explain(data)


def test_a_study_that_has_tested_nothing_is_named(first: ComparedStudy, empty: object) -> None:
    bare = ComparedStudy("bare", replace(first.results, confirmations=(), test_labels=None, test_openings=()), {})
    data = tested.read((first, bare))
    assert tested.finding(data) == "bare has not opened its test split yet, so there is no difference from it."
    with pytest.raises(NotThereError, match="None of the studies has opened its test split yet"):
        tested.read((bare, replace(bare, label="as bare")))


def test_studies_that_share_no_seed_are_not_paired(first: ComparedStudy, second: ComparedStudy) -> None:
    others = tuple(one for one in first.results.confirmations if one.seed == 0)
    data = tested.read((replace(first, results=replace(first.results, confirmations=others)), second))
    assert all(row.pairs == [None] for row in data.rows)
    assert tested.finding(data) == "first and second trained no model with the same seeds, so nothing can be paired."


def test_of_three_studies_each_is_compared_with_the_first(first: ComparedStudy, second: ComparedStudy) -> None:
    third = replace(first, label="third")
    data = tested.read((first, second, third))
    row = next(row for row in data.rows if row.name == "model2")
    assert [pair is not None for pair in row.pairs] == [True, True]
    same = row.pairs[1]
    assert same is not None
    assert same.comparison.metrics["auc"].difference.value == 0
    cells = [cell for row in tested.draw(data, LOOKS).rows for cell in row if isinstance(cell, Cell)]
    assert any(cell.text == "0.000" for cell in cells)


def test_the_figure_has_a_symbol_for_each_study_and_a_colour_for_each_model(
    first: ComparedStudy, second: ComparedStudy
) -> None:
    data = tested.read((first, second))
    shown = figures.draw_tested(data, LOOKS)
    traces = {trace.name: trace for trace in shown.data if trace.x != (None,)}
    assert list(traces) == ["first before", "first after", "second before", "second after"]
    after, other = traces["first after"], traces["second after"]
    assert after.marker.symbol != other.marker.symbol
    assert after.marker.color[after.x.index("model3")] == other.marker.color[other.x.index("model3")]
    assert other.y[other.x.index("mine")] == pytest.approx(mean_auc(second, "mine", (1, 2)), abs=1e-6)
    low, high = shown.layout.yaxis.range
    assert all(low < value < high for trace in traces.values() for value in trace.y)
    assert figures.finding_tested(data).startswith("Highest test AUC after tuning: first reaches 0.")
