"""Themes for light and dark paper: one definition, for the page and for pictures."""

from __future__ import annotations

from typing import Any, Literal

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")

_INK: dict[Theme, str] = {"light": "#1b1f24", "dark": "#e6e9ed"}
_GRID: dict[Theme, str] = {"light": "#e6e9ee", "dark": "#2d343d"}
_LINE: dict[Theme, str] = {"light": "#a9b1bb", "dark": "#5b6570"}
_HOVER: dict[Theme, str] = {"light": "#ffffff", "dark": "#20262d"}
_NONE = "rgba(0,0,0,0)"


def plotly_template(theme: Theme) -> dict[str, Any]:
    """A Plotly template, as JSON has it; its paper is transparent and its fonts are the browser's own."""
    ink, grid, line = _INK[theme], _GRID[theme], _LINE[theme]
    axis = {
        "gridcolor": grid,
        "linecolor": line,
        "zerolinecolor": grid,
        "tickcolor": line,
        "ticks": "outside",
        "ticklen": 4,
        "showline": True,
        "automargin": True,
        "title": {"standoff": 10, "font": {"size": 13}},
    }
    return {
        "data": {
            "bar": [{"error_x": {"color": ink}, "error_y": {"color": ink}}],
            "parcoords": [{"labelfont": {"color": ink}, "tickfont": {"color": ink}, "rangefont": {"color": ink}}],
        },
        "layout": {
            "font": {"size": 12.5, "color": ink},
            "paper_bgcolor": _NONE,
            "plot_bgcolor": _NONE,
            "hoverlabel": {"bgcolor": _HOVER[theme], "bordercolor": line, "font": {"color": ink}},
            "legend": {"bgcolor": _NONE, "font": {"size": 12}},
            "modebar": {"bgcolor": _NONE, "color": line, "activecolor": ink},
            "annotationdefaults": {"font": {"size": 13}},
            "xaxis": axis,
            "yaxis": axis,
        },
    }
