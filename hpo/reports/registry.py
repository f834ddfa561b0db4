"""Every panel by its name in a dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from hpo.config.dashboard import PanelName
from hpo.reports.panel import Panel
from hpo.reports.panels import (
    before_after,
    best_table,
    cold_control,
    comparison_table,
    compute,
    data,
    donors,
    factor_effect,
    failures,
    history,
    ranges,
    roc,
    schedules,
    strategy_curves,
    test_openings,
    two_stages,
    versions,
)

_MODULES = {
    "two_stages": two_stages,
    "data": data,
    "factor_effect": factor_effect,
    "schedules": schedules,
    "strategy_curves": strategy_curves,
    "ranges": ranges,
    "donors": donors,
    "history": history,
    "before_after": before_after,
    "roc": roc,
    "comparison_table": comparison_table,
    "best_table": best_table,
    "cold_control": cold_control,
    "compute": compute,
    "test_openings": test_openings,
    "failures": failures,
    "versions": versions,
}

PANELS: Mapping[PanelName, Panel] = cast("Mapping[PanelName, Panel]", _MODULES)
"""A panel is a module of ``hpo/reports/panels`` with the functions of `hpo.reports.panel.Panel`."""
