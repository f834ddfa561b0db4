"""``hpo report --serve`` as a process: what it prints, what it serves, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.cli.hpo import Hpo
from tests.stages.story import Story


@dataclass(frozen=True)
class Served:
    """The command while it runs, listening on a free port.

    Args:
        process: standard output is a pipe.
        log: what it says on standard error.
        url: what it printed.
    """

    process: subprocess.Popen[str]
    log: Path
    url: str

    def said(self) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if not line.startswith("import time:")]

    def imported(self) -> set[str]:
        return {line.rpartition("|")[2].strip() for line in self.log.read_text().splitlines()}

    def end(self, how: signal.Signals) -> tuple[int, str]:
        """Exit status, and what was printed after the URL."""
        self.process.send_signal(how)
        out, _ = self.process.communicate(timeout=30)
        return self.process.returncode, out


@pytest.fixture
def serve(story: Story, tmp_path: Path) -> Iterator[Callable[[], Served]]:
    """Starts the command; what a failing test leaves behind is killed."""
    processes = []

    def start() -> Served:
        log = tmp_path / "log"
        words = ["report", str(story.study.file), "--serve", "0", "--every", "1"]
        with log.open("w") as err:
            process = subprocess.Popen(
                [sys.executable, "-X", "importtime", "-m", "hpo", *words],
                env={name: value for name, value in os.environ.items() if not name.startswith("HPO_")},
                stdout=subprocess.PIPE,
                stderr=err,
                text=True,
            )
        processes.append(process)
        assert process.stdout is not None
        return Served(process, log, process.stdout.readline().strip())

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def page_of(url: str) -> str:
    with urlopen(url, timeout=30) as response:  # noqa: S310 - our own
        return str(response.read().decode())


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_follows_a_study_from_before_its_beginning_until_it_is_told_to_end(
    serve: Callable[[], Served], story: Story, ending: signal.Signals
) -> None:
    served = serve()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", served.url)
    assert "Not begun yet" in page_of(served.url)

    story.run("stage1")
    wait_until(lambda: "Made by hpo" in page_of(served.url))
    first = page_of(served.url)
    story.run("stage2")
    wait_until(lambda: page_of(served.url) != first)
    assert (story.study.output / "report.html").read_text() == page_of(served.url)

    assert served.end(ending) == (0, "")
    (line,) = served.said()  # the story has no data; a report that is served says so once
    assert line.startswith("without the data section: ")
    assert "hpo.reports.page" in served.imported()
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
