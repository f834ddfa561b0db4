"""A trial in folds: trained in each, judged by the mean, and nothing that a fold holds out has been seen there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest

from hpo.data.dataset import Dataset
from hpo.data.folds import fold_data
from hpo.data.prepare import prepare_data
from hpo.errors import StopRequestedError
from hpo.evaluation.compare import metric_standard_error
from hpo.evaluation.objective import objective_of
from hpo.recipe.folds import in_folds
from hpo.recipe.recipe import Recipe, recipe_from_json
from hpo.results.read import read_results
from hpo.stages.estimate import estimate
from hpo.stages.show import find_point, shown_points
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training.engine import Trainer
from hpo.worker.work import work_once
from tests.end_to_end.conftest import write_pcam
from tests.stages.story import load
from tests.worker.conftest import RATES, SPACE, Workshop

Open = Callable[..., Workshop]

FOLDS, SLIDES = 3, 9

LOSS = {"objective": {"metric": "loss"}}
"""These patches are so easy that the area is 1 everywhere."""


NOTHING: dict[str, Any] = {}
_seeds = count(1000)


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Patches of slides that either split has."""
    folder = tmp_path_factory.mktemp("of_slides") / "data"
    write_pcam(folder, {"train": 120, "valid": 48, "test": 40})
    for name, size in (("train", 120), ("valid", 48), ("test", 40)):
        rows = [f"{row},slide-{name if name == 'test' else ''}{row // 2 % SLIDES}" for row in range(size)]
        (folder / f"camelyonpatch_level_2_split_{name}_meta.csv").write_text("\n".join([",wsi", *rows]) + "\n")
    return folder


