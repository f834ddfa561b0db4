"""Quality against patch-visits, a line with its 95% band for each search: `docs/search.svg`.

    .venv/bin/python -m tests.benchmarks.quality_picture [tests/benchmarks/quality.csv] [docs/search.svg]

It draws the figures that `tests.benchmarks.quality --visits ... --csv FILE` keeps; the last of equal ones counts. It
needs Kaleido and a browser, as `hpo report --figures` does.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import plotly.graph_objects as go

from hpo.reports.plot.theme import plotly_template

TASK, MEASURE = "curves_model2_quickstart", "test AUC at "
LINES = {
    "random": ("random search", "#8a8a8a"),
    "tpe_hyperband": ("Optuna TPE + Hyperband", "#b07aa1"),
    "keras_hyperband": ("KerasTuner Hyperband", "#e15759"),
    "ray_asha": ("Ray Tune ASHA", "#f28e2b"),
    "ours_to_the_end": ("asha of hpo", "#1f5fa8"),
    "freeze_thaw_to_the_end": ("freeze_thaw of hpo", "#2a9d6f"),
}

Points = list[tuple[float, float, float]]


def main(arguments: Sequence[str]) -> None:
    source, target = (
        Path(arguments[at]) if len(arguments) > at else Path(otherwise)
        for at, otherwise in enumerate(("tests/benchmarks/quality.csv", "docs/search.svg"))
    )
    drawn(read_points(source)).write_image(target, format="svg", width=760, height=420)


def read_points(file: Path) -> dict[str, Points]:
    """Thousand patch-visits, mean test AUC and half its interval, by search; ascending."""
    found: dict[str, dict[float, tuple[float, float, float]]] = {}
    with file.open(newline="") as opened:
        for row in csv.DictReader(opened):
            if row["task"] == TASK and row["figure"].startswith(MEASURE):
                visits = float(row["figure"].removeprefix(MEASURE).removesuffix("k"))
                found.setdefault(row["search"], {})[visits] = (visits, float(row["value"]), float(row["half_width_95"]))
    return {search: [points[visits] for visits in sorted(points)] for search, points in found.items()}


def drawn(points: Mapping[str, Points]) -> go.Figure:
    figure = go.Figure()
    for search, (name, colour) in LINES.items():
        visits, means, halves = zip(*points[search], strict=True)
        upper, lower = ([m + sign * h for m, h in zip(means, halves, strict=True)] for sign in (1, -1))
        band = {"fill": "toself", "fillcolor": colour, "opacity": 0.15, "line": {"width": 0}, "showlegend": False}
        figure.add_scatter(x=[*visits, *visits[::-1]], y=[*upper, *lower[::-1]], mode="lines", hoverinfo="skip", **band)
        bold = 3 if name.endswith("of hpo") else 1.5
        figure.add_scatter(x=visits, y=means, name=name, mode="lines+markers", line={"color": colour, "width": bold})
    ticks = [thousand for thousand, *_ in points["random"]]
    figure.update_layout(
        template=plotly_template("light"),
        xaxis={
            "type": "log",
            "title": "patch-visits of the search, thousands (16 are one whole training)",
            "tickvals": ticks,
            "ticktext": [f"{tick:g}" for tick in ticks],
        },
        yaxis={"title": "test AUC of the network chosen on validation"},
        legend={"x": 0.98, "y": 0.03, "xanchor": "right", "yanchor": "bottom"},
        paper_bgcolor="white",
        plot_bgcolor="white",
        font={"family": "Liberation Sans, Arial, Helvetica, sans-serif"},
        margin={"l": 60, "r": 20, "t": 20, "b": 50},
    )
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
