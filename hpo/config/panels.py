"""The panels that a dashboard can name: the files of ``hpo/reports/panels``, read and not run.

A panel's file is its registration: the panel has the file's name, and takes the options that the file's last lines
name, ``OPTIONS = ("metric",)`` and, of those that it cannot do without, ``NEEDS = ("factor",)``. Running the files
would import Plotly, and no command that only checks a dashboard should wait for that.
"""

from __future__ import annotations

import ast
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable


@cache
def panel_names() -> tuple[str, ...]:
    """Every panel, in alphabetical order."""
    found = (entry.name for entry in _folder().iterdir() if entry.name.endswith(".py"))
    return tuple(sorted(name.removesuffix(".py") for name in found if not name.startswith("_")))


@cache
def panel_options(panel: str) -> tuple[str, ...]:
    """The options that a panel takes, beside those that all panels take."""
    return _names(panel, "OPTIONS")


@cache
def needed_options(panel: str) -> tuple[str, ...]:
    """The options that a panel cannot do without."""
    return _names(panel, "NEEDS")


def panels_with(option: str) -> tuple[str, ...]:
    """The panels that take an option; all of them for one that every panel takes."""
    return tuple(panel for panel in panel_names() if option in panel_options(panel)) or panel_names()


def _names(panel: str, variable: str) -> tuple[str, ...]:
    """A tuple of texts at the top level of a panel's file; empty if there is none of that name."""
    for statement in reversed(_parsed(panel).body):
        if isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets] == [variable]:
            return tuple(ast.literal_eval(statement.value))
    return ()


@cache
def _parsed(panel: str) -> ast.Module:
    return ast.parse((_folder() / f"{panel}.py").read_text(encoding="utf-8"))


def _folder() -> Traversable:
    return files("hpo") / "reports" / "panels"
