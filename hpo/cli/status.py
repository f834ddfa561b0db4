"""``hpo status``: progress of a study, its workers, their pace, and the time left."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.options import DatabaseOption, JsonOption, StudyArgument
from hpo.plain import printable
from hpo.stages.begun import looking_at
from hpo.terminal import out, say, tell

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hpo.config.study import StudyFile
    from hpo.stages.status import ChangedPlan, FailedPoint, Pace, RunningPoint, StageStatus
    from hpo.storage.database import Database
    from hpo.storage.workers import RegisteredWorker

WATCH_SECONDS = 2.0


@dataclass(frozen=True)
class Overview:
    """Everything that ``hpo status`` shows.

    Args:
        stages: the opened ones.
        running: the points that workers hold.
        workers: the running ones.
        pace: of all of them together.
        failed: the points that were given up.
        plans: every change of the plan.
    """

    stages: list[StageStatus]
    running: list[RunningPoint]
    workers: list[RegisteredWorker]
    pace: Pace
    failed: list[FailedPoint]
    plans: list[ChangedPlan]


def status(
    study: StudyArgument,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Look again every two seconds until the study is finished or Ctrl-C is pressed."),
    ] = False,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Show each stage's points and best objective, the workers, the pace and the time left."""
    if watch and not as_json:
        _wait_for_first_worker(study, database)
    with looking_at(study, database) as begun:
        settings, opened = begun.study, begun.database
        for note in begun.notes():
            say(note)

        @cache  # a large grid has thousands of recipes
        def visits() -> int:
            from hpo.stages.estimate import estimate, total

            return total(estimate(settings)).shared_patch_visits

        if watch and not as_json:
            _watch(opened, settings, visits)
            return
        found = _overview(opened, settings, visits)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        out.print(_table(settings, found))
        for line in _lines(found):
            tell(line)


def _wait_for_first_worker(study: str, database: str | None) -> None:
    """Wait until a study is in its database: the watcher may have started before the first worker."""
    from hpo.config.as_planned import find_study
    from hpo.stages.plan import recorded_settings
    from hpo.storage.database import look_into

    place, is_said = find_study(study, database), False
    while True:
        opened = look_into(place.database)
        if opened is not None:
            with closing(opened):
                if recorded_settings(opened, place.name) is not None:
                    return
        if not is_said:
            tell(f"{place.name}: not started yet; waiting for its first worker")
            is_said = True
        time.sleep(WATCH_SECONDS)


def _overview(database: Database, settings: StudyFile, visits: Callable[[], int]) -> Overview:
    from hpo.stages.status import failed_points, pace, plan_changes, running_points, stage_statuses
    from hpo.storage.workers import live_workers

    with database.transaction() as session:
        workers = live_workers(session, settings.name)
    return Overview(
        stage_statuses(database, settings),
        running_points(database, settings),
        workers,
        pace(database, settings, visits),
        failed_points(database, settings),
        plan_changes(database, settings),
    )


def _watch(database: Database, settings: StudyFile, visits: Callable[[], int]) -> None:
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    from hpo.stages.advance import standings

    with suppress(KeyboardInterrupt), Live(console=out, auto_refresh=False) as live:
        while True:
            found = database.patiently(lambda: _overview(database, settings, visits))
            lines: list[RenderableType] = [Text(printable(line)) for line in _lines(found)]
            live.update(Group(_table(settings, found), *lines), refresh=True)
            if all(standing.is_over() for standing in database.patiently(lambda: standings(database, settings))):
                return
            time.sleep(WATCH_SECONDS)


def _table(settings: StudyFile, found: Overview) -> RenderableType:
    from rich import box
    from rich.table import Table

    title = f"{settings.name}: validation {settings.objective.metric.partition('#')[0]}"
    table = Table(title=title, box=box.SIMPLE_HEAD, show_edge=False)
    for heading in ("", "stage"):
        table.add_column(heading, no_wrap=True)
    for heading in ("waiting", "running", "complete", "failed", "best"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for stage in found.stages:
        counts = (stage.waiting, stage.running, stage.complete, stage.failed)
        best = "" if stage.best is None else f"{stage.best:.4f}"
        table.add_row(stage.architecture, stage.stage, *map(str, counts), best, "closed" if stage.closed else "open")
    return table


def _lines(found: Overview) -> list[str]:
    """Why points failed, the workers, what each of them does, and the pace."""
    held: dict[str, list[RunningPoint]] = {}
    for point in found.running:
        held.setdefault(point.owner, []).append(point)
    known = {worker.owner: f" ({worker.device})" for worker in found.workers}
    heard = {worker.owner: f"heard of {worker.silent_seconds:.0f} s ago" for worker in found.workers}
    lines = [f"{stage.architecture} {stage.stage}: {stage.taken}" for stage in found.stages if stage.taken]
    lines += _failures(found.failed) + [
        f"{owner}{known.get(owner, '')}: {_work(held.get(owner, []))}, {heard.get(owner, 'not in the register')}"
        for owner in [*known, *(owner for owner in held if owner not in known)]
    ]
    if found.running and found.pace.seconds_left is not None:
        left = math.ceil(found.pace.seconds_left / 60)
        lines.append(f"{found.pace.patches_per_second:,.0f} patches a second; at this pace at most {left:,} min left")
    return lines + [_plan_line(plan) for plan in found.plans]


def _plan_line(plan: ChangedPlan) -> str:
    when = datetime.fromtimestamp(plan.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    tested = f"; the test split of {', '.join(plan.tested)} had been opened before" if plan.tested else ""
    return f"plan changed {when}: {'; '.join(plan.changes)}{tested}"


MOST_REASONS = 5
"""So many different reasons are printed of each stage."""


def _failures(failed: list[FailedPoint]) -> list[str]:
    """Why points of each stage failed: each reason once, with how many points and one of them."""
    found: dict[tuple[str, str], list[FailedPoint]] = {}
    for point in failed:
        found.setdefault((point.stage_name, point.reasons[-1] if point.reasons else "not known"), []).append(point)
    lines = []
    for number, ((stage, reason), points) in enumerate(found.items()):
        if number == MOST_REASONS:
            lines.append(f"{len(found) - number} more reasons; hpo show STUDY lists all points")
            break
        lines.append(f"{stage}: {len(points)} failed: {reason} (such as point {points[0].id})")
    return lines


def _work(points: list[RunningPoint]) -> str:
    if not points:
        return "idle"
    first = points[0]
    count = f"{len(points)} points" if len(points) > 1 else "1 point"
    lease = f"lease ends in {first.lease_seconds_left:.0f} s"
    what = f"point {first.id}: {first.words}" if len(points) == 1 else first.words
    return f"{count} of {first.stage_name}, attempt {first.attempt}, {lease} ({what})"
