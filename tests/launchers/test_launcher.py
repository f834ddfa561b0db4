"""The supervisor, on a clock and an engine of invented workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest

from hpo.errors import HpoError
from hpo.launchers import launcher
from hpo.launchers.launch import check_endings
from hpo.launchers.launcher import EARLY_DEATHS, EARLY_SECONDS, LONGEST_PAUSE_SECONDS, Assignment, Ending, Supervisor

FINISHED, STOPPED, REFUSED = Ending("finished"), Ending("stopped"), Ending("refused", "no such data")
DIED, OUTGROWN = Ending("died", "killed by SIGKILL"), Ending("replace", "memory has grown to 9.0 GB")


class Clock:
    """Time that passes only where the supervisor sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Worker:
    """One that ends by itself, after so many seconds, as it was told to."""

    number: int
    clock: Clock
    seconds: float
    ending: Ending
    heeds_stop: bool = True
    is_killed: bool = False
    stops: int = 0
    started_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.started_at = self.clock.now

    def poll(self) -> Ending | None:
        if self.stops and self.heeds_stop:
            return STOPPED
        return self.ending if self.clock.now - self.started_at >= self.seconds else None

    def stop(self) -> None:
        self.stops += 1

    def kill(self) -> None:
        self.is_killed = True


class Engine:
    """Starts workers whose lives are given, the first life for the first that is started of each number."""

    def __init__(self, clock: Clock, *lives: Sequence[tuple[float, Ending]]) -> None:
        self.clock, self.lives = clock, [list(of_one) for of_one in lives]
        self.started: list[Worker] = []
        self.batches: list[list[int]] = []
        self.is_closed = False
        self.heeds_stop = True

    def start(self, assignments: Sequence[Assignment]) -> list[Worker]:
        self.batches.append([assignment.number for assignment in assignments])
        new = [
            Worker(assignment.number, self.clock, *self.lives[assignment.number].pop(0), self.heeds_stop)
            for assignment in assignments
        ]
        self.started += new
        return new

    def close(self) -> None:
        self.is_closed = True

    def starts(self, number: int = 0) -> list[float]:
        """When the workers of a place were started, in seconds from the first."""
        times = [worker.started_at for worker in self.started if worker.number == number]
        return [round(time - times[0], 1) for time in times]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(launcher, "time", SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep))
    return clock


def assignments(count: int) -> list[Assignment]:
    return [Assignment(number, Path("study.yaml"), Path(f"worker-{number}.log")) for number in range(count)]


def supervise(
    engine: Engine, stop: Event | None = None, each: Callable[[], None] = lambda: None
) -> tuple[list[Ending], list[str]]:
    """How the workers ended, and what was said."""
    said: list[str] = []
    endings = Supervisor(engine, assignments(len(engine.lives)), said.append).run(stop or Event(), each)
    assert engine.is_closed
    return endings, said


def test_all_workers_are_started_together_and_waited_for(clock: Clock) -> None:
    engine = Engine(clock, [(5, FINISHED)], [(9, FINISHED)])
    assert supervise(engine) == ([FINISHED, FINISHED], [])
    assert engine.batches == [[0, 1]]
    assert not any(worker.is_killed for worker in engine.started)


def test_a_worker_that_dies_is_replaced_and_that_is_said(clock: Clock) -> None:
    engine = Engine(clock, [(EARLY_SECONDS + 1, DIED), (9, FINISHED)])
    assert supervise(engine) == (
        [FINISHED],
        ["worker 0: killed by SIGKILL; replaced; see worker-0.log"],
    )
    assert engine.starts() == pytest.approx([0, EARLY_SECONDS + 1], abs=0.5)


def test_the_pause_before_a_replacement_doubles_with_each_early_death_in_a_row(clock: Clock) -> None:
    engine = Engine(clock, [(1, DIED)] * 4 + [(EARLY_SECONDS + 1, DIED), (1, DIED), (1, FINISHED)])
    supervise(engine)
    starts = engine.starts()
    pauses = [later - earlier - 1 for earlier, later in pairwise(starts[:5])]
    assert pauses == pytest.approx([1, 2, 4, 8], abs=0.7)
    assert starts[5] - starts[4] == pytest.approx(EARLY_SECONDS + 1, abs=0.7)  # it lived: no pause, and counted anew
    assert starts[6] - starts[5] == pytest.approx(1 + 1, abs=0.7)


def test_no_pause_is_longer_than_the_longest(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "EARLY_DEATHS", 10)
    engine = Engine(clock, [(0, DIED)] * 8 + [(0, FINISHED)])
    supervise(engine)
    assert engine.starts()[8] - engine.starts()[7] == pytest.approx(LONGEST_PAUSE_SECONDS, abs=0.7)


def test_a_worker_that_dies_early_again_and_again_is_given_up(clock: Clock) -> None:
    engine = Engine(clock, [(1, DIED)] * EARLY_DEATHS)
    endings, said = supervise(engine)
    assert endings == [DIED]
    assert said[-1] == "worker 0: killed by SIGKILL; given up after 5 early deaths in a row; see worker-0.log"


