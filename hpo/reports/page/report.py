"""The report's page: one HTML file with everything in it, which opens without a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from hpo.config.dashboard import Dashboard, PanelSettings
from hpo.reports.files.pictures import write_figures
from hpo.reports.page.contents import contents
from hpo.reports.page.shell import Heading, PanelContents, Section, render_page, write_page
from hpo.reports.page.summary import summarize
from hpo.reports.panel import NotAskedError, panel_named
from hpo.reports.plot.looks import Looks
from hpo.results.study import StudyResults
from hpo.results.words import capital, listed, plural

Say = Callable[[str], object]
"""Takes one line for the terminal."""


def write_report(
    results: StudyResults, dashboard: Dashboard, path: Path, say: Say | None = None, figures: Path | None = None
) -> None:
    """Write the report by renaming a finished file, so that no reader sees half of it.

    Args:
        results: of a study, which may still be running: panels without data say what is missing.
        dashboard: which panels, in which order.
        path: the HTML file to write or replace; its folder is made.
        say: takes a line for each of the user's own panels that went wrong (the page says so too), and one if there
            are no pictures.
        figures: a folder for every figure and table as files, by `hpo.reports.files.pictures.write_figures`.
    """
    sections = list(_sections(results, dashboard.panels, say))
    write_page(path, _render(results, dashboard, sections))
    if figures is not None:
        write_figures(sections, figures, say)


def render_report(results: StudyResults, dashboard: Dashboard, say: Say | None = None) -> str:
    """The report as the text of an HTML file; ``say`` as for `write_report`."""
    return _render(results, dashboard, list(_sections(results, dashboard.panels, say)))


def _render(results: StudyResults, dashboard: Dashboard, sections: Sequence[Section]) -> str:
    title = dashboard.title or f"{results.settings.name}: before and after tuning"
    return render_page(title, _lead(results), summarize(results), sections)


def _sections(results: StudyResults, panels: Sequence[PanelSettings], say: Say | None) -> Iterator[Section]:
    anchors = _anchors([options.panel for options in panels])
    current: Section | None = None
    for number, options in enumerate(panels):
        if current is None or options.section is not None:
            if current is not None:
                yield current
            current = Section(options.section or "", [])
        with suppress(NotAskedError):
            current.panels.append(_panel(results, options, anchors[number], say))
    if current is not None:
        yield current


def _anchors(names: Sequence[str]) -> list[str]:
    """A panel's name; from the second of its kind on with a number, so that a link to it lasts."""
    seen: Counter[str] = Counter()
    anchors = []
    for name in names:
        seen[name] += 1
        anchors.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return anchors


def _panel(results: StudyResults, options: PanelSettings, anchor: str, say: Say | None) -> PanelContents:
    panel = panel_named(options.panel)
    title = options.title or panel.heading(results, options)
    heading = Heading(title, options.label or "", options.width, options.panel)
    looks = Looks(results.settings.architectures)
    return contents(panel, results, options, looks, heading, anchor=anchor, detail=_detail(options), say=say)


def _detail(options: PanelSettings) -> str:
    """The options that tell a panel from another of its kind; all of them are names that a file may have."""
    function = (options.function or "").partition(":")[2]
    parts = (options.factor, *(options.factors or ()), options.metric, options.architecture, options.stage, function)
    return "-".join(part for part in parts if part)


def _lead(results: StudyResults) -> str:
    settings = results.settings
    data = f" on {results.data.name}" if results.data is not None else ""
    return capital(
        f"{plural(len(settings.architectures), 'architecture')} ({listed(settings.architectures)}){data}, each trained "
        f"with {plural(len(settings.confirm.seeds), 'seed')} before and after tuning and compared on the test split."
    )
