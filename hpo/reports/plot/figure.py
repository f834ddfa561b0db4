"""An empty figure, and plain text in one."""

from __future__ import annotations

import textwrap
from html import escape
from typing import Any

import plotly.graph_objects as go


def figure_text(text: str, line: int = 0) -> str:
    """Plain text for a figure, where Plotly would take markup for markup.

    Args:
        text: such as an architecture's name.
        line: break it before so many letters are passed, between words where that can be; 0 does not.
    """
    lines = textwrap.wrap(text, line, break_on_hyphens=False) if line else [text]
    return "<br>".join(escape(part, quote=False) for part in lines)


def figure(height: int, **layout: Any) -> go.Figure:
    """An empty figure; fonts, paper and grid come from the page, so that they follow its light or dark theme.

    Args:
        height: pixels.
        **layout: of Plotly.
    """
    empty = go.Figure(layout={"height": height, "margin": {"l": 62, "r": 18, "t": 18, "b": 52}})
    empty.layout.template = None  # only so: a figure made without a template is given Plotly's own, 6 kB of it
    empty.update_layout(**layout)
    return empty


def broken(text: str, width: int) -> str:
    """Plain text for a figure, broken into lines at its spaces and hyphens where it is longer than ``width``."""
    lines = [""]
    for word in text.replace("-", "- ").split():
        line = lines[-1] + ("" if not lines[-1] or lines[-1].endswith("-") else " ") + word
        if len(line) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = line
    return "<br>".join(figure_text(line) for line in lines)
