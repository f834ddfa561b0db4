"""What commands share in the terminal: consoles, and progress that is quiet when nobody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

StudyArgument = Annotated[str, typer.Argument(metavar="STUDY", help="The study file, such as studies/quickstart.yaml.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

out = Console()
err = Console(stderr=True)


def progress_bar() -> Progress:
    """A progress display on standard error, invisible when that is not a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}"),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    )


@contextmanager
def counting(description: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for work that tells how much of how much is done."""
    with progress_bar() as progress:
        task = progress.add_task(description, total=None, detail="")

        def update(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield update
