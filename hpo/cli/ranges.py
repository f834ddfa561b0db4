"""``hpo ranges``: the ranges that stage 1 found, to read or edit before stage 2."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from hpo.cli.options import DatabaseOption, JsonOption, StudyArgument
from hpo.errors import HpoError
from hpo.stages.begun import looking_at
from hpo.terminal import out, say, tell

if TYPE_CHECKING:
    from hpo.config.ranges import ChoiceRange, NumericRange


def ranges(study: StudyArgument, as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """Print the ranges that stage 1 found, and where they can be edited."""
    from rich.table import Table

    from hpo.stages.ranges_file import current_ranges

    with looking_at(study, database) as begun:
        settings = begun.study
        for note in begun.notes():
            say(note)
        found = current_ranges(begun.database, settings)
    if not found:
        raise HpoError(f"{settings.name}: no stage 1 has closed yet; run: hpo run {study} --until stage1")
    if as_json:
        shown = {
            name: {factor: limits.model_dump(mode="json") for factor, limits in factors.items()}
            for name, factors in found.items()
        }
        typer.echo(json.dumps(shown, indent=2))
        return
    is_searched = settings.stage2.within == "ranges"
    table = Table(title=f"{settings.name}: ranges of stage {2 if is_searched else 1}")
    for heading in ("architecture", "factor", "range", "best"):
        table.add_column(heading)
    for architecture, factors in found.items():
        for factor, limits in factors.items():
            table.add_row(architecture, factor, describe_range(limits), describe_best(limits))
    out.print(table)
    if not is_searched:
        tell(
            "stage 2 searches the whole search space (stage2.within: space), and tries the best and the middle of these"
        )
    tell(
        f"{settings.ranges_path}: edits count until an architecture's stage 2 opens; the report shows those in force",
    )


def describe_best(limits: NumericRange | ChoiceRange) -> str:
    """The best value as its YAML has it: ``8``, ``0.01``, ``constant``."""
    from hpo.config.ranges import NumericRange

    return f"{limits.best:g}" if isinstance(limits, NumericRange) else str(limits.best)


def describe_range(limits: NumericRange | ChoiceRange) -> str:
    """A range in words: ``0.003 to 0.03``, or ``constant, step``."""
    from hpo.config.ranges import NumericRange

    if isinstance(limits, NumericRange):
        return f"{limits.low:g} to {limits.high:g}"
    return ", ".join(str(choice) for choice in limits.choices)
