"""Stage 1's ranges in the output folder's ``ranges.yaml``, where a person may edit them before stage 2 opens."""

from __future__ import annotations

from collections.abc import Mapping

from hpo.config.ranges import Ranges, load_ranges, write_ranges
from hpo.config.study import StudyFile
from hpo.storage.database import Database
from hpo.storage.decided import Stage1Result
from hpo.storage.decisions import load_stages
from hpo.storage.stage_json import result_of


def write_ranges_file(database: Database, study: StudyFile) -> None:
    """Write stage 1's ranges for a person to read and edit; edits are kept.

    Raises:
        ConfigError: if an edited file is not valid.
    """
    found = _found_ranges(database, study)
    path = study.ranges_path
    edited = edited_ranges(study)
    if any(architecture not in edited for architecture in found):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_ranges(path, {**found, **edited})


def edited_ranges(study: StudyFile) -> Mapping[str, Ranges]:
    """The ranges in the file, by architecture; none before it is written.

    Raises:
        ConfigError: if the file is not valid.
    """
    return load_ranges(study.ranges_path, study) if study.ranges_path.exists() else {}


def current_ranges(database: Database, study: StudyFile) -> dict[str, Ranges]:
    """The ranges of each architecture whose stage 1 has closed, with a person's edits.

    Raises:
        ConfigError: if an edited file is not valid.
    """
    edited = edited_ranges(study)
    return {**_found_ranges(database, study), **edited}


def _found_ranges(database: Database, study: StudyFile) -> dict[str, Ranges]:
    with database.transaction() as session:
        return {
            row.architecture: result.ranges
            for row in load_stages(session, study.name).values()
            if row.stage == "stage1"
            and row.architecture in study.architecture_specs
            and (result := result_of(row, Stage1Result)) is not None
        }
