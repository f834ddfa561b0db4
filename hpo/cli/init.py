"""``hpo init`` and ``hpo schema``: a new study file, and what editors need to complete it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.console import out
from hpo.errors import HpoError


def init(
    file: Annotated[Path, typer.Argument(help="The study file to write, such as studies/mine.yaml.")],
    name: Annotated[str | None, typer.Option(help="Name of the study; by default the file's.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the patches; by default synthetic patches are made.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the study file if it is there.")] = False,
) -> None:
    """Write a commented study file, and the search space and dashboard it names where there are none."""
    from hpo.config.load import load_study
    from hpo.config.patterns import NAME_PATTERN
    from hpo.config.template import dashboard_template, search_space_template, study_template

    name = name or file.stem
    if not re.fullmatch(NAME_PATTERN, name):
        raise HpoError(f"{name!r} is no name for a study: letters, digits, - and _ only; choose one with --name")
    if file.exists() and not force:
        raise HpoError(f"{file} is there already; --force replaces it")
    if file.is_dir():
        raise HpoError(f"{file} is a folder; name the file to write")
    folder = file.absolute().parent
    search_space = _shared(folder, "search_spaces", f"{name}.yaml") or folder / f"{name}.search_space.yaml"
    dashboard = _shared(folder, "dashboards", "full.yaml") or folder / f"{name}.dashboard.yaml"
    text = study_template(
        name,
        file=file.as_posix(),
        search_space=_relative(search_space, folder),
        dashboard=_relative(dashboard, folder),
        data=f"../runs/data/{name}" if data is None else _data_folder(data, folder),
        makes_sample=data is None,
    )
    _write(file, text)
    for path, content in ((search_space, search_space_template()), (dashboard, dashboard_template())):
        if not path.exists():
            _write(path, content)
    load_study(file)
    if data is not None and not data.exists():
        out.print(f"{data} is not there yet: hpo data import makes it from images", soft_wrap=True, markup=False)
    out.print(f"next: hpo plan {file}, then hpo run {file}", soft_wrap=True, markup=False)


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
    """The file in the folder of its kind, where the study file lies in a project with such folders."""
    place = folder.parent / sibling
    return place / name if folder.name == "studies" and place.is_dir() else None


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _data_folder(data: Path, folder: Path) -> str:
    return data.as_posix() if data.is_absolute() else _relative(data.absolute(), folder)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    _say_written(path)


def _say_written(path: Path) -> None:
    from hpo.config.yaml_file import displayed

    out.print(f"wrote {displayed(path)}", soft_wrap=True, markup=False, highlight=False)
