"""A stage 2 that ends before its budget is spent, because more of it brings nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpo.config.load import load_study
from hpo.config.study import StudyFile
from hpo.recipe.point import Point
from hpo.stages.budget import Spending, has_stalled
from hpo.stages.replan import accept_plan
from hpo.storage.database import Database
from hpo.storage.tables import PointRow
from tests.config.samples import refusal
from tests.stages.story import DATA, STUDY, Story, load, smooth, write


def stage2(**chosen: Any) -> dict[str, Any]:
    return {"epochs": 4, "trials": None, "warm_start": "cold", "within": "space", **chosen}


def steps(story: Story) -> list[PointRow]:
    return [row for row in story.points("stage2") if "slot" in row.label]


def level(_point: Point) -> float:
    """Nothing is better than anything else."""
    return 0.7


@pytest.mark.parametrize("design", ["random", "asha", "freeze_thaw"])
def test_a_search_that_gains_nothing_ends_early(sqlite: Database, tmp_path: Path, design: str) -> None:
    ended = []
    for name, stop in (("whole", None), ("short", {"no_gain": 0.25})):
        chosen = stage2(design=design, patch_visits=6000, stop=stop)
        story = Story(load(tmp_path / name, name=name, stage2=chosen), sqlite, {"tiny": level, "wide": level})
        story.run("stage2")
        ended.append(len(steps(story)))
    assert 2 <= ended[1] < 0.7 * ended[0]


def test_a_search_that_gains_goes_on(sqlite: Database, tmp_path: Path) -> None:
    better = iter(range(10**6))

    def ever_better(point: Point) -> float:
        return (smooth(point) or 0.0) + 0.01 * next(better)

    study = load(tmp_path, stage2=stage2(design="random", patch_visits=6000, stop={"no_gain": 0.25}))
    story = Story(study, sqlite, {"tiny": ever_better, "wide": ever_better})
    story.run("stage2")
    assert sum(4 * int((row.point or {})["patches"]) for row in steps(story)) >= 5000


def finished(objective: float, standard_error: float) -> PointRow:
    return PointRow(state="complete", objective=objective, standard_error=standard_error, label={})


@pytest.mark.parametrize(("standard_error", "stalled"), [(0.0, False), (0.05, True)])
def test_a_gain_within_noise_is_none(tmp_path: Path, standard_error: float, *, stalled: bool) -> None:
    study = load(tmp_path, stage2=stage2(design="random", patch_visits=100, stop={"no_gain": 0.2}))
    rows = [finished(0.7 + 0.01 * number, standard_error) for number in range(4)]
    assert has_stalled(study, rows, Spending((10.0,) * 4, 100.0)) is stalled


def test_what_still_runs_has_not_failed_to_gain(tmp_path: Path) -> None:
    study = load(tmp_path, stage2=stage2(design="random", patch_visits=100, stop={"no_gain": 0.2}))
    rows = [finished(0.7, 0.0), PointRow(state="running", label={}), PointRow(state="running", label={})]
    assert not has_stalled(study, rows, Spending((10.0,) * 3, 100.0))
    assert has_stalled(study, [rows[0], finished(0.7, 0.0), finished(0.6, 0.0)], Spending((10.0,) * 3, 100.0))


def test_a_pool_that_has_stalled_opens_nothing_more_and_can_be_extended(sqlite: Database, tmp_path: Path) -> None:
    def longer_is_better(point: Point) -> float:
        return 0.7 + 0.01 * int(point["epochs"])

    def told(patch_visits: int) -> StudyFile:
        chosen = stage2(design="asha", epochs=9, patch_visits=patch_visits, stop={"no_gain": 0.05})
        return load(tmp_path, architectures=STUDY["architectures"][:1], stage2=chosen)

    story = Story(told(6000), sqlite, {"tiny": longer_is_better})
    story.run("stage2")
    labels = [row.label for row in steps(story)]
    ending = ["end" in label for label in labels]
    assert any(ending)
    assert ending == sorted(ending), "the last steps are the last"
    assert max(row.epochs or 0 for row in steps(story)) == 9
    story.study = told(12000)
    accept_plan(sqlite, story.study, DATA)
    story.run("stage2")
    assert len(steps(story)) > len(labels)
    assert len({row.label["slot"] for row in steps(story)}) == len(steps(story))


@pytest.mark.parametrize("said", [0.2, "20%", "20 %"])
def test_the_share_is_a_number_or_a_percentage(tmp_path: Path, said: object) -> None:
    stop = load(tmp_path, stage2=stage2(patch_visits=100, stop={"no_gain": said})).stage2.stop
    assert stop is not None
    assert stop.no_gain == pytest.approx(0.2)


@pytest.mark.parametrize("said", ["much", "120%", 0, 1.5, 20, True])
def test_another_share_is_refused(tmp_path: Path, said: object) -> None:
    file = write(tmp_path, stage2=stage2(patch_visits=100, stop={"no_gain": said}))
    told = refusal(load_study, file)[0]
    assert "stage2.stop.no_gain: must be a share of the budget, such as 0.2 or 20%; found" in told


def test_trials_that_are_planned_at_once_cannot_be_stopped(tmp_path: Path) -> None:
    file = write(tmp_path, stage2=stage2(design="random", trials=9, stop={"no_gain": 0.2}))
    assert "stage2.stop: needs design: asha or freeze_thaw, or a budget in" in refusal(load_study, file)[0]


@pytest.mark.parametrize(
    ("spent", "budget", "is_ending"),
    [(0, 100, False), (83, 100, False), (84, 100, True), (9, 20, False), (10, 20, True), (100, 100, True)],
)
def test_the_rest_of_a_budget_ends_a_pool_once_it_pays_for_one_whole_training(
    spent: int, budget: int, *, is_ending: bool
) -> None:
    """Of 16 epochs at a cost of one; but never before half of the budget is spent."""
    assert Spending((float(spent),), float(budget), per_epoch=1.0 if spent else 0.0).is_ending(16) is is_ending


def test_trials_have_no_rest_that_could_end_a_pool() -> None:
    assert not Spending((1.0,) * 9, 10.0).is_ending(16)
