"""``hpo report``: the report of a study, from wherever it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.console import StudyArgument, err, out
from hpo.errors import DataError


def report(
    study: StudyArgument,
    output: Annotated[
        Path | None, typer.Option(help="The HTML file; by default report.html in the output folder.")
    ] = None,
    dashboard: Annotated[Path | None, typer.Option(help="Another dashboard than the study file's.")] = None,
) -> None:
    """Write the report: one HTML file that opens offline. A study that still runs has a report too."""
    from hpo.config.load import load_dashboard, load_study
    from hpo.data.prepare import prepare_data
    from hpo.reports.page import write_report
    from hpo.reports.read import read_results
    from hpo.storage.database import open_database

    settings = load_study(study)
    panels = settings.panels if dashboard is None else load_dashboard(dashboard)
    path = output or settings.output / "report.html"
    database = open_database(settings.database)
    try:
        try:
            dataset = prepare_data(settings.data)
        except DataError as error:
            err.print(f"without the data section: {error}", soft_wrap=True, markup=False)
            dataset = None
        with err.status("writing the report"):
            write_report(read_results(database, settings, dataset), panels, path)
    finally:
        database.close()
    out.print(str(path), soft_wrap=True, markup=False, highlight=False)
