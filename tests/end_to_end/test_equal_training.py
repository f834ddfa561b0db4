"""A recheck and an equally trained reference: really trained, killed in the middle of both, and reported."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter

import yaml

from hpo.recipe.recipe import recipe_from_json
from tests.end_to_end.conftest import STUDY, Project
from tests.end_to_end.outcome import rows

HONEST = {
    "architectures": STUDY["architectures"][:1],
    "stage2": STUDY["stage2"] | {"recheck": {"top": 2, "seeds": 2}},
    "confirm": STUDY["confirm"] | {"equal_training": True},
}


def kill_in(project: Project, stage: str) -> None:
    """Run until a point of a stage is complete, and kill."""
    process = project.start("run", "study.yaml")
    while not _is_reached(project, stage):
        assert process.poll() is None, "it ended before it was killed"
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def _is_reached(project: Project, stage: str) -> bool:
    if not (project.output / "study.db").exists():
        return False
    if not rows(project.output, "SELECT 1 FROM sqlite_master WHERE name = 'hpo_design_point'"):
        return False
    done = rows(project.output, "SELECT DISTINCT stage_name FROM hpo_design_point WHERE state = 'complete'")
    return (f"small/{stage}/tiny",) in done


def test_a_study_that_is_killed_in_recheck_and_confirmation_ends_with_the_equally_trained_comparison(
    project: Project,
) -> None:
    project.write(HONEST)
    kill_in(project, "recheck")
    kill_in(project, "confirm")
    said = project.run("run", "study.yaml").stdout
    assert "'Before' is the reference, trained for as many patch-visits as the tuned model and its donors." in said

    points = rows(project.output, "SELECT stage_name, point_key, state, epochs, recipe_key FROM hpo_design_point")
    states = Counter((name.split("/")[1], state) for name, _, state, _, _ in points)
    assert states[("recheck", "complete")] == 4
    assert states[("confirm", "complete")] == 8
    assert {state for _, state in states} == {"complete"}
    epochs = {key: (length, recipe) for name, key, _, length, recipe in points if "/confirm/" in name}
    assert epochs["equal:0"][1] == epochs["before:0"][1]
    assert epochs["equal:0"][0] > epochs["before:0"][0]

    # What the equally trained reference saw is what the tuned model and its donor saw, to within an epoch.
    query = "SELECT point_key, recipe FROM hpo_design_point WHERE point_key IN ('after:0', 'equal:0')"
    recipes = {key: recipe_from_json(json.loads(recipe)) for key, recipe in rows(project.output, query)}
    tuned = recipes["after:0"].lineage_patch_visits(epochs["after:0"][0])
    each = recipes["equal:0"].patch_visits(1)
    assert 0 <= epochs["equal:0"][0] * each - tuned < each

    report = (project.output / "report.html").read_text()
    assert "compared with the reference trained for as many patch-visits" in report
    card = (project.output / "tiny" / "model_card.md").read_text()
    assert "trained for as many patch-visits as the tuned model and its donors" in card
    model = yaml.safe_load((project.output / "best_config.yaml").read_text())["models"]["tiny"]
    assert set(model["metrics"]) == {"before", "after", "by_stage1_rules"}
    roles = {line.split(",")[0] for line in (project.output / "tiny" / "roc.csv").read_text().splitlines()[1:]}
    assert roles == {"before", "equal", "after", "cold_control"}
    assert "nothing to do" in project.run("run", "study.yaml").stdout
