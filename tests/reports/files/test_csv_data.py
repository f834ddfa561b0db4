"""What figures and tables are as CSV: every number once, columns that say what they hold, and nothing that runs."""

from __future__ import annotations

import csv
import io

import plotly.graph_objects as go
import pytest
from plotly.subplots import make_subplots

from hpo.config.dashboard import PanelSettings
from hpo.reports.files.csv_data import figure_csv, table_csv
from hpo.reports.panels import factor_effect
from hpo.reports.plot.figure import figure_text
from hpo.reports.table import Cell, Column, Table
from hpo.results.study import StudyResults
from tests.reports.looks import LOOKS


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


class TestTables:
    def test_cells_that_span_rows_are_repeated_and_smaller_lines_have_their_own_column(self) -> None:
        table = Table(
            [Column("Model"), Column("Metric"), Column("Value", numeric=True)],
            [[Cell("m1", rows=2), "AUC", Cell("0.9", "0.8 to 1.0")], ["F1", "0.7"], ["m2", "AUC", "0.6"]],
        )
        assert rows(table_csv(table)) == [
            ["Model", "Metric", "Value", "Value, note"],
            ["m1", "AUC", "0.9", "0.8 to 1.0"],
            ["m1", "F1", "0.7", ""],
            ["m2", "AUC", "0.6", ""],
        ]

    def test_minus_signs_are_what_machines_read(self) -> None:
        table = Table([Column("a")], [[Cell("\N{MINUS SIGN}0.04", "\N{MINUS SIGN}0.05 to +0.01")]])
        assert rows(table_csv(table))[1] == ["-0.04", "-0.05 to +0.01"]

    @pytest.mark.parametrize("text", ["=1+1", "+1+cmd|' /C calc'!A0", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "+a"])
    def test_nothing_is_a_formula(self, text: str) -> None:
        (heading,), (cell,) = rows(table_csv(Table([Column(text)], [[text]])))
        assert (heading, cell) == (f"'{text}", f"'{text}")

    @pytest.mark.parametrize("text", ["+0.031", "-0.5", "4,000", "12%", "+0.021 to +0.041", "a=b", "0.1"])
    def test_numbers_and_plain_words_stay_as_they_are(self, text: str) -> None:
        assert rows(table_csv(Table([Column("a")], [[text]])))[1] == [text]


class TestFigures:
    def test_a_panels_points_and_intervals_are_all_there(self, finished: StudyResults) -> None:
        data = factor_effect.read(finished, PanelSettings(panel="factor_effect", factor="batch_size"))
        header, *found = rows(figure_csv(factor_effect.draw(data, LOOKS)))
        assert header == ["trace", "Batch size", "Validation AUC", "lower", "upper"]
        expected = [
            (line.architecture, level, value, value - half, value + half)
            for line in data.lines
            for level, value, half in zip(line.levels, line.values, line.half_widths or [], strict=True)
        ]
        assert len(found) == len(expected) == 16
        for row, (name, *numbers) in zip(found, expected, strict=True):
            assert row[0] == name
            assert [float(cell) for cell in row[1:]] == pytest.approx(numbers)

    def test_entries_of_the_legend_and_gaps_are_no_data(self) -> None:
        shown = go.Figure()
        shown.add_scatter(x=[None], y=[None], name="only in the legend")
        shown.add_scatter(x=[1, None, 2], y=[3, None, float("nan")], name="with a gap")
        assert rows(figure_csv(shown)) == [["trace", "x", "y"], ["with a gap", "1", "3"]]

    def test_intervals_need_not_be_symmetric(self) -> None:
        shown = go.Figure(go.Bar(x=["a"], y=[0.5], error_y={"array": [0.1], "arrayminus": [0.25]}))
        assert rows(figure_csv(shown)) == [["trace", "x", "y", "lower", "upper"], ["", "a", "0.5", "0.25", "0.6"]]

    def test_a_band_is_a_lower_and_an_upper_edge(self) -> None:
        shown = go.Figure(go.Scatter(x=[1, 2, 2, 1], y=[5, 6, 4, 3], fill="toself", name="band"))
        assert rows(figure_csv(shown)) == [
            ["trace", "x", "lower", "upper"],
            ["band", "1", "3", "5"],
            ["band", "2", "4", "6"],
        ]

    def test_a_matrix_is_a_row_a_cell(self) -> None:
        shown = go.Figure(go.Heatmap(x=["a", "b"], y=[1, 2], z=[[1, 2], [3, None]]))
        assert rows(figure_csv(shown))[1:] == [["", "a", "1", "1"], ["", "b", "1", "2"], ["", "a", "2", "3"]]

    def test_axes_of_parallel_coordinates_are_columns(self) -> None:
        dimensions = [{"label": "rate", "values": [0.1, 0.2]}, {"label": "AUC", "values": [0.8, 0.9]}]
        shown = go.Figure(go.Parcoords(dimensions=dimensions))
        assert rows(figure_csv(shown)) == [["trace", "rate", "AUC"], ["", "0.1", "0.8"], ["", "0.2", "0.9"]]

    def test_plots_are_told_apart_by_their_titles_and_places_on_an_axis_by_their_words(self) -> None:
        shown = make_subplots(1, 2, subplot_titles=["m&amp;1", "m2"])
        shown.add_scatter(x=[0.5], y=[0], row=1, col=1)
        shown.add_scatter(x=[0.6], y=[1], row=1, col=2)
        shown.update_yaxes(tickvals=[0, 1], ticktext=["rate", "size"])
        assert rows(figure_csv(shown)) == [
            ["plot", "trace", "x", "y"],
            ["m&1", "", "0.5", "rate"],
            ["m2", "", "0.6", "size"],
        ]

    def test_places_whose_ticks_are_numbers_stay_numbers(self) -> None:
        shown = go.Figure(go.Scatter(x=[1000], y=[1]), layout={"xaxis": {"tickvals": [1000], "ticktext": ["1k"]}})
        assert rows(figure_csv(shown))[1] == ["", "1000", "1"]

    def test_names_are_plain_text_and_no_formula(self) -> None:
        shown = go.Figure(go.Scatter(x=["=1+1"], y=[1], name=figure_text("=<b>&")))
        shown.update_xaxes(title_text="=HYPERLINK(1)")
        assert rows(figure_csv(shown)) == [["trace", "'=HYPERLINK(1)", "y"], ["'=<b>&", "'=1+1", "1"]]
