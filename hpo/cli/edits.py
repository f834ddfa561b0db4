"""What commands say of a study file that was edited, and of a study that came to nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hpo.errors import StudyFailedError
from hpo.terminal import say, tell

if TYPE_CHECKING:
    from hpo.config.study import StudyFile
    from hpo.data.dataset import Dataset
    from hpo.stages.edits import Change
    from hpo.storage.database import Database


def take_edits(study: StudyFile, database: Database, dataset: Dataset, said: Callable[[str], None] = tell) -> None:
    """Have a study take what its file says otherwise than before, and make again what it lost; say what that means.

    Raises:
        ConfigError: if it makes another study.
    """
    from hpo.run.output_folder import adopt_plan
    from hpo.stages.mend import remake_predictions

    tell_changes(adopt_plan(database, study, dataset.digest), said)
    for line in remake_predictions(database, study):
        say(line)


def tell_changes(changes: list[Change], said: Callable[[str], None] = tell) -> None:
    """Print what each change means for what has been done."""
    for change in changes:
        said(f"{change}: {change.effect}")


def check_result(study: StudyFile, database: Database) -> None:
    """See that a study has not come to nothing.

    Raises:
        StudyFailedError: if every architecture was given up; each reason has been said.
    """
    from hpo.stages.advance import standings

    found = database.patiently(lambda: standings(database, study))
    for standing in found:
        if standing.abandoned is not None:
            say(f"{standing.architecture}: given up: {standing.abandoned}")
    if all(standing.abandoned is not None for standing in found):
        raise StudyFailedError(f"{study.name}: every architecture was given up, all trials failed; see above")