@pytest.fixture(scope="module")
def dataset(patches: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return prepare_data(load(tmp_path_factory.mktemp("any"), data={"folder": str(patches)}).data)


@pytest.fixture(scope="module")
def trainer(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    return Trainer(CheckpointStore(Files(tmp_path_factory.mktemp("checkpoints"))), dataset)


def in_stage2(open_workshop: Open, stage2: dict[str, Any] = NOTHING, **changes: Any) -> Workshop:
    """A workshop whose stage 2 has just been opened."""
    usual = {"factors": ["learning_rate"], "epochs": 2, "trials": 3, "folds": FOLDS, "seed": next(_seeds)}
    shop = open_workshop(**RATES, **LOSS, stage2={**usual, **stage2}, confirm={"epochs": 2, "seeds": [0]}, **changes)
    while not shop.points("stage2"):
        work_once(shop.worker)
        shop.decide()
    return shop


def trainings_of(shop: Workshop, place: int) -> tuple[Recipe, ...]:
    digests = [fold.digest for fold in fold_data(shop.worker.dataset, FOLDS)]
    return in_folds(recipe_from_json(shop.points("stage2")[place].recipe or {}), digests)


def test_a_trial_is_trained_in_every_fold_and_its_value_is_the_mean(open_workshop: Open) -> None:
    shop = in_stage2(open_workshop)
    before = len(shop.ledger())
    work_once(shop.worker)
    point, (trial, *_) = shop.points("stage2")[0], shop.trials("stage2")
    trainings = trainings_of(shop, 0)
    curves = [shop.worker.trainer_of(one).bring(one, {2}) for one in trainings]
    values = [[result.metrics["valid_loss"] for result in curve] for curve in curves]
    reached = [curve[-1] for curve in values]
    assert len(set(reached)) > 1
    assert point.objective == trial.value == fmean(reached)
    assert [trial.user_attrs[f"fold_{number}"] for number in (1, 2, 3)] == reached
    assert trial.intermediate_values == {epoch: fmean(curve[epoch - 1] for curve in values) for epoch in (1, 2)}
    added = Counter(key for key, _, _ in shop.ledger()[before:])
    donors = {one.initial.donor.key for one in trainings if one.initial is not None}
    assert len(donors) == FOLDS
    assert added == {**{one.key: 2 for one in trainings}, **dict.fromkeys(donors, 2)}
    assert [end for _, end, _ in shop.watcher.epochs[-6:]] == [1, 2, 3, 4, 5, 6]


def test_a_point_is_shown_with_its_folds_and_the_checkpoints_of_each(open_workshop: Open) -> None:
    shop = in_stage2(open_workshop, stage2={"warm_start": "cold"})
    work_once(shop.worker)
    shown = find_point(shown_points(shop.database, shop.study), "stage2/tiny/0")
    assert shown.fold_recipe_keys == tuple(one.key for one in trainings_of(shop, 0))
    assert fmean(shown.fold_values) == shown.objective
    other = find_point(shown_points(shop.database, shop.study), "stage1/tiny/0")
    assert (other.fold_recipe_keys, other.fold_values) == ((), ())


def test_several_objectives_are_judged_by_the_mean_metrics(open_workshop: Open) -> None:
    several = {"objectives": ["loss", "parameters"], "choose": {"best": "loss", "within": 0.01, "then": "parameters"}}
    shop = in_stage2(open_workshop, stage2={"warm_start": "cold"}, **several)
    work_once(shop.worker)
    (trial, *_) = shop.trials("stage2")
    assert trial.values[0] == shop.points("stage2")[0].objective
    assert trial.values[0] == fmean(trial.user_attrs[f"fold_{number}"] for number in (1, 2, 3))


def test_its_standard_error_is_that_of_a_mean_over_other_slides(open_workshop: Open) -> None:
    shop = in_stage2(open_workshop, stage2={"warm_start": "cold"})
    work_once(shop.worker)
    errors = []
    for one, fold in zip(trainings_of(shop, 0), fold_data(shop.worker.dataset, FOLDS), strict=True):
        probabilities = shop.worker.trainer_of(one).valid_probabilities(one, 2)
        errors.append(metric_standard_error(fold.valid.labels, probabilities, "loss", fold.valid.slides))
    assert shop.points("stage2")[0].standard_error == pytest.approx(np.sqrt(np.sum(np.square(errors))) / FOLDS)


def test_neither_a_training_nor_its_donor_has_seen_what_its_fold_holds_out(open_workshop: Open) -> None:
    shop = in_stage2(open_workshop)
    folds = {fold.digest: fold for fold in fold_data(shop.worker.dataset, FOLDS)}
    for one in trainings_of(shop, 0):
        assert one.initial is not None
        assert one.initial.donor.data == one.data
        fold = folds[one.data]
        assert not set(fold.train.slides.tolist()) & set(fold.valid.slides.tolist())  # type: ignore[union-attr]
        assert len(shop.worker.trainer_of(one).valid_labels) == len(fold.valid)


@pytest.mark.parametrize("epoch", [1, 3, 6])
def test_a_trial_that_was_stopped_in_a_fold_trains_only_the_rest(open_workshop: Open, epoch: int) -> None:
    shop = in_stage2(open_workshop)
    before = len(shop.ledger())

    def stop(at: int) -> None:
        if at == epoch:
            shop.worker.stop.set()
            shop.worker.check_stop()

    shop.watcher.at_epoch = stop
    with pytest.raises(StopRequestedError):
        work_once(shop.worker)
    assert shop.points("stage2")[0].state == "waiting"
    shop.worker.stop.clear()
    shop.watcher.at_epoch = lambda _epoch: None
    work_once(shop.worker)
    assert shop.points("stage2")[0].state == "complete"
    assert set(Counter((key, at) for key, at, _ in shop.ledger()[before:]).values()) == {1}
    assert len(shop.ledger()) - before == 2 * FOLDS * 2  # a donor and a training of two epochs in each


def test_trials_share_their_donors_and_the_rest_of_the_study_is_on_its_own_split(
    open_workshop: Open, tmp_path: Path
) -> None:
    shop = in_stage2(open_workshop, stage2={"recheck": {"top": 2, "seeds": 1}})
    for _ in range(40):
        shop.decide()
        if work_once(shop.worker) == "nothing":
            break
    assert {point.state for stage in ("stage2", "recheck", "confirm") for point in shop.points(stage)} == {"complete"}
    assert set(Counter((key, at) for key, at, _ in shop.ledger()).values()) == {1}
    for point in shop.points("confirm"):
        assert (point.recipe or {})["data"] == shop.worker.dataset.digest
    study = shop.study.model_copy(update={"checkpoints": str(tmp_path / "predictions")})
    results = read_results(shop.database, study)
    trials = results.finished("stage2", "tiny")
    assert len(trials) == 3
    for trial in trials:
        assert len(trial.folds.values) == FOLDS
        assert fmean(trial.folds.values) == trial.objective == objective_of(shop.study).value(trial.curve)
    spent = {entry.role: entry.spent.patch_visits for entry in results.compute}
    planned = {one.stage: one for one in estimate(shop.study)}
    assert spent["stage2"] <= planned["stage2"].shared_patch_visits
    assert sum(spent.values()) == sum(visits for _, _, visits in shop.ledger())
    assert planned["stage2"].trainings == 3 * FOLDS + FOLDS
    assert planned["recheck"].trainings == (2 + 1) * FOLDS


def test_where_the_start_is_searched_each_fold_has_a_donor_for_warm_trials_alone(open_workshop: Open) -> None:
    space = {**SPACE, "warm_start": {"reference": "cold", "levels": ["cold", "warm"]}}
    shop = in_stage2(open_workshop, stage2={"factors": ["learning_rate", "warm_start"]}, space=space)
    for place, start in enumerate(("cold", "warm")):
        before = len(shop.ledger())
        work_once(shop.worker)
        assert (shop.points("stage2")[place].point or {})["warm_start"] == start
        trainings = trainings_of(shop, place)
        donors = {one.initial.donor.key for one in trainings if one.initial is not None}
        assert len(donors) == (FOLDS if start == "warm" else 0)
        added = {key for key, _, _ in shop.ledger()[before:]}
        assert {one.key for one in trainings} <= added <= {one.key for one in trainings} | donors


def test_folds_that_an_earlier_version_planned_are_found_by_their_address(open_workshop: Open) -> None:
    shop = open_workshop(**RATES, confirm={"epochs": 1, "folds": FOLDS})
    recipe = recipe_from_json(shop.points()[0].recipe or {})
    for fold in fold_data(shop.worker.dataset, FOLDS):
        old = replace(recipe, data=fold.earlier_digest)
        labels = shop.worker.trainer_of(old).valid_labels
        assert labels.tolist() == fold.valid.labels.tolist()
        (result,) = shop.worker.trainer_of(old).bring(old, {1})
        assert result.epoch == 1
