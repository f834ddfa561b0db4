"""What a study came to, in a form that two runs can be compared by."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError


def weights(output: Path) -> dict[str, str]:
    """SHA-256 of each architecture's exported weights."""
    models = yaml.safe_load((output / "best_config.yaml").read_text())["models"]
    return {name: model["weights_sha256"] for name, model in models.items()}


def checkpoints(output: Path) -> set[str]:
    """Every checkpoint that was kept: recipe, epoch and SHA-256 of its content."""
    folder = output / "checkpoints"
    return {str(path.relative_to(folder)) for path in folder.rglob("epoch-*.h5")}


def points(output: Path) -> list[tuple[Any, ...]]:
    """Every design point with its accepted result."""
    query = "SELECT stage_name, point_key, recipe_key, epochs, state, objective, curve FROM hpo_design_point"
    return sorted((*row, json.loads(curve or "[]")) for *row, curve in rows(output, query))


def rows(output: Path, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query on the study's SQLite database."""
    with sqlite3.connect(output / "study.db") as connection:
        return list(connection.execute(query))


def rows_at(url: str, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query; none while its tables are not made."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]
    except SQLAlchemyError:
        return []
    finally:
        engine.dispose()
