"""JSON Schemas of the YAML files, from which editors complete keys, show descriptions and mark mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hpo.config.dashboard import Dashboard
from hpo.config.search_space import SearchSpace
from hpo.config.study import StudyFile

SCHEMAS: dict[str, type[BaseModel]] = {
    "study.schema.json": StudyFile,
    "search_space.schema.json": SearchSpace,
    "dashboard.schema.json": Dashboard,
}
"""File name of each schema, and the model it describes."""


def schema_text(model: type[BaseModel]) -> str:
    """The JSON Schema (draft 2020-12) of a YAML file, as text that is the same on every run."""
    schema: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> list[Path]:
    """Write all schemas into a folder, which is made if need be.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, model in SCHEMAS.items():
        (folder / name).write_text(schema_text(model), encoding="utf-8")
        files.append(folder / name)
    return files
