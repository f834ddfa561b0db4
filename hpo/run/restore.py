"""Restoring an archived study: in a folder of its own, into any kind of database."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML
from sqlalchemy.orm import Session

from hpo.config.as_planned import StudyPlace, find_study
from hpo.errors import HpoError
from hpo.file_faults import file_fault
from hpo.run.archive import ARCHIVE, MANIFEST, ROWS, Manifest
from hpo.storage.database import open_database
from hpo.storage.migration import FORMAT
from hpo.storage.study_rows import enter_rows, holds_any

_RESTORED = ".hpo-restored"
"""In a restored folder: which archive it is from."""

_LARGEST_MANIFEST = 1 << 28


def restore_study(archive: Path, folder: Path | None, *, database: str | None, data: Path | None) -> StudyPlace:
    """Restore a study. Safe to repeat: whoever is killed in its middle begins again.

    The folder appears whole or not at all; the rows are entered last, in one transaction.

    Args:
        archive: as `hpo.run.archive.archive_study` wrote it.
        folder: to be made for the study's files; by default its name, where this process runs.
        database: URL; by default an SQLite file in the folder.
        data: folder of the patches; by default where they were.

    Returns:
        Where it is now.

    Raises:
        HpoError: if the archive is damaged or of another version, the folder already exists, or the database holds a
            study of that name.
    """
    try:
        with tarfile.open(archive, "r:") as tar:
            manifest = _manifest(archive, tar)
            rows = json.loads(_content(archive, tar, manifest, ROWS))
            target = (folder or Path(manifest.study)).absolute()
            mark = hashlib.sha256(json.dumps(manifest.members, sort_keys=True).encode()).hexdigest()
            if not _is_from(target, mark):
                if target.exists() and any(target.iterdir()):
                    raise HpoError(f"{target} already exists; name another folder")
                try:
                    _extract(archive, tar, manifest, target, data, mark)
                except OSError as error:
                    raise HpoError(f"{target}: cannot be written: {file_fault(error)}") from None
    except (tarfile.TarError, EOFError) as error:
        raise HpoError(f"{archive}: is no archive of hpo, or damaged ({error})") from None
    except OSError as error:
        raise HpoError(f"{archive}: cannot be read: {error.strerror or error}") from None
    place = find_study(target / manifest.file, database)
    opened = open_database(place.database)
    try:

        def enter(session: Session) -> None:
            known = holds_any(session, rows)
            if known is not None:
                raise HpoError(
                    f"database {opened.url} holds a study named {known!r} already; give another with --database (the "
                    f"files are in {target})"
                )
            enter_rows(session, rows)

        opened.run(enter)
    finally:
        opened.close()
    return place


def _manifest(archive: Path, tar: tarfile.TarFile) -> Manifest:
    try:
        member = tar.getmember(MANIFEST)
        file = tar.extractfile(member) if member.size <= _LARGEST_MANIFEST else None
        manifest = TypeAdapter(Manifest).validate_json(file.read() if file is not None else b"")
    except (KeyError, ValidationError):
        raise HpoError(f"{archive}: is no archive of hpo: it has no {MANIFEST}") from None
    if manifest.archive != ARCHIVE or manifest.format != FORMAT:
        raise HpoError(
            f"{archive}: was written by hpo {manifest.hpo} (format {manifest.format}), this version restores {FORMAT}; "
            f"restore it with hpo {manifest.hpo}, then hpo upgrade"
        )
    return manifest


def _content(archive: Path, tar: tarfile.TarFile, manifest: Manifest, name: str) -> bytes:
    """A member's content, compared with its checksum."""
    try:
        file = tar.extractfile(name)
    except KeyError:
        file = None
    content = b"" if file is None else file.read()
    if file is None or hashlib.sha256(content).hexdigest() != manifest.members[name]:
        raise HpoError(f"{archive}: {name} is missing or damaged; use another copy of the archive")
    return content


def _extract(
    archive: Path, tar: tarfile.TarFile, manifest: Manifest, target: Path, data: Path | None, mark: str
) -> None:
    """Make the study's folder, whole or not at all."""
    unfinished = target.with_name(f".{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    homes = {"study": unfinished, "store": unfinished / "output" / "checkpoints", "output": unfinished / "output"}
    for name in manifest.members:
        home, _, rest = name.partition("/")
        if home not in homes:
            continue
        parts = PurePosixPath(rest).parts
        if not parts or rest.startswith("/") or ".." in parts or "\\" in rest:
            raise HpoError(f"{archive}: {name!r} leads out of the folder; it is no archive of hpo")
        path = homes[home].joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_content(archive, tar, manifest, name))
    _move_places(unfinished / manifest.file, manifest, data)
    (unfinished / _RESTORED).write_text(mark)
    if target.exists():
        target.rmdir()
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(unfinished, target)  # noqa: PTH105 - a folder


def _move_places(file: Path, manifest: Manifest, data: Path | None) -> None:
    """Have the study file name the places where its things are now; all else stays as a person wrote it."""
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 4096
    values: Any = yaml.load(file.read_text(encoding="utf-8"))
    values["output"] = "output"
    for key in ("database", "checkpoints"):
        values.pop(key, None)
    values["search_space"], values["dashboard"] = "search_space.yaml", "dashboard.yaml"
    if data is not None:
        values["data"]["folder"] = str(data.absolute())
    elif isinstance(values.get("data"), dict):
        values["data"]["folder"] = "data" if values["data"].get("sample") else manifest.data
    with file.open("w", encoding="utf-8") as opened:
        yaml.dump(values, opened)


def _is_from(folder: Path, mark: str) -> bool:
    """Whether a folder was restored from this very archive."""
    try:
        return (folder / _RESTORED).read_text() == mark
    except OSError:
        return False
