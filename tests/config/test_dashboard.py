"""Dashboards: panels by name, options where they belong, clear errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from hpo.config.dashboard import Dashboard
from hpo.config.explain import explain
from hpo.config.yaml_file import read_yaml

DASHBOARDS = sorted((Path(__file__).parents[2] / "dashboards").glob("*.yaml"))


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
    (paper,) = (path for path in DASHBOARDS if path.name == "paper.yaml")
    labels = [panel.label for panel in Dashboard.model_validate(read_yaml(paper).values).panels if panel.label]
    figures = ["2", "3a", "3b", "3c", "4", "5", "6", "7", "8a", "8b", "8c", "9"]
    assert labels == [*(f"Fig. {number}" for number in figures), "Table 3", "Table 4"]


def test_an_unknown_panel_gets_the_nearest_name() -> None:
    (problem,) = _problems(panel="best_tabel")
    assert problem.startswith("panels.0.panel: found \"best_tabel\"; did you mean 'best_table'?")


def test_an_unknown_option_gets_the_nearest_name() -> None:
    (problem,) = _problems(panel="roc", lable="Fig. 9")
    assert "panels.0.lable: unknown key; did you mean 'label'?" in problem


def test_an_unknown_factor_gets_the_nearest_name() -> None:
    (problem,) = _problems(panel="factor_effect", factor="batchsize")
    assert "panels.0.factor" in problem
    assert "did you mean 'batch_size'?" in problem


def test_an_effect_needs_its_factor() -> None:
    (problem,) = _problems(panel="factor_effect")
    assert problem == "panels.0.factor: is missing: factor_effect needs the factor on its x axis"


@pytest.mark.parametrize(
    ("option", "value"), [("factor", "patches"), ("metric", "auc"), ("paper", True)], ids=lambda value: str(value)
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
