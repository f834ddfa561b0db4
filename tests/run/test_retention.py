"""Checkpoints that can still be needed stay, whatever happens meanwhile; the others go."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpo.config.load import load_study
from hpo.config.stage import STAGES
from hpo.export.tuned import tuned_models
from hpo.recipe.point import Point
from hpo.recipe.recipe import Recipe, recipe_from_json
from hpo.results.read import read_results
from hpo.run.retention import clean_checkpoints, needed_checkpoints
from hpo.storage.checkpoints import Checkpoint, CheckpointStore
from hpo.storage.database import Database, open_database
from hpo.storage.files import Files
from hpo.storage.predictions import PredictionStore
from tests.content import sha256_of
from tests.processes import all_at_once
from tests.stages.story import STUDY, Story, load, smooth, write

Tell = Callable[..., Story]

BEST = {"objective": {"metric": "auc", "epoch": "best"}}
ELSEWHERE = "e" * 64
"""The key of a recipe that the database does not know."""


@pytest.fixture
def tell(sqlite: Database, tmp_path: Path) -> Tell:
    """A story on SQLite whose study file has these changes; each in a folder of its own, all with one store."""

    def told(name: str = "small", **changes: Any) -> Story:
        return Story(load(tmp_path / name, name=name, checkpoints=str(tmp_path / "checkpoints"), **changes), sqlite)

    return told


def store_of(story: Story) -> CheckpointStore:
    return CheckpointStore(Files(story.study.checkpoints))


def clean(story: Story) -> int:
    return clean_checkpoints(story.database, story.study, store_of(story))


def there(story: Story) -> dict[str, tuple[int, ...]]:
    """What the store holds: epochs by recipe key."""
    root, store = Path(story.study.checkpoints), store_of(story)
    keys = [path.name for path in root.iterdir() if path.name != "predictions"] if root.exists() else []
    return {key: store.epochs(key) for key in keys}


def save(story: Story, key: str, *epochs: int) -> None:
    store = store_of(story)
    for epoch in set(epochs) - set(store.epochs(key)):
        store.save(Checkpoint(key, epoch, {"weights": np.full(3, epoch, np.float32)}, ({"valid_auc": 0.5},) * epoch))


def lineage(recipe: Recipe) -> Iterator[tuple[str, int]]:
    while recipe.initial is not None:
        yield recipe.initial.donor.key, recipe.initial.epoch
        recipe = recipe.initial.donor


def train(story: Story) -> None:
    """Leave the checkpoints that the engine leaves of every finished point: its donors' and its own."""
    for stage, architecture in story.stages():
        for row in story.points(stage, architecture):  # type: ignore[arg-type]
            if row.state == "complete" and row.recipe is not None:
                for key, epoch in lineage(recipe_from_json(row.recipe)):
                    save(story, key, epoch)
                first = 1 if story.study.objective.epoch == "best" else row.epochs
                save(story, row.recipe_key or "", *range(first or 1, (row.epochs or 0) + 1))


def run(story: Story) -> Story:
    story.run()
    train(story)
    return story


def compared(story: Story) -> dict[str, set[int]]:
    """What the comparison of every finished architecture was made from, donors included."""
    found: dict[str, set[int]] = {}
    for (stage, _), row in story.stages().items():
        if stage == "test" and row.closed_at is not None:
            for one in row.plan["runs"]:
                for key, epoch in [(one["recipe_key"], one["epoch"]), *lineage(recipe_from_json(one["recipe"]))]:
                    found.setdefault(key, set()).add(epoch)
    return found


def needed(story: Story) -> dict[str, set[int]]:
    """What an extended study, a copy or the comparison can still need of a finished study."""
    found = compared(story)
    for stage, architecture in story.stages():
        for row in story.points(stage, architecture):  # type: ignore[arg-type]
            if row.recipe is not None and row.state == "complete":
                for key, epoch in [(row.recipe_key or "", row.epochs or 0), *lineage(recipe_from_json(row.recipe))]:
                    found.setdefault(key, set()).add(epoch)
    return found


