"""A study that an early version of hpo ran (commit 2724e1b of 2026-11-23), without its checkpoints.

`fixtures/early` has its files as that version left them: one architecture, eight points, tested. The database has
neither a format's number nor the columns of later days; predictions are not yet by split.
"""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import optuna
from optuna.storages._rdb.models import BaseModel
from sqlalchemy import MetaData, create_engine, select

FIXTURE = Path(__file__).parent / "fixtures" / "early"


def early_study(folder: Path) -> Path:
    """A copy of the study in a new folder; its file."""
    shutil.copytree(FIXTURE, folder)
    database = folder / "out" / "study.db"
    database.write_bytes(gzip.decompress((folder / "study.db.gz").read_bytes()))
    (folder / "study.db.gz").unlink()
    return folder / "study.yaml"


def on_a_server(file: Path, url: str) -> None:
    """Put the tables of an SQLite copy, with their rows, into an empty database of a server."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.RDBStorage(url)
    source, target = create_engine(f"sqlite:///{file.parent}/out/study.db"), storage.engine
    found = MetaData()
    found.reflect(source)
    ours = [table for table in found.sorted_tables if table.name.startswith("hpo_")]
    found.create_all(target, tables=ours)
    with source.connect() as reading, target.begin() as writing:
        for table in [*BaseModel.metadata.sorted_tables, *ours]:
            if table.name == "version_info":
                continue
            rows = [dict(row) for row in reading.execute(select(table)).mappings()]
            if rows:
                writing.execute(table.insert(), rows)
    for engine in (source, target):
        engine.dispose()
    storage.remove_session()
