"""Several workers on one study, as a user starts, watches and stops them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Project
from tests.end_to_end.outcome import checkpoints, points, rows
from tests.launchers.longer import long_project, rows_of, states, trained, wait_for


def test_a_run_by_two_workers_ends_like_one_alone_each_result_accepted_once(
    project: Project, finished: Project
) -> None:
    done = project.run("run", "study.yaml", "--workers", "2")
    assert "small: trained " in done.stdout
    assert "best on validation" in done.stdout
    assert (project.output / "best_config.yaml").exists()
    owners = {
        owner for owner, _ in rows(project.output, "SELECT owner, COUNT(*) FROM hpo_trained_epoch GROUP BY owner")
    }
    assert len(owners) == 2, "one alone proves nothing"
    fixed = [row for row in points(project.output) if "/stage1/" in row[0]]
    assert fixed == [row for row in points(finished.output) if "/stage1/" in row[0]]
    assert rows(project.output, "SELECT state, COUNT(*) FROM trials GROUP BY state") == [("COMPLETE", 22)]
    trainings = Counter(rows(project.output, "SELECT recipe_key, epoch FROM hpo_trained_epoch"))
    assert set(trainings.values()) == {1}
    openings = rows(project.output, "SELECT architecture, COUNT(*) FROM hpo_test_opening GROUP BY architecture")
    assert openings == [("tiny", 1), ("wide", 1)]
    assert rows(project.output, "SELECT COUNT(*) FROM hpo_worker WHERE ended_at IS NULL") == [(0,)]
    assert all((project.output / "logs" / f"worker-{number}.log").stat().st_size for number in (0, 1))


def test_stage_2_of_an_architecture_does_not_wait_for_the_others(finished: Project) -> None:
    """What one worker alone shows: it brings an architecture to its end before it begins the next."""
    began = dict(rows(finished.output, "SELECT stage_name, MIN(claimed_at) FROM hpo_design_point GROUP BY stage_name"))
    closed = dict(rows(finished.output, "SELECT name, closed_at FROM hpo_stage"))
    assert closed["small/stage1/tiny"] <= began["small/stage2/tiny"] < closed["small/stage1/wide"]
    # A stage may be closed again later; its first opening of the test split stays.
    opened = dict(
        rows(finished.output, "SELECT architecture, MIN(opened_at) FROM hpo_test_opening GROUP BY architecture")
    )
    assert opened["tiny"] < closed["small/stage1/wide"]


def test_of_a_finished_study_the_epochs_are_kept_at_which_its_points_ended(finished: Project) -> None:
    points = "SELECT recipe_key, epochs FROM hpo_design_point WHERE recipe_key IS NOT NULL"
    ended = {f"{key}/epoch-{epochs:06d}" for key, epochs in rows(finished.output, points)}
    kept = {name.split(".")[0] for name in checkpoints(finished.output)}
    trained = rows(finished.output, "SELECT recipe_key, epoch FROM hpo_trained_epoch")
    assert ended <= kept
    assert len(kept) < len(trained)


@pytest.mark.parametrize(("options", "when"), [((), "after its design point"), (("--now",), "after its epoch")])
def test_hpo_stop_ends_a_worker_elsewhere_and_the_next_one_goes_on(
    tmp_path: Path, options: tuple[str, ...], when: str
) -> None:
    project = long_project(tmp_path, workers={"threads": 1, "lease_seconds": 5})  # its heart beats often
    worker = project.start("worker", "study.yaml", "--until", "stage1")
    wait_for(lambda: trained(project))
    asked = project.run("stop", "study.yaml", *options)
    assert asked.stdout.strip().endswith(f": ends {when}")
    out, err = worker.communicate(timeout=300)
    assert worker.returncode == 0, (out, err)
    assert "stopped, as hpo stop asked" in err
    assert "running" not in states(project)
    assert "waiting" in states(project)
    project.run("worker", "study.yaml", "--until", "stage1")
    assert states(project) == {"complete"}
    assert set(Counter(rows_of(project, "SELECT recipe_key, epoch FROM hpo_trained_epoch")).values()) == {1}


def test_stopping_or_watching_what_has_not_begun_says_so(project: Project) -> None:
    refused = project.run("stop", "study.yaml", status=2)
    assert refused.stderr.startswith("hpo: small: not started: there is no database ")
    assert len(refused.stderr.splitlines()) == 1


def test_a_finished_study_has_no_worker_to_stop_and_nothing_to_watch(finished: Project) -> None:
    assert finished.run("stop", "study.yaml").stdout.startswith("small: no worker is running; ")
    watched = finished.run("status", "study.yaml", "--watch")
    assert watched.stdout.count("closed") == 8
