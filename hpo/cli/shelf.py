"""``hpo list`` and ``hpo show``: the studies of a database, and one design point with all that is known of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpo.cli.options import DatabaseOption, JsonOption, StudyArgument
from hpo.errors import HpoError
from hpo.terminal import out, say, tell

if TYPE_CHECKING:
    from hpo.stages.listing import ListedStudy
    from hpo.stages.show import ShownPoint


def list_(
    study: Annotated[
        str | None, typer.Argument(metavar="STUDY", help="A study file, whose database is meant; or give --database.")
    ] = None,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """List the studies of a database: state, best objective, size and last activity."""
    from hpo.cli.which import database_url, named_study
    from hpo.config.database_url import shown_database
    from hpo.stages.listing import list_studies
    from hpo.storage.database import look_into

    url = named_study(study, database).database if study else database_url(database, "to list its studies")
    opened = look_into(url)
    if opened is None:
        raise HpoError(f"{shown_database(url)}: no study is in it; start one with: hpo run STUDY")
    with closing(opened), opened.transaction() as session:
        found = list_studies(session)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    _print_studies(found, shown_database(url))


def _print_studies(found: list[ListedStudy], shown: str) -> None:
    from rich import box
    from rich.table import Table

    table = Table(title=shown, box=box.SIMPLE_HEAD, show_edge=False)
    for heading in ("study", "state"):
        table.add_column(heading, no_wrap=True)
    for heading in ("points", "epochs", "best"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("active, UTC", no_wrap=True)
    for one in found:
        failed = one.points.get("failed", 0)
        done = f"{one.points.get('complete', 0):,}/{sum(one.points.values()):,}{f', {failed} failed' if failed else ''}"
        best = "" if one.best is None else f"{one.metric} {one.best:.4f}"
        table.add_row(one.name, one.state, done, f"{one.epochs:,}", best, _moment(one.active_at)[:16])
    out.print(table)


def show(
    study: StudyArgument,
    point: Annotated[
        str | None,
        typer.Argument(
            metavar="POINT",
            help="Number of a design point, as logs have it, or STAGE/ARCHITECTURE/TRIAL; all by default.",
        ),
    ] = None,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Show a design point: its settings, its curve, its faults and its files; without a number, list all of them."""
    from hpo.stages.begun import looking_at
    from hpo.stages.show import find_point, shown_points
    from hpo.storage.checkpoints import CheckpointStore
    from hpo.storage.files import Files

    with looking_at(study, database) as begun:
        points = shown_points(begun.database, begun.study)
        if point is None:
            if as_json:
                typer.echo(json.dumps([asdict(one) for one in points], indent=2))
            else:
                for one in points:
                    tell(_line(one))
            return
        found = find_point(points, point)
        store = CheckpointStore(Files(begun.study.checkpoints))
        keys = found.fold_recipe_keys or ((found.recipe_key,) if found.recipe_key else ())
        checkpoints = [f"{store.url}/{key}/epoch-{epoch:06d}" for key in keys for epoch in store.epochs(key)]
        log = begun.study.output / "logs"
    if as_json:
        typer.echo(json.dumps(asdict(found) | {"checkpoints": checkpoints, "logs": str(log)}, indent=2))
        return
    _print_point(found)
    for name in checkpoints:
        tell(f"checkpoint: {name}")
    if found.artifact:
        tell(f"curve as CSV: {store.url}/artifacts/{found.artifact}")
    if log.is_dir():
        say(f"logs of its workers: {log}")


def _print_point(point: ShownPoint) -> None:
    tell(_line(point))
    for name, value in point.settings.items():
        tell(f"  {name}: {value:.10g}" if isinstance(value, float) else f"  {name}: {value}")
    if point.recipe_key:
        tell(f"  recipe: {point.recipe_key}")
    if point.fold_values:
        tell(f"  by fold: {', '.join(map(_number, point.fold_values))}")
    _print_curve(point.curve)
    for fault in point.faults:
        tell(f"attempt {fault['attempt']} by {fault['owner']}, {_moment(fault['at'])}: {fault['reason']}")
        for line in fault.get("traceback", ()):
            tell(f"    {line}")


def _print_curve(curve: Sequence[Mapping[str, float]]) -> None:
    """A table of each split's metrics by epoch: all of them in one would not fit a terminal of 80 columns."""
    from rich import box
    from rich.table import Table

    known = [name for name in dict.fromkeys(chain.from_iterable(curve)) if not name.startswith("fold_")]
    in_validation = [name for name in known if name.startswith("valid_")]
    in_training = [name for name in known if name not in in_validation]
    for title, prefix, names in (("training", "train_", in_training), ("validation", "valid_", in_validation)):
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
        for heading in ("epoch", *names):
            table.add_column(heading.removeprefix(prefix), justify="right")
        for number, epoch in enumerate(curve, 1):
            table.add_row(str(number), *(_number(epoch.get(name)) for name in names))
        if names:
            out.print(table)


def _line(point: ShownPoint) -> str:
    value = "" if point.objective is None else f", objective {point.objective:.4f}"
    fault = f": {point.faults[-1]['reason']}" if point.state == "failed" and point.faults else ""
    return f"{point.id}  {point.stage}/{point.architecture}/{point.trial}  {point.state}{value}{fault}  {point.words}"


def _number(value: Any) -> str:
    """Four decimals, or as many digits where that would leave little of a number, such as a learning rate."""
    if value is None:
        return ""
    return f"{value:.4f}" if value == 0 or abs(value) >= 0.01 else f"{value:.3g}"


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
