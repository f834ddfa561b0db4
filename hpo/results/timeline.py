"""The timeline of a study: rows of workers, bars of trainings, marks of faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hpo.results.activity import Purpose, Stretch, coarsen, end_of, find_lanes, find_stretches, known_workers
from hpo.results.study import StudyResults
from hpo.results.trainings import Fault


class Axis(NamedTuple):
    """The axis of time since the study's start: its unit's name, and the unit in seconds."""

    unit: str
    seconds: int


class Bars(NamedTuple):
    """Everything trained for one purpose: rows, starts and lengths, one per bar, in the axis' unit."""

    purpose: Purpose
    rows: list[int]
    begins: list[float]
    lengths: list[float]


class Presence(NamedTuple):
    """A worker's start and end, in the axis' unit."""

    row: int
    began: float
    ended: float


class Mark(NamedTuple):
    """A fault in its worker's row, with its time in the axis' unit."""

    row: int
    at: float
    fault: Fault


class Timeline(NamedTuple):
    """Facts of the figure.

    ``architectures`` are those that were trained, ``marks`` the last faults. ``reasons`` counts each reason. ``busy``
    is the fraction of the workers' time spent on training. ``is_coarse``: bars stand for cells of time, not trainings.
    """

    axis: Axis
    lanes: list[str]
    architectures: list[str]
    presences: list[Presence]
    bars: list[Bars]
    marks: list[Mark]
    reasons: Counter[str]
    epochs: int
    seconds: float
    busy: float
    is_coarse: bool


def find_timeline(results: StudyResults, most_bars: int, most_marks: int) -> Timeline:
    """The timeline of a study that has trained an epoch.

    Args:
        results: of the study.
        most_bars: with more trainings than these, bars stand for cells of time.
        most_marks: at most so many faults, the last ones.
    """
    workers = known_workers(results)
    lanes = find_lanes(workers)
    row_of = {worker.owner: row for row, lane in enumerate(lanes) for worker in lane.workers}
    stretches = find_stretches(results)
    is_coarse = len(stretches) > most_bars
    begin = min(workers[0].started_at, *(stretch.began for stretch in stretches))
    moments = [end_of(worker) for worker in workers] + [stretch.ended for stretch in stretches]
    seconds = max(*moments, *(fault.at for fault in results.faults)) - begin
    axis = _axis(seconds)

    def place(moment: float) -> float:
        return round((moment - begin) / axis.seconds, 4)

    bars = _bars(coarsen(stretches, most_bars) if is_coarse else stretches, row_of, place)
    architectures = (*results.settings.architectures, "")
    trained = {of.purpose.architecture for of in bars}
    present = sum(end_of(worker) - worker.started_at for worker in workers)
    return Timeline(
        axis=axis,
        lanes=[lane.label for lane in lanes],
        architectures=[name for name in results.settings.architectures if name in trained],
        presences=[
            Presence(row_of[worker.owner], place(worker.started_at), place(end_of(worker))) for worker in workers
        ],
        bars=sorted(bars, key=lambda of: (architectures.index(of.purpose.architecture), of.purpose.part)),
        marks=[Mark(row_of[fault.owner], place(fault.at), fault) for fault in results.faults[-most_marks:]],
        reasons=Counter(fault.reason for fault in results.faults),
        epochs=len(results.epochs),
        seconds=seconds,
        busy=min(1.0, sum(entry.seconds for entry in results.epochs) / present) if present > 0 else 1.0,
        is_coarse=is_coarse,
    )


def _axis(seconds: float) -> Axis:
    axes = Axis("Hours", 3600), Axis("Minutes", 60), Axis("Seconds", 1)
    return next((axis for axis in axes if seconds >= 2 * axis.seconds), axes[-1])


def _bars(stretches: Sequence[Stretch], row_of: dict[str, int], place: Callable[[float], float]) -> list[Bars]:
    trained: dict[Purpose, Bars] = {}
    for stretch in stretches:
        of = trained.setdefault(stretch.purpose, Bars(stretch.purpose, [], [], []))
        of.rows.append(row_of[stretch.owner])
        of.begins.append(place(stretch.began))
        of.lengths.append(round(place(stretch.ended) - place(stretch.began), 4))
    return list(trained.values())
