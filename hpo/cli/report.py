"""``hpo report``: the report of a study, finished or running."""

from __future__ import annotations

import json
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from hpo.cli.limits import LONGEST_WAIT
from hpo.cli.options import AllowHostOption, DatabaseOption, JsonOption, StudyArgument
from hpo.errors import ConfigError, DataError, HpoError
from hpo.file_faults import described
from hpo.stages.begun import Begun, looking_at
from hpo.terminal import err, say, tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from hpo.config.as_planned import StudyPlace
    from hpo.config.study import DataSettings
    from hpo.data.dataset import Dataset
    from hpo.results.progress import Progress
    from hpo.results.study import StudyResults


def report(
    study: StudyArgument,
    others: Annotated[
        list[str] | None,
        typer.Argument(metavar="STUDY", help="Further study files to compare with the first."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="HTML file to write; by default report.html, or report-A-vs-B.html, in the first's output folder."
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
    dashboard: Annotated[Path | None, typer.Option(help="Dashboard file to use instead of the study file's.")] = None,
    serve: Annotated[
        int | None,
        typer.Option(
            metavar="PORT", min=0, max=65535, help="Port to serve the report on over HTTP; 0 takes any free one."
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on, with --serve.")] = "127.0.0.1",
    every: Annotated[
        int,
        typer.Option(
            metavar="SECONDS",
            min=1,
            max=LONGEST_WAIT,
            help="Seconds between two looks at the study, with --serve.",
        ),
    ] = 60,
    allow_host: AllowHostOption = None,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Write the report: one HTML file that opens offline. A running study has a report too.

    Several studies are compared side by side: their models on the test split, their settings and their findings, with
    paired differences if they were tested on the same patches.
    """
    from hpo.reports.page.ours import check_figures, check_page

    # At once: reading the results of a large study takes minutes.
    if output is not None:
        check_page(output, "--output")
    if figures is not None:
        check_figures(figures, "--figures")
    if others:
        for option, value in (("--serve", serve), ("--dashboard", dashboard), ("--json", as_json or None)):
            if value is not None:
                raise HpoError(f"{option} is for the report of one study; found {1 + len(others)}")
        _compare([study, *others], output, figures, database)
        return
    if serve is not None and as_json:
        raise HpoError("--json is for a report that is written once, and --serve keeps running; use one of them")
    if serve is not None and figures is not None:
        raise HpoError("--figures writes a folder once and --serve keeps running; use one of them")
    _report(
        study,
        output,
        figures,
        dashboard,
        database,
        None if serve is None else _Serving(host, serve, every, tuple(allow_host or ())),
        as_json=as_json,
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
    *,
    as_json: bool,
) -> None:
    from hpo.config.as_planned import find_study
    from hpo.config.load import load_dashboard
    from hpo.reports.page.ours import check_page
    from hpo.reports.page.serve import LiveReport, serve_report
    from hpo.results.progress import study_progress
    from hpo.storage.database import look_into

    place = find_study(study, database)
    panels = load_dashboard(dashboard or _named_dashboard(place))
    path = output or place.output / "report.html"
    say_once = cache(say)  # a served report is written again and again

    @cache  # reading all patches takes minutes for a large data set
    def patches(data: DataSettings) -> Dataset | None:
        return _dataset(data, say_once)

    def write() -> StudyResults:
        with looking_at(study, database, panels) as begun:
            return _write(begun, patches(begun.study.data), dashboard, path, figures, say_once)

    def progress() -> Progress | None:
        opened = look_into(place.database)
        if opened is None:
            return None
        with closing(opened):
            return study_progress(opened, place)

    if serving is None:
        results = write()
        if as_json:
            _print_json(results, path, figures)
        else:
            _print_paths(path, figures)
    else:  # it waits for a study that has not begun
        check_page(path, "the report's file")
        if (
            found := look_into(place.database)
        ) is not None:  # one that refuses the password is told now, not waited for
            found.close()

        def rewrite() -> None:
            write()

        live = LiveReport(place.name, path, progress, rewrite, say)
        serve_report(
            live, host=serving.host, port=serving.port, every=serving.every, announce=tell, allow=serving.allow
        )


def _named_dashboard(place: StudyPlace) -> Path:
    """The dashboard that a study file names.

    Raises:
        ConfigError: if it names none.
    """
    from hpo.config.fields import absolute_path

    named = place.document.values.get("dashboard")
    if not isinstance(named, str) or not named:
        raise ConfigError(place.file, "is not a YAML file name; give one with --dashboard", key="dashboard")
    return absolute_path(named, place.document.folder)


def _write(
    begun: Begun,
    dataset: Dataset | None,
    dashboard: Path | None,
    path: Path,
    figures: Path | None,
    say_once: Callable[[str], None],
) -> StudyResults:
    """Write the report of a study in its present state."""
    from hpo.reports.page.ours import check_page
    from hpo.reports.page.report import write_report
    from hpo.reports.panels.function import look_for_modules
    from hpo.results.read import read_results

    check_page(path, "the report's file")
    settings = begun.study
    for note in begun.notes():
        say_once(note)
    look_for_modules(settings.panels, settings.file.parent, (dashboard or settings.dashboard).absolute().parent)
    with err.status("writing the report"):
        results = read_results(begun.database, settings, dataset)
        try:
            write_report(results, settings.panels, path, say_once, figures)
        except PermissionError as error:
            raise HpoError(f"{path}: {described(error)}; --output FILE writes the report elsewhere") from error
    return results


def _dataset(settings: DataSettings, say_once: Callable[[str], None]) -> Dataset | None:
    """The study's patches; None if they are not available here. Nothing is created."""
    from hpo.data.prepare import prepare_data

    try:
        return prepare_data(settings.model_copy(update={"sample": None}))
    except DataError as error:
        say_once(f"without the data section: {error}")
        return None


def _compare(files: list[str], output: Path | None, figures: Path | None, database: str | None) -> None:
    from hpo.config.as_planned import find_study
    from hpo.reports.page.comparison import write_comparison
    from hpo.reports.page.ours import check_page
    from hpo.reports.versus.settings import wishes_of
    from hpo.reports.versus.study import ComparedStudy, labels
    from hpo.results.read import read_results

    studies = [find_study(file, database) for file in files]
    for index, one in enumerate(studies):
        if one.file in [other.file for other in studies[:index]]:
            raise HpoError(f"{files[index]} is listed twice; a study is not compared with itself")
    found = []
    names_shown = labels([one.name for one in studies], [one.file for one in studies])
    for file, label in zip(files, names_shown, strict=True):
        with looking_at(file, database) as begun:
            for note in begun.notes():
                say(note)
            found.append(ComparedStudy(label, read_results(begun.database, begun.study), wishes_of(begun.study)))
    names = [one.name for one in studies]
    name = "-vs-".join(names if len(names) <= 3 else [names[0], f"{len(names) - 1}-others"])
    path = output or studies[0].output / f"report-{name}.html"
    check_page(path, "the report's file")
    with err.status("writing the comparison"):
        write_comparison(tuple(found), path, say, figures)
    _print_paths(path, figures)


def _print_json(results: StudyResults, path: Path, figures: Path | None) -> None:
    from hpo.results.as_json import results_to_json

    found = {"report": str(path), "figures": None if figures is None else str(figures)}
    typer.echo(json.dumps(found | {"results": results_to_json(results)}, indent=2))


def _print_paths(*paths: Path | None) -> None:
    for path in filter(None, paths):
        tell(str(path))
