"""The ledger as stretches of time, and workers as rows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest

from hpo.results.activity import Purpose, Stretch, coarsen, find_lanes, find_stretches, known_workers
from hpo.results.study import StudyResults
from hpo.results.trainings import Confirmation, Fault, TrialResult
from hpo.storage.ledger import TrainedEpoch
from hpo.storage.workers import WorkerSpan

ONE, TWO = "lab-1:11:1.0", "lab-2:22:2.0"


def _epoch(key: str, epoch: int, at: float, owner: str = ONE, seconds: float = 2.0) -> TrainedEpoch:
    return TrainedEpoch(key, epoch, 100, seconds, owner, at)


def _study(empty: StudyResults, *epochs: TrainedEpoch) -> StudyResults:
    """Recipe ``a`` is a trial of stage 1 of five epochs and a final training of ten; ``b`` is one of stage 2."""
    trials = (
        TrialResult("stage2", "model2", 0, {"epochs": 5}, "complete", "b"),
        TrialResult("stage1", "model1", 0, {"epochs": 5}, "complete", "a"),
    )
    final = Confirmation("model1", "after", 0, {}, 10, recipe_key="a", donor=("d", 3))
    return replace(empty, trials=trials, confirmations=(final,), epochs=epochs)


class TestStretches:
    def test_epochs_of_one_recipe_are_one_stretch_until_something_else_is_trained(self, empty: StudyResults) -> None:
        study = _study(empty, _epoch("a", 1, 102), _epoch("a", 2, 104), _epoch("b", 1, 106), _epoch("a", 3, 108))
        first, second = Purpose("model1", "stage1"), Purpose("model2", "stage2")
        assert find_stretches(study) == [
            Stretch(ONE, first, 100, 104),
            Stretch(ONE, second, 104, 106),
            Stretch(ONE, first, 106, 108),
        ]

    @pytest.mark.parametrize(("pause", "stretches"), [(9.0, 1), (11.0, 2)])
    def test_a_training_that_stood_still_for_long_was_interrupted(
        self, empty: StudyResults, pause: float, stretches: int
    ) -> None:
        assert len(find_stretches(_study(empty, _epoch("a", 1, 2), _epoch("a", 2, 2 + pause + 2)))) == stretches

    def test_slow_epochs_may_have_long_pauses(self, empty: StudyResults) -> None:
        study = _study(empty, _epoch("a", 1, 60, seconds=60), _epoch("a", 2, 150, seconds=60))
        assert [(one.began, one.ended) for one in find_stretches(study)] == [(0, 150)]

    def test_workers_do_not_interrupt_each_other(self, empty: StudyResults) -> None:
        study = _study(empty, _epoch("a", 1, 2), _epoch("b", 1, 2, TWO), _epoch("a", 2, 4), _epoch("b", 2, 4, TWO))
        assert [(one.owner, one.began, one.ended) for one in find_stretches(study)] == [(ONE, 0, 4), (TWO, 0, 4)]

    def test_an_epoch_belongs_to_the_first_part_that_needs_it(self, empty: StudyResults) -> None:
        study = _study(empty, *(_epoch("a", epoch, 2.0 * epoch) for epoch in range(1, 11)))
        assert [(one.purpose, one.ended) for one in find_stretches(study)] == [
            (Purpose("model1", "stage1"), 10),
            (Purpose("model1", "confirm"), 20),
        ]

    def test_a_final_trainings_donor_is_trained_for_it_and_an_unknown_recipe_for_nobody_knows_what(
        self, empty: StudyResults
    ) -> None:
        study = _study(empty, _epoch("d", 1, 2), _epoch("?", 1, 4))
        assert [one.purpose for one in find_stretches(study)] == [Purpose("model1", "confirm"), Purpose("", "")]

    def test_every_second_of_the_ledger_is_in_them(self, finished: StudyResults) -> None:
        trained: dict[str, float] = defaultdict(float)
        for entry in finished.epochs:
            trained[entry.owner] += entry.seconds
        found: dict[str, float] = defaultdict(float)
        for stretch in find_stretches(finished):
            found[stretch.owner] += stretch.ended - stretch.began
        assert dict(found) == pytest.approx(dict(trained))


class TestCoarsen:
    def test_a_cell_is_for_what_filled_most_of_it(self) -> None:
        long, short = Purpose("long", "stage1"), Purpose("short", "stage1")
        found = [Stretch(ONE, long, at, at + 1.8) for at in range(0, 1000, 2)]
        found += [Stretch(ONE, short, at + 1.8, at + 2) for at in range(0, 1000, 2)]
        (only,) = coarsen(found, 50)
        assert (only.purpose, only.began, only.ended) == (long, 0, pytest.approx(1000))

    def test_gaps_stay_and_the_number_is_bounded(self) -> None:
        purposes = Purpose("a", "stage1"), Purpose("b", "stage1")
        found = [Stretch(owner, purposes[at % 2], at, at + 1) for owner in (ONE, TWO) for at in range(5000)]
        found += [Stretch(owner, purposes[0], 9000, 10_000) for owner in (ONE, TWO)]
        coarse = coarsen(found, 200)
        assert len(coarse) <= 202
        assert not [one for one in coarse if one.began < 8800 and one.ended > 5200]


class TestWorkers:
    def test_whoever_is_in_the_ledger_or_failed_is_known(self, empty: StudyResults) -> None:
        study = replace(
            _study(empty, _epoch("a", 1, 12, TWO)),
            workers=(WorkerSpan(ONE, "CPU", 5, 20, None),),
            faults=(Fault("stage1", "model1", "lab-3:1:1", 1, 30, "it died"),),
        )
        assert known_workers(study) == [
            WorkerSpan(ONE, "CPU", 5, 20, None),
            WorkerSpan(TWO, "", 10, 12, None),
            WorkerSpan("lab-3:1:1", "", 30, 30, None),
        ]

    def test_a_worker_takes_over_the_row_of_another_that_it_followed_on_its_device(self) -> None:
        first, second = WorkerSpan("lab:1:1", "GPU 0", 0, 10, 10), WorkerSpan("lab:2:1", "GPU 0", 10, 20, None)
        beside = WorkerSpan("lab:3:1", "GPU 1", 12, 20, None)
        lanes = find_lanes([first, second, beside])
        assert [(lane.label, lane.workers) for lane in lanes] == [
            ("lab, GPU 0", [first, second]),
            ("lab, GPU 1", [beside]),
        ]

    @pytest.mark.parametrize(
        ("owner", "label"),
        [
            ("lab-1-0123abcd:4711:100.25", "lab-1, CPU"),
            ("node7.cluster.example-0123abcd:4711:100.25", "node7, CPU"),
            ("10.0.12.7-0123abcd:1:2", "10.0.12.7, CPU"),
            ("a-very-long-host-name-0042:1:2", "a-very-long\N{HORIZONTAL ELLIPSIS}0042, CPU"),
        ],
    )
    def test_names_are_short(self, owner: str, label: str) -> None:
        assert [lane.label for lane in find_lanes([WorkerSpan(owner, "CPU", 0, 1, None)])] == [label]

    def test_rows_that_would_be_named_alike_are_told_apart(self) -> None:
        together = [WorkerSpan(f"lab:{number}:1", "CPU", 0, 9, None) for number in (7, 8)]
        assert [lane.label for lane in find_lanes(together)] == ["lab 7, CPU", "lab 8, CPU"]
        namesakes = [WorkerSpan(f"lab-{mark * 8}:7:1", "CPU", 0, 9, None) for mark in "ab"]
        assert [lane.label for lane in find_lanes(namesakes)] == ["lab 7, CPU", "lab 7, CPU (2)"]
