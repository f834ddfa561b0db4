"""A panel of the user's own: a Python function beside the study file or the dashboard.

    def epoch_seconds(results):
        '''How long an epoch took.

        One box per worker.
        '''
        return go.Figure(...)

in ``my_panels.py``, and ``- {panel: function, function: "my_panels:epoch_seconds"}`` in the dashboard. The docstring's
first line is the title, and the rest stands below the drawing. `hpo.results.study.StudyResults` says what there is;
``examples/my_panels.py`` has this one and others.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import plotly.graph_objects as go

from hpo.config.dashboard import Dashboard, PanelSettings
from hpo.errors import nearest
from hpo.reports.html import Html, table
from hpo.reports.panel import BrokenPanelError, Drawing, NotThereError, Panel
from hpo.reports.plot.figure import figure
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Table
from hpo.results.study import StudyResults
from hpo.results.words import capital

_HEIGHT = 340
_RETURNS = (
    "a panel's function returns a Plotly figure, an hpo.reports.table.Table, or HTML as text; or one of them and a "
    "sentence that says what it shows"
)
# A module that ends the interpreter must not end the report.
_ANYTHING = (Exception, SystemExit)


class OwnPanel(NamedTuple):
    """The function's result; texts are empty where it gives none."""

    drawing: Drawing
    finding: str
    explanation: str


def look_for_modules(dashboard: Dashboard, *folders: Path) -> None:
    """Let modules in these folders be imported, the first folder's before the others', if a panel needs any."""
    if all(panel.function is None for panel in dashboard.panels):
        return
    for folder in reversed(folders):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))


def title(_results: StudyResults, options: PanelSettings) -> str:
    """The first line of the function's docstring, or else its name."""
    try:
        summary, _ = _words(_imported(options))
    except BrokenPanelError:
        summary = ""
    return summary or capital(_parts(options)[1].replace("_", " "))


def read(results: StudyResults, options: PanelSettings) -> OwnPanel:
    """The result of the user's function: the drawing, or a pair of the drawing and the sentence above it.

    Raises:
        NotThereError: as the function raises it, where its data is missing.
        BrokenPanelError: if the function cannot be imported, raises, or returns something else.
    """
    function, name = _imported(options), f"The function {options.function}"
    try:
        made = function(results)
    except NotThereError:
        raise
    except _ANYTHING as error:
        raise BrokenPanelError(
            f"The function {options.function} failed: {_reason(error)}{_place(error, function)}."
        ) from error
    made, finding = made if isinstance(made, tuple) and len(made) == 2 else (made, "")
    if not isinstance(made, go.Figure | Table | str) or not isinstance(finding, str):
        raise BrokenPanelError(f"{name} returned {_kind(made, finding)}; {_RETURNS}.")
    try:
        return OwnPanel(_fitted(made), finding.strip(), _words(function)[1])
    except _ANYTHING as error:
        raise BrokenPanelError(
            f"The function {options.function} returned what cannot be written: {_reason(error)}."
        ) from error


def draw(data: OwnPanel, _looks: Looks) -> Drawing:
    """As the function made it."""
    return data.drawing


def finding(data: OwnPanel) -> str:
    """The sentence that the function returned beside its drawing."""
    return data.finding


def explain(data: OwnPanel) -> str:
    """The function's docstring below its first line."""
    return data.explanation


def _parts(options: PanelSettings) -> tuple[str, str]:
    module, _, name = (options.function or "").partition(":")
    return module, name


def _imported(options: PanelSettings) -> Callable[[StudyResults], Any]:
    module_name, name = _parts(options)
    try:
        module = importlib.import_module(module_name)
    except _ANYTHING as error:
        if isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(f"{error.name}."):
            where = "beside the study file or the dashboard, or on the Python path"
            raise BrokenPanelError(f"There is no Python module {module_name} {where}.") from error
        raise BrokenPanelError(f"The module {module_name} cannot be imported: {_reason(error)}.") from error
    function: Callable[[StudyResults], Any] | None = getattr(module, name, None)
    if not callable(function):
        rest = f"; {nearest(name, known)}" if (known := _functions(module)) else ""
        raise BrokenPanelError(f"The module {module_name} has no function {name}{rest}.")
    return function


def _functions(module: ModuleType) -> list[str]:
    """Names of the functions that the module itself defines."""
    return [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]


def _words(function: Callable[..., Any]) -> tuple[str, str]:
    """The docstring's first line without its full stop, and the rest."""
    summary, _, rest = (inspect.getdoc(function) or "").partition("\n")
    return summary.strip().removesuffix("."), " ".join(rest.split())


def _fitted(made: go.Figure | Table | str) -> Drawing:
    """The drawing as the page takes it: as wide as its place, in the page's fonts and colours.

    Raises:
        Exception: of any kind, if it cannot be written; better here than in the middle of the page.
    """
    if isinstance(made, Table):
        return _checked(made)
    if not isinstance(made, go.Figure):
        return Html(made)
    plain = figure(_HEIGHT)
    plain.add_traces(made.data)
    if made.layout.title.text:
        plain.update_layout(margin={"t": 56})
    own = made.layout.to_plotly_json()
    plain.update_layout({name: value for name, value in own.items() if name not in ("template", "width")})
    plain.to_json()
    return plain


def _checked(made: Table) -> Table:
    try:
        cells = [cell for row in made.full_rows() for cell, _ in row]
    except StopIteration:
        raise ValueError("a row of the table has fewer cells than there are columns") from None
    if not all(isinstance(cell.text, str) for cell in cells):
        raise TypeError("cells of a table are text")
    table(made)
    return made


def _kind(made: Any, finding: Any) -> str:
    if isinstance(made, go.Figure | Table | str):
        made = finding
    if made is None:
        return "nothing"
    return f"a {type(made).__module__}.{type(made).__qualname__}".replace("a builtins.", "a value of type ")


def _reason(error: BaseException) -> str:
    """One line, whatever the exception says."""
    text = " ".join(str(error).split()).rstrip(".")
    kind = type(error).__name__
    return f"{kind}: {text[:200]}" if text else kind


def _place(error: BaseException, function: Callable[..., Any]) -> str:
    """The line in the function's own file."""
    file = getattr(sys.modules.get(getattr(function, "__module__", "")), "__file__", None)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f" (line {lines[-1]} of {Path(file).name})" if lines and file else ""


PANEL = Panel(title, read, draw, finding, explain)
OPTIONS = ("function",)
NEEDS = ("function",)
