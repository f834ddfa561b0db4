"""``hpo dashboard`` as a process, and what its reader sees in a real browser."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

from hpo.run.publishing import publish_if_shown
from hpo.storage.artifacts import ArtifactFiles
from hpo.storage.database import open_database
from hpo.storage.files import Files
from tests.browser import Visit, visit
from tests.cli.hpo import Hpo
from tests.cli.served import Served, serving, wait_until
from tests.stages.story import Story, load

if TYPE_CHECKING:
    from playwright.sync_api import Browser


class Dashboard:
    """optuna-dashboard as it serves a study.

    Args:
        served: its process.
    """

    def __init__(self, served: Served) -> None:
        self.served, self.url = served, served.url

    def get(self, path: str) -> Any:
        with urlopen(f"{self.url}{path}", timeout=120) as response:  # noqa: S310 - our own
            return json.load(response)

    def ids(self) -> dict[str, int]:
        """The Optuna studies that it lists, by name."""
        return {one["study_name"]: one["study_id"] for one in self.get("api/studies")["study_summaries"]}

    def study(self, name: str) -> Any:
        return self.get(f"api/studies/{self.ids()[name]}")


@contextmanager
def dashboard(study: Path, log: Path) -> Iterator[Dashboard]:
    """Starts the command on a free port."""
    with serving(log, "dashboard", str(study), "--port", "0", "--every", "1") as served:
        yield Dashboard(served)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_follows_a_study_from_before_its_beginning_until_it_is_told_to_end(
    story: Story, tmp_path: Path, ending: signal.Signals
) -> None:
    with dashboard(story.study.file, tmp_path / "log") as shown:
        follow(shown, story, ending)


def follow(shown: Dashboard, story: Story, ending: signal.Signals) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", shown.url)
    assert shown.ids() == {}
    assert shown.served.said() == ["small has not started yet; its figures and notes appear once it has"]

    story.run("stage1")
    wait_until(lambda: "10 complete" in shown.study("small/stage1/tiny")["note"]["body"])
    assert len(shown.study("small/stage1/tiny")["plotly_graph_objects"]) == 6
    story.run("stage2")
    wait_until(lambda: "4 complete" in shown.study("small/stage2/tiny")["note"]["body"])
    assert shown.served.end(ending) == (0, "")
    assert len(shown.served.said()) == 1


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Dashboard, Story]]:
    """The dashboard of a study whose stage 2 is over."""
    folder = tmp_path_factory.mktemp("dashboard")
    url = f"sqlite:///{folder / 'study.db'}"
    with closing(open_database(url)) as database:
        study = load(folder, database=url)
        story = Story(study, database, artifacts=ArtifactFiles(Files(study.checkpoints)))
        story.run("stage2")
        with dashboard(story.study.file, folder / "log") as shown:
            yield shown, story


def test_a_trials_curve_is_downloaded_as_csv(finished: tuple[Dashboard, Story]) -> None:
    shown, story = finished
    study_id = shown.ids()["small/stage1/tiny"]
    (trial,) = [one for one in shown.study("small/stage1/tiny")["trials"] if one["number"] == 2]
    (artifact,) = trial["artifacts"]
    address = f"{shown.url}artifacts/{study_id}/{trial['trial_id']}/{artifact['artifact_id']}"
    with urlopen(address, timeout=120) as response:  # noqa: S310 - our own
        assert response.headers["Content-Type"] == "text/csv"
        rows = list(csv.DictReader(io.TextIOWrapper(response)))
    (point,) = [point for point in story.points("stage1") if point.trial_id == trial["trial_id"]]
    assert [{name: float(value) for name, value in row.items()} for row in rows] == [
        {"epoch": epoch, **metrics} for epoch, metrics in enumerate(point.curve or [], 1)
    ]


@pytest.fixture
def open_page(finished: tuple[Dashboard, Story], browser: Browser) -> Iterator[Callable[[str], Visit]]:
    """Opens a page of that dashboard: ``open_page("studies/{small/stage1/tiny}")``."""
    shown, _ = finished
    ids = shown.ids()
    with ExitStack() as stack:

        def opened(path: str) -> Visit:
            for name, study_id in ids.items():
                path = path.replace(f"{{{name}}}", str(study_id))
            return stack.enter_context(visit(browser, f"{shown.url}dashboard/{path}"))

        yield opened


def look(visited: Visit, *selectors: str) -> None:
    """Wait until all of this is there, without anything that goes wrong."""
    for selector in selectors:
        visited.page.wait_for_selector(selector, timeout=120_000)
    assert visited.troubles == []


def test_the_studies_are_listed(open_page: Callable[[str], Visit]) -> None:
    look(open_page(""), *(f"text=small/{stage}/{name}" for stage in ("stage1", "stage2") for name in ("tiny", "wide")))


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("small/stage1/tiny", ["factor_effect-epochs", "factor_effect-learning_rate", "learning_curves"]),
        ("small/stage2/wide", ["history", "best_so_far"]),
    ],
)
def test_our_plots_are_drawn_inside_their_frames(
    open_page: Callable[[str], Visit], name: str, figures: list[str]
) -> None:
    study = open_page(f"studies/{{{name}}}")
    places = [f"[id='user-defined-plot:hpo-{figure}']" for figure in figures]
    look(study, *(f"{place} .scatterlayer .trace" for place in places), *(f"{place} .gtitle" for place in places))
    for place in places:
        box = study.page.locator(f"{place} .main-svg").first.bounding_box()
        frame = study.page.locator(place).bounding_box()
        assert box is not None
        assert frame is not None
        assert box["width"] > 200
        assert box["width"] <= frame["width"] + 1
        assert 300 < box["height"] <= frame["height"] + 1


def test_the_note_is_shown_and_leads_to_the_other_stage(open_page: Callable[[str], Visit]) -> None:
    note = open_page("studies/{small/stage1/tiny}/note")
    look(note, "h2:has-text('Stage 1 of tiny: explore')", "li:has-text('Best trial')")
    note.page.click("a:has-text('small/stage2/tiny')")
    look(note, "text=small/stage2/tiny (id=", "[id='user-defined-plot:hpo-history'] .main-svg")


def test_the_dashboards_own_figures_are_drawn_too(open_page: Callable[[str], Visit]) -> None:
    look(open_page("studies/{small/stage1/tiny}/analytics"), ".main-svg")


def test_a_trials_page_lists_its_curve_and_shows_it_as_a_table(open_page: Callable[[str], Visit]) -> None:
    trial = open_page("studies/{small/stage1/tiny}/trials?numbers=2")
    look(trial, "text=Trial 2 (trial_id=", "text=curve.csv")
    assert trial.page.locator("text=curve.csv").count() == 1
    trial.page.locator("text=curve.csv").locator("xpath=..").locator("button").first.click()
    look(trial, "th:has-text('valid_auc')", "td:has-text('0.872')")


def test_who_closes_a_stage_publishes_it_where_optuna_dashboard_is_installed(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.run("stage1")
    study_id = story.database.storage.get_study_id_from_name("small/stage1/tiny")
    with monkeypatch.context() as patch:
        patch.setattr("hpo.run.publishing.find_spec", lambda _name: None)
        publish_if_shown(story.study, story.database)
    assert story.database.storage.get_study_system_attrs(study_id) == {}
    publish_if_shown(story.study, story.database)
    assert "dashboard:note_ver" in story.database.storage.get_study_system_attrs(study_id)


def test_a_port_that_is_taken_is_one_clear_line(hpo: Hpo, story: Story) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        line = hpo.refused("dashboard", story.study.file, "--port", port)
    assert line == f"cannot serve on port {port} of 127.0.0.1: Address already in use"


def test_without_the_package_one_line_says_what_to_install(
    hpo: Hpo, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpo.run.publishing.find_spec", lambda name: None if name == "optuna_dashboard" else util)
    line = hpo.refused("dashboard", story.study.file)
    assert line == "hpo dashboard needs the package optuna-dashboard: pip install optuna-dashboard"


def test_a_database_whose_driver_is_missing_is_one_clear_line(
    hpo: Hpo, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    line = hpo.refused("dashboard", story.study.file, "--database", "postgresql+psycopg://user@127.0.0.1/hpo")
    assert "its driver is not installed; pip install 'psycopg[binary]'" in line


@pytest.mark.parametrize("options", [("--port", "65536"), ("--port", "no"), ("--every", "0")])
def test_impossible_ports_and_pauses_are_refused(hpo: Hpo, story: Story, options: tuple[str, ...]) -> None:
    ended = hpo("dashboard", story.study.file, *options)
    assert (ended.status, ended.out) == (2, "")
    assert "Invalid value for '--" in ended.err
