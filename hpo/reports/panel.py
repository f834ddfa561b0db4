"""What a panel is: one figure or table, read from the results first and drawn then."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.reports.html import Html, Table
from hpo.reports.plot.looks import Looks
from hpo.results.study import StudyResults

Drawing: TypeAlias = go.Figure | Table | Html


class NotThereError(Exception):
    """What a panel draws is not there (yet); the text says what is missing, and the page shows it in its place."""


class BrokenPanelError(NotThereError):
    """A panel of the user's own went wrong; the page shows why in its place, the terminal too, and the rest stands."""


class Panel(Protocol):
    """A module in ``hpo/reports/panels``: these five functions, and a NamedTuple for what is read.

    To add one, write the module and name it in `hpo.config.dashboard.PanelName`.
    """

    def title(self, results: StudyResults, options: PanelSettings) -> str:
        """The heading, also where the panel's data is missing."""
        ...

    def read(self, results: StudyResults, options: PanelSettings) -> Any:
        """What is drawn.

        Raises:
            NotThereError: if it is missing.
        """
        ...

    def draw(self, data: Any, looks: Looks) -> Drawing:
        """A Plotly figure, a table, or HTML."""
        ...

    def finding(self, data: Any) -> str:
        """What it shows of this very study, with its numbers: one sentence, not escaped.

        It stands above the drawing, and is what somebody who cannot see it is told.
        """
        ...

    def explain(self, data: Any) -> str:
        """How to read it, in plain words: one to three sentences, not escaped."""
        ...
