"""Panels of the user's own: what a function may return, and that nothing it does can lose the report."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import plotly.graph_objects as go
import pytest

from hpo.config.dashboard import Dashboard, PanelSettings
from hpo.reports.page.report import render_report
from hpo.reports.panel import BrokenPanelError, NotThereError
from hpo.reports.panels import function
from hpo.reports.table import Table
from hpo.results.study import StudyResults
from tests.reports.looks import LOOKS

Write = Callable[[str], PanelSettings]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes the user's module ``own_panels`` and names its function ``shown``."""
    monkeypatch.syspath_prepend(tmp_path)

    def written(text: str) -> PanelSettings:
        (tmp_path / "own_panels.py").write_text(dedent(text), encoding="utf-8")
        return PanelSettings(panel="function", function="own_panels:shown")

    yield written
    sys.modules.pop("own_panels", None)


FIGURE = '''
    """Names as shown."""

    import plotly.express as px

    def shown(results):
        """Trials of every model.

        One bar a model;
        the longer, the more.
        """
        names = results.settings.architectures
        found = [sum(trial.architecture == name for trial in results.trials) for name in names]
        return px.bar(x=names, y=found, width=3000), f"{sum(found)} trials were planned."
'''


class TestWhatAFunctionMayReturn:
    def test_a_figure_of_the_results_with_words_from_its_docstring(self, finished: StudyResults, write: Write) -> None:
        options = write(FIGURE)
        data = function.read(finished, options)
        shown = function.draw(data, LOOKS)
        assert isinstance(shown, go.Figure)
        assert tuple(shown.data[0].x) == finished.settings.architectures
        assert sum(shown.data[0].y) == len(finished.trials)
        assert function.title(finished, options) == "Trials of every model"
        assert function.finding(data) == f"{len(finished.trials)} trials were planned."
        assert function.explain(data) == "One bar a model; the longer, the more."

    def test_a_figure_takes_the_pages_width_height_and_looks(self, finished: StudyResults, write: Write) -> None:
        shown = function.draw(function.read(finished, write(FIGURE)), LOOKS)
        assert isinstance(shown, go.Figure)
        layout = shown.to_plotly_json()["layout"]
        assert "width" not in layout
        assert "template" not in layout
        assert layout["height"] == 340

    def test_a_figure_keeps_the_height_that_it_sets(self, finished: StudyResults, write: Write) -> None:
        options = write("import plotly.graph_objects as go\nshown = lambda _: go.Figure(layout={'height': 500})")
        drawn = function.draw(function.read(finished, options), LOOKS)
        assert isinstance(drawn, go.Figure)
        assert drawn.layout.height == 500

    def test_a_table(self, finished: StudyResults, write: Write) -> None:
        options = write(
            """
            from hpo.reports.table import Column, Table

            def shown(results):
                return Table([Column("Model")], [[name] for name in results.settings.architectures])
            """
        )
        data = function.read(finished, options)
        assert isinstance(function.draw(data, LOOKS), Table)
        assert function.title(finished, options) == "Shown"
        assert (function.finding(data), function.explain(data)) == ("", "")

    def test_html_which_stands_as_it_is(self, finished: StudyResults, write: Write) -> None:
        page = render_report(finished, Dashboard(panels=(write("shown = lambda results: '<b>bold</b>'"),)))
        assert "<b>bold</b>" in page
        assert '<p class="finding">' not in page.split("<b>bold</b>")[0].rsplit("<article", 1)[1]

    def test_words_are_escaped(self, finished: StudyResults, write: Write) -> None:
        options = write('def shown(_):\n    """<i>A title</i>\n\n    <i>below</i>"""\n    return "", "<i>above</i>"')
        page = render_report(finished, Dashboard(panels=(options,)))
        for words in ("A title", "above", "below"):
            assert f"&lt;i&gt;{words}&lt;/i&gt;" in page

    def test_what_is_missing_is_no_fault(self, finished: StudyResults, write: Write) -> None:
        options = write(
            """
            from hpo.reports.panel import NotThereError

            def shown(results):
                raise NotThereError("No night has passed yet.")
            """
        )
        said: list[str] = []
        assert "No night has passed yet." in render_report(finished, Dashboard(panels=(options,)), said.append)
        assert said == []
        with pytest.raises(NotThereError) as missing:
            function.read(finished, options)
        assert not isinstance(missing.value, BrokenPanelError)


