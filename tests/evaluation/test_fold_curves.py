"""One curve of several folds: the mean, with what each fold reached beside it."""

from __future__ import annotations

from statistics import fmean

import pytest

from hpo.evaluation.fold_curves import fold_values, mean_curve
from hpo.evaluation.objective import Objective

CURVES = [
    [{"valid_auc": value, "valid_loss": 1 - value, **({"train_f1": value} if fold else {})} for value in values]
    for fold, values in enumerate([(0.5, 0.9, 0.7, 0.6), (0.4, 0.7, 0.8, 0.9), (0.6, 0.8, 0.95, 0.3)])
]


def test_each_epoch_is_the_mean_of_what_every_fold_measured() -> None:
    curve = mean_curve(CURVES, "valid_auc")
    assert [epoch["valid_auc"] for epoch in curve] == [
        fmean(fold[at]["valid_auc"] for fold in CURVES) for at in range(4)
    ]
    assert "train_f1" not in curve[0]
    assert [curve[1][f"fold_{number}_valid_auc"] for number in (1, 2, 3)] == [0.9, 0.7, 0.8]
    assert len(mean_curve([*CURVES, CURVES[0][:2]], "valid_auc")) == 2


@pytest.mark.parametrize("epoch", ["last", "best", "mean_last"])
@pytest.mark.parametrize("metric", ["auc", "loss"])
def test_the_objective_is_the_mean_of_the_folds_values_whichever_epoch_speaks(metric: str, epoch: str) -> None:
    objective = Objective(metric, epoch, 3)  # type: ignore[arg-type]
    curve = mean_curve(CURVES, objective.column)
    values = fold_values(objective, curve)
    assert len(values) == 3
    assert fmean(values) == pytest.approx(objective.value(curve))


def test_one_epoch_speaks_for_all_folds_where_the_best_does() -> None:
    assert fold_values(Objective("auc", "best"), mean_curve(CURVES, "valid_auc")) == (0.7, 0.8, 0.95)


def test_the_curve_of_one_training_has_no_folds() -> None:
    assert fold_values(Objective(), CURVES[0]) == ()
    assert fold_values(Objective(), []) == ()
