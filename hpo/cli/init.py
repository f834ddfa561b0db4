"""``hpo init`` and ``hpo schema``: a new study file, and what editors need to complete it."""

from __future__ import annotations

import math
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.errors import HpoError
from hpo.terminal import following, tell

if TYPE_CHECKING:
    from hpo.config.template import Proposal

MINUTES = 30
"""Minutes that a new study on given data may take."""


def init(
    file: Annotated[Path, typer.Argument(help="Study file to write, such as studies/mine.yaml.")],
    name: Annotated[str | None, typer.Option(help="Name of the study; by default the file's.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the patches; by default synthetic patches are made.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            help=f"Minutes that the study may take on this machine; by default {MINUTES}. Needs --data.", min=1
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the study file and its search space.")] = False,
) -> None:
    """Write a commented study file, and the search space and dashboard it names if they do not exist.

    With --data the study fits the patches in that folder: their size, classes, splits and number.
    """
    from hpo.config.patterns import NAME_PATTERN
    from hpo.config.template import UNSEEN, dashboard_template, search_space_template, study_template

    name = name or file.stem
    if not re.fullmatch(NAME_PATTERN, name):
        raise HpoError(f"{name!r} is not a valid study name: use letters, digits, - and _ only; choose one with --name")
    if file.is_dir():
        raise HpoError(f"{file} is a folder; name the file to write")
    if file.exists() and not (force and file.is_file()):
        raise HpoError(f"{file} already exists; --force replaces it and its search space")
    if file.exists() and not _may_be_study(file):
        raise HpoError(f"{file} already exists and is not a study file; --force replaces study files only")
    is_there = data is not None and data.exists()
    if minutes is not None and not is_there:
        raise HpoError("--minutes needs --data with a folder of patches: a study's time depends on them")
    proposal, lines = _fitting(data, minutes or MINUTES) if data is not None and is_there else (UNSEEN, [])
    folder = file.absolute().parent
    is_project = folder.name == "studies"
    search_space = _shared(folder, "search_spaces", f"{name}.yaml") or folder / f"{name}.search_space.yaml"
    dashboard = _shared(folder, "dashboards", "full.yaml") or folder / f"{name}.dashboard.yaml"
    runs = "../runs" if is_project else "runs"
    text = study_template(
        name,
        file=file.as_posix(),
        search_space=_relative(search_space, folder),
        dashboard=_relative(dashboard, folder),
        data=f"{runs}/data/{name}" if data is None else _data_folder(data, folder),
        makes_sample=data is None,
        proposal=proposal,
        output=None if is_project else f"runs/{name}",
    )
    named = {search_space: search_space_template(proposal), dashboard: dashboard_template()}
    replaced = {search_space} if force and is_there else set()
    _write_all({file: text} | {path: text for path, text in named.items() if path in replaced or not path.exists()})
    for line in lines:
        tell(line)
    if data is not None and not is_there:
        text = "does not exist yet: hpo data import makes it from images; hpo init --force then fits the study to it"
        tell(f"{data} {text}")
    tell(f"next: hpo plan {_typed(file)}, then hpo run {_typed(file)}")


def _may_be_study(file: Path) -> bool:
    """Whether a file may be a study file, even a broken one: text, and YAML by name or with a study's keys."""
    content = file.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    keys = re.search(r"^(name|data|search_space)\s*:", text, re.MULTILINE)
    return "\0" not in text and (file.suffix in (".yaml", ".yml") or keys is not None or not text)


def _fitting(data: Path, minutes: float) -> tuple[Proposal, list[str]]:
    """The proposal for the data, with lines about it."""
    from hpo.machine import available_cores
    from hpo.stages.look import look_at_data
    from hpo.stages.proposal import CORE_SPEED, propose

    cores = available_cores()
    with following() as progress:
        look = look_at_data(data, progress)
    proposal, seconds = propose(look, minutes, cores)
    rounded = math.ceil(seconds / 60)
    took = f"time: about {rounded} {'minute' if rounded == 1 else 'minutes'}"
    if seconds > minutes * 60:
        took += f", more than the {minutes:g} that were asked for; this is the smallest study that can say something"
    assumed = f"estimated for {cores} cores of {CORE_SPEED / 1e9:.0f} billion operations per second"
    return proposal, [*look.lines(), f"{took}; {assumed}, which hpo plan --calibrate measures"]


def schema(
    folder: Annotated[Path, typer.Argument(help="Folder to write the JSON Schemas into.")],
) -> None:
    """Write JSON Schemas of the YAML files, from which editors complete and check them.

    A YAML file names its schema in a first line such as '# yaml-language-server: $schema=study.schema.json'.
    """
    from hpo.config.schema import write_schemas

    for path in write_schemas(folder):
        _say_written(path)


def _shared(folder: Path, sibling: str, name: str) -> Path | None:
    """The file in the folder of its kind, in a project with such folders."""
    place = folder.parent / sibling
    return place / name if folder.name == "studies" and place.is_dir() else None


def _typed(path: Path) -> str:
    return shlex.quote(str(path))


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _data_folder(data: Path, folder: Path) -> str:
    return data.as_posix() if data.is_absolute() else _relative(data.absolute(), folder)


def _write_all(contents: dict[Path, str]) -> None:
    """Write the study file and the files it names; remove them if they cannot be loaded."""
    from hpo.config.load import load_study

    before = {path: path.read_bytes() if path.exists() else None for path in contents}
    try:
        for path, text in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        load_study(next(iter(contents)))
    except BaseException as error:
        for path, content in before.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content)
        if isinstance(error, UnicodeEncodeError):
            raise HpoError(
                f"{error.object[error.start - 20 : error.end]!r}: YAML files are UTF-8, which has no such name"
            ) from None
        raise
    for path in contents:
        _say_written(path)


def _say_written(path: Path) -> None:
    from hpo.config.yaml_file import displayed

    tell(f"wrote {displayed(path)}")
