"""What a trial is judged by: which metric, and which epoch speaks."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.evaluation.objective import Objective

Epoch = Literal["last", "best", "mean_last"]
RISE_AND_FALL = [{"valid_auc": auc, "valid_loss": 1 - auc} for auc in (0.6, 0.9, 0.8, 0.7)]
CURVES = st.lists(st.floats(0, 1).map(lambda value: {"valid_auc": value, "valid_loss": value}), min_size=1, max_size=9)


@pytest.mark.parametrize(
    ("epoch", "speaking", "value"), [("last", 4, 0.7), ("best", 2, 0.9), ("mean_last", 4, (0.9 + 0.8 + 0.7) / 3)]
)
@pytest.mark.parametrize("metric", ["auc", "loss"])
def test_the_named_epoch_speaks(metric: str, epoch: Epoch, speaking: int, value: float) -> None:
    objective = Objective(metric, epoch, last=3)
    assert objective.speaking_epoch(RISE_AND_FALL) == speaking
    assert objective.value(RISE_AND_FALL) == pytest.approx(value if metric == "auc" else 1 - value)


def test_of_equally_good_epochs_the_first_speaks() -> None:
    assert Objective(epoch="best").speaking_epoch([{"valid_auc": value} for value in (0.5, 0.8, 0.8)]) == 2


def test_a_training_shorter_than_the_mean_is_averaged_whole() -> None:
    assert Objective(epoch="mean_last", last=9).value(RISE_AND_FALL) == pytest.approx(0.75)


@pytest.mark.parametrize("epoch", ["last", "best", "mean_last"])
def test_a_curve_without_epochs_has_no_speaking_epoch(epoch: Epoch) -> None:
    with pytest.raises(ValueError, match="without epochs"):
        Objective(epoch=epoch).speaking_epoch([])


@pytest.mark.parametrize("metric", ["auc", "accuracy", "precision", "recall", "f1", "loss"])
def test_less_is_better_of_loss_alone(metric: str) -> None:
    objective = Objective(metric)
    assert objective.column == f"valid_{metric}"
    assert objective.direction == ("minimize" if metric == "loss" else "maximize")
    assert (objective.gain(0.2) > objective.gain(0.1)) == (metric != "loss")


@given(curve=CURVES, metric=st.sampled_from(["auc", "loss"]), last=st.integers(1, 12))
def test_the_best_epoch_is_no_worse_than_any_and_the_others_lie_within_the_curve(
    curve: list[dict[str, float]], metric: str, last: int
) -> None:
    values = [metrics[f"valid_{metric}"] for metrics in curve]
    best = Objective(metric, "best")
    assert best.gain(best.value(curve)) == max(best.gain(value) for value in values)
    assert best.value(curve) == values[best.speaking_epoch(curve) - 1]
    assert Objective(metric, "last").value(curve) == values[-1]
    mean = Objective(metric, "mean_last", last).value(curve)
    assert min(values[-last:]) - 1e-12 <= mean <= max(values[-last:]) + 1e-12


@pytest.mark.parametrize(
    ("metric", "values", "patience", "ends"),
    [
        ("auc", [0.5, 0.6, 0.55, 0.58, 0.7], 2, 4),
        ("auc", [0.5, 0.6, 0.55, 0.58, 0.7], 3, None),
        ("auc", [0.5, 0.5, 0.5], 2, 3),  # of equal epochs the first is the best
        ("loss", [0.5, 0.4, 0.45], 1, 3),
        ("loss", [0.5, 0.4, 0.3], 1, None),
    ],
)
def test_a_training_ends_when_its_best_epoch_is_so_many_epochs_ago(
    metric: str, values: list[float], patience: int, ends: int | None
) -> None:
    curve = [{f"valid_{metric}": value} for value in values]
    objective = Objective(metric, "mean_last")  # whatever speaks in the search
    ended = [epoch for epoch in range(1, len(curve) + 1) if objective.has_ended(curve[:epoch], patience)]
    assert (ended[0] if ended else None) == ends
