"""When figures and notes are published again, and what is said about it."""

from __future__ import annotations

import pytest

from hpo.reports.optuna_dashboard.server import LivePublication
from hpo.results.progress import Progress

BEGUN = Progress(stages_opened=1, stages_closed=0, points_finished=0, epochs_trained=0)


class Study:
    """A study whose progress and publishing the test decides on."""

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self.broken: Exception | None = None
        self.published = 0
        self.lines: list[str] = []
        self.live = LivePublication("small", lambda: self.progress, self.publish, self.lines.append)

    def publish(self) -> None:
        if self.broken is not None:
            raise self.broken
        self.published += 1


@pytest.fixture
def study() -> Study:
    return Study()


def test_a_study_that_has_not_begun_is_said_so_once_and_published_once_it_has(study: Study) -> None:
    for _ in range(3):
        study.live.refresh()
    assert study.lines == ["small has not started yet; its figures and notes appear once it has"]
    assert study.published == 0
    study.progress = BEGUN
    study.live.refresh()
    assert study.published == 1


def test_it_is_published_again_only_when_the_study_has_moved_on(study: Study) -> None:
    counts = []
    for progress in (BEGUN, BEGUN, BEGUN._replace(epochs_trained=1), BEGUN._replace(epochs_trained=1)):
        study.progress = progress
        study.live.refresh()
        counts.append(study.published)
    assert counts == [1, 1, 2, 2]
    assert study.lines == []


def test_an_error_is_said_once_and_every_refresh_tries_again(study: Study) -> None:
    study.progress, study.broken = BEGUN, OSError("disk\nfull")
    for _ in range(2):
        study.live.refresh()
    assert study.lines == ["figures and notes were not refreshed: disk"]
    study.broken = None
    study.live.refresh()
    assert study.published == 1
    study.progress, study.broken = BEGUN._replace(points_finished=1), OSError("disk\nfull")
    study.live.refresh()
    assert len(study.lines) == 2, "it had gone well in between"
