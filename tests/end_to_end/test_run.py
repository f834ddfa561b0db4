"""``hpo run``: from a study file to report, best configuration and models."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
import yaml

from tests.end_to_end.conftest import SPACE, STUDY, Project
from tests.end_to_end.outcome import checkpoints, points, rows, weights

_ARTIFACTS = "SELECT value_json FROM trial_system_attributes WHERE key LIKE 'artifacts:%'"
_NOTES = (
    "SELECT s.study_name, a.value_json FROM study_system_attributes a JOIN studies s ON s.study_id = a.study_id "
    "WHERE a.key LIKE 'dashboard:note_str:%' ORDER BY a.key"
)


def test_a_finished_study_leaves_report_best_configuration_and_models(finished: Project) -> None:
    config = yaml.safe_load((finished.output / "best_config.yaml").read_text())
    assert set(config["models"]) == {"tiny", "wide"}
    assert config["best"] in config["models"]
    assert "<html" in (finished.output / "report.html").read_text()
    for name in config["models"]:
        assert (finished.output / name / "model.h5").stat().st_size < 10e6
        assert (finished.output / name / "roc.csv").read_text().startswith("role,seed,false_positive_rate")


def test_every_design_point_has_exactly_one_accepted_result(finished: Project) -> None:
    states = Counter((stage.split("/")[1], state) for stage, _, _, _, state, _, _ in points(finished.output))
    # Reference, 2 more epochs, 1 more of each other factor; 4 trials; 3 roles with 2 seeds; 1 opening: of 2 CNNs.
    assert states == {
        ("stage1", "complete"): 14,
        ("stage2", "complete"): 8,
        ("confirm", "complete"): 12,
        ("test", "complete"): 2,
    }
    trials = rows(finished.output, "SELECT state, COUNT(*) FROM trials GROUP BY state")
    assert trials == [("COMPLETE", 22)]


def test_optuna_has_every_trials_curve_and_notes_that_tell_what_the_test_split_said(finished: Project) -> None:
    noted = [json.loads(json.loads(row[0])) for row in rows(finished.output, _ARTIFACTS)]
    kept = {path.name for path in (finished.output / "checkpoints" / "artifacts").iterdir()}
    assert len(noted) == 22
    assert {one["artifact_id"] for one in noted} == kept
    notes: dict[str, str] = {}
    for name, part in rows(finished.output, _NOTES):
        notes[name] = notes.get(name, "") + json.loads(part)
    study = yaml.safe_load((finished.folder / "study.yaml").read_text())["name"]
    assert set(notes) == {f"{study}/{stage}/{name}" for stage in ("stage1", "stage2") for name in ("tiny", "wide")}
    assert all("- **Test**: " in notes[f"{study}/stage2/{name}"] for name in ("tiny", "wide"))


def test_no_epoch_of_a_recipe_is_trained_twice(finished: Project) -> None:
    trained = Counter(rows(finished.output, "SELECT recipe_key, epoch FROM hpo_trained_epoch"))
    assert set(trained.values()) == {1}


def test_the_test_split_is_opened_once_for_each_architecture_after_its_configuration_is_frozen(
    finished: Project,
) -> None:
    openings = rows(
        finished.output,
        "SELECT o.architecture, o.opened_at > s.closed_at FROM hpo_test_opening o "
        "JOIN hpo_stage s ON s.name = o.study || '/confirm/' || o.architecture",
    )
    assert sorted(openings) == [("tiny", 1), ("wide", 1)]


def test_a_second_run_trains_nothing_says_so_and_does_not_start_tensorflow(finished: Project) -> None:
    before = rows(finished.output, "SELECT COUNT(*) FROM hpo_trained_epoch")
    command = [sys.executable, "-X", "importtime", "-m", "hpo", "run", "study.yaml"]
    again = subprocess.run(command, cwd=finished.folder, capture_output=True, text=True, check=True)
    assert "everything was already trained" in again.stdout
    assert "before" in again.stdout
    imported = {line.rpartition("|")[2].strip() for line in again.stderr.splitlines()}
    assert "hpo.reports.page.report" in imported
    assert not imported & {"tensorflow", "keras"}
    assert rows(finished.output, "SELECT COUNT(*) FROM hpo_trained_epoch") == before
    told = json.loads(finished.run("run", "study.yaml", "--json").stdout)
    assert (told["study"], told["trained"]["epochs"]) == ("small", 0)
    assert set(told["results"]["architectures"]) == {"tiny", "wide"}
    assert [one["abandoned"] for one in told["architectures"]] == [None, None]


def test_a_run_that_is_killed_again_and_again_ends_as_an_undisturbed_one(project: Project, finished: Project) -> None:
    epochs = rows(finished.output, "SELECT COUNT(*) FROM hpo_trained_epoch")[0][0]
    moments = sorted(random.Random(20211).sample(range(1, epochs - 5), 2))
    for moment in moments:
        process = project.start("run", "study.yaml")
        while _trained(project) < moment:
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    project.run("run", "study.yaml")
    assert weights(project.output) == weights(finished.output)
    assert checkpoints(project.output) == checkpoints(finished.output)
    assert points(project.output) == points(finished.output)


def test_ctrl_c_gives_the_points_back_and_the_same_command_goes_on(project: Project, finished: Project) -> None:
    process = project.start("run", "study.yaml")
    while not _trained(project):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "continues from there" in err
    assert "Traceback" not in err
    assert rows(project.output, "SELECT COUNT(*) FROM hpo_design_point WHERE state = 'running'") == [(0,)]
    project.run("run", "study.yaml")
    assert points(project.output) == points(finished.output)


def _trained(project: Project) -> int:
    if not (project.output / "study.db").exists():
        return 0
    tables = rows(project.output, "SELECT COUNT(*) FROM sqlite_master WHERE name = 'hpo_trained_epoch'")
    return int(rows(project.output, "SELECT COUNT(*) FROM hpo_trained_epoch")[0][0]) if tables[0][0] else 0


def test_two_runs_at_once_share_the_work_and_end_as_one_alone(project: Project, finished: Project) -> None:
    both = [project.start("run", "study.yaml") for _ in range(2)]
    outputs = [process.communicate(timeout=400) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    owners = rows(project.output, "SELECT COUNT(DISTINCT owner) FROM hpo_trained_epoch")
    assert owners == [(2,)]
    fixed = [row for row in points(project.output) if "/stage1/" in row[0]]
    assert fixed == [row for row in points(finished.output) if "/stage1/" in row[0]]


def test_the_best_configuration_alone_trains_the_same_weights(finished: Project) -> None:
    again = finished.run("run", "out/best_config.yaml")
    best = yaml.safe_load((finished.output / "best_config.yaml").read_text())["best"]
    assert f"{best}: weights identical, sha256 {weights(finished.output)[best]}" in again.stdout


def test_a_diverging_trial_fails_with_its_reason_and_the_study_goes_on(project: Project) -> None:
    space = json.loads(json.dumps(SPACE))
    space["factors"]["learning_rate"] |= {"levels": [0.01, 0.05, 1e30], "high": 1e30}
    project.write({"architectures": STUDY["architectures"][:1]}, space)
    project.run("run", "study.yaml", "--until", "stage1")
    failed = rows(project.output, "SELECT faults FROM hpo_design_point WHERE state = 'failed'")
    assert len(failed) == 1
    assert "the training loss was not finite in epoch 1" in failed[0][0]
    ranges = yaml.safe_load((project.output / "ranges.yaml").read_text())["architectures"]["tiny"]
    assert ranges["learning_rate"]["high"] <= 0.05


def test_edited_ranges_are_what_stage_2_searches(project: Project) -> None:
    project.write({"architectures": STUDY["architectures"][:1]})
    project.run("run", "study.yaml", "--until", "stage1")
    path = project.output / "ranges.yaml"
    ranges = yaml.safe_load(path.read_text())
    ranges["architectures"]["tiny"]["learning_rate"] = {"low": 0.02, "high": 0.021, "best": 0.02}
    path.write_text(yaml.safe_dump(ranges))
    project.run("run", "study.yaml", "--until", "stage2")
    found = rows(project.output, "SELECT point FROM hpo_design_point WHERE stage_name = 'small/stage2/tiny'")
    rates = [json.loads(point)["learning_rate"] for (point,) in found]
    assert len(rates) == 4
    assert all(0.02 <= rate <= 0.021 for rate in rates)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stage1": STUDY["stage1"] | {"seed": 3}}, "stage1.seed: 0 -> 3 (it is part of every training of stage 1)"),
        ({"stage2": STUDY["stage2"] | {"epochs": 9}}, "stage2.epochs: 2 -> 9 (stage 2 of tiny, wide has been opened"),
    ],
)
def test_another_study_under_the_same_name_is_refused_in_one_line(
    finished: Project, changes: dict[str, object], message: str
) -> None:
    finished.write(changes)
    try:
        refused = finished.run("run", "study.yaml", status=2)
    finally:
        finished.write()
    (line,) = refused.stderr.strip().splitlines()
    assert message in line
    assert line.endswith("hpo copy study.yaml NEW")
