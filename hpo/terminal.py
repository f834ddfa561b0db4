"""The terminal: consoles that print text as it is, and progress that is quiet when nobody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from hpo.plain import printable
from hpo.secrets import without_secrets


class PlainConsole(Console):
    """A console that prints text as it is: no markup, no emoji for ``:name:``, and nothing that a terminal obeys."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """Text of a string, its lines kept; cells of tables and titles come here too."""
        return super().render_str("\n".join(printable(line) for line in text.split("\n")), **options)

    def on_broken_pipe(self) -> None:
        """Leave it to ``main`` that nobody reads on."""
        raise


out = PlainConsole()
err = PlainConsole(stderr=True)


def tell(line: str) -> None:
    """Print one line on standard output, as it is."""
    out.print(line, soft_wrap=True)


def say(line: str) -> None:
    """Print one line on standard error, as it is, without secrets."""
    err.print(without_secrets(line), soft_wrap=True)


def say_doubts(doubts: Iterable[str]) -> None:
    """Print on standard error what of the data makes results doubtful, a line each."""
    for doubt in doubts:
        say(f"warning: {doubt}")


def progress_bar() -> Progress:
    """A progress display on standard error, invisible when that is not a terminal."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
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
                tasks[what] = bars.add_task(printable(what), total=total, detail="")
            bars.update(tasks[what], completed=done, total=total)

        yield update
