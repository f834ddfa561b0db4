"""``hpo run``: a study file, or a best configuration, from whatever is there to its end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.console import StudyArgument, err, following, out, progress_bar
from hpo.errors import HpoError
from hpo.stages.order import Until

if TYPE_CHECKING:
    from hpo.config.study import StudyFile
    from hpo.launchers.inprocess import RunSummary


def run(
    study: StudyArgument,
    until: Annotated[Until, typer.Option(help="Stop after this stage; 'test' is the end.")] = "test",
    every: Annotated[
        bool, typer.Option("--all", help="Of a best_config.yaml: train every model, not the best.")
    ] = False,
) -> None:
    """Run a study to its end: both stages, the confirmation, the test, report, best configuration and models.

    Given a best_config.yaml instead, train its best model again and compare the weights. Ctrl-C stops after the
    current epoch; the same command then goes on from there.
    """
    from hpo.cli.reproduce import run_best_config
    from hpo.config.load import is_best_config, load_study

    if is_best_config(study):
        run_best_config(Path(study), every=every)
    else:
        _run_study(load_study(study), until)


def _run_study(settings: StudyFile, until: Until) -> None:
    from hpo.cli.outputs import print_comparison, write_outputs
    from hpo.cli.progress import RunProgress
    from hpo.data.prepare import prepare_data
    from hpo.export.tuned import best_architecture, tuned_models
    from hpo.launchers.inprocess import run_in_process
    from hpo.stages.estimate import finished_points
    from hpo.stages.plan import check_patches
    from hpo.storage.database import open_database

    database = open_database(settings.database)
    try:
        with _stopping() as stop:
            with following() as update:
                dataset = prepare_data(settings.data, update)
            check_patches(settings, dataset.train.labels)
            with progress_bar() as progress:
                observer = RunProgress(progress, settings, finished_points(database, settings))
                summary = run_in_process(settings, database, dataset, observer, stop, until)
        _print_summary(settings, summary)
        if until == "test":
            results = write_outputs(settings, database, dataset)
            print_comparison(results, best_architecture(tuned_models(database, settings)))
            out.print(f"report, best configuration and models: {settings.output}", soft_wrap=True, highlight=False)
        elif until == "stage1" and "stage2" not in summary.standings[0].closed:
            out.print(f"ranges, to read or edit before stage 2: {settings.ranges_path}", soft_wrap=True)
    finally:
        database.close()


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C or SIGTERM sets; the second one stops at once."""
    stop = threading.Event()

    def ask(_number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        err.print("stopping after this epoch; once more to stop at once")
        stop.set()

    previous = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _print_summary(study: StudyFile, summary: RunSummary) -> None:
    for standing in summary.standings:
        if standing.abandoned is not None:
            err.print(f"{standing.architecture}: given up: {standing.abandoned}", soft_wrap=True, markup=False)
    trained = summary.trained
    if trained.epochs == 0:
        out.print(f"{study.name}: everything was there already; nothing was trained", soft_wrap=True, highlight=False)
    else:
        out.print(
            f"{study.name}: trained {trained.epochs} epochs, {trained.patch_visits:,} patch-visits", highlight=False
        )
    if all(standing.abandoned is not None for standing in summary.standings):
        raise HpoError(f"{study.name}: every architecture was given up; the reasons stand above")
