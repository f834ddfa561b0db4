"""A whole study in one tar file: its rows, its files, and what in the store is its own, to be restored anywhere."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from hpo.config.as_planned import StudyPlace
from hpo.config.function_source import find_module
from hpo.config.study import StudyFile
from hpo.errors import HpoError
from hpo.recipe.architecture import FunctionSpec
from hpo.run.delete import check_idle
from hpo.stages.belongings import Belongings, belongings, checkpoint_files, prediction_files
from hpo.storage.database import Database
from hpo.storage.files import Files
from hpo.storage.migration import FORMAT
from hpo.storage.study_rows import read_rows
from hpo.whole_file import whole_file

ARCHIVE = 1
"""Of the layout of an archive."""

MANIFEST, ROWS = "manifest.json", "rows.json"


@dataclass(frozen=True)
class Manifest:
    """What an archive says of itself.

    Args:
        archive: `ARCHIVE`.
        hpo: version that wrote it.
        format: of the rows, as databases have it.
        study: its name.
        file: the study file's name below ``study/``.
        data: folder of the patches where it was archived.
        members: SHA-256 of every other member.
    """

    archive: int
    hpo: str
    format: str
    study: str
    file: str
    data: str
    members: dict[str, str]


def archive_study(database: Database, place: StudyPlace, study: StudyFile, path: Path) -> tuple[int, list[str]]:
    """Write the archive of a study, whole or not at all. The patches are not in it.

    Args:
        database: the study's.
        place: where its files are.
        study: as it was planned.
        path: the tar file, which must not be there.

    Returns:
        How many members it has, and what it does not hold, a line each.

    Raises:
        HpoError: if there is a file already, or workers are at work on the study.
        StoreUnavailableError: if database or store are out of reach.
    """
    if path.exists():
        raise HpoError(f"{path} already exists; name another file, or remove it first")
    with database.transaction() as session:
        check_idle(session, database, study.name)
        rows, owned = read_rows(session, study.name), belongings(session, study.name)
    files = Files(study.checkpoints)
    sums: dict[str, str] = {}
    lacking: list[str] = []
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as unfinished, tarfile.open(unfinished, "w") as tar:

        def add(name: str, content: bytes) -> None:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
            sums[name] = hashlib.sha256(content).hexdigest()

        add(ROWS, json.dumps(rows).encode())
        for name in _stored(files, owned):
            content = files.read(name)
            if content is not None:
                add(f"store/{name}", content)
        for name, source in _study_files(place, study, lacking):
            add(f"study/{name}", source.read_bytes())
        for name, source in _output_files(place, study):
            add(f"output/{name}", source.read_bytes())
        data = str(study.data.folder)
        manifest = Manifest(ARCHIVE, version("hpo"), FORMAT, study.name, place.file.name, data, dict(sums))
        add(MANIFEST, json.dumps(asdict(manifest), indent=1).encode())
    return len(sums), lacking


def _stored(files: Files, owned: Belongings) -> Iterator[str]:
    for key in sorted(owned.recipes):
        yield from checkpoint_files(files, key)
    for configuration in sorted(owned.configurations):
        yield from prediction_files(files, configuration)
    for artifact in sorted(owned.artifacts):
        yield f"artifacts/{artifact}"
    yield owned.mark


def _study_files(place: StudyPlace, study: StudyFile, lacking: list[str]) -> Iterator[tuple[str, Path]]:
    """The YAML files, and the modules of functions and the files that these read, as far as they are beside them."""
    yield place.file.name, place.file
    for name, path in (("search_space.yaml", study.search_space), ("dashboard.yaml", study.dashboard)):
        if path.is_file():
            yield name, path
        else:
            lacking.append(f"{path} is not there: the restored study can be looked at, and does not run without it")
    specs = [*study.architecture_specs.values(), *study.function_specs.values(), study.metric_spec]
    functions = [spec.function for spec in specs if isinstance(spec, FunctionSpec)]
    functions += [panel.function for panel in study.panels.panels if panel.function is not None]
    for module in sorted({function.partition(":")[0] for function in functions}):
        found = find_module(module, place.file.parent)
        source = Path(found.origin) if found is not None and found.origin is not None else None
        if source is not None and source.is_file() and source.is_relative_to(place.file.parent):
            yield str(source.relative_to(place.file.parent)), source
        else:
            lacking.append(f"module {module} is not in the study file's folder, and so not in the archive")
    for read in sorted({file for spec in specs if isinstance(spec, FunctionSpec) for file, _ in spec.files}):
        source = (place.file.parent / read).resolve()
        if source.is_file() and source.is_relative_to(place.file.parent):
            yield str(source.relative_to(place.file.parent)), source
        else:
            lacking.append(f"{read}, which a function reads, is not in the study file's folder: not in the archive")


def _output_files(place: StudyPlace, study: StudyFile) -> Iterator[tuple[str, Path]]:
    """Report, ranges, best configuration and models; database and store have their own way."""
    if not place.output.is_dir():
        return
    names = ["report.html", "best_config.yaml", "ranges.yaml"]
    paths = [place.output / name for name in names]
    paths += [path for name in study.architecture_specs for path in sorted((place.output / name).glob("*"))]
    for path in paths:
        if path.is_file():
            yield str(path.relative_to(place.output)), path
