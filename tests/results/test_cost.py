"""What tuning cost."""

from __future__ import annotations

import pytest

from hpo.results.cost import ComputeEntry, ComputeRole, total_cost
from hpo.storage.ledger import Compute


def _entry(role: ComputeRole, visits: int, unshared: int) -> ComputeEntry:
    return ComputeEntry("m", role, Compute(1, visits, visits / 10), unshared)


def test_tuning_is_the_search_and_the_tuned_final_trainings() -> None:
    visits: dict[ComputeRole, tuple[int, int]] = {
        "stage1": (300, 700),
        "stage2": (100, 100),
        "before": (50, 50),
        "after": (100, 100),
        "cold_control": (50, 50),
    }
    cost = total_cost([_entry(role, spent, unshared) for role, (spent, unshared) in visits.items()])
    assert (cost.before, cost.tuning, cost.spent, cost.unshared) == (50, 500, 600, 1000)
    assert cost.seconds == 60
    assert cost.ratio == 10
    assert cost.saved == pytest.approx(0.4)


def test_the_recheck_is_tuning_and_equal_training_the_references() -> None:
    entries = [_entry(role, 10, 10) for role in ("stage1", "stage2", "recheck", "before", "equal", "after")]  # type: ignore[arg-type]
    cost = total_cost(entries)
    assert (cost.before, cost.tuning) == (20, 40)


def test_without_a_reference_there_is_no_ratio_and_without_sharing_no_saving() -> None:
    assert total_cost([_entry("stage1", 300, 300)]).ratio is None
    assert total_cost([_entry("stage1", 300, 300)]).saved == 0
    assert total_cost([]).saved == 0
