"""Dashboards: which figures and tables a report has, in which order. One YAML file in ``dashboards/``."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from hpo.config.explain import Problem, refuse
from hpo.config.fields import FactorName, Flag, Name, Settings, Whole
from hpo.config.patterns import FUNCTION_PATTERN

PanelName = Literal[
    "two_stages",
    "data",
    "factor_effect",
    "schedules",
    "strategy_curves",
    "ranges",
    "donors",
    "history",
    "before_after",
    "roc",
    "comparison_table",
    "best_table",
    "cold_control",
    "compute",
    "test_openings",
    "failures",
    "versions",
    "learning_curves",
    "range_axes",
    "lineage",
    "importance",
    "parallel_coordinates",
    "slices",
    "contour",
    "best_so_far",
    "warm_start",
    "optimism",
    "calibration",
    "confusion",
    "precision_recall",
    "mistakes",
    "timeline",
    "function",
]
"""Every panel: the name is that of its file in ``hpo/reports/panels``."""

MetricName = Literal["accuracy", "precision", "recall", "f1", "auc"]
Width = Literal["full", "half", "third"]

_PANELS_WITH: dict[str, tuple[PanelName, ...]] = {
    "factor": ("factor_effect",),
    "metric": ("factor_effect", "strategy_curves", "before_after", "learning_curves", "range_axes", "warm_start"),
    "paper": ("comparison_table", "best_table", "before_after", "roc"),
    "architecture": ("learning_curves", "parallel_coordinates", "contour"),
    "factors": ("contour",),
    "stage": ("importance", "slices", "parallel_coordinates", "contour", "learning_curves"),
    "count": ("mistakes",),
    "function": ("function",),
}


class PanelSettings(Settings):
    """One figure or table."""

    panel: PanelName = Field(description="which figure or table")
    section: str | None = Field(default=None, min_length=1, description="heading above it; begins a new section")
    label: str | None = Field(default=None, min_length=1, description="number in front of the title, such as 'Fig. 3a'")
    title: str | None = Field(default=None, min_length=1, description="instead of the panel's own title")
    width: Width = Field(default="full", description="share of the page's width: full, half or third")
    factor: FactorName | None = Field(default=None, description="of factor_effect: the factor on the x axis")
    metric: MetricName | None = Field(
        default=None,
        description="of figures that show a metric; by default the study's objective",
    )
    paper: Flag = Field(
        default=False, description="of figures and tables that the paper has: also show what it printed, marked so"
    )
    architecture: Name | None = Field(
        default=None, description="of figures that show a single architecture; by default the best on validation"
    )
    factors: tuple[FactorName, FactorName] | None = Field(
        default=None, description="of contour: the factors on x and y; by default the two that matter most"
    )
    stage: Literal["stage1", "stage2"] | None = Field(
        default=None, description="of figures of one stage's trials; by default stage2, of learning_curves stage1"
    )
    count: Whole = Field(default=12, ge=1, le=50, description="of mistakes: how many of either kind")
    function: str | None = Field(
        default=None,
        pattern=FUNCTION_PATTERN,
        description="of function, a panel of one's own: module:callable, importable from the study file's or the "
        "dashboard's folder; from hpo.results.study.StudyResults to a Plotly figure, a table or HTML",
    )

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        problems = [
            Problem((option,), f"is no option of {self.panel}; it is one of {', '.join(panels)}")
            for option, panels in _PANELS_WITH.items()
            if option in self.model_fields_set and self.panel not in panels
        ]
        if self.panel == "factor_effect" and self.factor is None:
            problems.append(Problem(("factor",), "is missing: factor_effect needs the factor on its x axis"))
        if self.panel == "function" and self.function is None:
            problems.append(
                Problem(("function",), "is missing: such as my_panels:loss_by_hour, for a panel of one's own")
            )
        refuse(problems)
        return self


class Dashboard(Settings):
    """A report's contents, from top to bottom."""

    title: str | None = Field(default=None, min_length=1, description="of the report; by default the study's name")
    panels: tuple[PanelSettings, ...] = Field(min_length=1, description="figures and tables in their order")
