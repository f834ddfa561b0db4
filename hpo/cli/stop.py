"""``hpo stop``: ask every worker of a study to end, wherever it runs."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from hpo.cli.options import DatabaseOption, StudyArgument
from hpo.errors import HpoError
from hpo.stages.begun import look_into_study
from hpo.terminal import tell


def stop(
    study: StudyArgument,
    now: Annotated[
        bool, typer.Option("--now", help="Stop after the current epoch instead of after the current design point.")
    ] = False,
    database: DatabaseOption = None,
) -> None:
    """Ask every worker of a study to end; workers launched later are not affected."""
    from hpo.config.load import load_study
    from hpo.storage.database import open_database
    from hpo.storage.workers import live_workers, request_stop

    settings = load_study(study, database)
    look_into_study(settings).close()  # to stop what has not begun makes no database
    with closing(open_database(settings.database)) as opened, opened.transaction() as session:
        if not request_stop(session, settings.name, "now" if now else "drain"):
            raise HpoError(f"{settings.name}: not started; there is nothing to stop in {opened.url}")
        asked = live_workers(session, settings.name)
    when = "after its epoch" if now else "after its design point"
    for worker in asked:
        is_silent = worker.silent_seconds > settings.workers.lease_seconds
        text = f"silent for {worker.silent_seconds:.0f} s, perhaps gone" if is_silent else f"ends {when}"
        tell(f"{worker.owner}: {text}")
    if not asked:
        tell(f"{settings.name}: no worker is running; one that is just starting will stop too")
