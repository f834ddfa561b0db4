"""The ``hpo`` command."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import typer

from hpo.cli.copy import copy
from hpo.cli.dashboard import dashboard
from hpo.cli.data import app as data_app
from hpo.cli.export import export
from hpo.cli.extend import extend
from hpo.cli.init import init, schema
from hpo.cli.keep import archive, delete, restore
from hpo.cli.launch import launch
from hpo.cli.net import run_command
from hpo.cli.plan import plan
from hpo.cli.predict import predict
from hpo.cli.ranges import ranges
from hpo.cli.report import report
from hpo.cli.run import run
from hpo.cli.shelf import list_, show
from hpo.cli.status import status
from hpo.cli.stop import stop
from hpo.cli.tile import tile
from hpo.cli.upgrade import upgrade
from hpo.cli.worker import worker


def _version(is_asked_for: bool) -> None:
    if is_asked_for:
        sys.stdout.write(f"hpo {version('hpo')}\n")
        raise typer.Exit


app = typer.Typer(
    name="hpo",
    help="Tune image classifiers in two stages: explore ranges, then tune inside them, then compare honestly.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options of the command itself."""


def _paragraphs(command: Callable[..., None]) -> str:
    """A command's docstring with each paragraph on one line: Typer would keep the line ends of all but the first."""
    return "\n\n".join(" ".join(part.split()) for part in (inspect.getdoc(command) or "").split("\n\n"))


for command in (
    *(run, plan, launch, worker, status, stop, ranges, report, dashboard, export, upgrade, init, schema, list_, show),
    *(predict, tile, extend, copy, archive, restore, delete),
):
    app.command(name=command.__name__.removesuffix("_"), help=_paragraphs(command))(command)
app.add_typer(data_app, name="data")


def main() -> None:
    """Run the command line; any error is one line without a traceback."""
    sys.exit(run_command(lambda: app(standalone_mode=False)))
