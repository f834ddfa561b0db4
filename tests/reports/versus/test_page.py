"""The page of several studies, and what it shows beside their test metrics."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from hpo.reports.page.comparison import render_comparison, write_comparison
from hpo.reports.panel import NotThereError
from hpo.reports.table import Table
from hpo.reports.versus import figures, tables
from hpo.reports.versus.study import (
    ComparedStudy,
    Options,
    architectures_of,
    labels,
    shared_architectures,
    shared_looks,
)
from hpo.results.cost import TUNING
from hpo.results.study import StudyResults
from tests.reports.browser import browse
from tests.reports.looks import LOOKS
from tests.results.invented import invent_study, running_study


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell, _ in row] for row in table.full_rows()]


class TestNames:
    def test_studies_are_called_by_their_names(self) -> None:
        assert labels(["a", "b"], [Path("/x/a.yaml"), Path("/x/b.yaml")]) == ["a", "b"]

    def test_of_one_name_they_are_told_apart_by_their_files(self) -> None:
        files = [Path("/lab/one/study.yaml"), Path("/lab/two/study.yaml"), Path("/lab/other.yaml")]
        assert labels(["s", "s", "t"], files) == ["s (one/study.yaml)", "s (two/study.yaml)", "t"]
        assert labels(["s", "s"], [Path("/a.yaml"), Path("/b.yaml")]) == ["s (a.yaml)", "s (b.yaml)"]
        assert labels(["s", "s"], [Path("/study.yaml"), Path("/x/study.yaml")])[0] == "s (/study.yaml)"

    def test_a_model_has_one_colour_in_all_studies(self, first: ComparedStudy, second: ComparedStudy) -> None:
        studies = (first, second)
        assert architectures_of(studies) == ("model1", "model2", "model3", "mine")
        assert shared_architectures(studies) == ("model2", "model3")
        assert len({shared_looks(studies).colour(name) for name in architectures_of(studies)}) == 4


class TestTheSearch:
    def test_a_line_is_the_best_so_far_against_what_was_trained_until_then(self, first: ComparedStudy) -> None:
        data = figures.read_search((first, replace(first, label="again")), Options("model2"))
        trials = [one for one in first.results.trials if one.architecture == "model2"]
        keys = {one.recipe_key for one in trials}
        spent = {
            trial.finished_at: sum(
                entry.patch_visits
                for entry in first.results.epochs
                if entry.recipe_key in keys and entry.at <= (trial.finished_at or 0)
            )
            for trial in trials
        }
        done = sorted((one.finished_at or 0, one.objective) for one in trials if one.objective is not None)
        best = list(accumulate((value for _, value in done), max))
        steps = {spent[at]: value for (at, _), value in zip(done, best, strict=True)}
        line = data.lines[0]
        assert dict(zip(line.visits[:-1], line.best[:-1], strict=True)).items() <= steps.items()
        assert line.best == [*sorted(set(best)), best[-1]]
        assert line.visits[-1] == sum(one.patch_visits for one in first.results.epochs if one.recipe_key in keys)
        assert [one.label for one in data.lines] == ["first", "again"]
        assert f"first {best[-1]:.3f} after {line.visits[-1]:,}" in figures.finding_search(data)

    def test_studies_are_told_apart_by_more_than_colour(self, first: ComparedStudy) -> None:
        read = figures.read_search((first, replace(first, label="again")), Options("model2"))
        shown = figures.draw_search(read, LOOKS)
        assert len({trace.line.dash for trace in shown.data}) == 2
        assert len({trace.marker.symbol for trace in shown.data}) == 2

    def test_different_objectives_are_not_drawn_into_one_plot(self, first: ComparedStudy) -> None:
        settings = first.results.settings
        objective = replace(settings.objective, metric="f1")
        other = replace(first, results=replace(first.results, settings=replace(settings, objective=objective)))
        with pytest.raises(NotThereError, match="judge trials by different objectives"):
            figures.read_search((first, other), Options("model1"))


class TestTables:
    def test_ranges_and_configurations_stand_beside_one_another(
        self, first: ComparedStudy, second: ComparedStudy
    ) -> None:
        ranges = texts(tables.draw_ranges(tables.read_ranges((first, second)), LOOKS))
        assert ["model2", "Batch size", "16 to 45", "16 to 45"] in ranges
        assert ["model1", "Learning rate", "0.0017 to 0.0173", "\N{EN DASH}"] in ranges

        tuned = tuple(
            replace(one, point={**one.point, "batch_size": 48}) if one.architecture == "model2" else one
            for one in second.results.confirmations
        )
        changed = replace(second, results=replace(second.results, confirmations=tuned))
        data = tables.read_configurations((first, changed))
        table = tables.draw_configurations(data, LOOKS)
        assert ["model2", "Batch size", "24", "48"] in texts(table)
        bold = [[cell.text for cell, _ in row] for row in table.full_rows() if row[2][0].kind == "strong"]
        assert bold == [["model2", "Batch size", "24", "48"]]  # what a study has not chosen is no difference
        assert tables.finding_configurations(data) == "1 of 10 values that more than one study chose differs."

    def test_compute_is_summed_for_every_model_and_study(self, first: ComparedStudy, second: ComparedStudy) -> None:
        data = tables.read_compute((first, second))
        found = {row[0]: row for row in texts(tables.draw_compute(data, LOOKS))}
        entries = [entry for entry in first.results.compute if entry.architecture == "model2"]
        tuning = sum(entry.spent.patch_visits for entry in entries if entry.role in TUNING)
        assert found["model2"][1] == f"{tuning:,}"
        assert found["model2"][3] == f"{sum(entry.spent.patch_visits for entry in entries):,}"
        assert found["mine"][1] == "\N{EN DASH}"
        everything = sum(entry.spent.patch_visits for entry in second.results.compute)
        assert f"second {everything:,}" in tables.finding_compute(data)

    def test_studies_that_have_not_begun_have_no_tables(self, first: ComparedStudy) -> None:
        bare = replace(first, results=StudyResults(first.results.settings))
        for read in (tables.read_ranges, tables.read_configurations, tables.read_compute):
            with pytest.raises(NotThereError, match=r"^[A-Z].*\.$"):
                read((bare, bare))


class TestThePage:
    def test_it_has_the_answer_the_settings_the_search_and_the_cost(
        self, first: ComparedStudy, second: ComparedStudy, tmp_path: Path
    ) -> None:
        write_comparison((first, second), tmp_path / "new" / "both.html")
        page = (tmp_path / "new" / "both.html").read_text(encoding="utf-8")
        assert "<title>first and second, side by side</title>" in page
        assert "Differences are second minus first." in page
        panels = ("tested", "dots", "settings", "search-1", "search-2", "ranges", "configurations", "compute")
        assert [page.count(f'data-panel="{name}"') for name in panels] == [1] * len(panels)
        assert 'data-panel="search-3"' not in page
        assert page.count('class="card"') == 2

    def test_studies_in_any_state_have_a_page(self, first: ComparedStudy) -> None:
        running = ComparedStudy("under way", running_study(first.results), {})
        bare = ComparedStudy("bare", StudyResults(first.results.settings), {})
        page = render_comparison((bare, running, first))
        assert "bare and under way are not finished." in page
        page = render_comparison((bare, replace(bare, label="as bare")))
        assert page.count('class="missing"') == 8  # all but the settings

    @pytest.mark.parametrize("width", [1280, 390])
    def test_it_opens_in_a_browser_with_all_figures_and_nothing_too_wide(
        self, first: ComparedStudy, second: ComparedStudy, browser: Browser, tmp_path: Path, width: int
    ) -> None:
        write_comparison((first, second), tmp_path / "both.html")
        facts = browse(browser, tmp_path / "both.html", width=width)
        assert (facts["troubles"], facts["requests"], facts["missing"], facts["wide"]) == ([], [], [], 0)
        assert [figure["panel"] for figure in facts["figures"]] == ["dots", "search-1", "search-2"]
        assert all(figure["inside"] and figure["marks"] > 0 for figure in facts["figures"])

    def test_names_are_escaped(self) -> None:
        wicked = "<img src=x onerror=alert(1)></script>"
        results = invent_study((wicked, "b"), (0,), name=wicked)
        study = ComparedStudy(wicked, results, {("Data", wicked): wicked})
        page = render_comparison((study, replace(study, label=f"{wicked}2", wishes={("Data", wicked): "other"})))
        assert "<img src=x" not in page
        assert "onerror=alert(1)></script>" not in page