def keys_of(story: Story, architecture: str) -> set[str]:
    """Every recipe that an architecture's design points name."""
    recipes = [
        recipe_from_json(row.recipe)
        for stage, name in story.stages()
        if name == architecture
        for row in story.points(stage, name)  # type: ignore[arg-type]
        if row.recipe is not None
    ]
    return {key for recipe in recipes for key in [recipe.key, *(donor for donor, _ in lineage(recipe))]}


def test_a_finished_study_keeps_each_training_where_its_points_ended_and_nothing_else(tell: Tell) -> None:
    story = run(tell(**BEST))
    before = there(story)
    removed = clean(story)
    after = there(story)
    assert {key: set(epochs) for key, epochs in after.items()} == needed(story)
    assert removed == sum(map(len, before.values())) - sum(map(len, after.values())) > 0


def test_what_an_extended_study_goes_on_from_is_still_there(tell: Tell) -> None:
    story = run(tell(stage2={"design": "asha", "epochs": 4}))
    clean(story)
    for row in story.points("stage2"):
        assert row.epochs in there(story)[row.recipe_key or ""]


def test_cleaning_again_changes_nothing(tell: Tell) -> None:
    story = run(tell())
    clean(story)
    after = there(story)
    assert clean(story) == 0
    assert there(story) == after


def test_where_the_best_epoch_speaks_it_stays_beside_the_last(tell: Tell) -> None:
    def soon_too_much(point: Point) -> float | None:
        return (smooth(point) or 0.0) - 0.1 * int(point["epochs"])

    story = tell(**BEST, confirm={"epochs": 3})
    story.quality = {"tiny": soon_too_much, "wide": soon_too_much}
    run(story)
    runs = [row.recipe_key or "" for row in story.points("confirm")]
    assert all({1, 2, 3} <= set(there(story)[key]) for key in runs)
    clean(story)
    assert all({1, 3} <= set(there(story)[key]) for key in runs)
    assert {key: set(epochs) for key, epochs in there(story).items()} == needed(story)


@pytest.mark.parametrize("changes", [{}, BEST])
def test_nothing_goes_while_every_architecture_is_under_way(tell: Tell, changes: dict[str, Any]) -> None:
    story = tell(**changes, stage2={"recheck": {"top": 2, "seeds": 1}}, confirm={"equal_training": True})
    while not any(standing.is_over() for standing in story.advance()):
        story.work()
        train(story)
        for row in story.points("stage1"):
            if row.state == "waiting":
                save(story, row.recipe_key or "", 1)  # a killed worker's last epoch
        before = there(story)
        assert clean(story) == 0
        assert there(story) == before
    assert set(story.stages()) >= {(stage, "tiny") for stage in STAGES}


def test_one_architecture_is_cleaned_while_another_goes_on(tell: Tell) -> None:
    story = tell(**BEST)
    while not any(standing.is_over() for standing in story.advance()):
        story.work()
        train(story)
    for _ in range(5):
        story.work()
        train(story)
    assert [standing.is_over() for standing in story.advance()] == [True, False]
    before = there(story)
    assert clean(story) > 0
    after = there(story)
    tiny, wide = keys_of(story, "tiny"), keys_of(story, "wide")
    wanted = {key: epochs for key, epochs in needed(story).items() if key in tiny}
    assert {key: set(epochs) for key, epochs in after.items() if key in tiny} == wanted
    assert {key: after.get(key) for key in wide} == {key: before.get(key) for key in wide}
    assert wide & after.keys()


def test_a_study_cleaned_all_along_decides_the_same_and_never_misses_a_donor(tell: Tell, tmp_path: Path) -> None:
    story = tell()
    while not all(standing.is_over() for standing in story.advance()):
        for architecture in ("tiny", "wide"):
            if ("stage2", architecture) in story.stages():
                for row in story.points("stage2", architecture):
                    if row.state == "waiting" and row.recipe is not None:
                        ((donor, epoch),) = lineage(recipe_from_json(row.recipe))
                        assert epoch in there(story)[donor]
        story.work()
        train(story)
        clean(story)
    clean(story)
    assert {key: set(epochs) for key, epochs in there(story).items()} == needed(story)


