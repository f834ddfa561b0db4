"""Study files written by Python code: the same YAML that a person would write."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.representer import RepresenterError

from hpo.config.dashboard import Dashboard
from hpo.config.search_space import SearchSpace
from hpo.config.template import dashboard_template
from hpo.errors import HpoError


def write_study_files(
    file: Path,
    *,
    search_space: SearchSpace | Mapping[str, Any] | Path | str,
    dashboard: Dashboard | Mapping[str, Any] | Path | str | None,
    sections: Mapping[str, Any],
) -> list[Path]:
    """Write a study file, and what it names where that is given as a model or mapping.

    Nothing is written unless all of it can be. Files with the same contents stay as they are, so that a notebook may be
    run again.

    Args:
        file: the study file.
        search_space: written as ``NAME.search_space.yaml`` beside it, or the path of a file that there is.
        dashboard: written as ``NAME.dashboard.yaml``, or a path; None is the report with everything in it.
        sections: everything else that a study file says: mappings or models; ``name`` is by default the file's.

    Returns:
        The files that were not there before.

    Raises:
        HpoError: if a file with other contents already exists, or YAML cannot hold a value.
    """
    folder = file.absolute().parent
    texts: dict[Path, str] = {}

    def named(given: BaseModel | Mapping[str, Any] | Path | str, kind: str) -> str:
        if isinstance(given, BaseModel | Mapping):
            path = folder / f"{file.stem}.{kind}.yaml"
            texts[path] = _yaml(path, given)
            return path.name
        return Path(os.path.relpath(Path(given).absolute(), folder)).as_posix()

    study: dict[str, Any] = {"name": file.stem, **sections, "search_space": named(search_space, "search_space")}
    if dashboard is None:
        path = folder / f"{file.stem}.dashboard.yaml"
        texts[path], study["dashboard"] = dashboard_template(), path.name
    else:
        study["dashboard"] = named(dashboard, "dashboard")
    texts[folder / file.name] = _yaml(folder / file.name, study)
    for path, text in texts.items():
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise HpoError(f"{path}: already exists with other contents; choose another name, or remove it")
    folder.mkdir(parents=True, exist_ok=True)
    new = [path for path in texts if not path.exists()]
    for path in new:
        path.write_text(texts[path], encoding="utf-8")
    return new


def _plain(value: Any) -> Any:
    """Models as what was set of them, paths as text, tuples and NumPy's numbers and arrays as Python's own."""
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in sorted(value.model_fields_set)}
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return value.tolist()
    return value.as_posix() if isinstance(value, Path) else value


def _yaml(path: Path, values: Any) -> str:
    writer, stream = YAML(typ="safe", pure=True), io.StringIO()
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # ruamel's own way to keep the order
    try:
        writer.dump(_plain(values), stream)
    except RepresenterError as error:
        raise HpoError(f"{path}: YAML cannot hold {error.args[-1]}; use numbers, texts, lists and mappings") from error
    return stream.getvalue()
