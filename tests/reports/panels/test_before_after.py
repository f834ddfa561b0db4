"""What the paper printed, on the bars of the study's own results."""

from __future__ import annotations

import pytest

from hpo.config.dashboard import MetricName, PanelSettings
from hpo.reports.panels import before_after
from hpo.results.study import StudyResults
from tests.reports.looks import LOOKS


@pytest.mark.parametrize(
    ("metric", "before", "after"), [("accuracy", 0.8245, 0.8718), ("f1", 0.7847, 0.8535), ("auc", 0.90, 0.94)]
)
def test_the_papers_values_are_diamonds_on_their_bars(
    invented_pair: StudyResults, metric: MetricName, before: float, after: float
) -> None:
    options = PanelSettings(panel="before_after", metric=metric, paper=True)
    read = before_after.read(invented_pair, options)
    assert read.printed == {"model1": {"before": before, "after": after}}
    figure = before_after.draw(read, LOOKS)
    diamonds = [trace for trace in figure.data if trace.type == "scatter"]
    assert [(trace.offsetgroup, list(trace.x), list(trace.y)) for trace in diamonds] == [
        ("before", ["model1"], [before]),
        ("after", ["model1"], [after]),
    ]
    assert [trace.name for trace in diamonds if trace.showlegend] == ["the paper's"]
    assert figure.layout.scattermode == "group"
    assert "the paper printed (Table 3), of other data and epochs" in before_after.explain(read)


def test_without_the_wish_there_are_only_bars(invented_pair: StudyResults) -> None:
    read = before_after.read(invented_pair, PanelSettings(panel="before_after"))
    assert {trace.type for trace in before_after.draw(read, LOOKS).data} == {"bar"}
    assert "paper" not in before_after.explain(read)
