"""``hpo report``: the report of a study, from wherever it stands."""

from __future__ import annotations

from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.console import DatabaseOption, StudyArgument, err, out, say
from hpo.errors import DataError

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset


def report(
    study: StudyArgument,
    output: Annotated[
        Path | None, typer.Option(help="The HTML file; by default report.html in the output folder.")
    ] = None,
    dashboard: Annotated[Path | None, typer.Option(help="Another dashboard than the study file's.")] = None,
    serve: Annotated[
        int | None, typer.Option(metavar="PORT", min=0, max=65535, help="Serve it over HTTP on this port; 0 takes any.")
    ] = None,
    host: Annotated[str, typer.Option(help="Of --serve: the address to listen on.")] = "127.0.0.1",
    every: Annotated[
        int,
        typer.Option(metavar="SECONDS", min=1, help="Of --serve: how often to look whether the study has moved on."),
    ] = 60,
    database: DatabaseOption = None,
) -> None:
    """Write the report: one HTML file that opens offline. A study that still runs has a report too."""
    from hpo.config.load import load_dashboard, load_study
    from hpo.data.prepare import prepare_data
    from hpo.reports.page import write_report
    from hpo.reports.panels.function import look_for_modules
    from hpo.reports.read import read_results
    from hpo.reports.serve import LiveReport, serve_report, study_progress
    from hpo.storage.database import open_database

    settings = load_study(study, database)
    panels = settings.panels if dashboard is None else load_dashboard(dashboard)
    look_for_modules(panels, settings.file.parent, (dashboard or settings.dashboard).absolute().parent)
    path = output or settings.output / "report.html"
    say_once = cache(say)  # a served report is written again and again
    with closing(open_database(settings.database)) as opened:

        @cache  # reading all patches takes minutes for a large data set
        def dataset() -> Dataset | None:
            try:
                return prepare_data(settings.data)
            except DataError as error:
                say(f"without the data section: {error}")
                return None

        def write() -> None:
            with err.status("writing the report"):
                write_report(read_results(opened, settings, dataset()), panels, path, say_once)

        if serve is None:
            write()
            _print(str(path))
        else:
            live = LiveReport(settings.name, path, lambda: study_progress(opened, settings), write, say)
            serve_report(live, host=host, port=serve, every=every, announce=_print)


def _print(line: str) -> None:
    out.print(line, soft_wrap=True, markup=False, highlight=False)
