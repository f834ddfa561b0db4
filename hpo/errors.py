"""Errors a user can act on: each is one clear line, which the CLI prints without a traceback.

Everything the package raises on purpose derives from `HpoError`; anything else is a bug of ours.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


MOST_LISTED = 40
"""Words that an error lists."""


class HpoError(Exception):
    """An error whose text tells what was found, what is allowed and what to do.

    Attributes:
        is_passing: whether the same may succeed if it is only tried again, later or by a fresh process.
    """

    is_passing = False


class ConfigError(HpoError):
    """A YAML file says something that it may not say.

    Args:
        file: the YAML file at fault.
        problem: what is wrong and what is allowed, without the position.
        key: dotted path of the key at fault, such as ``stage1.factors.0``; empty for the whole file.
        line: line of the key, counted from 1, where it is known.
    """

    def __init__(self, file: Path | str, problem: str, *, key: str = "", line: int | None = None) -> None:
        self.file, self.problem, self.key, self.line = str(file), problem, key, line
        position = f"{file}:{line}" if line is not None else str(file)
        super().__init__(f"{position}: {key}: {problem}" if key else f"{position}: {problem}")


class ConfigErrors(ConfigError):  # noqa: N818 - the plural says what it is
    """Several things are wrong with one file: one line each, in the order of the file.

    Args:
        errors: at least one; the first one's position stands for all.
    """

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        first = errors[0]
        super().__init__(first.file, first.problem, key=first.key, line=first.line)
        self.errors = tuple(errors)
        self.args = ("\n".join(str(error) for error in errors),)


class DataError(HpoError):
    """A data file is missing, damaged, or not what its name promises."""


class StorageError(HpoError):
    """The study database or the checkpoint store cannot do what was asked."""


class StoreUnavailableError(StorageError):
    """The database or the checkpoint store is out of reach: the fault of a worker's surroundings, not of its point.

    Args:
        text: what is wrong and what to do.
        is_passing: False where somebody has to mend something first: a permission, a bucket that is not there.
    """

    def __init__(self, text: str, *, is_passing: bool = True) -> None:
        super().__init__(text)
        self.is_passing = is_passing


class LeaseLostError(HpoError):
    """A worker's right to a design point has passed to another; it must publish nothing."""


class StopRequestedError(HpoError):
    """A worker was asked to stop: its claims have been given back, and every finished epoch is kept.

    Args:
        text: what happened.
        go_on: the command that goes on from there, where it is another one than that which was stopped.
    """

    def __init__(self, text: str, *, go_on: str | None = None) -> None:
        super().__init__(text)
        self.go_on = go_on


class StudyFailedError(HpoError):
    """A study has come to its end without a result: every trial failed."""


class PlanChangedError(HpoError):
    """The study was planned anew while this worker was at work on it; a fresh one goes on by the new plan."""

    is_passing = True


class WorkerOutgrownError(HpoError):
    """A worker's memory has grown past its limit; a fresh process is to take its place."""

    is_passing = True


class TrainingError(HpoError):
    """A training cannot go on; its design point fails with this reason and the study continues."""


class OutOfMemoryError(TrainingError):
    """A batch does not fit; it may fit once a neighbour on the same GPU has finished its own."""


class NonFiniteLossError(TrainingError):
    """The training loss became infinite or not a number.

    Args:
        epoch: the epoch, counted from 1, in which it happened.
    """

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        super().__init__(f"the training loss was not finite in epoch {epoch}; a lower learning rate may help")


def nearest(word: str, allowed: Iterable[str], listed_as: str = "allowed") -> str:
    """The end of an error message: the nearest right spelling, or all that is allowed.

    Args:
        word: what was found.
        allowed: the words that would have been right.
        listed_as: what they are.
    """
    options = sorted(allowed)
    close = get_close_matches(word[:100], options, n=1, cutoff=0.6)
    more = f" and {len(options) - MOST_LISTED:,} more" if len(options) > MOST_LISTED else ""
    listing = f"{listed_as}: {', '.join(options[:MOST_LISTED])}{more}"
    return f"did you mean {close[0]!r}? ({listing})" if close else listing
