"""The work of every worker over time: the compute ledger, merged into stretches."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from hpo.results.study import StudyResults
from hpo.results.trainings import Confirmation, FreshTraining
from hpo.storage.ledger import TrainedEpoch
from hpo.storage.workers import WorkerSpan

Part = Literal["stage1", "stage2", "recheck", "confirm", ""]
PARTS: tuple[Part, ...] = ("stage1", "stage2", "recheck", "confirm")

_PAUSE_SECONDS = 10.0
"""A training that pauses for longer than this, and longer than one of its epochs, was interrupted."""
_NAME_LENGTH = 16
_MARK = re.compile(r"-[0-9a-f]{8}$")  # distinguishes hosts of the same name; see hpo.storage.owner


class Purpose(NamedTuple):
    """The purpose of an epoch; both fields are empty if the study does not know its recipe."""

    architecture: str
    part: Part


class Stretch(NamedTuple):
    """A period in which one worker trained one thing; seconds since 1970."""

    owner: str
    purpose: Purpose
    began: float
    ended: float


class Lane(NamedTuple):
    """A row of the timeline: workers that succeeded each other on one device of one machine."""

    label: str
    workers: list[WorkerSpan]


def find_stretches(results: StudyResults) -> list[Stretch]:
    """One stretch for each uninterrupted training of a recipe, by worker and then by time."""
    purpose_of = _purposes(results)
    of_owner: dict[str, list[TrainedEpoch]] = defaultdict(list)
    for entry in results.epochs:
        of_owner[entry.owner].append(entry)
    return [stretch for owner, entries in of_owner.items() for stretch in _stretches_of(owner, entries, purpose_of)]


def coarsen(found: Sequence[Stretch], most: int) -> list[Stretch]:
    """Reduce stretches to about ``most``: a worker's time in equal cells, each showing what filled most of it.

    Args:
        found: from `find_stretches`; at least one.
        most: divided among the workers, but at least 50 cells each. Neighbouring cells of one purpose are merged.
    """
    of_owner: dict[str, list[Stretch]] = defaultdict(list)
    for stretch in found:
        of_owner[stretch.owner].append(stretch)
    begin = min(stretch.began for stretch in found)
    cell = (max(stretch.ended for stretch in found) - begin) / max(50, most // len(of_owner)) or 1.0
    coarse = []
    for owner, mine in of_owner.items():
        spent: dict[int, dict[Purpose, float]] = defaultdict(lambda: defaultdict(float))
        for stretch in mine:
            for number in range(int((stretch.began - begin) / cell), int((stretch.ended - begin) / cell) + 1):
                left, right = begin + number * cell, begin + (number + 1) * cell
                shared = min(right, stretch.ended) - max(left, stretch.began)
                if shared > 0:
                    spent[number][stretch.purpose] += shared
        coarse += _joined(owner, [(number, _most(spent[number])) for number in sorted(spent)], begin, cell)
    return coarse


def known_workers(results: StudyResults) -> list[WorkerSpan]:
    """Every worker of the register, the ledger and the faults, the first one first."""
    spans = {worker.owner: worker for worker in results.workers}
    told: dict[str, list[float]] = defaultdict(list)
    for entry in results.epochs:
        if entry.owner not in spans:
            told[entry.owner] += (entry.at - entry.seconds, entry.at)
    for fault in results.faults:
        if fault.owner not in spans:
            told[fault.owner].append(fault.at)
    missing = [WorkerSpan(owner, "", min(moments), max(moments), None) for owner, moments in told.items()]
    return sorted((*spans.values(), *missing), key=lambda worker: (worker.started_at, worker.owner))


def end_of(worker: WorkerSpan) -> float:
    """The end of a worker, or its last sign of life; never before its start."""
    return max(worker.started_at, worker.seen_at if worker.ended_at is None else worker.ended_at)


def find_lanes(workers: Sequence[WorkerSpan]) -> list[Lane]:
    """Rows for workers by start time; a worker takes over the row of one that it succeeded.

    Their labels are short and distinct: host and device, plus the process where two would be equal.
    """
    lanes: list[list[WorkerSpan]] = []
    for worker in workers:
        free = (lane for lane in lanes if _place(lane[-1]) == _place(worker) and end_of(lane[-1]) <= worker.started_at)
        lane = next(free, None)
        if lane is None:
            lanes.append([worker])
        else:
            lane.append(worker)
    shared = Counter(_label(lane[0]) for lane in lanes)
    taken: Counter[str] = Counter()
    named = []
    for lane in lanes:
        label = _label(lane[0])
        if shared[label] > 1:
            label = _label(lane[0], with_process=True)
        taken[label] += 1
        named.append(Lane(label if taken[label] == 1 else f"{label} ({taken[label]})", lane))
    return named


def _stretches_of(
    owner: str, entries: Sequence[TrainedEpoch], purpose_of: Callable[[TrainedEpoch], Purpose]
) -> Iterator[Stretch]:
    recipe, purpose, began, ended = "", Purpose("", ""), float("-inf"), float("-inf")
    for entry in entries:
        wanted = purpose_of(entry)
        begins = max(entry.at - entry.seconds, ended)
        goes_on = (recipe, purpose) == (entry.recipe_key, wanted)
        if not goes_on or begins - ended > max(_PAUSE_SECONDS, entry.seconds):
            if recipe:
                yield Stretch(owner, purpose, began, ended)
            recipe, purpose, began = entry.recipe_key, wanted, begins
        ended = max(entry.at, begins)
    yield Stretch(owner, purpose, began, ended)


def _purposes(results: StudyResults) -> Callable[[TrainedEpoch], Purpose]:
    """The purpose of an epoch: the first part of the study that needs its recipe for that many epochs."""
    needed: dict[str, list[tuple[int, Purpose]]] = defaultdict(list)
    for trial in sorted(results.trials, key=lambda trial: trial.stage):
        epochs = max(int(trial.point.get("epochs", 0)), len(trial.curve))
        for key in trial.keys:
            needed[key].append((epochs, Purpose(trial.architecture, trial.stage)))
    repeated: list[tuple[Purpose, FreshTraining | Confirmation]] = [
        *((Purpose(one.architecture, "recheck"), fresh) for one in results.candidates for fresh in one.trainings),
        *((Purpose(one.architecture, "confirm"), one) for one in results.confirmations),
    ]
    for candidate in results.candidates:
        for fresh in candidate.trainings:
            for key in (*fresh.folds.keys, *fresh.folds.donors):
                needed[key].append((fresh.epochs, Purpose(candidate.architecture, "recheck")))
    for purpose, training in repeated:
        needed[training.recipe_key].append((training.epochs, purpose))
        if training.donor is not None:
            needed[training.donor[0]].append((training.donor[1], purpose))

    def purpose_of(entry: TrainedEpoch) -> Purpose:
        uses = needed.get(entry.recipe_key)
        if uses is None:
            return Purpose("", "")
        return next((purpose for epochs, purpose in uses if entry.epoch <= epochs), uses[-1][1])

    return purpose_of


def _joined(owner: str, cells: Sequence[tuple[int, Purpose]], begin: float, cell: float) -> list[Stretch]:
    joined: list[Stretch] = []
    previous = None
    for number, purpose in cells:
        ended = begin + (number + 1) * cell
        if joined and previous == number - 1 and joined[-1].purpose == purpose:
            joined[-1] = joined[-1]._replace(ended=ended)
        else:
            joined.append(Stretch(owner, purpose, ended - cell, ended))
        previous = number
    return joined


def _most(spent: Mapping[Purpose, float]) -> Purpose:
    return max(spent, key=spent.__getitem__)


def _place(worker: WorkerSpan) -> tuple[str, str]:
    return worker.owner.rsplit(":", 2)[0], worker.device


def _label(worker: WorkerSpan, *, with_process: bool = False) -> str:
    host, *process = worker.owner.rsplit(":", 2)
    host = _MARK.sub("", host)
    if not host[:1].isdigit():  # the first number of an address says nothing
        host = host.split(".")[0]
    if len(host) > _NAME_LENGTH:
        host = f"{host[: _NAME_LENGTH - 5]}\N{HORIZONTAL ELLIPSIS}{host[-4:]}"
    name = f"{host} {process[0]}" if with_process and process else host
    return f"{name}, {worker.device}" if worker.device else name
