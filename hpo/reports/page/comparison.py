"""The page that puts several studies side by side: one HTML file, like a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hpo.reports.files.pictures import write_figures
from hpo.reports.html import Html, element, escape, paragraph, swatch
from hpo.reports.page.contents import contents
from hpo.reports.page.shell import Heading, PanelContents, Section, render_page, write_page
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.looks import Looks
from hpo.reports.versus import figures, settings, tables, tested
from hpo.reports.versus.study import (
    NO_OPTIONS,
    Options,
    Studies,
    architectures_of,
    listed_labels,
    shared_architectures,
    shared_looks,
)
from hpo.results.words import interval, listed, metric_words, number, plural, signed, signed_interval


class _Placed(NamedTuple):
    """A panel with its place on the page."""

    name: str
    panel: Panel[Studies, Options, Any]
    options: Options = NO_OPTIONS
    width: str = "full"


def write_comparison(
    studies: Studies, path: Path, say: Callable[[str], object] | None = None, figures: Path | None = None
) -> None:
    """Write the page by renaming a finished file, so that no reader sees half of it.

    Args:
        studies: two or more, in whatever state; differences are taken from the first.
        path: the HTML file to write or replace; its folder is made.
        say: takes one line if there are no pictures: the reason.
        figures: a folder for every figure and table as files, by `hpo.reports.files.pictures.write_figures`.
    """
    sections = _filled(studies)
    write_page(path, _render(studies, sections))
    if figures is not None:
        write_figures(sections, figures, say)


def render_comparison(studies: Studies) -> str:
    """The page as the text of an HTML file."""
    return _render(studies, _filled(studies))


def _render(studies: Studies, sections: list[Section]) -> str:
    return render_page(f"{listed_labels(studies)}, side by side", _lead(studies), _summary(studies), sections)


def _filled(studies: Studies) -> list[Section]:
    return [Section(heading, [_contents(one, studies) for one in placed]) for heading, placed in _sections(studies)]


def _sections(studies: Studies) -> Iterator[tuple[str, list[_Placed]]]:
    yield "On the test split", [_Placed("tested", tested.PANEL), _Placed("dots", figures.TESTED)]
    yield "What was asked for", [_Placed("settings", settings.PANEL)]
    searches = [
        _Placed(f"search-{place}", figures.SEARCH, Options(name), "half")
        for place, name in enumerate(shared_architectures(studies), start=1)
    ]
    if searches:
        yield "The search", searches
    yield (
        "What was found",
        [_Placed("ranges", tables.RANGES), _Placed("configurations", tables.CONFIGURATIONS)],
    )
    yield "What it cost", [_Placed("compute", tables.COMPUTE)]


def _contents(placed: _Placed, studies: Studies) -> PanelContents:
    heading = Heading(placed.panel.heading(studies, placed.options), width=placed.width, panel=placed.name)
    looks = shared_looks(studies)
    return contents(placed.panel, studies, placed.options, looks, heading, anchor=placed.name)


def _lead(studies: Studies) -> str:
    shared, every = shared_architectures(studies), architectures_of(studies)
    if len(shared) == len(every):
        models = f"{plural(len(every), 'architecture')} ({listed(every)})"
    else:
        models = f"{plural(len(every), 'architecture')}, of which {listed(shared) or 'none'} in more than one study"
    others = listed(study.label for study in studies[1:])
    return f"{plural(len(studies), 'study', 'studies')} of {models}. Differences are {others} minus {studies[0].label}."


def _summary(studies: Studies) -> Html:
    """Cards of the architectures that several studies have tested, and which studies are not finished."""
    running = [study.label for study in studies if not study.results.is_finished]
    parts = []
    if running:
        verb = "is" if len(running) == 1 else "are"
        parts.append(paragraph(f"{listed(running)} {verb} not finished. Below is what there is so far.", "notice"))
    looks = shared_looks(studies)
    try:
        data = tested.read(studies)
    except NotThereError:
        cards = []
    else:
        cards = [_card(data, row, looks) for row in data.rows if sum("after" in sides for sides in row.measured) > 1]
    if cards:
        parts.append(element("div", *cards, class_="cards"))
    return element("section", *parts, class_="summary", id="summary")


def _card(data: tested.Tested, row: tested.TestedArchitecture, looks: Looks) -> Html:
    words = metric_words(data.metric)
    heading = [swatch(looks.colour(row.name)), escape(row.name)]
    values, sentences = [], []
    for label, sides in zip(data.labels, row.measured, strict=True):
        if "after" in sides:
            found = sides["after"].metrics[data.metric]
            values.append(number(found.value))
            sentences.append(f"{label}: {number(found.value)} ({interval(found)}).")
    for label, pair in zip(data.labels[1:], row.pairs, strict=True):
        if pair is not None:
            gain = pair.comparison.metrics[data.metric].difference
            verdict = "excludes 0" if gain.excludes_zero else "includes 0, so this may be chance"
            ends = signed_interval(gain)
            sentences.append(f"{label} minus {data.labels[0]}: {signed(gain.value)}; the interval, {ends}, {verdict}.")
            if len(data.labels) == 2:
                mark = "unsure" if not gain.excludes_zero else "up" if gain.value > 0 else "down"
                heading.append(element("span", escape(signed(gain.value)), class_=f"gain {mark}"))
    return element(
        "article",
        element("h3", *heading),
        paragraph(f"test {words} of the tuned models", "what"),
        paragraph(" | ".join(values), "numbers"),
        paragraph(" ".join(sentences)),
        class_="card",
    )
