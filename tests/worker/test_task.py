"""A task brings the claims of one recipe to their end: trained, told, accepted."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from hpo.errors import StopRequestedError, StoreUnavailableError
from hpo.evaluation.compare import metric_standard_error
from hpo.recipe.recipe import recipe_from_json
from hpo.storage.ledger import list_test_openings
from hpo.worker.work import work_once
from tests.worker.conftest import OWNER, RATES, SPACE, Workshop

Open = Callable[..., Workshop]


def test_a_point_is_complete_with_its_objective_its_error_and_its_curve(open_workshop: Open) -> None:
    shop = open_workshop(**RATES)
    assert work_once(shop.worker) == "something"
    first, second = shop.points()
    assert (first.state, second.state) == ("complete", "waiting")
    assert first.curve is not None
    assert len(first.curve) == 2
    assert first.objective == first.curve[-1]["valid_auc"]
    recipe = recipe_from_json(first.recipe or {})
    labels, probabilities = shop.worker.trainer.valid_labels, shop.worker.trainer.valid_probabilities(recipe, 2)
    assert first.standard_error == metric_standard_error(labels, probabilities, "auc")
    assert shop.watcher.ends == [(first.point_key, first.objective, None)]


def test_optuna_sees_values_every_epoch_metrics_recipe_and_standard_error(open_workshop: Open) -> None:
    shop = open_workshop(**RATES)
    work_once(shop.worker)
    (trial,), (point, _) = shop.trials(), shop.points()
    assert (trial.state, trial.value, trial.params) == (TrialState.COMPLETE, point.objective, point.point)
    assert point.curve is not None
    assert trial.intermediate_values == {1: point.curve[0]["valid_auc"], 2: point.curve[1]["valid_auc"]}
    attributes = trial.user_attrs
    metrics = ("loss", "accuracy", "precision", "recall", "f1", "auc")
    assert {name: attributes[f"valid_{name}"] for name in metrics} == {
        name: point.curve[1][f"valid_{name}"] for name in metrics
    }
    assert attributes["recipe_key"] == point.recipe_key
    assert attributes["epochs"] == 2
    assert attributes["standard_error"] == point.standard_error


def test_each_trial_has_its_own_curve_as_a_file_in_the_store(open_workshop: Open) -> None:
    shop = open_workshop()
    work_once(shop.worker)
    points = {point.trial_id: point for point in shop.points()}
    assert sorted(len(point.curve or []) for point in points.values()) == [1, 2, 3]
    for trial in shop.trials():
        (found,) = optuna.artifacts.get_all_artifact_meta(trial, storage=shop.database.storage)
        with shop.worker.artifacts.open_reader(found.artifact_id) as reader:
            rows = list(csv.DictReader(io.TextIOWrapper(reader)))
        curve = points[trial._trial_id].curve or []
        assert [int(row.pop("epoch")) for row in rows] == list(range(1, len(curve) + 1))
        assert [{name: float(value) for name, value in row.items()} for row in rows] == curve


def test_a_file_is_kept_before_its_trial_ends_and_where_it_cannot_be_the_trial_goes_on(
    open_workshop: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_workshop(**RATES)

    def away(_artifact: object) -> None:
        raise StoreUnavailableError("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(shop.worker.artifacts, "keep", away)
        with pytest.raises(StoreUnavailableError):
            work_once(shop.worker)
    assert shop.trials()[0].state == TrialState.RUNNING
    assert {point.state for point in shop.points()} == {"waiting"}
    work_once(shop.worker)
    trial = shop.trials()[0]
    assert trial.state == TrialState.COMPLETE
    assert len(optuna.artifacts.get_all_artifact_meta(trial, storage=shop.database.storage)) == 1


def test_points_that_share_a_recipe_are_one_training_and_each_is_told_as_its_epoch_passes(
    open_workshop: Open,
) -> None:
    shop = open_workshop()
    assert work_once(shop.worker) == "the last of a stage"
    assert work_once(shop.worker) == "nothing"
    points = sorted(shop.points(), key=lambda point: point.epochs or 0)
    assert [(point.epochs, point.state, len(point.curve or [])) for point in points] == [
        (1, "complete", 1), (2, "complete", 2), (3, "complete", 3),
    ]  # fmt: skip
    (key,) = {point.recipe_key for point in points}
    assert shop.ledger() == [(key, 1, 64), (key, 2, 64), (key, 3, 64)]
    keys = [point.point_key for point in points]
    assert shop.watcher.epochs == [(tuple(keys[epoch - 1 :]), epoch, 3) for epoch in (1, 2, 3)]
    assert {trial.number: trial.value for trial in shop.trials()} == {
        number: point.objective for number, point in enumerate(points)
    }
    assert [sorted(trial.intermediate_values) for trial in shop.trials()] == [[1], [1, 2], [1, 2, 3]]


def test_a_point_that_is_trained_already_costs_nothing(open_workshop: Open) -> None:
    shop = open_workshop(stage1={"factors": ["epochs"], "seed": 7})
    work_once(shop.worker)
    trained = shop.ledger()
    again = open_workshop(name="again", stage1={"factors": ["epochs"], "seed": 7})
    work_once(again.worker)
    assert shop.ledger() == trained
    assert [point.curve for point in again.points()] == [point.curve for point in shop.points()]


def test_a_later_stage_goes_on_from_the_epoch_that_it_asks_for(open_workshop: Open) -> None:
    space = {**SPACE, "epochs": {"reference": 2, "levels": [2, 6]}}
    shop = open_workshop(space=space, stage2={"epochs": 4}, confirm={"epochs": 5})
    work_once(shop.worker)
    (recipe,) = {point.recipe_key: recipe_from_json(point.recipe or {}) for point in shop.points()}.values()
    trained = len(shop.ledger())
    for epochs in (4, 5):
        assert [result.seconds for result in shop.worker.trainer.bring(recipe, {epochs})] == [None] * epochs
    assert len(shop.ledger()) == trained == 6


def test_the_best_epoch_speaks_with_its_own_weights(open_workshop: Open) -> None:
    shop = open_workshop(objective={"metric": "loss", "epoch": "best"}, stage1={"factors": ["learning_rate"]})
    work_once(shop.worker)
    point = shop.points()[0]
    losses = [metrics["valid_loss"] for metrics in point.curve or []]
    assert point.objective == min(losses)
    recipe = recipe_from_json(point.recipe or {})
    found = shop.worker.trainer.valid_probabilities(recipe, losses.index(min(losses)) + 1)
    error = metric_standard_error(shop.worker.trainer.valid_labels, found, "loss")
    assert point.standard_error == error
    assert shop.trials()[0].user_attrs["valid_loss"] == min(losses)


def test_the_sampler_is_asked_once_for_a_point_and_every_attempt_trains_its_answer(
    open_workshop: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_workshop(stage2={"factors": ["learning_rate", "patches"]})
    work_once(shop.worker)
    shop.decide()
    for _ in range(2):
        work_once(shop.worker)
    with monkeypatch.context() as patch:
        patch.setattr(shop.worker.trainer, "bring", lambda *_arguments, **_more: iter([1 / 0]))
        work_once(shop.worker)
    asked = shop.points("stage2")[2]
    assert asked.state == "waiting"
    assert asked.point is not None
    work_once(shop.worker)
    point = shop.points("stage2")[2]
    assert (point.state, point.point, point.recipe_key) == ("complete", asked.point, asked.recipe_key)
    assert len(shop.trials("stage2")) == 3
    trial = shop.trials("stage2")[2]
    assert trial.params == {name: asked.point[name] for name in ("learning_rate", "patches")}
    recipe = recipe_from_json(point.recipe or {})
    assert (recipe.learning_rate, recipe.patches) == (asked.point["learning_rate"], asked.point["patches"])
    assert recipe.initial is not None


def test_the_test_split_is_predicted_by_every_run_once_its_configuration_is_frozen(open_workshop: Open) -> None:
    shop = open_workshop(stage2={"trials": 1}, confirm={"epochs": 1, "seeds": [100]})
    while work_once(shop.worker) != "nothing":
        shop.decide()
    (opening,) = shop.points("test")
    assert opening.state == "complete"
    store, test = shop.worker.predictions, shop.worker.dataset.test
    labels, slides = store.load_truth(opening.point_key)
    assert labels.tolist() == test.labels.tolist()
    assert slides is None
    valid_labels, _ = store.load_truth(opening.point_key, "valid")
    assert valid_labels.tolist() == shop.worker.dataset.valid.labels.tolist()
    for run in shop.points("confirm"):
        recipe = recipe_from_json(run.recipe or {})
        expected = shop.worker.trainer.predict(recipe, 1, test)
        found = store.load(opening.point_key, run.label["role"], run.label["seed"])
        np.testing.assert_array_equal(found, expected)
        kept = store.load(opening.point_key, run.label["role"], run.label["seed"], "valid")
        np.testing.assert_array_equal(kept, shop.worker.trainer.predict(recipe, 1, shop.worker.dataset.valid))
    assert {run.label["role"] for run in shop.points("confirm")} == {"before", "after", "cold_control"}
    with shop.database.transaction() as session:
        (entered,) = list_test_openings(session, "small")
    assert (entered.configuration, entered.owner) == (opening.point_key, OWNER)
    assert entered.test_digest == shop.worker.dataset.test_digest


def test_runs_that_are_one_training_predict_the_test_split_once(
    open_workshop: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All points of stage 1 are of one recipe, and so is stage 2's one point, the best of them.
    shop = open_workshop(
        stage1={"factors": ["epochs"]},
        stage2={"trials": 1, "warm_start": "cold"},
        confirm={"epochs": 1, "seeds": [100, 101]},
    )
    predicted: list[str] = []
    predict = shop.worker.trainer.predict
    monkeypatch.setattr(
        shop.worker.trainer,
        "predict",
        lambda recipe, *others, **how: predicted.append(recipe.key) or predict(recipe, *others, **how),
    )
    while work_once(shop.worker) != "nothing":
        shop.decide()
    runs = shop.points("confirm")
    assert len(runs) == 2 * len({run.recipe_key for run in runs})
    assert sorted(predicted) == sorted({run.recipe_key for run in runs})
    (opening,) = shop.points("test")
    for run in runs:
        found = shop.worker.predictions.load(opening.point_key, run.label["role"], run.label["seed"])
        expected = predict(recipe_from_json(run.recipe or {}), run.epochs or 0, shop.worker.dataset.test)
        np.testing.assert_array_equal(found, expected)


def test_an_opening_that_was_interrupted_is_entered_once(open_workshop: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = open_workshop(stage2={"trials": 1}, confirm={"epochs": 1, "seeds": [100]})
    while not shop.points("test"):
        work_once(shop.worker)
        shop.decide()
    shop.worker.stop.set()
    with pytest.raises(StopRequestedError):
        work_once(shop.worker)
    shop.worker.stop.clear()
    assert work_once(shop.worker) == "the last of a stage"
    assert shop.points("test")[0].state == "complete"
    with shop.database.transaction() as session:
        assert len(list_test_openings(session, "small")) == 1
