"""``hpo upgrade``: bring a study's database and store, made by an earlier version, to the present format."""

from __future__ import annotations

from hpo.cli.options import DatabaseOption, StudyArgument
from hpo.secrets import shown_url
from hpo.terminal import tell


def upgrade(study: StudyArgument, database: DatabaseOption = None) -> None:
    """Bring the database and the checkpoint store of a study to the format that this version reads.

    Every study of the database is kept. Of an SQLite file a copy is made first; make a backup of a server's database
    yourself. End all workers before.
    """
    from hpo.config.as_planned import find_study
    from hpo.config.database_url import shown_database, sqlite_file
    from hpo.storage.database import upgrade_database
    from hpo.storage.files import Files
    from hpo.storage.predictions import PredictionStore
    from hpo.storage.sqlite_file import backup

    place = find_study(study, database)
    file = sqlite_file(place.database)
    if file is not None and file.exists():
        tell(f"a copy of the database as it was: {backup(file)}")
    before, after = upgrade_database(place.database)
    said = "was up to date" if before == after else f"upgraded from format {before or 'without a number'}"
    tell(f"{shown_database(place.database)}: {said}; its format is {after}")
    moved = PredictionStore(Files(place.checkpoints)).upgrade()
    tell(f"{shown_url(place.checkpoints)}: {moved} predictions moved to where this version reads them")
