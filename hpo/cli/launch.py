"""``hpo launch``: several workers at once, on this machine, a Ray cluster or Slurm."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.edits import check_result, take_edits
from hpo.cli.limits import MOST_WORKERS, finite
from hpo.cli.options import DatabaseOption, StudyArgument
from hpo.config.stage import Stage
from hpo.errors import StopRequestedError, StoreUnavailableError
from hpo.launchers.launcher import Engine
from hpo.run.signals import stopping
from hpo.terminal import following, progress_bar, say, say_doubts, tell

if TYPE_CHECKING:
    from threading import Event

    from hpo.config.study import StudyFile
    from hpo.launchers.launch import Workforce
    from hpo.storage.database import Database

WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", min=1, max=MOST_WORKERS, help="Number of workers; by default one per GPU, or one."),
]
GpusOption = Annotated[
    str | None,
    typer.Option("--gpus", metavar="0,1", help="GPUs for the workers to share, or 'none'; by default all."),
]

GpusPerWorkerOption = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        callback=finite,
        help="GPUs per worker on Ray or Slurm, such as 1 or (Ray) 0.5; by default none.",
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Slurm parameter, such as partition=gpu, time=60 (minutes) or mem=8GB; may be repeated.",
    ),
]

LOOK_SECONDS = 2.0
"""Between two looks at the database, for the progress display."""


def launch(
    study: StudyArgument,
    workers: WorkersOption = None,
    gpus: GpusOption = None,
    on: Annotated[Engine, typer.Option("--on", help="Engine that runs the workers.")] = "local",
    gpus_per_worker: GpusPerWorkerOption = None,
    parameters: SetOption = None,
    until: Annotated[Stage, typer.Option(help="Stage to end with; 'test' is the last one.")] = "test",
    database: DatabaseOption = None,
) -> None:
    """Start workers, replace those that die, and wait until the study is finished.

    Ctrl-C stops them after their current epoch; hpo stop does so from elsewhere. Report and models are then written by
    hpo report and hpo export.

    On Ray or Slurm, study file, data and checkpoints must be at the same places on every node.
    """
    from hpo.config.load import load_study
    from hpo.launchers.launch import Workforce
    from hpo.stages.data import open_data
    from hpo.storage.database import open_database

    force = Workforce(workers, on, gpus, gpus_per_worker, tuple(parameters or ()))
    force.check()
    settings = load_study(study, database)
    with closing(open_database(settings.database)) as opened, stopping() as stop:
        with following() as update:
            dataset = open_data(settings, update)  # a sample is made once, and wrong data refused, before workers start
        say_doubts(dataset.doubts)
        take_edits(settings, opened, dataset)
        launch_workers(settings, opened, stop, force, until=until)
        check_result(settings, opened)
    ended = f"finished; next: hpo report {study}, hpo export {study}" if until == "test" else f"{until} is over"
    tell(f"{settings.name}: {ended}")


def launch_workers(settings: StudyFile, database: Database, stop: Event, force: Workforce, *, until: Stage) -> None:
    """Run the workers of a study to their end, with a progress display.

    Args:
        settings: the study file.
        database: the study database.
        stop: once set, the workers end after their epoch.
        force: the workers asked for.
        until: the stage to end with.

    Raises:
        StopRequestedError: if they were stopped before the study was finished.
        HpoError: if no worker could work.
    """
    from hpo.config.yaml_file import displayed
    from hpo.launchers.devices import VISIBLE, gpus_asked_for
    from hpo.launchers.launch import check_endings, open_launcher, plan_launch
    from hpo.launchers.launcher import Supervisor
    from hpo.stages.advance import standings
    from hpo.stages.estimate import expected_points, finished_points

    launched_at = database.now()
    assignments = plan_launch(settings, force, until=until, launched_at=launched_at)
    with progress_bar() as progress:
        task = progress.add_task(settings.name, total=expected_points(settings, until), detail="")
        next_look = 0.0

        def look() -> None:
            nonlocal next_look
            if progress.live.is_started and time.monotonic() >= next_look:
                with suppress(StoreUnavailableError):  # it comes back; the workers are not to wait for a display
                    progress.update(task, completed=finished_points(database, settings))
                next_look = time.monotonic() + LOOK_SECONDS

        launcher = open_launcher(force, settings)
        workers = "1 worker" if len(assignments) == 1 else f"{len(assignments)} workers"
        say(f"{workers}; logs: {assignments[0].log.parent}; watch: hpo status {displayed(settings.file)} --watch")
        if force.on == "local" and assignments[0].gpu is None and gpus_asked_for(force.gpus):
            say(f"{VISIBLE} names GPUs, but no GPU driver was found here: the workers train on the CPU")
        if force.on != "local" and settings.database.startswith("sqlite"):
            say("the database is an SQLite file, which only one machine can use: give a server's URL with --database")
        endings = Supervisor(launcher, assignments, say).run(stop, look)
    check_endings(endings, assignments)
    if not all(standing.is_over(until) for standing in database.patiently(lambda: standings(database, settings))):
        raise StopRequestedError("stopped")
