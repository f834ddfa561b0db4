"""``hpo run``: a study file, or a best configuration, from whatever is there to its end."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.console import StudyArgument, counting, err, out, progress_bar
from hpo.cli.outputs import print_comparison, write_outputs
from hpo.cli.progress import RunProgress
from hpo.cli.reproduce import reproduce
from hpo.config.load import is_best_config, load_study
from hpo.config.study import StudyFile
from hpo.data.prepare import prepare_data
from hpo.errors import HpoError
from hpo.launchers.inprocess import RunSummary, run_in_process
from hpo.stages.advance import Until
from hpo.stages.estimate import finished_points
from hpo.storage.database import open_database


def run(
    study: StudyArgument,
    until: Annotated[Until, typer.Option(help="Stop after this stage; 'test' is the end.")] = "test",
) -> None:
    """Run a study to its end: both stages, the confirmation, the test, report, best configuration and models.

    Given a best_config.yaml instead, train its best model again and compare the weights. Ctrl-C stops after the
    current epoch; the same command then goes on from there.
    """
    if is_best_config(study):
        reproduce(Path(study))
        return
    settings = load_study(study)
    summary = _run(settings, until)
    for standing in summary.standings:
        if standing.abandoned is not None:
            err.print(f"{standing.architecture}: given up: {standing.abandoned}", markup=False)
    if summary.trained.epochs == 0:
        out.print(f"{settings.name}: everything was there already; nothing was trained")
    else:
        trained = summary.trained
        out.print(f"{settings.name}: trained {trained.epochs} epochs, {trained.patch_visits:,} patch-visits")
    if until == "test":
        if all(standing.abandoned is not None for standing in summary.standings):
            raise HpoError(f"{settings.name}: every architecture was given up; the reasons stand above")
        results = write_outputs(settings)
        print_comparison(results)
        out.print(f"report, best configuration and models: {settings.output}", soft_wrap=True)
    elif "stage1" in summary.standings[0].closed:
        out.print(f"ranges, to read or edit before stage 2: {settings.ranges_path}", soft_wrap=True)


def _run(study: StudyFile, until: Until) -> RunSummary:
    """Run with live progress; the first Ctrl-C or SIGTERM asks to stop, the second one stops at once."""
    database = open_database(study.database)
    stop = threading.Event()

    def ask_to_stop(number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        err.print("stopping after this epoch; once more to stop at once" if number == signal.SIGINT else "stopping")
        stop.set()

    previous = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with counting("making the sample") as update:
            dataset = prepare_data(study.data, update)
        with progress_bar() as progress:
            observer = RunProgress(progress, study, finished_points(database, study))
            return run_in_process(study, database, dataset, observer, stop, until)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        database.close()
