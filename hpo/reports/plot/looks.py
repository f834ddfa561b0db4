"""Colours, symbols and dashes of everything that is drawn."""

from __future__ import annotations

from collections.abc import Sequence

# Okabe and Ito 2008: told apart by people of every colour vision, and in grey. Their orange and sky blue are darker
# here: lines and symbols stand out from light and from dark paper, at 3:1 and more.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b67c00", "#2f93cf", "#8c6bb1", "#7f7f7f")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "x")

STRATEGY_COLOURS = {
    "constant": "#4477aa",
    "time_based": "#ee6677",
    "step": "#aa8800",
    "exponential": "#c0458c",
    "cosine": "#2a8f5d",
    "one_cycle": "#7f6fc4",
}
STRATEGY_DASHES = {
    "constant": "solid",
    "time_based": "dash",
    "step": "dot",
    "exponential": "dashdot",
    "cosine": "longdash",
    "one_cycle": "longdashdot",
}
_CLASS_DASHES = ("solid", "dash", "dot", "dashdot")
NEUTRAL = "#8a8f98"
"""A grey that reads on light and dark paper."""


class Looks:
    """Each architecture's colour and symbol, the same in every figure and table.

    Args:
        architectures: by name, in the study file's order. From the ninth on, colours come again with other symbols.
    """

    def __init__(self, architectures: Sequence[str]) -> None:
        self._places = {name: place for place, name in enumerate(architectures)}

    def colour(self, architecture: str) -> str:
        """Its colour as ``#rrggbb``; grey for an architecture that is none of them."""
        place = self._places.get(architecture)
        return NEUTRAL if place is None else _COLOURS[place % len(_COLOURS)]

    def symbol(self, architecture: str) -> str:
        """Its Plotly symbol; a circle for an architecture that is none of them."""
        place = self._places.get(architecture, 0)
        return _SYMBOLS[(place + place // len(_COLOURS)) % len(_SYMBOLS)]

    @staticmethod
    def of_class(label: int) -> tuple[str, str]:
        """A class's colour and dash by its label, of more than two; from the ninth on, colours come again dashed."""
        return _COLOURS[label % len(_COLOURS)], _CLASS_DASHES[label // len(_COLOURS) % len(_CLASS_DASHES)]


def faded(colour: str, opacity: float) -> str:
    """``#rrggbb`` as a translucent colour."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
