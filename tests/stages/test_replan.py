"""A study whose file is edited while it lives ends as one that was planned so from the start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from hpo.config.ranges import NumericRange, load_ranges, write_ranges
from hpo.errors import ConfigError, PlanChangedError
from hpo.stages import plan as module
from hpo.stages.advance import advance
from hpo.stages.plan import determining_settings
from hpo.stages.replan import accept_plan
from hpo.storage.claims import claim_points
from hpo.storage.database import Database, open_database
from hpo.storage.ledger import record_test_opening, trained_epochs
from hpo.storage.outcomes import Outcome, complete_point
from hpo.storage.plans import accepted_plans
from tests.stages.story import DATA, SPACE, STUDY, Story, load

ONE = STUDY["architectures"][:1]


def edit(story: Story, folder: Path, **changes: Any) -> list[str]:
    """Edit the study file, and have the study take it."""
    story.study = load(folder, **changes)
    return [f"{change} [{change.kind}]" for change in accept_plan(story.database, story.study, DATA)]


def outcome(story: Story) -> dict[str, Any]:
    """What counts of a study, in a form that two studies can be compared by."""
    found: dict[str, Any] = {}
    for (stage, architecture), row in sorted(story.stages().items()):
        rows = story.points(row.stage, architecture)  # type: ignore[arg-type]
        found[f"{stage}/{architecture}"] = (
            row.plan,
            row.closed_at is not None,
            row.result,
            sorted((one.point_key, one.recipe_key, one.epochs, one.state, one.objective, one.point) for one in rows),
        )
    return found


@pytest.fixture
def whole(sqlite: Database, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """What a study comes to that is planned so from the start, in a database of its own."""

    def told(**changes: Any) -> dict[str, Any]:
        database = open_database(f"sqlite:///{tmp_path / 'whole.db'}")
        story = Story(load(tmp_path / "whole", **changes), database)
        story.run()
        found = outcome(story)
        database.close()
        return found

    return told


BASE = {"architectures": ONE}


@pytest.mark.parametrize(
    ("design", "steps"), [("tpe", 12), ("tpe", None), ("asha", 14), ("asha", None), ("freeze_thaw", 14)]
)
def test_a_study_that_is_extended_ends_as_one_that_was_planned_so(
    sqlite: Database, tmp_path: Path, whole: Callable[..., dict[str, Any]], design: str, steps: int | None
) -> None:
    stage2 = {"design": design, "epochs": 4, "trials": 3}
    story = Story(load(tmp_path, **BASE, stage2=stage2), sqlite)
    if steps is None:
        story.run()
    else:
        for _ in range(steps):
            story.advance()
            story.work()
    assert edit(story, tmp_path, **BASE, stage2={**stage2, "trials": 6}) == ["stage2.trials: 3 -> 6 [taken]"]
    story.run()
    assert outcome(story) == whole(**BASE, stage2={**stage2, "trials": 6})
    assert edit(story, tmp_path, **BASE, stage2={**stage2, "trials": 9}) == ["stage2.trials: 6 -> 9 [taken]"]
    story.run()
    with sqlite.transaction() as session:
        plans = accepted_plans(session, "small")
    assert [[change.text for change in plan.changes] for plan in plans] == [
        [],
        ["stage2.trials: 3 -> 6"],
        ["stage2.trials: 6 -> 9"],
    ]


def trained_twice(story: Story) -> int:
    with story.database.transaction() as session:
        entries = trained_epochs(session, story.study.name)
    return len(entries) - len({(entry.recipe_key, entry.epoch) for entry in entries})


LEVELS = {**SPACE, "learning_rate": {**SPACE["learning_rate"], "levels": [0.001, 0.01, 0.03, 0.1]}}
NARROW = {**SPACE, "learning_rate": {**SPACE["learning_rate"], "low": 0.001, "high": 0.1}}
START = {**SPACE, "warm_start": {"reference": "cold", "levels": ["cold", "warm"]}}
JITTER = {**SPACE, "stain_jitter": {"reference": 0, "low": 0, "high": 0.2}}


def frozen(reference: int | str, *levels: int | str) -> dict[str, Any]:
    """A search space with layers that are frozen, tried in stage 1."""
    return {
        "space": {**SPACE, "frozen_layers": {"reference": reference, "levels": [reference, *levels]}},
        "stage1": {"factors": ["epochs", "frozen_layers"]},
    }


COSINE = {**SPACE, "strategy": {"reference": "constant", "levels": ["constant", "step", "cosine"]}}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"space": LEVELS},
            ["space.yaml: factors.learning_rate.levels: [0.001, 0.01, 0.1] -> [0.001, 0.01, 0.03, 0.1]"],
        ),
        ({"space": NARROW}, ["low: 0.0001 -> 0.001 [anew]", "high: 1 -> 0.1 [anew]"]),
        ({"space": JITTER, "stage2": {"factors": ["learning_rate", "stain_jitter"]}}, ["stain_jitter", "[taken]"]),
        (
            {"space": START, "stage2": {"factors": ["learning_rate", "warm_start"]}},
            ["factors.warm_start: not set", "[taken]", "warm_start] [taken]"],
        ),
        (frozen("none", "conv1", "conv*"), ["factors.frozen_layers: not set", "[taken]"]),
        (frozen(0, 1), ["factors.frozen_layers: not set", "[taken]"]),
        ({"stage1": {"margin": 0.2}}, ["stage1.margin: 0.01 -> 0.2 [anew]"]),
        ({"stage1": {"factors": ["epochs", "batch_size"]}}, ["stage1.factors", "[anew]"]),
        ({"stage2": {"trials": 6, "epochs": 4, "design": "asha"}}, ["stage2.design: tpe -> asha [taken]"]),
        ({"stage2": {"recheck": {"top": 2, "seeds": 1}}}, ["stage2.recheck: not set -> {top: 2, seeds: 1} [taken]"]),
        ({"confirm": {"seeds": [0, 1, 5], "epochs": 3}}, ["confirm.seeds: [0, 1] -> [0, 1, 5] [taken]"]),
        ({"objective": {"metric": "loss"}}, ["objective.metric: auc -> loss [anew]"]),
    ],
)
def test_what_is_edited_after_stage_1_is_as_if_it_had_been_planned_so(
    sqlite: Database, tmp_path: Path, whole: Callable[..., dict[str, Any]], changes: dict[str, Any], told: list[str]
) -> None:
    story = Story(load(tmp_path, **BASE), sqlite)
    story.run("stage1")
    shown = "; ".join(edit(story, tmp_path, **BASE, **changes))
    assert all(text in shown for text in told), shown
    story.run()
    assert outcome(story) == whole(**BASE, **changes)
    assert trained_twice(story) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"confirm": {"seeds": [0, 1, 5]}},
        {"confirm": {"epochs": 4}},
        {"confirm": {"cold_control": False}},
        {"confirm": {"equal_training": True}},
        {"stage2": {"recheck": {"top": 2, "seeds": 2}}},
        {"architectures": STUDY["architectures"]},
    ],
)
def test_what_is_edited_of_a_finished_study_is_as_if_it_had_been_planned_so(
    sqlite: Database, tmp_path: Path, whole: Callable[..., dict[str, Any]], changes: dict[str, Any]
) -> None:
    story = Story(load(tmp_path, **BASE), sqlite)
    story.run()
    edit(story, tmp_path, **{**BASE, **changes})
    story.run()
    assert outcome(story) == whole(**{**BASE, **changes})
    assert trained_twice(story) == 0


def test_a_strategy_with_a_horizon_may_be_added_to_a_study(
    sqlite: Database, tmp_path: Path, whole: Callable[..., dict[str, Any]]
) -> None:
    added: dict[str, Any] = {"space": COSINE, "strategies": {"cosine": {"over": 4, "warm_up": 1}}}
    story = Story(load(tmp_path, **BASE), sqlite)
    story.run("stage1")
    levels = "space.yaml: factors.strategy.levels: [constant, step] -> [constant, step, cosine] [taken]"
    parameters = "space.yaml: strategies.cosine: not set -> {warm_up: 1, over: 4, end: 0} [taken]"
    assert set(edit(story, tmp_path, **BASE, **added)) == {levels, parameters}
    story.run()
    # Plans hold the donor with the parameters of strategies that it does not use, as they were when it was planned.
    points = {stage: found[3] for stage, found in outcome(story).items()}
    assert points == {stage: found[3] for stage, found in whole(**BASE, **added).items()}


def test_an_edit_that_is_taken_back_leaves_the_study_as_it_was(sqlite: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path, **BASE), sqlite)
    story.run()
    before = outcome(story)
    for changes in (
        {"stage2": {"recheck": {"top": 3, "seeds": 2}}, "confirm": {"epochs": 3, "seeds": [4]}},
        {"space": LEVELS},
        {"stage1": {"margin": 0.2}},
        {"architectures": STUDY["architectures"][1:]},
    ):
        edit(story, tmp_path, **{**BASE, **changes})
        story.run()
        edit(story, tmp_path, **BASE)
        story.run()
        now = outcome(story)
        assert {name: now[name] for name in before} == before
    assert trained_twice(story) == 0


def test_a_stage_2_that_was_opened_keeps_its_ranges_when_levels_are_added(sqlite: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path, **BASE), sqlite)
    story.run()
    before, donor = outcome(story), story.stages()["stage1", "tiny"].result
    (change,) = edit(story, tmp_path, **BASE, space=LEVELS)
    assert change.endswith("[taken]")
    assert not story.advance()[0].is_over()
    story.run()
    after = outcome(story)
    assert len(after["stage1/tiny"][3]) == len(before["stage1/tiny"][3]) + 1
    assert story.stages()["stage1", "tiny"].result != donor
    for stage in ("stage2", "confirm", "test"):
        assert after[f"{stage}/tiny"] == before[f"{stage}/tiny"]


def test_ranges_that_nobody_edited_are_decided_again_and_those_that_a_person_edited_stay(
    sqlite: Database, tmp_path: Path
) -> None:
    story = Story(load(tmp_path), sqlite)
    story.run("stage1")
    first = load_ranges(story.study.ranges_path, story.study)
    by_hand = {**first["wide"], "learning_rate": NumericRange(low=0.005, high=0.02, best=0.01)}
    write_ranges(story.study.ranges_path, {**first, "wide": by_hand})
    edit(story, tmp_path, stage1={"margin": 0.2})
    story.run("stage1")
    second = load_ranges(story.study.ranges_path, story.study)
    assert second["tiny"] != first["tiny"]
    assert second["wide"] == by_hand


@pytest.mark.parametrize("design", ["tpe", "asha", "freeze_thaw"])
def test_a_budget_in_patch_visits_is_extended_too(
    sqlite: Database, tmp_path: Path, whole: Callable[..., dict[str, Any]], design: str
) -> None:
    stage2 = {"design": design, "epochs": 4, "trials": None, "patch_visits": 1500}
    story = Story(load(tmp_path, **BASE, stage2=stage2), sqlite)
    story.run()
    (told,) = edit(story, tmp_path, **BASE, stage2={**stage2, "patch_visits": 3000})
    assert told == "stage2.patch_visits: 1500 -> 3000 [taken]"
    story.run()
    assert outcome(story) == whole(**BASE, stage2={**stage2, "patch_visits": 3000})


def test_fewer_trials_begin_nothing_more_and_keep_what_was_trained(sqlite: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path, **BASE, stage2={"trials": 8}), sqlite)
    story.run("stage1")
    while sum(row.state == "complete" and "slot" in row.label for row in story.points("stage2")) < 5:
        story.advance()
        story.work()
    (told,) = edit(story, tmp_path, **BASE, stage2={"trials": 3})
    assert told == "stage2.trials: 8 -> 3 [anew]"
    story.run()
    assert len([row for row in story.points("stage2") if "slot" in row.label]) == 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": {"folder": "data", "patch_size": 16, "valid_patches": 8}}, "data.valid_patches: not set -> 8"),
        ({"arithmetic": {"compute_dtype": "bfloat16"}}, "arithmetic.compute_dtype: float32 -> bfloat16"),
        (
            {"space": {**SPACE, "epochs": {"reference": 4, "levels": [1, 2, 4]}}},
            "space.yaml: factors.epochs.reference: 2 -> 4",
        ),
        (frozen("conv1", "none"), "every training so far had frozen_layers 0"),
        ({"space": {**SPACE, "stain_jitter": {"reference": 0.1}}}, "every training so far had stain_jitter 0"),
        (
            {"architectures": [{"name": "tiny", "convolutions": [{"kernel": 5, "filters": 4}], "dense": [8]}]},
            "tiny is another network; list it under another name to add it",
        ),
        ({"stage1": {"seed": 4}}, "stage1.seed: 0 -> 4"),
        ({"stage2": {"design": "random", "epochs": 5}}, "stage2.design: tpe -> random (stage 2 of tiny has been"),
    ],
)
def test_another_study_is_refused_with_the_difference_and_the_advice_to_copy(
    sqlite: Database, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    story = Story(load(tmp_path, **BASE), sqlite)
    story.run("stage2")
    before = story.everything()
    with pytest.raises(ConfigError) as caught:
        edit(story, tmp_path, **{**BASE, **changes})
    text = str(caught.value)
    assert message in text
    assert text.endswith(f"hpo copy {tmp_path / 'study.yaml'} NEW")
    assert "remove" not in text
    assert "\n" not in text
    assert story.everything() == before


def test_other_patches_are_another_study(sqlite: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path), sqlite)
    story.advance()
    with pytest.raises(ConfigError, match=r"the patches of .*data: dddddddd\.\.\. -> eeeeeeee\.\.\."):
        accept_plan(sqlite, story.study, "e" * 64)


def test_a_study_that_another_key_format_began_is_refused(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(load(tmp_path), sqlite)
    story.advance()
    monkeypatch.setattr(module, "KEY_FORMAT", module.KEY_FORMAT + 1)
    with pytest.raises(ConfigError, match="started by a version of hpo that trains to other weights: finish it with"):
        accept_plan(sqlite, story.study, DATA)


def test_a_worker_with_an_old_copy_of_the_file_changes_nothing(sqlite: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path / "old", **BASE), sqlite)
    story.run("stage1")
    old = story.study
    edit(story, tmp_path, **BASE, stage2={"trials": 6})
    with pytest.raises(ConfigError, match=r"is the plan of .*, which was changed since: stage2\.trials: 4 -> 6\."):
        accept_plan(sqlite, old, DATA, only_new=True)
    assert accept_plan(sqlite, load(tmp_path, **BASE, stage2={"trials": 6}), DATA, only_new=True) == []
    assert [str(change) for change in accept_plan(sqlite, old, DATA)] == ["stage2.trials: 6 -> 4"]


def test_a_worker_that_knows_the_old_plan_only_decides_nothing(database: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path / "old", **BASE), database)
    story.run("stage1")
    accept_plan(database, load(tmp_path, **BASE, stage2={"trials": 6}), DATA)
    with pytest.raises(PlanChangedError, match="was planned anew while this worker was at work on it"):
        story.advance()


def test_a_point_that_is_trained_while_the_objective_changes_is_judged_by_the_new_one(
    database: Database, tmp_path: Path, whole: Callable[..., dict[str, Any]]
) -> None:
    story = Story(load(tmp_path / "old", **BASE), database)
    story.advance()
    held = database.run(claim_points, "small", "slow", 3600, determining_settings(story.study, DATA))
    old = story.study
    edit(story, tmp_path, **BASE, objective={"metric": "loss"})
    by_the_old_one = Outcome(0.9, 0.0, [{"valid_auc": 0.9, "valid_loss": 0.1}], {})
    assert not any(database.run(complete_point, claim, by_the_old_one) for claim in held)
    with pytest.raises(PlanChangedError):
        database.run(claim_points, "small", "slow", 3600, determining_settings(old, DATA))
    story.run()
    assert outcome(story) == whole(**BASE, objective={"metric": "loss"})


def test_a_plan_that_changes_between_two_decisions_ends_them(
    database: Database, tmp_path: Path, whole: Callable[..., dict[str, Any]]
) -> None:
    story = Story(load(tmp_path / "old"), database)
    story.advance()
    while story.work():
        pass
    wider = {"stage1": {"margin": 0.3}}
    with pytest.raises(PlanChangedError):
        advance(database, story.study, DATA, on_closed=lambda _name: edit(story, tmp_path, **wider))
    assert {stage for stage, _ in story.stages()} == {"stage1"}
    story.run()
    assert outcome(story) == whole(**wider)


def test_a_test_split_that_was_opened_before_a_change_is_on_record(sqlite: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path, **BASE), sqlite)
    story.run()
    with sqlite.transaction() as session:
        record_test_opening(
            session, study="small", architecture="tiny", configuration="c" * 64, test_digest="t" * 64, owner="worker"
        )
    edit(story, tmp_path, **BASE, stage2={"trials": 6})
    with sqlite.transaction() as session:
        first, second = accepted_plans(session, "small")
    assert (first.tested, second.tested) == ((), ("tiny",))
    assert first.at < second.at
    assert [change.text for change in second.changes] == ["stage2.trials: 4 -> 6"]


def test_a_study_that_was_judged_anew_shows_its_new_values_in_optuna(database: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path, **BASE), database)
    story.run("stage2")
    edit(story, tmp_path, **BASE, objective={"metric": "loss"})
    story.run()
    found = optuna.load_study(study_name="small/stage2/tiny", storage=database.storage)
    assert found.direction == optuna.study.StudyDirection.MINIMIZE
    values = {row.trial_id: row.objective for row in story.points("stage2")}
    assert {trial._trial_id: trial.value for trial in found.trials} == pytest.approx(values)
    assert all(value is not None and value < 0.5 for value in values.values())
    assert trained_twice(story) == 0


def test_a_function_whose_source_has_changed_is_named_in_words_and_may_be_added_under_another_name(
    sqlite: Database, tmp_path: Path
) -> None:
    module_file = tmp_path / "my_networks.py"
    module_file.write_text("def small(shape):\n    return 1\n")
    listed = [{"name": "mine", "function": "my_networks:small"}]
    story = Story(load(tmp_path, architectures=listed), sqlite)
    story.run("stage1")
    module_file.write_text("def small(shape):\n    return 2\n")
    with pytest.raises(ConfigError, match="my_networks has changed since; list it under another name to add it"):
        edit(story, tmp_path, architectures=listed)
    module_file.write_text("def small(shape):\n    return 1\n")
    (tmp_path / "repaired.py").write_text("def small(shape):\n    return 2\n")
    both = [*listed, {"name": "repaired", "function": "repaired:small"}]
    assert edit(story, tmp_path, architectures=both)[0].endswith("[taken]")


@pytest.mark.parametrize("design", ["tpe", "asha"])
def test_an_architecture_that_was_left_out_for_a_while_goes_on_where_it_was(
    sqlite: Database, tmp_path: Path, whole: Callable[..., dict[str, Any]], design: str
) -> None:
    stage2 = {"design": design, "epochs": 4, "trials": 6, "warm_start": "cold", "within": "space"}
    story = Story(load(tmp_path, stage2=stage2), sqlite)
    while not (waiting := [row for row in story.points("stage2", "wide") if row.state == "waiting"]):
        story.advance()
        story.work()
    assert waiting
    edit(story, tmp_path, **BASE, stage2=stage2)
    story.run()
    edit(story, tmp_path, stage2=stage2)
    story.run()
    assert outcome(story) == whole(stage2=stage2)
