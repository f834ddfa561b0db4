"""A stage 2 whose trainings pause: each step decided once, each epoch trained once, the budget kept."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import count
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import optuna
import optuna_dashboard
import pytest
from optuna.trial import TrialState

from hpo.config.study import StudyFile
from hpo.recipe.point import Point
from hpo.recipe.recipe import recipe_from_json
from hpo.stages import advance as advance_module
from hpo.stages.advance import plan_steps
from hpo.stages.steps import following_step, longest_rows, step_key
from hpo.storage.artifacts import ArtifactFiles
from hpo.storage.claims import Claim, claim_points, release_points
from hpo.storage.database import Database, open_database
from hpo.storage.files import Files
from hpo.storage.ledger import trained_epochs
from hpo.storage.tables import PointRow
from tests.stages.story import SPACE, Story, load, smooth

POOL: dict[str, Any] = {"design": "asha", "epochs": 9, "trials": 9, "warm_start": "cold", "within": "space"}


def pool(folder: Path, **stage2: Any) -> StudyFile:
    """A study of one architecture with such a stage 2."""
    architectures = [{"name": "tiny", "convolutions": [{"kernel": 3, "filters": 4}], "dense": [8]}]
    return load(folder, architectures=architectures, stage2={**POOL, **stage2})


def steps(story: Story) -> list[PointRow]:
    return [row for row in story.points("stage2") if "slot" in row.label]


def opened(story: Story) -> list[PointRow]:
    return [row for row in steps(story) if "from" not in row.label]


def visits(row: PointRow) -> int:
    """What a step has cost."""
    assert row.recipe is not None
    return recipe_from_json(row.recipe).patch_visits((row.epochs or 0) - int(row.label.get("from", 0)))


@pytest.mark.parametrize("design", ["asha", "freeze_thaw"])
def test_trainings_pause_at_the_rungs_and_the_best_go_on_to_the_end(
    database: Database, tmp_path: Path, design: str
) -> None:
    story = Story(pool(tmp_path, design=design), database)
    story.run("stage2")
    assert [row.point_key for row in steps(story)] == [step_key(number) for number in range(len(steps(story)))]
    assert len(opened(story)) == 9
    assert {row.epochs for row in steps(story)} == {1, 3, 9}
    rows = longest_rows(story.points("stage2"))
    best = max(rows, key=lambda row: row.objective or 0.0)
    assert best.epochs == 9
    result = story.stages()["stage2", "tiny"].result
    assert result is not None
    assert result["choice"]["key"] == best.point_key


@pytest.mark.parametrize("design", ["asha", "freeze_thaw"])
def test_no_epoch_is_trained_twice(sqlite: Database, tmp_path: Path, design: str) -> None:
    story = Story(pool(tmp_path, design=design), sqlite)
    story.run("stage2")
    with sqlite.transaction() as session:
        trained = [(entry.recipe_key, entry.epoch) for entry in trained_epochs(session, "small")]
    assert len(trained) == len(set(trained))
    reached: defaultdict[str, int] = defaultdict(int)
    for row in steps(story):
        if "from" in row.label:
            assert row.label["from"] < (row.epochs or 0)
        reached[row.recipe_key or ""] = max(reached[row.recipe_key or ""], row.epochs or 0)
    assert all(story.trained[key] == epochs for key, epochs in reached.items())


@pytest.mark.parametrize("design", ["asha", "freeze_thaw"])
def test_stage_1s_trainings_are_the_first_paused_ones(sqlite: Database, tmp_path: Path, design: str) -> None:
    factors = ["learning_rate", "batch_size", "patches", "strategy"]
    story = Story(pool(tmp_path, design=design, factors=factors, trials=2), sqlite)
    story.run("stage2")
    observed = [row for row in story.points("stage2") if "slot" not in row.label]
    assert len(observed) == 8  # of the ten points, three are one training
    assert {row.label["origin"] for row in observed} == {"stage 1"}
    assert max(row.epochs or 0 for row in observed) == 4
    continued = [row for row in steps(story) if row.label["origin"] == "stage 1"]
    assert continued
    assert {row.recipe_key for row in continued} <= {row.recipe_key for row in observed}
    # Its seed is stage 1's, whatever stage 2's is.
    assert all(row.recipe and row.recipe["seed"] == 0 for row in continued)


def test_stage_1s_trainings_go_on_with_their_own_seed(sqlite: Database, tmp_path: Path) -> None:
    story = Story(pool(tmp_path, factors=["learning_rate", "strategy", "batch_size", "patches"], seed=7), sqlite)
    story.run("stage2")
    seeds = {row.label["origin"] == "stage 1": row.recipe["seed"] for row in story.points("stage2") if row.recipe}
    assert seeds == {True: 0, False: 7}


def test_a_warm_started_pool_has_none_of_stage_1s_trainings(sqlite: Database, tmp_path: Path) -> None:
    story = Story(pool(tmp_path, warm_start="warm"), sqlite)
    story.run("stage2")
    assert "stage 1" not in {row.label["origin"] for row in story.points("stage2")}
    assert all(row.recipe and row.recipe["initial"] for row in story.points("stage2"))


@pytest.mark.parametrize("within", ["ranges", "space"])
def test_the_first_points_are_known(sqlite: Database, tmp_path: Path, within: str) -> None:
    story = Story(pool(tmp_path, within=within, warm_start="warm"), sqlite)
    story.run("stage2")
    assert [row.label["origin"] for row in opened(story)][:3] == ["stage-1 best", "middle of the ranges", "sampled"]


def test_what_the_user_expects_is_tried_early(sqlite: Database, tmp_path: Path) -> None:
    space = {**SPACE, "learning_rate": {**SPACE["learning_rate"], "prior": 0.05}}
    story = Story(pool(tmp_path, trials=20), sqlite)
    story.study = load(tmp_path, space=space, stage2={**POOL, "trials": 20})
    story.run("stage2")
    tried = [row for row in opened(story)[:2] if row.label["origin"] == "prior"]
    assert [(row.point or {})["learning_rate"] for row in tried] == [0.05]


def test_the_whole_search_space_is_searched_if_asked(sqlite: Database, tmp_path: Path) -> None:
    rates = {}
    for within in ("ranges", "space"):
        story = Story(pool(tmp_path / within, within=within, trials=30), sqlite)
        story.study = load(tmp_path / within, name=within, stage2={**POOL, "within": within, "trials": 30})
        story.run("stage2")
        rates[within] = [float((row.point or {})["learning_rate"]) for row in opened(story)]
    assert min(rates["ranges"]) > 10**-2.6
    assert min(rates["space"]) < 1e-3
    assert max(rates["space"]) > 10**-1.4


@pytest.mark.parametrize("budget", [1000, 5000])
def test_a_budget_of_patch_visits_is_kept_to_within_one_rung(sqlite: Database, tmp_path: Path, budget: int) -> None:
    story = Story(pool(tmp_path, trials=None, patch_visits=budget), sqlite)
    story.run("stage2")
    costs = [visits(row) for row in steps(story)]
    assert sum(costs) >= budget
    assert sum(costs[:-1]) < budget


@pytest.mark.parametrize("design", ["asha", "freeze_thaw"])
@pytest.mark.parametrize("unit", [{"patch_visits": 28 * 96}, {"minutes": 28 / 60}])  # an epoch takes a second
def test_a_budget_that_hardly_pays_for_two_whole_trainings_brings_one_to_the_end(
    sqlite: Database, tmp_path: Path, design: str, unit: dict[str, float]
) -> None:
    chosen = {"trials": None, "design": design, "factors": ["learning_rate"], "epochs": 16, **unit}
    story = Story(pool(tmp_path, **chosen), sqlite)
    story.run("stage2")
    assert len(opened(story)) >= 6
    assert max(row.epochs or 0 for row in steps(story)) == 16
    ends = ["end" in row.label for row in steps(story)]
    assert ends == sorted(ends), "the last steps are the last"


def test_a_budget_of_minutes_counts_the_epochs_of_its_steps_alone(sqlite: Database, tmp_path: Path) -> None:
    story = Story(pool(tmp_path, trials=None, minutes=0.5), sqlite)  # an epoch takes a second
    story.run("stage2")
    epochs = [(row.epochs or 0) - int(row.label.get("from", 0)) for row in steps(story)]
    assert sum(epochs) >= 30
    assert sum(epochs[:-1]) < 30


def test_a_training_that_failed_does_not_go_on(sqlite: Database, tmp_path: Path) -> None:
    def diverges_later(point: Point) -> float | None:
        return None if float(point["learning_rate"]) > 0.05 and int(point["epochs"]) > 1 else smooth(point)

    story = Story(pool(tmp_path, trials=20), sqlite, {"tiny": diverges_later})
    story.run("stage2")
    failed = {row.recipe_key for row in steps(story) if row.state == "failed"}
    assert all(row.state != "complete" for row in steps(story) if row.recipe_key in failed and (row.epochs or 0) > 1)
    assert len([row for row in steps(story) if row.state == "failed"]) == len(failed)


def test_where_the_best_failed_on_its_way_the_next_best_reaches_the_end(sqlite: Database, tmp_path: Path) -> None:
    def best_diverges(point: Point) -> float | None:
        return None if int(point["batch_size"]) < 12 and int(point["epochs"]) > 3 else smooth(point)

    factors = ["batch_size"]
    story = Story(pool(tmp_path, factors=factors, trials=3, rungs=[1, 3, 9]), sqlite, {"tiny": best_diverges})
    story.run("stage2")
    assert [row.epochs for row in steps(story) if row.state == "failed"]
    assert 9 in {row.epochs for row in steps(story) if row.state == "complete"}


def test_known_values_are_tried_though_one_of_them_is_a_training_of_stage_1_under_other_values(
    sqlite: Database, tmp_path: Path
) -> None:
    # Adam has no momentum here: two points of stage 1 are one training, and the best of them is the first of both.
    space = {
        **SPACE,
        "optimizer": {"reference": "adam", "levels": ["adam"]},
        "momentum": {"reference": 0.5, "levels": [0.5, 0.9]},
        "learning_rate": {**SPACE["learning_rate"], "prior": 0.05},
    }
    chosen = {**POOL, "trials": 6, "factors": ["learning_rate", "momentum"]}
    stage1 = {"factors": ["momentum", "learning_rate"]}
    story = Story(load(tmp_path, space=space, stage1=stage1, stage2=chosen), sqlite)
    story.run("stage2")
    assert "prior" in {row.label["origin"] for row in opened(story)}


def test_minutes_are_kept_to_within_one_rung_by_several_workers(sqlite: Database, tmp_path: Path) -> None:
    story = Story(pool(tmp_path, factors=["learning_rate"], trials=None, minutes=1), sqlite)  # an epoch takes a second
    story.run("stage1")
    held: list[list[Claim]] = []
    owners = (f"worker {number}" for number in count())
    while not all(standing.is_over("stage2") for standing in story.advance("stage2")):
        while len(held) < 6:
            plan_steps(sqlite, story.study)
            if not (claims := sqlite.run(claim_points, "small", next(owners), 3600)):
                break
            held.append(claims)
        story.finish(held.pop(0))
    added = [(row.epochs or 0) - int(row.label.get("from", 0)) for row in steps(story)]
    assert 60 <= sum(added) < 60 + max(added)


def test_each_idle_worker_gets_a_step_of_its_own(database: Database, tmp_path: Path) -> None:
    story = Story(pool(tmp_path, warm_start="warm"), database)
    story.run("stage1")
    story.advance("stage2")
    held = []
    for number in range(4):
        plan_steps(database, story.study)
        held.append(database.run(claim_points, "small", f"worker {number}", 3600))
    assert [len(claims) for claims in held] == [1, 1, 1, 1]
    assert len({claims[0].planned.recipe_key for claims in held}) == 4
    assert not plan_steps(database, story.study) or len(steps(story)) == 5


def test_a_step_that_waits_is_not_decided_again(sqlite: Database, tmp_path: Path) -> None:
    story = Story(pool(tmp_path, warm_start="warm"), sqlite)
    story.run("stage1")
    story.advance("stage2")
    assert len(steps(story)) == 1
    assert not plan_steps(sqlite, story.study)
    claims = sqlite.run(claim_points, "small", "worker", 3600)
    sqlite.run(release_points, claims)
    assert not plan_steps(sqlite, story.study)
    assert len(steps(story)) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one transaction at a time
def test_a_point_that_ends_while_it_is_decided_what_follows_does_not_close_the_stage(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(pool(tmp_path, trials=3, warm_start="warm"), database)
    story.run("stage1")
    held: list[Claim] = []
    while len(opened(story)) < 3 or not held:
        story.finish(held)
        story.advance("stage2")
        held = database.run(claim_points, "small", "worker", 3600)

    def meanwhile(*decided_from: Any) -> Any:
        step = following_step(*decided_from)
        story.finish(held)  # by its worker, in a transaction of its own
        monkeypatch.undo()
        return step

    monkeypatch.setattr(advance_module, "following_step", meanwhile)
    story.advance("stage2")
    assert story.stages()["stage2", "tiny"].closed_at is None
    story.run("stage2")
    assert max(row.epochs or 0 for row in steps(story)) == 9


@pytest.mark.parametrize("seed", range(3))
def test_workers_that_come_go_and_die_at_any_moment_lose_and_double_nothing(
    sqlite: Database, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    budget = 4000
    story = Story(pool(tmp_path, trials=None, patch_visits=budget, warm_start="warm"), sqlite)
    story.run("stage1")
    held: dict[str, list[Claim]] = {}
    for turn in range(500):
        if all(standing.is_over("stage2") for standing in story.advance("stage2")) and not held:
            break
        worker = f"worker {chance.randrange(3)}"
        if worker not in held:
            plan_steps(sqlite, story.study)
            if claims := sqlite.run(claim_points, "small", worker, 3600):
                held[worker] = claims
        elif chance.random() < 0.3:
            sqlite.run(release_points, held.pop(worker))  # as the sweep does after a death
        else:
            story.finish(held.pop(worker))
        active = Counter(row.recipe_key for row in steps(story) if row.state in ("waiting", "running"))
        assert set(active.values()) <= {1}, turn
    assert story.stages()["stage2", "tiny"].closed_at is not None
    found = steps(story)
    assert [row.point_key for row in found] == [step_key(number) for number in range(len(found))]
    assert {row.state for row in found} == {"complete"}
    with sqlite.transaction() as session:
        trained = Counter((entry.recipe_key, entry.epoch) for entry in trained_epochs(session, "small"))
    assert set(trained.values()) == {1}
    costs = [visits(row) for row in found]
    assert budget <= sum(costs) < budget + max(costs)  # a step that runs is paid already


def test_one_worker_decides_the_same_again(tmp_path: Path) -> None:
    found = []
    for number in range(2):
        folder = tmp_path / str(number)
        study = pool(folder)
        database = open_database(f"sqlite:///{folder / 'study.db'}")
        story = Story(study, database)
        story.run("stage2")
        found.append([(row.point_key, row.point, row.label, row.objective) for row in story.points("stage2")])
        database.close()
    assert found[0] == found[1]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[PointRow]]:
    """URL of the database of a study with such a stage 2, done, and its points."""
    folder = tmp_path_factory.mktemp("pauses")
    url = f"sqlite:///{folder / 'study.db'}"
    database = open_database(url)
    study = pool(folder)
    story = Story(study, database, artifacts=ArtifactFiles(Files(study.checkpoints)))
    story.run()
    points = story.points("stage2")
    database.close()
    return url, points


def test_optuna_has_a_finished_trial_for_each_rung_with_its_curve(finished: tuple[str, list[PointRow]]) -> None:
    url, points = finished
    study = optuna.load_study(study_name="small/stage2/tiny", storage=url)
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}
    assert len(study.trials) == len(points)
    assert study.best_trial.params["epochs"] == 9
    assert {trial.params["epochs"] for trial in study.trials} >= {1, 3, 9}
    for trial in study.trials:
        assert sorted(trial.intermediate_values) == list(range(1, trial.params["epochs"] + 1))
        assert trial.value == trial.intermediate_values[trial.params["epochs"]]


def test_the_optuna_command_lists_them(finished: tuple[str, list[PointRow]]) -> None:
    url, points = finished
    command = [sys.executable, "-c", "import sys; from optuna.cli import main; sys.exit(main())"]
    command += ["--storage", url, "trials", "--study-name", "small/stage2/tiny", "-f", "json"]
    listed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert len(listed) == len(points)
    assert {trial["state"] for trial in listed} == {"COMPLETE"}


def test_optuna_dashboard_lists_them(finished: tuple[str, list[PointRow]]) -> None:
    url, points = finished
    app = optuna_dashboard.wsgi(optuna.storages.RDBStorage(url))

    def get(path: str) -> Any:
        environ: dict[str, Any] = {"PATH_INFO": path}
        setup_testing_defaults(environ)
        return json.loads(b"".join(app(environ, lambda _status, _headers, _error=None: lambda _data: None)))

    studies = get("/api/studies")["study_summaries"]
    (number,) = [one["study_id"] for one in studies if one["study_name"] == "small/stage2/tiny"]
    found = get(f"/api/studies/{number}")
    assert len(found["trials"]) == len(points)
    assert {trial["state"] for trial in found["trials"]} == {"Complete"}
    longest = max(found["trials"], key=lambda trial: len(trial["intermediate_values"]))
    assert [one["step"] for one in longest["intermediate_values"]] == list(range(1, 10))
    assert found["has_intermediate_values"]
