"""``hpo report``: the report of a study, from wherever it stands."""

from __future__ import annotations

from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from hpo.cli.begun import open_begun
from hpo.cli.console import AllowHostOption, DatabaseOption, StudyArgument, err, say, tell
from hpo.cli.limits import LONGEST_WAIT
from hpo.errors import DataError, HpoError

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset


def report(
    study: StudyArgument,
    others: Annotated[
        list[str] | None,
        typer.Argument(metavar="STUDY", help="More study files, to be put side by side with the first."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="The HTML file; by default report.html, or report-A-vs-B.html, in the first's output folder."
        ),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Also write every figure as SVG and PNG, and the numbers of figures and tables as CSV, into this "
            "folder. Pictures need a Chrome or Chromium and the extra 'figures' (pip install 'hpo\\[figures]').",
        ),
    ] = None,
    dashboard: Annotated[Path | None, typer.Option(help="Another dashboard than the study file's.")] = None,
    serve: Annotated[
        int | None, typer.Option(metavar="PORT", min=0, max=65535, help="Serve it over HTTP on this port; 0 takes any.")
    ] = None,
    host: Annotated[str, typer.Option(help="Of --serve: the address to listen on.")] = "127.0.0.1",
    every: Annotated[
        int,
        typer.Option(
            metavar="SECONDS",
            min=1,
            max=LONGEST_WAIT,
            help="Of --serve: how often to look whether the study has moved on.",
        ),
    ] = 60,
    allow_host: AllowHostOption = None,
    database: DatabaseOption = None,
) -> None:
    """Write the report: one HTML file that opens offline. A study that still runs has a report too.

    Of several studies: their models on the test split, what they were asked for and what they found, side by side, with
    paired differences where they were tested on the same patches.
    """
    from hpo.reports.ours import check_figures, check_page

    # At once: reading the results of a large study takes minutes.
    if output is not None:
        check_page(output, "--output")
    if figures is not None:
        check_figures(figures, "--figures")
    if others:
        for option, value in (("--serve", serve), ("--dashboard", dashboard)):
            if value is not None:
                raise HpoError(f"{option} is for the report of one study; found {1 + len(others)}")
        _compare([study, *others], output, figures, database)
        return
    if serve is not None and figures is not None:
        raise HpoError("--figures writes a folder once and --serve goes on; take one of them")
    _report(
        study,
        output,
        figures,
        dashboard,
        database,
        None if serve is None else _Serving(host, serve, every, tuple(allow_host or ())),
    )


class _Serving(NamedTuple):
    host: str
    port: int
    every: int
    allow: tuple[str, ...]


def _report(
    study: str,
    output: Path | None,
    figures: Path | None,
    dashboard: Path | None,
    database: str | None,
    serving: _Serving | None,
) -> None:
    from hpo.config.load import load_dashboard, load_study
    from hpo.data.prepare import prepare_data
    from hpo.reports.ours import check_page
    from hpo.reports.page import write_report
    from hpo.reports.panels.function import look_for_modules
    from hpo.reports.serve import LiveReport, serve_report, study_progress
    from hpo.results.read import read_results
    from hpo.storage.database import open_database

    settings = load_study(study, database)
    panels = settings.panels if dashboard is None else load_dashboard(dashboard)
    look_for_modules(panels, settings.file.parent, (dashboard or settings.dashboard).absolute().parent)
    path = output or settings.output / "report.html"
    say_once = cache(say)  # a served report is written again and again
    # A report that is served waits for a study that has not begun.
    with open_begun(settings) if serving is None else closing(open_database(settings.database)) as opened:

        @cache  # reading all patches takes minutes for a large data set
        def dataset() -> Dataset | None:
            try:
                return prepare_data(settings.data)
            except DataError as error:
                say(f"without the data section: {error}")
                return None

        def write() -> None:
            with err.status("writing the report"):
                write_report(read_results(opened, settings, dataset()), panels, path, say_once, figures)

        check_page(path, "the report's file")
        if serving is None:
            write()
            _print_paths(path, figures)
        else:
            live = LiveReport(settings.name, path, lambda: study_progress(opened, settings), write, say)
            serve_report(
                live,
                host=serving.host,
                port=serving.port,
                every=serving.every,
                announce=tell,
                allow=serving.allow,
            )


def _compare(files: list[str], output: Path | None, figures: Path | None, database: str | None) -> None:
    from hpo.config.load import load_study
    from hpo.reports.ours import check_page
    from hpo.reports.versus.page import write_comparison
    from hpo.reports.versus.settings import wishes_of
    from hpo.reports.versus.study import ComparedStudy, labels
    from hpo.results.read import read_results

    studies = [load_study(file, database) for file in files]
    for index, one in enumerate(studies):
        if one.file in [other.file for other in studies[:index]]:
            raise HpoError(f"{files[index]} stands there twice; a study is not compared with itself")
    found = []
    for one, label in zip(studies, labels([one.name for one in studies], [one.file for one in studies]), strict=True):
        with open_begun(one) as opened:
            found.append(ComparedStudy(label, read_results(opened, one), wishes_of(one)))
    names = [one.name for one in studies]
    name = "-vs-".join(names if len(names) <= 3 else [names[0], f"{len(names) - 1}-others"])
    path = output or studies[0].output / f"report-{name}.html"
    check_page(path, "the report's file")
    with err.status("writing the comparison"):
        write_comparison(tuple(found), path, say, figures)
    _print_paths(path, figures)


def _print_paths(*paths: Path | None) -> None:
    for path in filter(None, paths):
        tell(str(path))
