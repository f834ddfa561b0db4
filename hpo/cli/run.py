"""``hpo run``: run a study file or a best configuration to its end, from its present state."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.edits import take_edits
from hpo.cli.launch import GpusOption, WorkersOption, launch_workers
from hpo.cli.options import DatabaseOption, JsonOption, StudyArgument
from hpo.config.stage import Stage
from hpo.errors import HpoError, StudyFailedError
from hpo.run.signals import stopping
from hpo.terminal import following, say, say_doubts, tell

if TYPE_CHECKING:
    from hpo.config.study import StudyFile
    from hpo.results.study import StudyResults
    from hpo.run.loop import RunSummary
    from hpo.storage.database import Database


def run(
    study: StudyArgument,
    until: Annotated[Stage, typer.Option(help="Stage to end with; 'test' is the last one.")] = "test",
    workers: WorkersOption = None,
    gpus: GpusOption = None,
    database: DatabaseOption = None,
    every: Annotated[
        bool, typer.Option("--all", help="Train every model of a best_config.yaml, not only the best.")
    ] = False,
    trust_code: Annotated[
        bool, typer.Option("--trust-code", help="Run the Python functions that a best_config.yaml names.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a study to its end: both stages, the confirmation, the test, report, best configuration and models.

    Given a best_config.yaml instead, train its best model again and compare the weights. Ctrl-C stops after the
    current epoch; the same command then continues from there. With --workers or --gpus launched workers do the work;
    without either this process does, on one GPU at most.
    """
    from hpo.config.best_config import BestConfig
    from hpo.config.load import is_best_config, placed, study_of, validated
    from hpo.config.yaml_file import read_yaml

    document = read_yaml(Path(study))
    if is_best_config(document):
        for option, is_given in (
            ("--until", until != "test"),
            ("--workers", workers is not None),
            ("--gpus", gpus is not None),
            ("--database", database is not None),
            ("--json", as_json),
        ):
            if is_given:
                raise HpoError(f"{study}: {option} is for study files; a best configuration is trained by this process")
        from hpo.cli.reproduce import run_best_config

        run_best_config(validated(document, BestConfig), Path(study), every=every, trust_code=trust_code)
    else:
        if trust_code:
            raise HpoError(
                f"{study}: --trust-code is for a best_config.yaml; a study file's functions are its user's own"
            )
        if every:
            raise HpoError(f"{study}: --all is for a best_config.yaml; a study file names its architectures itself")
        run_study_file(study_of(placed(document, database)), until, workers, gpus, as_json=as_json)


def run_study_file(
    settings: StudyFile, until: Stage, workers: int | None, gpus: str | None, *, as_json: bool = False
) -> None:
    """Run a study to its end, or to that of a stage, in this process or by several; what it leaves is written.

    Raises:
        StudyFailedError: if every trial failed.
        StopRequestedError: if it was stopped.
    """
    if workers is None and gpus is None:
        _run_study(settings, until, as_json=as_json)
    else:
        from hpo.launchers.launch import Workforce

        launch = partial(launch_workers, force=Workforce(workers, gpus=gpus), until=until)
        _run_study(settings, until, launch, as_json=as_json)


def _run_study(
    settings: StudyFile,
    until: Stage,
    launch: Callable[[StudyFile, Database, threading.Event], None] | None = None,
    *,
    as_json: bool,
) -> None:
    from hpo.cli.comparison import print_comparison
    from hpo.launchers.arithmetic import slow_arithmetic
    from hpo.run.here import run_here
    from hpo.run.outputs import write_outputs
    from hpo.stages.data import open_data
    from hpo.stages.limits import check_limits, left_out
    from hpo.storage.database import open_database

    check_limits(settings)
    with closing(open_database(settings.database)) as database:
        with stopping() as stop:
            with following() as update:
                dataset = open_data(settings, update)
            say_doubts(dataset.doubts)
            for line in [*left_out(settings), *slow_arithmetic(settings)]:
                (say if as_json else tell)(line)
            take_edits(settings, database, dataset, say if as_json else tell)
            if launch is None:
                settings, summary = run_here(settings, database, dataset, stop, until)
            else:
                summary = _by_workers(settings, database, lambda: launch(settings, database, stop))
        _print_summary(settings, summary, say if as_json else tell)
        if until == "test":
            database.check_present()
        results = write_outputs(settings, database, dataset) if until == "test" else None
        if as_json:
            _print_json(settings, summary, results)
        elif results is not None:
            print_comparison(results)
            tell(f"report, best configuration and models: {settings.output}")
        elif until == "stage1" and "stage2" not in summary.standings[0].closed:
            tell(f"ranges, to read or edit before stage 2: {settings.ranges_path}")


def _by_workers(settings: StudyFile, database: Database, launch: Callable[[], None]) -> RunSummary:
    """Let processes of this machine do the work."""
    from hpo.run.loop import RunSummary
    from hpo.stages.advance import standings
    from hpo.storage.ledger import Compute, compute_by_owner

    def spent() -> dict[str, Compute]:
        return database.run(compute_by_owner, settings.name)

    before = spent()
    launch()
    new = [compute for owner, compute in spent().items() if owner not in before]
    return RunSummary(database.patiently(lambda: standings(database, settings)), sum(new, Compute()))


def _print_json(study: StudyFile, summary: RunSummary, results: StudyResults | None) -> None:
    from hpo.results.as_json import results_to_json

    found = {
        "study": study.name,
        "trained": asdict(summary.trained),
        "architectures": [asdict(standing) for standing in summary.standings],
        "output": str(study.output),
        "results": None if results is None else results_to_json(results),
    }
    typer.echo(json.dumps(found, indent=2))


def _print_summary(study: StudyFile, summary: RunSummary, said: Callable[[str], None] = tell) -> None:
    for standing in summary.standings:
        if standing.abandoned is not None:
            say(f"{standing.architecture}: given up: {standing.abandoned}")
    trained = summary.trained
    given_up = [standing.abandoned is not None for standing in summary.standings]
    if trained.epochs:
        said(f"{study.name}: trained {trained.epochs} epochs, {trained.patch_visits:,} patch-visits")
    elif not any(given_up):
        said(f"{study.name}: everything was already trained; nothing to do")
    if all(given_up):
        raise StudyFailedError(f"{study.name}: every architecture was given up, all trials failed; see above")
