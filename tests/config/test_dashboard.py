"""Dashboards: panels by name, options where they belong, clear errors."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from hpo.config.dashboard import Dashboard, PanelName
from hpo.config.explain import explain
from hpo.config.template import dashboard_template
from hpo.config.yaml_file import read_yaml

DASHBOARDS = sorted((Path(__file__).parents[2] / "dashboards").glob("*.yaml"))


def _shipped(name: str) -> Dashboard:
    (path,) = (path for path in DASHBOARDS if path.name == name)
    return Dashboard.model_validate(read_yaml(path).values)


def _problems(**panel: object) -> list[str]:
    try:
        Dashboard.model_validate({"panels": [panel]})
    except ValidationError as error:
        return [f"{'.'.join(map(str, one.location))}: {one.text}" for one in explain(error, Dashboard)]
    return []


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_shipped_dashboards_are_valid_and_say_what_they_are(path: Path) -> None:
    assert Dashboard.model_validate(read_yaml(path).values).panels
    header = path.read_text(encoding="utf-8").split("\n\n")[0]
    assert all(line.startswith("#") for line in header.splitlines())
    for word in ("Takes:", "Expect:", "Command:"):
        assert word in header


def test_the_papers_figures_and_tables_stand_in_the_papers_order() -> None:
    labels = [panel.label for panel in _shipped("paper.yaml").panels if panel.label]
    figures = ["2", "3a", "3b", "3c", "4", "5", "6", "7", "8a", "8b", "8c", "9"]
    assert labels == [*(f"Fig. {number}" for number in figures), "Table 3", "Table 4"]


def test_the_papers_dashboard_asks_for_the_papers_numbers_wherever_it_printed_any() -> None:
    with_numbers = {"before_after", "roc", "comparison_table", "best_table"}
    panels = _shipped("paper.yaml").panels
    assert {panel.panel for panel in panels if panel.paper} == with_numbers
    assert all(panel.paper for panel in panels if panel.panel in with_numbers)


def test_the_full_dashboard_has_every_panel_of_ours_in_the_order_of_a_story() -> None:
    panels = _shipped("full.yaml").panels
    assert {panel.panel for panel in panels} == set(get_args(PanelName)) - {"function"}
    assert [panel.section for panel in panels if panel.section] == [
        "The answer",
        "The study",
        "Stage 1: explore",
        "Stage 2: tune",
        "Before and after tuning",
        "Is it the tuning?",
        "How sure?",
        "Where it errs",
        "What it cost",
        "Provenance",
    ]
    assert not any(panel.paper for panel in panels)


def test_a_new_studys_dashboard_shows_the_same(tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text(dashboard_template(), encoding="utf-8")
    assert Dashboard.model_validate(read_yaml(tmp_path / "new.yaml").values) == _shipped("full.yaml")
    (full,) = (path for path in DASHBOARDS if path.name == "full.yaml")
    assert dashboard_template() == full.read_text(encoding="utf-8")


def test_its_commented_panel_of_ones_own_can_be_taken(tmp_path: Path) -> None:
    text = dashboard_template().replace("# - {panel: function", "- {panel: function")
    (tmp_path / "new.yaml").write_text(text, encoding="utf-8")
    last = Dashboard.model_validate(read_yaml(tmp_path / "new.yaml").values).panels[-1]
    assert (last.panel, last.function) == ("function", "my_panels:epoch_seconds")


def test_a_panel_of_ones_own_needs_its_function() -> None:
    (problem,) = _problems(panel="function")
    assert problem == "panels.0.function: is missing: such as my_panels:epoch_seconds, for a panel of one's own"
    (problem,) = _problems(panel="function", function="my_panels.py")
    assert problem.startswith("panels.0.function: must be module:function, such as my_models:build; found")
    assert not _problems(panel="function", function="my.panels:loss", title="Mine", width="half")


def test_an_unknown_panel_gets_the_nearest_name() -> None:
    (problem,) = _problems(panel="best_tabel")
    assert problem.startswith("panels.0.panel: found \"best_tabel\"; did you mean 'best_table'?")


def test_an_unknown_option_gets_the_nearest_name() -> None:
    (problem,) = _problems(panel="roc", lable="Fig. 9")
    assert "panels.0.lable: unknown key; did you mean 'label'?" in problem


def test_a_factor_that_could_be_no_argument_of_a_function_is_refused() -> None:
    (problem,) = _problems(panel="factor_effect", factor="batch size")
    assert problem == "panels.0.factor: 'batch size' is no factor's name: a Python name of letters, digits and _"


def test_an_effect_needs_its_factor() -> None:
    (problem,) = _problems(panel="factor_effect")
    assert problem == "panels.0.factor: is missing: factor_effect needs the factor on its x axis"


@pytest.mark.parametrize(
    ("option", "value"),
    [("factor", "patches"), ("metric", "auc"), ("paper", True), ("function", "my_panels:epoch_seconds")],
    ids=lambda value: str(value),
)
def test_an_option_of_another_panel_is_refused(option: str, value: object) -> None:
    (problem,) = _problems(panel="versions", **{option: value})
    assert problem.startswith(f"panels.0.{option}: is no option of versions; it is one of ")


def test_options_that_fit_are_taken() -> None:
    assert not _problems(panel="factor_effect", factor="momentum", metric="f1", width="half", label="A", title="B")
    assert not _problems(panel="best_table", paper=True, section="Results")


def test_a_dashboard_has_panels() -> None:
    with pytest.raises(ValidationError, match="panels"):
        Dashboard.model_validate({"panels": []})
