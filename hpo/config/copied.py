"""A study file copied under a new name, so that what both studies train is trained once."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from hpo.config.edit_yaml import edited
from hpo.config.load import load_study
from hpo.config.patterns import NAME_PATTERN
from hpo.config.study import StudyFile
from hpo.config.yaml_file import Location, displayed, read_yaml
from hpo.errors import HpoError


def copy_study(study: StudyFile, name: str, *, own_store: bool = False) -> tuple[Path, Path]:
    """Write a study file with a new name beside another, and a search space of its own.

    Database and checkpoint store are the other's; so nothing that both ask for is trained twice.

    Args:
        study: to be copied, as its file is.
        name: of the new study, and of its file.
        own_store: give the new study checkpoints of its own: those of the other are of no use to it.

    Returns:
        The new study file and its search space.

    Raises:
        HpoError: if the name cannot be a study's, or is this one's, or one of the files already exists.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise HpoError(
            f"{name}: a study's name is made of letters, digits, '-' and '_', and begins with a letter or digit; its "
            f"file is written beside {displayed(study.file)}"
        )
    if name == study.name:
        raise HpoError(f"{displayed(study.file)}: this study is called {name} already; choose another name")
    file, space = study.file.with_name(f"{name}.yaml"), _space_file(study, name)
    for path in (file, space):
        if path.exists():
            raise HpoError(f"{displayed(path)}: already exists; choose another name")
    text = study.file.read_text(encoding="utf-8")
    new = edited(displayed(study.file), text, _changes(study, name, space, own_store=own_store))
    space.write_text(study.search_space.read_text(encoding="utf-8"), encoding="utf-8")
    file.write_text(new, encoding="utf-8")
    try:
        load_study(file)
    except HpoError:
        for path in (file, space):
            path.unlink()
        raise
    return file, space


def _space_file(study: StudyFile, name: str) -> Path:
    is_beside = study.search_space.parent == study.file.parent
    return study.search_space.with_name(f"{name}.search_space.yaml" if is_beside else f"{name}.yaml")


def _changes(study: StudyFile, name: str, space: Path, *, own_store: bool) -> dict[Location, Any]:
    """What the copy says otherwise than its original; paths as the file has them, from its folder on."""
    written = read_yaml(study.file).values
    output = PurePosixPath(str(written.get("output", PurePosixPath("..", "runs", study.name))))
    beside = output.with_name(name) if output.name else output / name  # "." and "/" have no name
    changes: dict[Location, Any] = {
        ("name",): name,
        ("search_space",): Path(os.path.relpath(space, study.file.parent)).as_posix(),
        ("copy_of",): study.copy_of or study.name,
    }
    if "output" in written:
        changes["output",] = str(beside)
    if "database" not in written:
        changes["database",] = f"sqlite:///{output / 'study.db'}"
    if own_store:
        changes["checkpoints",] = str(beside / "checkpoints")
    elif "checkpoints" not in written:
        changes["checkpoints",] = str(output / "checkpoints")
    return changes