BROKEN = {
    "shown = 1 / 0": "The module own_panels cannot be imported: ZeroDivisionError: division by zero.",
    "def shown(:": "The module own_panels cannot be imported: SyntaxError: ",
    "import nowhere_at_all": "The module own_panels cannot be imported: ModuleNotFoundError: No module named 'nowhere",
    "import sys; sys.exit('enough')": "The module own_panels cannot be imported: SystemExit: enough.",
    "def show(): ...": "The module own_panels has no function shown; did you mean 'show'? (allowed: show).",
    "other = 3": "The module own_panels has no function shown.",
    "def shown(r):\n    return 1 / 0": (
        "The function own_panels:shown failed: ZeroDivisionError: division by zero (line 2 of own_panels.py)."
    ),
    "def shown(r):\n    raise ValueError('two\\nlines.')": (
        "The function own_panels:shown failed: ValueError: two lines (line 2 of own_panels.py)."
    ),
    "def shown(): ...": "The function own_panels:shown failed: TypeError: shown() takes 0 positional arguments but 1",
    "def shown(r): ...": "The function own_panels:shown returned nothing; a panel's function returns a Plotly figure",
    "def shown(r): return 3": "The function own_panels:shown returned a value of type int; a panel's function",
    "def shown(r): return 'text', 3": "The function own_panels:shown returned a value of type int; a panel's function",
    "import pathlib\ndef shown(r): return pathlib.PurePosixPath()": (
        "The function own_panels:shown returned a pathlib.PurePosixPath; a panel's function"
    ),
    "import plotly.graph_objects as go\ndef shown(r): return go.Figure(layout={'meta': object()})": (
        "The function own_panels:shown returned what cannot be written: TypeError: "
    ),
    "from hpo.reports.html import *\ndef shown(r): return Table([Column('a'), Column('b')], [['1']])": (
        "The function own_panels:shown returned what cannot be written: ValueError: a row of the table has fewer cells"
    ),
    "from hpo.reports.html import *\ndef shown(r): return Table([Column('a')], [[1]])": (
        "The function own_panels:shown returned what cannot be written: TypeError: cells of a table are text."
    ),
}


@pytest.mark.parametrize(("text", "expected"), BROKEN.items(), ids=[text.splitlines()[-1] for text in BROKEN])
def test_a_broken_panel_is_one_line_in_its_place_and_in_the_terminal(
    finished: StudyResults, write: Write, text: str, expected: str
) -> None:
    options = write(text)
    with pytest.raises(BrokenPanelError, match=r"\A[A-Z].*\.\Z") as broken:
        function.read(finished, options)
    assert str(broken.value).startswith(expected)
    said: list[str] = []
    page = render_report(finished, Dashboard(panels=(options, PanelSettings(panel="versions"))), said.append)
    assert said == [f"panel 'Shown': {broken.value}"]
    assert page.count('<p class="missing">') == 1
    assert page.count('data-panel="versions"') == 1


def test_a_module_that_is_not_there(finished: StudyResults) -> None:
    for name in ("no_such_module:shown", "no_such.module:shown", "html.module:shown"):
        options = PanelSettings(panel="function", function=name)
        module = name.split(":")[0]
        with pytest.raises(BrokenPanelError) as broken:
            function.read(finished, options)
        where = "beside the study file or the dashboard, or on the Python path"
        assert str(broken.value) == f"There is no Python module {module} {where}."


class TestWhereModulesAre:
    OWN = PanelSettings(panel="function", function="own_panels:shown")

    @pytest.fixture(autouse=True)
    def _path(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "path", list(sys.path))

    def test_in_the_first_folder_before_the_second(self, tmp_path: Path) -> None:
        first, second = tmp_path / "first", tmp_path / "second"
        function.look_for_modules(Dashboard(panels=(self.OWN,)), first, second)
        assert sys.path[:2] == [str(first), str(second)]
        function.look_for_modules(Dashboard(panels=(self.OWN,)), first, second)
        assert sys.path.count(str(first)) == 1

    def test_nowhere_else_for_a_dashboard_without_such_a_panel(self, tmp_path: Path) -> None:
        function.look_for_modules(Dashboard(panels=(PanelSettings(panel="versions"),)), tmp_path)
        assert str(tmp_path) not in sys.path
