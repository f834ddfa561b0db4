"""What commands share in the terminal: consoles, and progress that is quiet when nobody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset

StudyArgument = Annotated[str, typer.Argument(metavar="STUDY", help="The study file, such as studies/quickstart.yaml.")]
DatabaseOption = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="Of the study database; goes before HPO_DATABASE and the file's."),
]
AllowHostOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME",
        help="Host to answer for, beside localhost and the address to listen on, such as a proxy's; may be repeated.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

out = Console()
err = Console(stderr=True)


def say(line: str) -> None:
    """Print one line on standard error, as it is."""
    err.print(line, soft_wrap=True, markup=False, highlight=False)


def say_doubts(dataset: Dataset) -> None:
    """Print on standard error what of the data makes results doubtful, a line each."""
    for doubt in dataset.doubts:
        say(f"warning: {doubt}")


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
def following() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each thing that is worked on: told what, how much of it is done, and how much there is."""
    with progress_bar() as bars:
        tasks: dict[str, TaskID] = {}

        def update(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total, detail="")
            bars.update(tasks[what], completed=done, total=total)

        yield update
