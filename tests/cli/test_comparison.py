"""What `hpo run` prints last: of several objectives, those of each chosen network too."""

from __future__ import annotations

import pytest

from hpo.cli.comparison import print_comparison
from hpo.results.as_json import results_to_json
from hpo.results.study import StudyResults
from tests.results.invented import several


def test_with_one_objective_there_is_the_table_alone(
    finished: StudyResults, capsys: pytest.CaptureFixture[str]
) -> None:
    print_comparison(finished)
    said = capsys.readouterr().out
    assert f"{finished.best_compared} *" in said
    assert "front" not in said
    assert "objectives" not in results_to_json(finished)["architectures"]["model1"]


def test_of_several_objectives_each_chosen_network_has_a_line_and_the_mark_is_the_rules(
    finished: StudyResults, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = {name: 1000 * (4 - place) for place, name in enumerate(finished.settings.architectures)}
    results = several(finished, "parameters", within=1, sizes=sizes)
    print_comparison(results)
    lines = capsys.readouterr().out.splitlines()
    smallest = min(sizes, key=lambda name: sizes[name])
    assert any(line.startswith("chosen from a front of ") for line in lines)
    for name, size in sizes.items():
        mark = " *" if name == smallest else ""
        (line,) = [line for line in lines if line.startswith(f"{name}{mark}: AUC ")]
        assert f" and {size:,} parameters (validation, " in line
        objectives = results_to_json(results)["architectures"][name]["objectives"]
        assert objectives == results.final_values(name)
    assert results_to_json(results)["best"] == smallest
