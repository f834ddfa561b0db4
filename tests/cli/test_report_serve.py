"""``hpo report --serve`` as a process: what it prints, what it serves, and how it ends."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.cli.hpo import Hpo
from tests.cli.served import Served, serving, wait_until
from tests.stages.story import Story


@pytest.fixture
def serve(story: Story, tmp_path: Path) -> Iterator[Callable[[], Served]]:
    """Starts the command on a free port."""
    with ExitStack() as stack:
        command = ("report", str(story.study.file), "--serve", "0", "--every", "1")
        yield lambda: stack.enter_context(serving(tmp_path / "log", *command))


def page_of(url: str) -> str:
    with urlopen(url, timeout=120) as response:  # noqa: S310 - our own
        return str(response.read().decode())


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_follows_a_study_from_before_its_beginning_until_it_is_told_to_end(
    serve: Callable[[], Served], story: Story, ending: signal.Signals
) -> None:
    served = serve()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", served.url)
    assert "Not started yet" in page_of(served.url)

    story.run("stage1")
    wait_until(lambda: "Made by hpo" in page_of(served.url))
    first = page_of(served.url)
    story.run("stage2")
    wait_until(lambda: page_of(served.url) != first)
    assert (story.study.output / "report.html").read_text() == page_of(served.url)

    assert served.end(ending) == (0, "")
    (line,) = served.said()  # the story has no data; a report that is served says so once
    assert line.startswith("without the data section: ")
    assert "hpo.reports.page.report" in served.imported()
    assert not served.imported() & {"tensorflow", "keras"}


def test_when_the_report_cannot_be_written_any_more_the_last_page_stays(
    serve: Callable[[], Served], story: Story
) -> None:
    story.run("stage1")
    served = serve()
    before = page_of(served.url)
    report = story.study.output / "report.html"
    report.unlink()
    report.mkdir()  # a folder stands where the file has to go
    story.run("stage2")

    wait_until(lambda: len(served.said()) > 1)
    assert served.said()[1].startswith("the report was not refreshed: ")
    assert page_of(served.url) == before
    assert served.end(signal.SIGTERM) == (0, "")


@pytest.mark.parametrize("options", [("--serve", "65536"), ("--serve", "no"), ("--serve", "0", "--every", "0")])
def test_impossible_ports_and_pauses_are_refused(hpo: Hpo, story: Story, options: tuple[str, ...]) -> None:
    ended = hpo("report", story.study.file, *options)
    assert (ended.status, ended.out) == (2, "")
    assert "Invalid value for '--" in ended.err


def test_an_address_that_is_not_this_machines_is_one_clear_line(hpo: Hpo, story: Story) -> None:
    line = hpo.refused("report", story.study.file, "--serve", "0", "--host", "192.0.2.1")
    assert line == "cannot serve on port 0 of 192.0.2.1: Cannot assign requested address"
