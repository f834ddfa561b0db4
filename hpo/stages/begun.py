"""A started study, for commands that only read: as it was planned, whatever its file says now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.errors import HpoError

if TYPE_CHECKING:
    from hpo.config.as_planned import StudyPlace
    from hpo.config.dashboard import Dashboard
    from hpo.config.study import StudyFile
    from hpo.storage.database import Database


@dataclass(frozen=True)
class Begun:
    """A study opened for reading.

    Args:
        study: as it was planned.
        database: its own, opened for reading.
        edits: differences of its file from the plan, a line each.
        trains_alike: whether this version trains its recipes to the same weights as the one that planned it.
    """

    study: StudyFile
    database: Database
    edits: tuple[str, ...]
    trains_alike: bool = True

    def notes(self) -> Iterator[str]:
        """Notes for the reader, a line each."""
        if self.edits:
            shown = "; ".join(self.edits[:3]) + (f"; and {len(self.edits) - 3} more" if len(self.edits) > 3 else "")
            yield f"{self.study.file} was edited after the study was planned ({shown}); what follows is as planned"


@contextmanager
def looking_at(path: str, database: str | None = None, dashboard: Dashboard | None = None) -> Iterator[Begun]:
    """Open a started study for reading; neither the database nor the study's files are changed.

    Args:
        path: the study file.
        database: a URL that overrides the file's.
        dashboard: instead of the file's.

    Raises:
        HpoError: if it has not started there, or the file does not say where it is.
    """
    from hpo.config.as_planned import as_planned, find_study
    from hpo.recipe.recipe import KEY_FORMAT
    from hpo.stages.plan import determining_settings, recorded_settings

    place = find_study(path, database)
    with closing(look_into_study(place)) as opened:
        recorded = recorded_settings(opened, place.name)
        if recorded is None:
            raise HpoError(f"{place.name}: not started in {opened.url}; start with: hpo run {place.file}")
        study = as_planned(place, recorded, dashboard)
        planned = determining_settings(study, recorded["data"])  # with what an earlier version did not record
        yield Begun(study, opened, _edits(path, database, planned), recorded.get("key_format") == KEY_FORMAT)


def look_into_study(place: StudyPlace | StudyFile) -> Database:
    """The database of a study, opened for reading; none is created.

    Raises:
        HpoError: if it does not exist, or holds no studies.
    """
    from hpo.config.database_url import shown_database, sqlite_file
    from hpo.storage.database import look_into

    opened = look_into(place.database)
    if opened is not None:
        return opened
    file = sqlite_file(place.database)
    if file is not None and not file.exists():
        where = f"there is no database {file}"
    else:
        where = f"database {shown_database(place.database)} holds no study"
    raise HpoError(f"{place.name}: not started: {where}; start with: hpo run {place.file}, or correct --database")


def _edits(path: str, database: str | None, planned: dict[str, object]) -> tuple[str, ...]:
    """Differences of the file from the plan, a line each."""
    from hpo.config.load import load_study
    from hpo.stages.plan import changed_settings

    try:
        return tuple(changed_settings(load_study(path, database), planned))
    except HpoError as error:
        return (f"it is not a sound study file any more: {str(error).splitlines()[0]}",)
