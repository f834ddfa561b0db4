"""A folder with every figure as SVG and PNG, and the numbers of figures and tables as CSV.

Pictures are made by Plotly's own Kaleido, which drives a Chrome or Chromium: no library without a browser draws
Plotly's figures. Both are optional; without them the numbers are written all the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from hpo.machine import available_cores
from hpo.reports.files.csv_data import figure_csv, table_csv
from hpo.reports.page.shell import Section
from hpo.reports.plot.theme import plotly_template
from hpo.reports.table import Table
from hpo.storage.patience import first_line
from hpo.whole_file import whole_file

_WIDTHS = {"full": 1140, "half": 562, "third": 369}
"""Pixels: as wide as on a wide page."""
_SCALES = {"svg": 1, "png": 2}
"""Kinds of pictures, and their pixels for each of the page's."""
_FONTS = "Liberation Sans, Arial, Helvetica, sans-serif"

_NO_KALEIDO = "no pictures: they need Kaleido 1 or later, which is not installed: pip install 'hpo[figures]'"
_NO_BROWSER = (
    "no pictures: Kaleido finds no Chrome or Chromium: install one (Debian: apt install chromium), run "
    "plotly_get_chrome, or name it in BROWSER_PATH"
)


def write_figures(sections: Sequence[Section], folder: Path, say: Callable[[str], object] | None = None) -> None:
    """Write all of them; existing files of the same name are replaced, and nothing is removed.

    Names are ``NN-PANEL[-DETAIL]``: the panel's place on the page, its kind, and what tells it from others of its kind,
    such as a factor or a metric. Tables are CSV only; a panel of free HTML, or without its data, has no file.

    Args:
        sections: the page's.
        folder: made if need be.
        say: takes one line if there are no pictures: the reason.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    for number, panel in enumerate((panel for section in sections for panel in section.panels), start=1):
        stem = "-".join(filter(None, (f"{number:02}", panel.heading.panel, panel.detail)))
        if isinstance(panel.drawing, Table):
            _write(folder / f"{stem}.csv", table_csv(panel.drawing))
        elif isinstance(panel.drawing, go.Figure):
            _write(folder / f"{stem}.csv", figure_csv(panel.drawing))
            pictures += _pictures(panel.drawing, folder / stem, panel.heading.width)
    if pictures and (trouble := _draw(pictures)) and say is not None:
        say(trouble)


def _write(path: Path, text: str) -> None:
    with whole_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="")  # CSV ends its lines itself


def _pictures(figure: go.Figure, stem: Path, width: str) -> list[dict[str, Any]]:
    """Kaleido's orders for one figure."""
    size = {"width": _WIDTHS[width]} | ({"height": figure.layout.height} if figure.layout.height else {})
    content = _on_paper(figure)
    return [
        {
            "fig": content,
            "path": stem.with_name(f"{stem.name}.{kind}"),
            "opts": {"format": kind, "scale": scale, **size},
        }
        for kind, scale in _SCALES.items()
    ]


def _draw(pictures: list[dict[str, Any]]) -> str:
    """Draw all with one browser; returns what went wrong, in one line."""
    try:
        # Optional, and without types. Before version 1 there was no function of this name.
        write = import_module("kaleido").write_fig_from_object_sync
        no_browser = import_module("kaleido.errors").ChromeNotFoundError
    except (ImportError, AttributeError):
        return _NO_KALEIDO
    try:
        # MathJax would be fetched from the network, and would take a name with dollar signs for a formula.
        failed = write(pictures, kopts={"mathjax": False, "n": _tabs()})
    except no_browser:
        return _NO_BROWSER
    except Exception as error:  # a browser can fail in many ways, and none of them is worth the report
        return f"no pictures: the browser failed: {type(error).__name__}: {first_line(error)}"
    if failed:
        return f"{len(failed)} of {len(pictures)} pictures could not be drawn: {first_line(failed[0])}"
    return ""


def _tabs() -> int:
    return min(4, available_cores())


def _on_paper(figure: go.Figure) -> dict[str, Any]:
    """A figure on white paper, in the page's light looks."""
    content: dict[str, Any] = json.loads(figure.to_json())
    template = plotly_template("light")
    template["layout"] |= {"paper_bgcolor": "#ffffff", "plot_bgcolor": "#ffffff"}
    template["layout"]["font"] |= {"family": _FONTS}
    content["layout"]["template"] = template
    return content
