"""``hpo worker``: one worker, in this terminal, on any machine that reaches the database and the checkpoint store."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import Annotated

import typer

from hpo.cli.limits import MOST_GIGABYTES, MOST_THREADS, finite
from hpo.cli.net import log_to_terminal
from hpo.cli.options import DatabaseOption, StudyArgument
from hpo.config.stage import Stage
from hpo.run.signals import stopping


def worker(
    study: StudyArgument,
    database: DatabaseOption = None,
    until: Annotated[Stage, typer.Option(help="Stage to end with; 'test' is the last one.")] = "test",
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, max=MOST_THREADS, help="CPU threads, if the study file does not set them; by default all cores."
        ),
    ] = None,
    memory_gb: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=MOST_GIGABYTES,
            callback=finite,
            help="Memory limit: past it the worker ends between two points, with exit code 75.",
        ),
    ] = None,
    since: Annotated[
        float | None, typer.Option(hidden=True, help="When it was launched, by the database's clock.")
    ] = None,
    with_parent: Annotated[
        bool, typer.Option("--with-parent", hidden=True, help="End after the epoch once standard input is closed.")
    ] = False,
) -> None:
    """Work on a study until nothing is left to do; any number of workers share the work, on any machines.

    Ctrl-C or SIGTERM stops after the current epoch and gives the work back.
    """
    from hpo.run.job import Limits
    from hpo.run.worker_process import LOG_FORMAT, work_on

    log_to_terminal(LOG_FORMAT, logging.INFO)
    limits = Limits(threads, None if memory_gb is None else memory_gb * 1e9)
    with stopping() as stop:
        if with_parent:
            threading.Thread(target=_stop_with_parent, args=(stop,), daemon=True).start()
        work_on(study, stop, database=database, until=until, limits=limits, since=since)


def _stop_with_parent(stop: threading.Event) -> None:
    """Wait for the end of standard input, which comes when the process at its other end has died."""
    os.read(sys.stdin.fileno(), 1)  # unbuffered: a lock on sys.stdin would outlive this thread at the process's end
    stop.set()
