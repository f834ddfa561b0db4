"""The report's page: one HTML file with everything in it, which opens without a network."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from hpo.config.dashboard import Dashboard, PanelSettings
from hpo.reports.html import Html, Table, element, escape, paragraph, table
from hpo.reports.panel import Drawing, NotThereError
from hpo.reports.registry import panel_named
from hpo.reports.results import StudyResults
from hpo.reports.summary import summarize
from hpo.reports.words import capital, listed, plural

# The page may run its own scripts and show its own pictures, and nothing else: a browser refuses any request.
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"


class _Section(NamedTuple):
    heading: str
    panels: list[Html]


def write_report(results: StudyResults, dashboard: Dashboard, path: Path) -> None:
    """Write the report by renaming a finished file, so that no reader sees half of it.

    Args:
        results: of a study, which may still be running: panels without data say what is missing.
        dashboard: which panels, in which order.
        path: the HTML file to write or replace; its folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        unfinished.write_text(render_report(results, dashboard), encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def render_report(results: StudyResults, dashboard: Dashboard) -> str:
    """The report as the text of an HTML file."""
    title = dashboard.title or f"{results.settings.name}: before and after tuning"
    sections = list(_sections(results, dashboard.panels))
    contents = [
        element("a", escape(section.heading), href=f"#{_anchor(index)}") for index, section in _headed(sections)
    ]
    body = [
        element("header", element("h1", escape(title)), paragraph(_lead(results), "lead"), element("nav", *contents)),
        element("main", summarize(results), *(_section(index, section) for index, section in enumerate(sections))),
        element("footer", escape("Made by hpo. This page is one file and opens without a network.")),
        Html(f"<script>{get_plotlyjs()}</script>"),
        Html(f"<script>{_resource('page.js')}</script>"),
    ]
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{_resource('page.css')}</style>"
    )
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'


def _sections(results: StudyResults, panels: Iterable[PanelSettings]) -> Iterable[_Section]:
    current: _Section | None = None
    for number, options in enumerate(panels):
        if current is None or options.section is not None:
            if current is not None:
                yield current
            current = _Section(options.section or "", [])
        current.panels.append(_panel(results, options, f"figure-{number}"))
    if current is not None:
        yield current


def _headed(sections: list[_Section]) -> list[tuple[int, _Section]]:
    return [(index, section) for index, section in enumerate(sections) if section.heading]


def _section(index: int, section: _Section) -> Html:
    heading = [element("h2", escape(section.heading))] if section.heading else []
    return element("section", *heading, element("div", *section.panels, class_="panels"), id=_anchor(index))


def _anchor(index: int) -> str:
    return f"section-{index}"


def _panel(results: StudyResults, options: PanelSettings, identity: str) -> Html:
    panel = panel_named(options.panel)
    title = options.title or panel.title(results, options)
    label = [element("span", escape(options.label), class_="label")] if options.label else []
    heading = element("h3", *label, escape(title))
    try:
        data = panel.read(results, options)
    except NotThereError as missing:
        content = [paragraph(str(missing), "missing")]
    else:
        finding = panel.finding(data)
        drawing = _drawing(panel.draw(data), identity, f"{title}. {finding}")
        content = [paragraph(finding, "finding"), drawing, paragraph(panel.explain(data), "explain")]
    return element("article", heading, *content, class_=f"panel {options.width}", data_panel=options.panel)


def _drawing(drawing: Drawing, identity: str, description: str) -> Html:
    if isinstance(drawing, Table):
        return table(drawing)
    if not isinstance(drawing, go.Figure):
        return Html(drawing)
    # In a script element "<" could end it; JSON may write it so instead.
    figure = drawing.to_json().replace("<", "\\u003c")
    height = f"height:{drawing.layout.height}px"
    place = element("div", class_="plot", data_figure=identity, role="img", aria_label=description, style=height)
    return Html(f'{place}<script type="application/json" id="{identity}">{figure}</script>')


def _lead(results: StudyResults) -> str:
    settings = results.settings
    data = f" on {results.data.name}" if results.data is not None else ""
    return capital(
        f"{plural(len(settings.architectures), 'architecture')} ({listed(settings.architectures)}){data}, each trained "
        f"with {plural(len(settings.confirm_seeds), 'seed')} before and after tuning and compared on the test split."
    )


def _resource(name: str) -> str:
    return files("hpo.reports").joinpath(name).read_text(encoding="utf-8")