def test_of_an_abandoned_architecture_too_what_more_trials_would_start_from_stays(tell: Tell) -> None:
    story = tell(**BEST)
    story.quality["tiny"] = lambda point: None if point["epochs"] == story.study.stage2.epochs else smooth(point)
    run(story)
    assert "abandoned" in (story.stages()["stage2", "tiny"].result or {})
    tiny = keys_of(story, "tiny")
    assert tiny & there(story).keys()
    assert clean(story) > 0
    assert {key: set(epochs) for key, epochs in there(story).items()} == needed(story)


def test_what_another_study_still_needs_stays(tell: Tell) -> None:
    story, other = run(tell(**BEST)), tell("other", **BEST, stage2={"trials": 6}, confirm={"seeds": [7, 8]})
    other.advance()
    train(story)
    waiting = {row.recipe_key or "" for name in ("tiny", "wide") for row in other.points("stage1", name)}
    before = there(story)
    clean(story)
    shared = waiting & before.keys()
    assert shared
    assert {key: there(story)[key] for key in shared} == {key: before[key] for key in shared}
    run(other)
    before = there(story)
    clean(story)
    theirs = keys_of(other, "tiny") - keys_of(story, "tiny")
    assert (theirs & before.keys()) - compared(other).keys()
    assert {key: there(story).get(key) for key in theirs} == {key: before.get(key) for key in theirs}
    clean(other)
    both = {key: needed(story).get(key, set()) | needed(other).get(key, set()) for key in there(story)}
    assert {key: set(epochs) for key, epochs in there(story).items()} == both
    assert both.keys() == needed(story).keys() | needed(other).keys()


def test_what_the_study_does_not_name_is_not_touched(tell: Tell) -> None:
    story = run(tell())
    save(story, ELSEWHERE, 1, 2)
    PredictionStore(Files(story.study.checkpoints)).save("configuration", "after", 0, np.ones(3, np.float32))
    assert ELSEWHERE not in needed_checkpoints(story.database, story.study)
    clean(story)
    assert there(story)[ELSEWHERE] == (1, 2)
    assert PredictionStore(Files(story.study.checkpoints)).load("configuration", "after", 0).tolist() == [1, 1, 1]


def test_what_killed_writers_left_behind_goes_while_the_study_is_under_way(tell: Tell) -> None:
    story = tell()
    story.advance()
    story.work()
    train(story)
    key = next(row.recipe_key or "" for row in story.points("stage1") if row.state == "complete")
    old, young = (Path(story.study.checkpoints) / key / f"{name}.part" for name in ("old", "young"))
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * 3600,) * 2)
    assert clean(story) == 0
    assert (old.exists(), young.exists()) == (False, True)


def test_what_export_and_report_need_is_still_there(tell: Tell) -> None:
    story = run(tell())
    story.predict()
    clean(story)
    models = tuned_models(story.database, story.study)
    assert set(models) == {"tiny", "wide"}
    for model in models.values():
        for key, epoch in [(model.recipe.key, model.epoch), *lineage(model.recipe)]:
            assert sha256_of(store_of(story), key, epoch) is not None
        assert model.recipe.initial is not None
    results = read_results(story.database, story.study)
    assert all(one.test_probabilities is not None for one in results.confirmations)


def clean_in_a_process(_number: int, file: str, url: str) -> int:
    database = open_database(url)
    try:
        study = load_study(file)
        return clean_checkpoints(database, study, CheckpointStore(Files(study.checkpoints)))
    finally:
        database.close()


def test_several_processes_may_clean_at_once(sqlite: Database, sqlite_url: str, tmp_path: Path) -> None:
    file = write(tmp_path, architectures=STUDY["architectures"][:1])
    story = run(Story(load_study(file), sqlite))
    before = sum(map(len, there(story).values()))
    removed = all_at_once(4, clean_in_a_process, str(file), sqlite_url)
    assert {key: set(epochs) for key, epochs in there(story).items()} == needed(story)
    assert sum(removed) == before - sum(map(len, there(story).values()))
