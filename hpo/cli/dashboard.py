"""``hpo dashboard``: optuna-dashboard on a study's database, with our figures, notes and artifacts."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.limits import LONGEST_WAIT
from hpo.cli.options import AllowHostOption, DatabaseOption, StudyArgument
from hpo.errors import HpoError
from hpo.terminal import say, tell

if TYPE_CHECKING:
    from hpo.config.as_planned import StudyPlace
    from hpo.storage.database import Database

WAIT_SECONDS = 2.0
"""Between two looks for a database that is not there yet."""


def dashboard(
    study: StudyArgument,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any free one.")] = 8080,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Anybody who reaches it may change and delete what it shows.")
    ] = "127.0.0.1",
    every: Annotated[
        int,
        typer.Option(metavar="SECONDS", min=1, max=LONGEST_WAIT, help="Seconds between two looks at the study."),
    ] = 60,
    allow_host: AllowHostOption = None,
    database: DatabaseOption = None,
) -> None:
    """Serve optuna-dashboard: every trial with its curve, our figures and notes. Ctrl-C ends it."""
    from hpo.run.publishing import has_optuna_dashboard

    if not has_optuna_dashboard():
        raise HpoError("hpo dashboard needs the package optuna-dashboard: pip install optuna-dashboard")
    from hpo.config.as_planned import find_study
    from hpo.reports.optuna_dashboard.server import serve_dashboard

    place = find_study(study, database)
    with closing(_wait_for_database(place)) as opened:
        serve_dashboard(
            place, opened, host=host, port=port, every=every, announce=tell, say=say, allow=allow_host or ()
        )


def _wait_for_database(place: StudyPlace) -> Database:
    """The study's database, once it exists; opened for writing figures and notes if allowed."""
    from hpo.config.database_url import sqlite_file
    from hpo.storage.database import look_into, open_database
    from hpo.storage.sqlite_file import may_be_written

    is_said = False
    while (opened := look_into(place.database)) is None:
        if not is_said:
            say(f"{place.name}: not started yet; waiting for its first worker")
            is_said = True
        time.sleep(WAIT_SECONDS)
    file = sqlite_file(place.database)
    if file is not None and may_be_written(file):
        opened.close()
        opened = open_database(place.database)
    return replace(opened, patience_seconds=0.0)  # what cannot be written now is tried again at the next look
