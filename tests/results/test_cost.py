"""What tuning cost."""

from __future__ import annotations

import pytest

from hpo.results.cost import ComputeEntry, ComputeRole, total_cost
from hpo.storage.ledger import Compute


def _entry(role: ComputeRole, visits: int, unshared: int, architecture: str = "m") -> ComputeEntry:
    return ComputeEntry(architecture, role, Compute(1, visits, visits / 10), unshared)


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


def test_the_search_of_an_architecture_without_final_trainings_is_held_against_no_other() -> None:
    entries = [_entry("before", 10, 10), _entry("stage1", 30, 30), _entry("after", 10, 10)]
    cost = total_cost([*entries, _entry("stage1", 500, 500, "still searching")])
    assert (cost.tuning, cost.compared, cost.ratio) == (540, (10, 40), 4)
    assert total_cost([_entry("before", 10, 10), _entry("stage1", 30, 30)]).ratio is None
    shared = [_entry("before", 10, 10), _entry("stage2", 30, 30), _entry("after", 0, 10)]
    assert total_cost(shared).ratio == 3, "what stage 2 has trained already counts there"
