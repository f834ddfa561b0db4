"""``hpo delete``, ``hpo archive`` and ``hpo restore``: a study that is to be gone, kept, or somewhere else."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.options import DatabaseOption, StudyArgument
from hpo.errors import HpoError
from hpo.terminal import say, tell

if TYPE_CHECKING:
    from hpo.cli.which import NamedStudy
    from hpo.run.delete import Deletion


def delete(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="The study file, or with --database the study's name.")],
    keep_models: Annotated[
        bool, typer.Option("--keep-models", help="Keep report, best configuration and exported models.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    database: DatabaseOption = None,
) -> None:
    """Delete a study: its rows, Optuna studies, checkpoints that no other study shares, and output files.

    Given by name alone, its files stay: only its file says where they are.
    """
    from hpo.cli.which import named_study
    from hpo.run.delete import delete_study, plan_deletion, unused_database_file
    from hpo.storage.database import look_into, open_database

    named = named_study(study, database)
    looked = look_into(named.database)
    if looked is None:
        raise HpoError(f"{named.name}: there is no study in that database; nothing was deleted")
    looked.close()
    store, output = (None, None) if named.place is None else (named.place.checkpoints, named.place.output)
    with closing(open_database(named.database)) as opened:
        deletion = plan_deletion(opened, named.name, store)
        for line in _account(named, deletion, keep_models):
            say(line)
        if "HPO_CHECKPOINTS" in os.environ and store is not None and not deletion.has_store:
            raise HpoError(f"HPO_CHECKPOINTS: {store} does not exist, or nothing is in it; nothing was deleted")
        if not yes and not _is_confirmed():
            raise HpoError(f"{named.name}: nothing was deleted")
        rows = delete_study(opened, deletion, store=store, output=output, keep_models=keep_models)
        file = unused_database_file(opened, output)
    if file is not None:
        for kind in ("", "-wal", "-shm"):
            file.with_name(f"{file.name}{kind}").unlink(missing_ok=True)
    tell(f"{named.name}: deleted, {rows:,} rows and the checkpoints of {deletion.checkpoints:,} trainings")


def _account(named: NamedStudy, deletion: Deletion, keep_models: bool) -> list[str]:
    """What is to be deleted, and what stays."""
    from hpo.config.database_url import shown_database

    study, owned = deletion.study, deletion.owned
    lines = [
        f"{study.name} in {shown_database(named.database)}: {sum(study.points.values()):,} design points, "
        f"{study.epochs:,} trained epochs, {study.state}"
    ]
    if deletion.openings:
        lines.append(f"the record that it opened the test split {deletion.openings} times goes, too")
    if named.place is None:
        lines.append("its files and checkpoints stay: delete it by its study file to have them deleted")
        return lines
    if not deletion.has_store:
        lines.append(
            f"no checkpoints: {named.place.checkpoints} does not exist, or nothing is in it; if they are elsewhere, "
            "correct HPO_CHECKPOINTS or `checkpoints` first, or they stay for good"
        )
    elif deletion.strangers:
        lines.append(f"checkpoints stay: studies of other databases share the store ({deletion.strangers[0]})")
    else:
        kept = f"; {len(owned.shared_recipes):,} more are shared with other studies" if owned.shared_recipes else ""
        lines.append(f"the checkpoints of {deletion.checkpoints:,} trainings{kept}")
    what = "ranges and logs" if keep_models else "report, models, best configuration, ranges and logs"
    lines.append(f"{what} in {named.place.output}")
    return lines


def _is_confirmed() -> bool:
    if not sys.stdin.isatty():
        raise HpoError("nothing was deleted: without a terminal to ask on, --yes has to say so")
    return typer.confirm("Delete all this?", err=True)


def archive(
    study: StudyArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The tar file to write, such as mine.tar.")],
    database: DatabaseOption = None,
) -> None:
    """Write everything of a study into one file: rows, checkpoints, predictions, YAML files, report and models.

    The patches are not in it. No worker may be at work.
    """
    from hpo.config.as_planned import find_study
    from hpo.run.archive import archive_study
    from hpo.stages.begun import looking_at

    with looking_at(study, database) as begun:
        for note in begun.notes():
            say(note)
        members, lacking = archive_study(begun.database, find_study(study, database), begun.study, file.absolute())
    for line in lacking:
        say(f"warning: {line}")
    tell(f"{file}: {members:,} files, {file.stat().st_size / 1e6:,.1f} MB; to restore them: hpo restore {file}")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What hpo archive wrote.", exists=True, dir_okay=False)],
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="Folder to make for the study; its name by default.", file_okay=False),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder of the patches, if they are elsewhere."),
    ] = None,
    database: DatabaseOption = None,
) -> None:
    """Restore an archived study on any path and in any kind of database: it can be reported, exported and continued."""
    from hpo.run.restore import restore_study

    place = restore_study(file, folder, database=database, data=data)
    tell(f"{place.name}: restored; see hpo status {place.file}")
    if database is not None:
        say("its file does not name the database: give --database, or set HPO_DATABASE, for every command")
