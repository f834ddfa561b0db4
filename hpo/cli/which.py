"""Which study or database a command is about: named by the study's file, or by its name and a database's URL."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.errors import HpoError

if TYPE_CHECKING:
    from hpo.config.as_planned import StudyPlace


@dataclass(frozen=True)
class NamedStudy:
    """A study that was named on the command line.

    Args:
        name: in its database.
        database: SQLAlchemy URL.
        place: what its file says; None where only a name was given.
    """

    name: str
    database: str
    place: StudyPlace | None


def named_study(text: str, database: str | None) -> NamedStudy:
    """A study by its file, or by its name where a database is given.

    Raises:
        HpoError: if it is neither, or a name without a database.
    """
    from hpo.config.as_planned import find_study

    if text.endswith((".yaml", ".yml")) or Path(text).exists():
        place = find_study(text, database)
        return NamedStudy(place.name, place.database, place)
    return NamedStudy(text, database_url(database, f"{text!r} is no study file; to take it for a study's name"), None)


def database_url(given: str | None, needed_for: str) -> str:
    """The URL of ``--database``, or of HPO_DATABASE.

    Args:
        given: on the command line.
        needed_for: begins the sentence that says that one of them is needed.

    Raises:
        HpoError: if there is none.
    """
    from hpo.config.database_url import checked_database_url
    from hpo.config.load import DATABASE_VARIABLE

    url = given or os.environ.get(DATABASE_VARIABLE)
    if not url:
        raise HpoError(f"{needed_for}, give --database URL or set {DATABASE_VARIABLE}")
    try:
        return checked_database_url(url, lambda path: Path.cwd() / path)
    except ValueError as error:
        raise HpoError(f"{'--database' if given else DATABASE_VARIABLE}: {error}") from None
