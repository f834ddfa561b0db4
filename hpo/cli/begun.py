"""A study that has begun, for commands that only look: they make no database where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.errors import HpoError

if TYPE_CHECKING:
    from hpo.config.study import StudyFile
    from hpo.storage.database import Database

_SQLITE = "sqlite:///"


@contextmanager
def open_begun(study: StudyFile) -> Iterator[Database]:
    """The study's database while the block runs.

    Raises:
        ConfigError: if the study was planned from other settings than its file has now.
        HpoError: if it has not begun there.
    """
    from hpo.stages.plan import check_begun
    from hpo.storage.database import open_database

    require_database(study)
    with closing(open_database(study.database)) as opened:
        check_begun(opened, study)
        yield opened


def require_database(study: StudyFile) -> None:
    """See that an SQLite database is there already, because to open it would make it.

    Raises:
        HpoError: if it is not.
    """
    url = study.database
    if url.startswith(_SQLITE) and not Path(url.removeprefix(_SQLITE)).exists():
        raise HpoError(
            f"{study.name}: not begun, there is no database {url.removeprefix(_SQLITE)}; start with: hpo run "
            f"{study.file}, or correct --database"
        )
