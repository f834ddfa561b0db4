"""What every page of ours is made of: one HTML file with styles, scripts and figures in it, its sections and panels."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import plotly.graph_objects as go

from hpo.reports.embed import figure_script, library
from hpo.reports.html import Html, Table, element, escape, paragraph, table
from hpo.reports.panel import Drawing

# The page may run its own scripts and show its own pictures, and nothing else: a browser refuses any request.
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"


class Section(NamedTuple):
    """Panels under one heading; without one they stand on the page as they are."""

    heading: str
    panels: list[Html]


class Heading(NamedTuple):
    """What stands on top of a panel, and how wide the panel is."""

    title: str
    label: str = ""
    width: str = "full"
    panel: str = ""


def write_page(path: Path, page: str) -> None:
    """Write a page by renaming a finished file, so that no reader sees half of it; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        unfinished.write_text(page, encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


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
        element("footer", escape("Made by hpo. This page is one file and opens without a network.")),
    ]
    body = "".join(parts)
    if 'class="plot"' in body:
        body += library()
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{_resource('page.css')}</style>"
    )
    script = f"<script>{_resource('page.js')}</script>"
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}{script}</body></html>\n'


def drawn_panel(heading: Heading, drawing: Drawing, identity: str, finding: str, explanation: str) -> Html:
    """A panel with its drawing.

    Args:
        heading: on top of it.
        drawing: figure, table or HTML.
        identity: the panel's anchor, once on the page.
        finding: what it shows, above it; not escaped; may be empty.
        explanation: how to read it, below it; not escaped; may be empty.
    """
    parts = [paragraph(finding, "finding")] if finding else []
    parts.append(_drawing(drawing, identity, f"{heading.title}. {finding}".strip()))
    if explanation:
        parts.append(paragraph(explanation, "explain"))
    return _panel(heading, identity, parts)


def missing_panel(heading: Heading, reason: str, identity: str = "") -> Html:
    """A panel without its drawing, and the sentence that says why; ``identity`` as for `drawn_panel`."""
    return _panel(heading, identity, [paragraph(reason, "missing")])


def _panel(heading: Heading, identity: str, parts: Sequence[Html]) -> Html:
    top = [element("span", escape(heading.label), class_="label")] if heading.label else []
    top.append(escape(heading.title))
    if identity:
        here = f"Link to: {heading.title}"
        top.append(element("a", escape("#"), href=f"#{identity}", class_="here", aria_label=here))
    return element(
        "article",
        element("h3", *top),
        *parts,
        class_=f"panel {heading.width}",
        id=identity,
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
    panels, anchor = element("div", *section.panels, class_="panels"), _anchor(index)
    if not section.heading:
        return element("section", panels, id=anchor)
    heading = element("h2", escape(section.heading), id=f"{anchor}-heading")
    return element("section", heading, panels, id=anchor, aria_labelledby=f"{anchor}-heading")


def _anchor(index: int) -> str:
    return f"section-{index}"


def _drawing(drawing: Drawing, identity: str, description: str) -> Html:
    if isinstance(drawing, Table):
        return table(drawing, description)
    if not isinstance(drawing, go.Figure):
        return Html(drawing)
    source, height = f"{identity}-data", f"height:{drawing.layout.height}px"
    place = element("div", class_="plot", data_figure=source, role="img", aria_label=description, style=height)
    return Html(place + figure_script(drawing, source))


def _resource(name: str) -> str:
    return files("hpo.reports").joinpath(name).read_text(encoding="utf-8")
