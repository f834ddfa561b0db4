"""Figures, and the library that draws them, as text within a page."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from functools import cache
from typing import Any, get_args

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from hpo.reports.html import Html
from hpo.reports.plot.theme import Theme, plotly_template

_DIGITS = 6
"""Significant digits of a number with a fraction: a figure is some hundred pixels wide."""
_EXACT_FROM = 10**_DIGITS
"""Numbers from here on stay as they are: one may be a moment, in milliseconds since 1970."""


@cache
def library() -> Html:
    """plotly.js, packed to less than half of its size; ``page.js`` unpacks it."""
    packed = b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()
    return Html(f'<script type="application/gzip" id="library">{packed}</script>')


def templates() -> Html:
    """How figures look on light and on dark paper."""
    return _json({theme: plotly_template(theme) for theme in get_args(Theme)}, "templates")


def figure_script(figure: go.Figure, identity: str) -> Html:
    """A figure's traces and layout as JSON, without the template, which is the page's.

    Args:
        figure: to draw.
        identity: once on the page; ``page.js`` finds the figure by it.
    """
    content = json.loads(figure.to_json())
    content["layout"].pop("template", None)
    return _json(_rounded(content), identity)


def _json(content: Any, identity: str) -> Html:
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    # In a script element "<" could end it; JSON may write it so instead.
    safe = text.replace("<", "\\u003c")
    return Html(f'<script type="application/json" id="{identity}">{safe}</script>')


def _rounded(value: Any) -> Any:
    """JSON with no more digits than a figure can show."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if abs(value) < _EXACT_FROM else value
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    if isinstance(value, dict):  # also an array of Plotly's, whose binary text stays as it is
        return {name: _rounded(one) for name, one in value.items()}
    return value
