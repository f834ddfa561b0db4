"""Several plots in one figure, two side by side."""

from __future__ import annotations

import pytest

from hpo.reports.plot.grid import cell, few_whole_ticks, label_axes, plot_grid


@pytest.mark.parametrize(("plots", "rows"), [(1, 1), (2, 1), (3, 2), (5, 3)])
def test_plots_keep_their_height_however_many_there_are(plots: int, rows: int) -> None:
    figure = plot_grid([f"plot {number}" for number in range(plots)], 200, 60)
    inner = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
    domain = figure.layout.yaxis.domain
    assert (domain[1] - domain[0]) * inner == pytest.approx(200)
    assert inner == rows * 200 + (rows - 1) * 60
    assert [note.text for note in figure.layout.annotations] == [f"plot {number}" for number in range(plots)]


def test_every_plot_is_found_by_its_place_and_has_the_same_y_scale() -> None:
    figure = plot_grid(["a", "b", "c"], 200, 60)
    for place in range(3):
        figure.add_scatter(x=[place], y=[place], **cell(place))
    assert [trace.xaxis for trace in figure.data] == ["x", "x2", "x3"]
    matches = {trace.yaxis: figure.layout[trace.yaxis.replace("y", "yaxis")].matches for trace in figure.data}
    (leader,) = (axis for axis, other in matches.items() if other is None)
    assert {other for axis, other in matches.items() if axis != leader} == {leader}


def test_a_plot_above_an_empty_place_keeps_its_ticks() -> None:
    figure = plot_grid(["a", "b", "c"], 200, 60, same_x=True)
    assert [axis.showticklabels for axis in (figure.layout.xaxis, figure.layout.xaxis2)] == [False, True]


def test_axes_are_named_once() -> None:
    figure = plot_grid(["a", "b", "c", "d"], 200, 60, same_x=True)
    label_axes(figure, "Epoch", "AUC")
    layout = figure.layout
    assert [layout[f"xaxis{n}"].title.text for n in ("", "2", "3", "4")] == [None, None, "Epoch", "Epoch"]
    assert [layout[f"yaxis{n}"].title.text for n in ("", "2", "3", "4")] == ["AUC", None, "AUC", None]


@pytest.mark.parametrize(("last", "ticks"), [(3, [0, 1, 2, 3]), (10, [0, 5, 10]), (40, [0, 10, 20, 30, 40])])
def test_epochs_have_few_whole_ticks(last: int, ticks: list[int]) -> None:
    assert few_whole_ticks(last)["tickvals"] == ticks
