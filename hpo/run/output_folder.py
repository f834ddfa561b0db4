"""One output folder for each study: a second one would write over report, ranges and models of the first."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import select

from hpo.config.database_url import shown_database, sqlite_file
from hpo.config.study import StudyFile
from hpo.errors import ConfigError
from hpo.run.functions import check_functions
from hpo.stages.edits import Change
from hpo.stages.replan import accept_plan, foreseen_changes
from hpo.storage.database import Database
from hpo.storage.tables import StudyRow
from hpo.whole_file import whole_file

_log = logging.getLogger(__name__)

MARK = ".hpo-study.json"
"""In an output folder: which study it is of."""


_ASK_FUNCTIONS = ("architectures", "objective", "search_space")
"""Sections of a plan whose changes may ask something else of the study's own functions."""


def check_output(database: Database | None, study: StudyFile) -> None:
    """Refuse an output folder that another study writes to.

    A study that was copied or moved with its database is the same study.

    Args:
        database: the study's; None if it does not exist yet.
        study: the study file.

    Raises:
        ConfigError: naming the study whose folder it is.
    """
    mark = _read(study.output / MARK)
    if mark is None or (database is not None and _is_ours(mark, database, study)):
        return
    name, place = mark["study"], mark["database"]
    if name == study.name and not _may_be_there(place, shown_database(study.database)):
        return  # its database is gone: the study begins anew
    raise ConfigError(
        study.file,
        f"{study.output} is the output folder of study {name!r} in {place}; name another folder (and that study's "
        "database and checkpoints, to share its trainings), or free this one by hpo delete with that study's file, "
        "whose results are gone then",
        key="output",
    )


def check_edited_here(study: StudyFile) -> None:
    """Refuse to change a started study by a file that it was never run from.

    Two files with the same name in one database would otherwise take the study from each other. A file that changes
    nothing may be another machine's copy.

    Args:
        study: a file that changes a study of its name.

    Raises:
        ConfigError: if nothing is in the file's output folder.
    """
    if study.output.exists() and any(study.output.iterdir()):
        return
    raise ConfigError(
        study.file,
        f"study {study.name!r} in {shown_database(study.database)} was started, and nothing of it is in this file's "
        f"output folder, {study.output}: another file may have its name. For a study of its own, give this one another "
        "name. To change the study, edit the file that it was started from; if its output folder is gone, run it once "
        "as it was planned",
        key="name",
    )


def adopt_plan(database: Database, study: StudyFile, data_digest: str) -> list[Change]:
    """Adopt the changes of a study file, if it is the file that the study is run from; safe to repeat.

    Args:
        database: the study database.
        study: the study file.
        data_digest: of the training and validation patches.

    Raises:
        ConfigError: as `check_edited_here`, `hpo.run.functions.check_functions` and `hpo.stages.replan.accept_plan`.
    """
    changes = foreseen_changes(database, study, data_digest) or []
    if changes:
        check_edited_here(study)
    if any(change.path[0] in _ASK_FUNCTIONS or change.path[1:] == ("factors",) for change in changes):
        check_functions(study)
    return accept_plan(database, study, data_digest)


def mark_output(database: Database, study: StudyFile) -> None:
    """Note in the output folder whose it is, where that can be written."""
    opened_at = database.run(lambda session: session.scalar(_opened_at(study.name)))
    mark = {"study": study.name, "database": shown_database(study.database), "opened_at": opened_at}
    if _read(study.output / MARK) == mark:
        return
    try:
        study.output.mkdir(parents=True, exist_ok=True)
        with whole_file(study.output / MARK) as file:
            file.write_text(json.dumps(mark) + "\n", encoding="utf-8")
    except OSError as error:  # a node that sees the study, and may not write there
        _log.debug("%s cannot be marked: %s", study.output, error)


def _opened_at(name: str) -> Any:
    return select(StudyRow.opened_at).where(StudyRow.name == name)


def _is_ours(mark: dict[str, Any], database: Database, study: StudyFile) -> bool:
    if mark["study"] != study.name:
        return False
    opened_at = database.run(lambda session: session.scalar(_opened_at(study.name)))
    return bool(opened_at == mark["opened_at"])


def _may_be_there(place: str, ours: str) -> bool:
    """Whether a database may still hold what it held."""
    with suppress(ValueError):
        file = sqlite_file(place)
        if file is not None:
            return file.exists() and place != ours
    return place != ours


def _read(path: Path) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        mark = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(mark, dict) and {"study", "database", "opened_at"} <= set(mark):
            return mark
    return None
