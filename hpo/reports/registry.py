"""Every panel by its name in a dashboard."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from hpo.config.dashboard import PanelName
from hpo.reports.panel import Panel


def panel_named(name: PanelName) -> Panel:
    """The panel's module in ``hpo/reports/panels``, which has the functions of `hpo.reports.panel.Panel`."""
    return cast(Panel, import_module(f"hpo.reports.panels.{name}"))
