"""A study that has begun, for commands that only look: they make no database where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from hpo.errors import HpoError

if TYPE_CHECKING:
    from hpo.config.study import StudyFile
    from hpo.storage.database import Database


@contextmanager
def open_begun(study: StudyFile) -> Iterator[Database]:
    """The study's database while the block runs, only to be looked at.

    Raises:
        ConfigError: if the study was planned from other settings than its file has now.
        HpoError: if it has not begun there.
    """
    from hpo.stages.plan import check_begun

    with closing(look_into_study(study)) as opened:
        check_begun(opened, study)
        yield opened


def look_into_study(study: StudyFile) -> Database:
    """The database of a study, only to be looked at: nothing is made or changed where there is none.

    Raises:
        HpoError: if it is not there, or holds no studies.
    """
    from hpo.config.database_url import shown_database, sqlite_file
    from hpo.storage.database import look_into

    opened = look_into(study.database)
    if opened is not None:
        return opened
    file = sqlite_file(study.database)
    if file is not None and not file.exists():
        where = f"there is no database {file}"
    else:
        where = f"database {shown_database(study.database)} holds no study"
    raise HpoError(f"{study.name}: not begun, {where}; start with: hpo run {study.file}, or correct --database")
