"""A metric of the user's own is tried before anything is planned, and is part of the plan."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from hpo.config.study import StudyFile
from hpo.errors import ConfigError
from hpo.evaluation.objective import objective_of
from hpo.models import own_function
from hpo.run.functions import check_functions
from hpo.run.output_folder import adopt_plan, mark_output
from hpo.stages.plan import determining_settings
from hpo.storage.database import Database
from tests.stages.story import DATA, Story, load


def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> StudyFile:
    monkeypatch.setattr(own_function, "_folders", [])
    (tmp_path / "costs.py").write_text(f"import numpy as np\n\n\ndef saved(labels, probabilities):\n    {body}\n")
    return load(tmp_path, objective={"metric": "costs:saved"})


def test_one_that_gives_a_number_is_the_objective_and_more_is_better(tmp_path, monkeypatch) -> None:
    study = made(tmp_path, monkeypatch, "return np.mean((probabilities > 0.3) == labels)")
    check_functions(study)
    objective = objective_of(study)
    assert objective.direction == "maximize"
    assert objective.metric.startswith("costs:saved#")
    assert determining_settings(study, "d")["objective"]["metric"] == objective.metric


def test_another_source_is_another_plan(tmp_path, monkeypatch) -> None:
    plans = [
        determining_settings(made(tmp_path, monkeypatch, body), "d")["objective"] for body in ("return 1", "return 2")
    ]
    assert plans[0] != plans[1]


def test_one_that_is_edited_in_a_started_study_is_called_before_the_edit_is_taken(
    sqlite: Database, tmp_path, monkeypatch
) -> None:
    first = made(tmp_path, monkeypatch, "return 1.0")
    Story(first, sqlite).advance()
    mark_output(sqlite, first)
    broken = made(tmp_path, monkeypatch, "return float('nan')")
    with pytest.raises(ConfigError, match="costs:saved: it returned nan; it must return a finite number; nothing was"):
        adopt_plan(sqlite, broken, DATA)
    repaired = made(tmp_path, monkeypatch, "return 2.0")
    (change,) = adopt_plan(sqlite, repaired, DATA)
    assert change.kind == "anew"
    assert change.effect.startswith("the source of module costs has changed since: every stage is judged again")
    assert adopt_plan(sqlite, repaired, DATA) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("return float('nan')", "it returned nan; it must return a finite number"),
        ("return 1 / 0", "ZeroDivisionError: division by zero"),
        ("return probabilities", "it returned ndarray; it must return a number"),
        ("return 'good'", "it returned str; it must return a number"),
        ("return probabilities[:, 2].mean()", "IndexError"),
    ],
)
def test_one_that_raises_or_gives_no_number_is_refused(tmp_path, monkeypatch, body, problem) -> None:
    study = made(tmp_path, monkeypatch, body)
    with pytest.raises(ConfigError) as refused:
        check_functions(study)
    said = str(refused.value)
    assert said.startswith(f"{study.file}: objective.metric: costs:saved: ")
    assert problem in said
    assert said.endswith("nothing was planned")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("metric", "problem"),
    [
        ("costs:svaed", "defines no 'svaed'"),
        ("nowhere:saved", "no Python file of module 'nowhere'"),
        ("acuracy", "found \"acuracy\"; did you mean 'accuracy'?"),
        (3, "found 3; "),
    ],
)
def test_one_that_is_not_there_is_refused_when_the_study_is_read(tmp_path, monkeypatch, metric, problem) -> None:
    made(tmp_path, monkeypatch, "return 1")
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, objective={"metric": metric})
    assert "objective.metric: " in str(refused.value)
    assert problem in str(refused.value)


def test_the_metric_of_the_document_is_let_pass(tmp_path, monkeypatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "functions.md").read_text(encoding="utf-8")
    code = page.partition("    # my_metrics.py\n")[2].partition("\n- **It returns")[0]
    monkeypatch.setattr(own_function, "_folders", [])
    (tmp_path / "my_metrics.py").write_text(textwrap.dedent(code))
    check_functions(load(tmp_path, objective={"metric": "my_metrics:cost"}))
