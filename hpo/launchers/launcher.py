"""Supervision of workers: started, replaced when they die, and waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Literal, Protocol

from hpo.config.stage import Stage

Engine = Literal["local", "ray", "slurm"]
"""Where workers run: as processes of this machine, as actors of a Ray cluster, as jobs of Slurm."""

EARLY_SECONDS = 60.0
"""A worker that dies sooner after its start has probably met a lasting fault."""

EARLY_DEATHS = 5
"""After so many early deaths in a row a worker is not replaced."""

LONGEST_PAUSE_SECONDS = 30.0
"""Before a worker that ended early is replaced; 1 s at first, doubled each time."""

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Assignment:
    """Everything that a worker is started with.

    Args:
        number: which worker of the launch, from 0.
        study: the study file, absolute.
        log: the file that takes what the worker says.
        until: the stage to end with.
        environment: variables to set for it, such as HPO_DATABASE, which may hold a password.
        gpu: the one GPU that the worker may see, as CUDA names it; ``""`` is none at all; None leaves that to the
            machine.
        gpu_share: part of a GPU that is the worker's, for engines that count them.
        threads: CPU threads; None is all cores, or what the study file says.
        memory_bytes: resident memory past which it is replaced between two points; None is no limit.
        launched_at: by the database's clock; a worker that begins later, as a replacement or because it had to wait,
            hears a request to stop that was made since.
    """

    number: int
    study: Path
    log: Path
    until: Stage = "test"
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    gpu: str | None = None
    gpu_share: float = 0.0
    threads: int | None = None
    memory_bytes: float | None = None
    launched_at: float | None = None


@dataclass(frozen=True)
class Ending:
    """How a worker ended.

    Args:
        kind: ``finished``: nothing is left to do, or ``hpo stop`` asked; ``stopped``: by a signal or its launcher;
            ``replace``: another is to take its place, later where database or store are away; ``refused``: by an
            error that the user must mend; ``died``: of anything else.
        detail: what is known, one line; may be empty.
        waited: seconds that it waited for a machine before it began.
    """

    kind: Literal["finished", "stopped", "replace", "refused", "died"]
    detail: str = ""
    waited: float = 0.0


class RunningWorker(Protocol):
    """A worker that has been started."""

    def poll(self) -> Ending | None:
        """How it ended; None while it runs."""

    def stop(self) -> None:
        """Ask it to end after its current epoch."""

    def kill(self) -> None:
        """End it at once."""


class Launcher(Protocol):
    """An engine that runs workers: processes of this machine, a Ray cluster, Slurm."""

    def start(self, assignments: Sequence[Assignment]) -> Sequence[RunningWorker]:
        """Start a worker for each of these, together where the engine can.

        Raises:
            HpoError: if the engine cannot.
        """

    def close(self) -> None:
        """Release the engine."""


@dataclass
class _Place:
    """A worker, and those that took its place."""

    assignment: Assignment
    running: RunningWorker | None = None
    started_at: float = 0.0
    early_ends: int = 0
    early_deaths: int = 0
    not_before: float = 0.0
    ending: Ending | None = None
    is_asked_to_stop: bool = False


@dataclass
class Supervisor:
    """Keeps a number of workers running until the study is finished or somebody stops it.

    Args:
        launcher: the engine.
        assignments: one for each worker.
        say: takes a line whenever a worker is replaced or given up.
    """

    launcher: Launcher
    assignments: Sequence[Assignment]
    say: Callable[[str], None]
    _places: list[_Place] = field(init=False)

    def __post_init__(self) -> None:
        self._places = [_Place(assignment) for assignment in self.assignments]

    def run(self, stop: Event, each: Callable[[], None] = lambda: None) -> list[Ending]:
        """Start the workers, and replace those that die, until all have ended.

        Args:
            stop: once set, the workers are asked to end after their epoch.
            each: called between two looks at the workers, some times a second.

        Returns:
            How each of them ended. An exception, Ctrl-C among them, ends all of them at once.
        """
        try:
            while not all(place.ending for place in self._places):
                for place in self._places:
                    if place.ending is None:
                        self._look(place, stop.is_set())
                self._start()
                each()
                time.sleep(POLL_SECONDS)
        finally:
            for place in self._places:
                if place.running is not None and place.ending is None:
                    with suppress(Exception):  # one that cannot be killed does not save the others
                        place.running.kill()
            self.launcher.close()
        return [place.ending for place in self._places if place.ending]

    def _start(self) -> None:
        """Start the workers whose time has come."""
        now = time.monotonic()
        due = [place for place in self._places if not (place.ending or place.running) and now >= place.not_before]
        if due:
            for place, running in zip(due, self.launcher.start([place.assignment for place in due]), strict=True):
                place.running, place.started_at = running, now

    def _look(self, place: _Place, is_stopping: bool) -> None:
        if place.running is None:
            if is_stopping:
                place.ending = Ending("stopped")
            elif any(other.ending and other.ending.kind == "finished" for other in self._places):
                place.ending = Ending("finished")
            return
        ending = place.running.poll()
        if ending is not None:
            self._ended(place, ending)
        elif is_stopping and not place.is_asked_to_stop:
            place.running.stop()
            place.is_asked_to_stop = True

    def _ended(self, place: _Place, ending: Ending) -> None:
        """Note a worker's end, or replace it."""
        place.running = None
        if place.is_asked_to_stop:  # however it has ended
            place.ending = Ending("stopped", ending.detail)
            return
        name = f"worker {place.assignment.number}"
        if ending.kind in ("finished", "stopped", "refused"):
            place.ending = ending
            return
        lived = time.monotonic() - place.started_at - ending.waited
        place.early_ends = place.early_ends + 1 if lived < EARLY_SECONDS else 0
        pause = min(LONGEST_PAUSE_SECONDS, 2.0 ** (place.early_ends - 1)) if place.early_ends else 0.0
        place.not_before = time.monotonic() + pause
        if ending.kind == "replace":  # never given up: a database that is away comes back
            place.early_deaths = 0
            self.say(f"{name}: {ending.detail}")
            return
        log = place.assignment.log
        place.early_deaths = place.early_deaths + 1 if lived < EARLY_SECONDS else 0
        if place.early_deaths >= EARLY_DEATHS:
            self.say(f"{name}: {ending.detail}; given up after {EARLY_DEATHS} early deaths in a row; see {log}")
            place.ending = ending
            return
        self.say(f"{name}: {ending.detail}; replaced; see {log}")
