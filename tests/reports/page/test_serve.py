"""The report over HTTP: when it is written again, and what a reader can and cannot get."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from hpo.errors import HpoError
from hpo.reports.page.http_guard import SECURITY_HEADERS
from hpo.reports.page.serve import LiveReport, ReportServer, serve_report
from hpo.reports.page.shell import PAGE_POLICY
from hpo.results.progress import Progress, study_progress
from hpo.storage.claims import claim_points
from hpo.storage.database import Database
from tests.stages.story import Story, load

BEGUN = Progress(stages_opened=1, stages_closed=0, points_finished=0, epochs_trained=0)


class Study:
    """A study whose progress and report the test decides on."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "report.html"
        self.progress: Progress | None = None
        self.broken: Exception | None = None
        self.written = 0
        self.lines: list[str] = []
        self.report = LiveReport("a <study>", self.path, lambda: self.progress, self.write, self.lines.append)

    def write(self) -> None:
        if self.broken is not None:
            raise self.broken
        self.written += 1
        self.path.write_text(f"report {self.written}")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


def test_a_study_that_has_not_begun_has_a_plain_page_and_no_report(study: Study) -> None:
    study.report.refresh()
    assert "<h1>a &lt;study&gt;</h1><p>Not started yet.</p>" in study.report.page.decode()
    assert not study.path.exists()
    assert study.lines == []


def test_the_report_is_written_once_the_study_has_begun_and_again_only_when_it_has_moved_on(study: Study) -> None:
    pages = []
    for progress in (BEGUN, BEGUN, BEGUN._replace(epochs_trained=1), BEGUN._replace(epochs_trained=1)):
        study.progress = progress
        study.report.refresh()
        pages.append(study.report.page)
    assert pages == [b"report 1", b"report 1", b"report 2", b"report 2"]


def test_after_an_error_the_page_before_stays_one_line_says_why_and_the_next_refresh_tries_again(study: Study) -> None:
    study.progress = BEGUN
    study.report.refresh()
    study.progress, study.broken = BEGUN._replace(points_finished=1), OSError("disk\nfull")
    study.report.refresh()
    assert (study.report.page, study.lines) == (b"report 1", ["the report was not refreshed: disk"])
    study.broken = None
    study.report.refresh()
    assert study.report.page == b"report 2"


@pytest.fixture
def story(database: Database, tmp_path: Path) -> Story:
    return Story(load(tmp_path), database)


def test_progress_moves_with_every_opened_and_closed_stage_finished_point_and_trained_epoch(story: Story) -> None:
    def progress() -> Progress | None:
        return study_progress(story.database, story.study)

    assert progress() is None
    story.advance()
    assert progress() == Progress(stages_opened=2, stages_closed=0, points_finished=0, epochs_trained=0)
    story.database.run(claim_points, "small", "one who only claims", 3600)
    assert progress() == Progress(stages_opened=2, stages_closed=0, points_finished=0, epochs_trained=0)
    finished = story.work()
    assert progress() == (2, 0, len(finished), sum(story.trained.values()))


def test_progress_ends_with_every_stage_closed(story: Story) -> None:
    story.run()
    progress = study_progress(story.database, story.study)
    assert progress is not None
    assert progress.stages_opened == progress.stages_closed == 8


@pytest.fixture
def server(study: Study) -> Iterator[ReportServer]:
    """Listening on a free port, with a report and a secret beside it."""
    study.progress = BEGUN
    study.report.refresh()
    study.path.with_name("study.db").write_text("secret")
    with ReportServer("127.0.0.1", 0, study.report) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def ask(server: ReportServer, path: str, method: str = "GET") -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=120)
    connection.putrequest(method, path)  # as it is, where a client library would tidy the path up
    connection.endheaders()
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response, content


def test_the_report_is_at_the_root_and_neither_kept_nor_guessed_about_by_browsers(server: ReportServer) -> None:
    response, content = ask(server, "/")
    assert (response.status, content) == (200, b"report 1")
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Server"].strip() == "hpo"
    assert {name: response.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert response.headers["Content-Security-Policy"] == f"{PAGE_POLICY}; frame-ancestors 'none'"


def test_a_head_request_gets_the_same_headers_and_no_content(server: ReportServer) -> None:
    response, content = ask(server, "/?again", method="HEAD")
    assert (response.status, response.headers["Content-Length"], content) == (200, "8", b"")


def test_health_answers_for_whoever_watches_the_process(server: ReportServer) -> None:
    response, content = ask(server, "/health")
    assert (response.status, content) == (200, b"ok\n")


@pytest.mark.parametrize("path", ["/study.db", "/report.html", "/.", "/../study.db", "/%2e%2e/study.db", "/health/"])
def test_nothing_else_is_served(server: ReportServer, path: str) -> None:
    response, content = ask(server, path)
    assert response.status == 404
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert b"secret" not in content


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_it_can_only_be_read(server: ReportServer, method: str) -> None:
    assert ask(server, "/", method)[0].status == 501


def test_a_reader_who_leaves_early_disturbs_nobody(
    study: Study, server: ReportServer, capfd: pytest.CaptureFixture[str]
) -> None:
    study.report.page = b"x" * 50_000_000
    connection = HTTPConnection("127.0.0.1", server.server_port)
    connection.request("GET", "/")
    connection.close()
    study.report.page = b"short"
    assert ask(server, "/")[1] == b"short"
    assert capfd.readouterr().err == ""


def test_a_port_that_is_taken_is_one_clear_line(study: Study, server: ReportServer) -> None:
    with pytest.raises(HpoError) as refused:
        serve_report(study.report, host="127.0.0.1", port=server.server_port, every=60, announce=print)
    assert str(refused.value) == f"cannot serve on port {server.server_port} of 127.0.0.1: Address already in use"