def test_the_time_in_a_queue_is_not_life(clock: Clock) -> None:
    engine = Engine(clock, [(1000, Ending("died", "no such module", waited=999))] * EARLY_DEATHS)
    endings, said = supervise(engine)
    assert endings[0].kind == "died"
    assert "given up" in said[-1]


def test_one_that_was_given_up_does_not_end_the_others(clock: Clock) -> None:
    engine = Engine(clock, [(1, DIED)] * EARLY_DEATHS, [(500, FINISHED)])
    endings, _ = supervise(engine)
    assert endings == [DIED, FINISHED]


def test_a_worker_that_has_outgrown_its_memory_is_replaced_at_once(clock: Clock) -> None:
    engine = Engine(clock, [(EARLY_SECONDS + 1, OUTGROWN), (1, FINISHED)])
    endings, said = supervise(engine)
    assert endings == [FINISHED]
    assert said == ["worker 0: memory has grown to 9.0 GB"]
    assert engine.starts()[1] == pytest.approx(EARLY_SECONDS + 1, abs=0.5)


def test_a_worker_that_wants_to_be_replaced_early_and_often_is_so_with_pauses_and_never_given_up(clock: Clock) -> None:
    engine = Engine(clock, [(1, OUTGROWN)] * 9 + [(1, DIED)] * (EARLY_DEATHS - 1) + [(1, FINISHED)])
    endings, said = supervise(engine)
    assert endings == [FINISHED]
    assert said[:9] == ["worker 0: memory has grown to 9.0 GB"] * 9
    starts = engine.starts()
    assert [later - earlier - 1 for earlier, later in pairwise(starts[:4])] == pytest.approx([1, 2, 4], abs=0.7)
    assert starts[9] - starts[8] - 1 == pytest.approx(LONGEST_PAUSE_SECONDS, abs=0.7)


def test_a_worker_that_was_refused_is_not_replaced(clock: Clock) -> None:
    engine = Engine(clock, [(1, REFUSED)], [(5, FINISHED)])
    assert supervise(engine) == ([REFUSED, FINISHED], [])


def test_where_all_are_refused_the_launch_says_what_the_first_of_them_said() -> None:
    with pytest.raises(HpoError, match=r"no worker could work; worker 0: no such data \(its log: worker-0\.log\)"):
        check_endings([REFUSED, DIED], assignments(2))
    check_endings([REFUSED, FINISHED], assignments(2))


def test_once_one_has_finished_none_that_died_is_replaced(clock: Clock) -> None:
    engine = Engine(clock, [(3, FINISHED)], [(2.9, DIED)])
    endings, _ = supervise(engine)
    assert endings == [FINISHED, FINISHED]
    assert len(engine.started) == 2


def test_a_stop_is_passed_on_once_and_waited_for(clock: Clock) -> None:
    stop, engine = Event(), Engine(clock, [(50, STOPPED)], [(60, STOPPED)])
    engine.heeds_stop = False  # their epochs are long
    endings, _ = supervise(engine, stop, lambda: stop.set() if clock.now > 1010 else None)
    assert endings == [STOPPED, STOPPED]
    assert [worker.stops for worker in engine.started] == [1, 1]
    assert clock.now == pytest.approx(1060, abs=1)
    assert not any(worker.is_killed for worker in engine.started)


def test_what_dies_while_all_stop_is_not_replaced(clock: Clock) -> None:
    stop, engine = Event(), Engine(clock, [(20, DIED)], [(5, DIED)])
    engine.heeds_stop = False
    endings, said = supervise(engine, stop, lambda: stop.set() if clock.now > 1004 else None)
    assert [ending.kind for ending in endings] == ["stopped", "stopped"]
    assert len(engine.started) == 2
    assert said == []


def test_a_launch_that_was_stopped_before_it_began_starts_nothing(clock: Clock) -> None:
    stop, engine = Event(), Engine(clock, [(1, FINISHED)])
    stop.set()
    assert supervise(engine, stop) == ([STOPPED], [])
    assert engine.started == []


def test_ctrl_c_for_the_second_time_kills_those_that_still_run(clock: Clock) -> None:
    engine = Engine(clock, [(1, REFUSED)], [(1000, FINISHED)])

    def interrupt() -> None:
        if clock.now > 1010:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        supervise(engine, each=interrupt)
    assert [worker.is_killed for worker in engine.started] == [False, True]
    assert engine.is_closed


def test_an_engine_that_cannot_start_a_replacement_ends_the_launch(clock: Clock) -> None:
    engine = Engine(clock, [(1, DIED)], [(1000, FINISHED)])
    start = engine.start

    def refuse(assignments: Sequence[Assignment]) -> list[Worker]:
        if engine.started:
            raise HpoError("no machine is left")
        return start(assignments)

    engine.start = refuse  # type: ignore[method-assign]
    with pytest.raises(HpoError, match="no machine is left"):
        supervise(engine)
    assert [worker.is_killed for worker in engine.started] == [False, True]
