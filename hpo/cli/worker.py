"""``hpo worker``: one worker, in this terminal, on any machine that reaches the database and the checkpoint store."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.console import DatabaseOption, StudyArgument
from hpo.cli.signals import stopping
from hpo.errors import StopRequestedError
from hpo.stages.order import Until

if TYPE_CHECKING:
    from hpo.config.study import StudyFile
    from hpo.storage.claims import Claim

_log = logging.getLogger("hpo")


def worker(
    study: StudyArgument,
    database: DatabaseOption = None,
    until: Annotated[Until, typer.Option(help="End with this stage; 'test' is the end.")] = "test",
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads, where the study file does not say; by default all cores.")
    ] = None,
    memory_gb: Annotated[
        float | None,
        typer.Option(min=0, help="End with exit code 75 between two points once memory has grown past it."),
    ] = None,
    with_parent: Annotated[
        bool, typer.Option("--with-parent", hidden=True, help="End after the epoch once standard input is closed.")
    ] = False,
) -> None:
    """Work on a study until nothing is left to do; any number of workers share the work, on any machines.

    Ctrl-C or SIGTERM stops after the current epoch and gives the work back.
    """
    from hpo.config.load import load_study
    from hpo.data.prepare import prepare_data
    from hpo.launchers.inprocess import Limits, run_in_process
    from hpo.stages.plan import check_patches
    from hpo.storage.database import open_database

    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    _log.setLevel(logging.INFO)
    settings = load_study(study, database)
    opened = open_database(settings.database)
    try:
        with stopping() as stop:
            if with_parent:
                threading.Thread(target=_stop_with_parent, args=(stop,), daemon=True).start()
            dataset = prepare_data(settings.data)
            check_patches(settings, dataset.train.labels)
            limits = Limits(threads, None if memory_gb is None else memory_gb * 1e9)
            try:
                run_in_process(settings, opened, dataset, WorkerLog(settings), stop, until, limits)
            except StopRequestedError:
                if stop.is_set():
                    raise
                _log.info("stopped, as hpo stop asked")
            else:
                _log.info("%s: nothing is left to do", settings.name)
    finally:
        opened.close()


class WorkerLog:
    """An observer that writes a line for each thing that happens.

    Args:
        study: names the objective.
    """

    def __init__(self, study: StudyFile) -> None:
        self._metric = study.objective.metric

    def started(self, claims: Sequence[Claim]) -> None:
        """Tell what is worked on."""
        epochs = ", ".join(str(claim.planned.epochs) for claim in claims if claim.planned.epochs)
        _log.info("%s: attempt %d%s", claims[0].stage_name, claims[0].attempt, epochs and f", epochs {epochs}")

    def epoch_ended(self, claims: Sequence[Claim], epoch: int, epochs: int, value: float) -> None:
        """Tell the epoch and its metric."""
        if claims:
            _log.info("%s: epoch %d/%d, %s %.4f", claims[0].stage_name, epoch, epochs, self._metric, value)

    def ended(self, claim: Claim, objective: float | None, reason: str | None) -> None:
        """Tell what a point gave."""
        if reason is not None:
            _log.warning("%s: %s", claim.stage_name, reason)
        elif objective is None:
            _log.info("%s: done", claim.stage_name)
        else:
            _log.info("%s: point %d: %s %.4f", claim.stage_name, claim.id, self._metric, objective)


def _stop_with_parent(stop: threading.Event) -> None:
    """Wait for the end of standard input: it comes when the process that holds its other end has died."""
    os.read(sys.stdin.fileno(), 1)  # unbuffered: a lock on sys.stdin would outlive this thread at the process's end
    stop.set()
