"""The frame of every page: one HTML file with styles, scripts and figures in it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import plotly.graph_objects as go

from hpo.reports.html import Html, element, escape, paragraph, table
from hpo.reports.page.embed import figure_script, library, templates
from hpo.reports.page.ours import FOOTER, GENERATOR
from hpo.reports.panel import Drawing
from hpo.reports.table import Table
from hpo.whole_file import whole_file

PAGE_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)
"""The page may run its own scripts and show its own pictures, and nothing else: a browser refuses any request."""


class Heading(NamedTuple):
    """A panel's heading and width."""

    title: str
    label: str = ""
    width: str = "full"
    panel: str = ""


class PanelContents(NamedTuple):
    """A panel before it is HTML, or files. Texts are not escaped yet.

    Args:
        heading: on top of it.
        anchor: its address on the page, once there.
        drawing: figure, table or HTML; None where its data is missing.
        finding: above the drawing: what it shows (may be empty), or why there is none.
        explanation: below the drawing: how to read it; may be empty.
        detail: what tells it from others of its kind, in words that a file's name may have; may be empty.
    """

    heading: Heading
    anchor: str
    drawing: Drawing | None
    finding: str
    explanation: str = ""
    detail: str = ""


class Section(NamedTuple):
    """Panels under one heading; without one they stand on the page as they are."""

    heading: str
    panels: list[PanelContents]


def write_page(path: Path, page: str) -> None:
    """Write a page, whole or not at all; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8")


def render_page(title: str, lead: str, summary: Html, sections: Sequence[Section]) -> str:
    """A page as the text of an HTML file.

    Args:
        title: of the page, not escaped.
        lead: the sentence below it, not escaped.
        summary: what stands before all sections.
        sections: in their order; those with a heading are linked at the top.
    """
    parts = [
        element("a", escape("Skip to the content"), href="#content", class_="skip"),
        element("header", element("h1", escape(title)), paragraph(lead, "lead")),
        _contents(sections),
        element(
            "main",
            summary,
            *(_section(index, section) for index, section in enumerate(sections)),
            id="content",
            tabindex="-1",
        ),
        element("footer", escape(FOOTER)),
    ]
    body = "".join(parts)
    if 'class="plot"' in body:
        body += library() + templates()
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"{GENERATOR}"
        f'<meta http-equiv="Content-Security-Policy" content="{PAGE_POLICY}">'
        f"<title>{escape(title)}</title><style>{_resource('page.css')}</style>"
    )
    script = f"<script>{_resource('page.js')}</script>"
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}{script}</body></html>\n'


def _panel(panel: PanelContents) -> Html:
    heading, anchor = panel.heading, panel.anchor
    top = [element("span", escape(heading.label), class_="label")] if heading.label else []
    here = f"Link to: {heading.title}"
    top += [escape(heading.title), element("a", escape("#"), href=f"#{anchor}", class_="here", aria_label=here)]
    if panel.drawing is None:
        parts = [paragraph(panel.finding, "missing")]
    else:
        parts = [paragraph(panel.finding, "finding")] if panel.finding else []
        drawing = _drawing(panel.drawing, anchor, f"{heading.title}. {panel.finding}".strip())
        parts.append(element("div", drawing, class_="drawing"))
        if panel.explanation:
            parts.append(paragraph(panel.explanation, "explain"))
    return element(
        "article",
        element("h3", *top),
        *parts,
        class_=f"panel {heading.width}",
        id=anchor,
        data_panel=heading.panel,
    )


def _contents(sections: Sequence[Section]) -> Html:
    links = [
        element("li", element("a", escape(section.heading), href=f"#{_anchor(index)}"))
        for index, section in enumerate(sections)
        if section.heading
    ]
    theme = element("button", escape("Dark"), type="button", class_="theme", hidden="hidden")
    return element("nav", element("ul", *links), theme, aria_label="Contents")


def _section(index: int, section: Section) -> Html:
    panels, anchor = element("div", *map(_panel, section.panels), class_="panels"), _anchor(index)
    if not section.heading:
        return element("section", panels, id=anchor)
    heading = element("h2", escape(section.heading), id=f"{anchor}-heading")
    return element("section", heading, panels, id=anchor, aria_labelledby=f"{anchor}-heading")


def _anchor(index: int) -> str:
    return f"section-{index}"


def _drawing(drawing: Drawing, anchor: str, description: str) -> Html:
    if isinstance(drawing, Table):
        return table(drawing, description)
    if not isinstance(drawing, go.Figure):
        return Html(drawing)
    source, height = f"{anchor}-data", f"height:{drawing.layout.height}px"
    place = element("div", class_="plot", data_figure=source, role="img", aria_label=description, style=height)
    return Html(place + figure_script(drawing, source))


def _resource(name: str) -> str:
    return files("hpo.reports.page").joinpath(name).read_text(encoding="utf-8")
