"""Dashboards: which figures and tables a report has, in which order. One YAML file in ``dashboards/``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from hpo.config.explain import Problem, refuse
from hpo.config.fields import FactorName, Flag, Name, Settings, Whole
from hpo.config.panels import needed_options, panel_names, panel_options, panels_with
from hpo.config.patterns import FUNCTION_PATTERN

if TYPE_CHECKING:
    PanelName: TypeAlias = str
else:
    PanelName = Literal[panel_names()]

MetricName = Literal["accuracy", "precision", "recall", "f1", "auc"]
Width = Literal["full", "half", "third"]

_MISSING = {
    "factor": "is missing: {panel} needs the factor on its x axis",
    "function": "is missing: such as my_panels:epoch_seconds, for a panel of one's own",
}
"""What is said of an option that a panel needs and does not have."""


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
        shared = {"panel", "section", "label", "title", "width"}
        problems = [
            Problem((option,), f"is no option of {self.panel}; it is one of {', '.join(panels_with(option))}")
            for option in type(self).model_fields
            if option in self.model_fields_set - shared and option not in panel_options(self.panel)
        ]
        problems += [
            Problem((option,), _MISSING[option].format(panel=self.panel))
            for option in needed_options(self.panel)
            if getattr(self, option) is None
        ]
        refuse(problems)
        return self


class Dashboard(Settings):
    """A report's contents, from top to bottom."""

    title: str | None = Field(default=None, min_length=1, description="of the report; by default the study's name")
    panels: tuple[PanelSettings, ...] = Field(min_length=1, description="figures and tables in their order")
