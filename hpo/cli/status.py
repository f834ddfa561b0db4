"""``hpo status``: how far a study has come, and who works on what."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from hpo.cli.console import JsonOption, StudyArgument, out


def status(study: StudyArgument, as_json: JsonOption = False) -> None:
    """Show each stage's design points, its best objective, and the workers at work."""
    from rich.table import Table

    from hpo.config.load import load_study
    from hpo.stages.status import running_points, stage_statuses
    from hpo.storage.database import open_database

    settings = load_study(study)
    database = open_database(settings.database)
    try:
        stages, running = stage_statuses(database, settings), running_points(database, settings)
    finally:
        database.close()
    if as_json:
        found = {"stages": [asdict(stage) for stage in stages], "running": [asdict(point) for point in running]}
        typer.echo(json.dumps(found, indent=2))
        return
    if not stages:
        out.print(f"{settings.name}: not begun; start with: hpo run {study}", soft_wrap=True, markup=False)
        return
    table = Table(title=f"{settings.name}: validation {settings.objective.metric}")
    table.add_column("architecture")
    table.add_column("stage")
    for heading in ("waiting", "running", "complete", "failed", "best"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for stage in stages:
        counts = (stage.waiting, stage.running, stage.complete, stage.failed)
        best = "" if stage.best is None else f"{stage.best:.4f}"
        table.add_row(stage.architecture, stage.stage, *map(str, counts), best, "closed" if stage.closed else "open")
    out.print(table)
    for point in running:
        out.print(
            f"{point.owner} holds {point.stage_name} (attempt {point.attempt}, lease ends in "
            f"{point.lease_seconds_left:.0f} s)",
            soft_wrap=True,
            markup=False,
        )
