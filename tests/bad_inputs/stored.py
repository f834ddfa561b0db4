"""Bad predictions, checkpoints and databases of a finished study."""

from __future__ import annotations

import hashlib
import io
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.bad_inputs.attempt import Attempt, Bases
from tests.bad_inputs.mutate import replace_by_no_file, spoil_bytes
from tests.bad_inputs.strange import VALUES


def _study(bases: Bases) -> None:
    assert bases.study is not None
    shutil.copytree(bases.study, "s", symlinks=True)
    import os

    os.chdir("s")


def predictions(rng: random.Random, bases: Bases) -> Attempt:
    """A bad file of predictions, which the comparison is computed from."""
    _study(bases)
    path = rng.choice(sorted(Path("runs/tiny/checkpoints/predictions").rglob("*.npz")))
    sound = _summary()
    way = rng.random()
    if way < 0.08:
        what = replace_by_no_file(rng, path)
    elif way < 0.55:
        what, content = spoil_bytes(rng, path.read_bytes())
        path.write_bytes(content)
    else:
        what = rng.choice(list(ARRAYS))
        with np.load(path) as arrays:
            values = {name: arrays[name] for name in arrays.files}
        path.write_bytes(ARRAYS[what](values))
    name = "/".join(path.parts[-2:])

    def judge(_output: str) -> str | None:
        return None if _summary() == sound else "other metrics than those of the predictions that were stored"

    return Attempt(f"predictions {name}: {what}", call=_read, judge=judge)


def checkpoints(rng: random.Random, bases: Bases) -> Attempt:
    """A bad checkpoint: it counts as absent."""
    from hpo.storage.checkpoints import CheckpointStore
    from hpo.storage.files import Files

    _study(bases)
    path = rng.choice(sorted(Path("runs/tiny/checkpoints").glob("*/epoch-*.h5")))
    key = path.parent.name
    store = CheckpointStore(Files(str(Path("runs/tiny/checkpoints").absolute())))
    sound = _state(store, key)
    way = rng.random()
    if way < 0.2:
        what = replace_by_no_file(rng, path)
    elif way < 0.3:
        what, name = (
            "another name",
            rng.choice(("epoch-000003.h5", "epoch-x.y.h5", "epoch-999999999999.0.h5", "epoch--1.0.h5", ".h5")),
        )
        path.rename(path.with_name(name))
    else:
        what, content = spoil_bytes(rng, path.read_bytes())
        path.write_bytes(content)

    def judge(_output: str) -> str | None:
        found = _state(store, key)
        return (
            None
            if found is None or sound is None or found[0] < sound[0] or found == sound
            else "a damaged checkpoint was taken"
        )

    return Attempt(f"checkpoint: {what}", call=lambda: _state(store, key), judge=judge)


def database(rng: random.Random, bases: Bases) -> Attempt:
    """A damaged SQLite file, or rows that hold what nobody wrote."""
    _study(bases)
    path = Path("runs/tiny/study.db")
    way = rng.random()
    if way < 0.08:
        what = replace_by_no_file(rng, path)
    elif way < 0.45:
        what, content = spoil_bytes(rng, path.read_bytes())
        path.write_bytes(content)
    else:
        what = _spoil_rows(rng, path)
    command = rng.choice(
        (("status", "tiny.yaml"), ("status", "tiny.yaml", "--json"), ("ranges", "tiny.yaml"), ("read",))
    )
    if command == ("read",):
        return Attempt(f"database: {what}; results", call=_read)
    return Attempt(f"database: {what}", command)


def _spoil_rows(rng: random.Random, path: Path) -> str:
    with sqlite3.connect(path) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        table = rng.choice(sorted(tables))
        if rng.random() < 0.1:
            change = rng.choice(
                (f'DROP TABLE "{table}"', f'DELETE FROM "{table}"', f'ALTER TABLE "{table}" RENAME TO gone')
            )
            connection.execute(change)
            return change
        columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
        column, value = (
            rng.choice(columns),
            rng.choice((*VALUES, b"\xff\xfe", "{", "[1, 2", '{"a": 1}', "null", '"x"', "NaN", "1e999")),
        )
        if isinstance(value, list | dict) or (isinstance(value, int) and not -(2**63) <= value < 2**63):
            value = str(value)
        rows = "" if rng.random() < 0.5 else f' WHERE rowid = (SELECT min(rowid) FROM "{table}")'
        try:
            connection.execute(f'UPDATE OR IGNORE "{table}" SET "{column}" = ?{rows}', (value,))
        except sqlite3.Error:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            connection.execute(f'UPDATE OR IGNORE "{table}" SET "{column}" = NULL WHERE 0')
        return f"{table}.{column} set to {str(value)[:30]!r}"


def _npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _changed(change: Callable[[Any], Any]) -> Callable[[dict[str, Any]], bytes]:
    return lambda values: _npz(**{name: change(array) for name, array in values.items()})


def _huge_header() -> bytes:
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("probabilities", "labels"):
            header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (100000000000,), }".ljust(117) + b"\n"
            archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00v\x00" + header)
    return buffer.getvalue()


ARRAYS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "three values": lambda v: _npz(**{name: np.zeros(3, "f4") for name in v}),
    "NaN": _changed(lambda a: np.full(a.shape, np.nan, "f4")),
    "2.0": _changed(lambda a: np.full(a.shape, 2, "f4")),
    "reversed": _changed(lambda a: a[::-1]),
    "one changed": _changed(lambda a: np.concatenate([1 - a[:1], a[1:]])),
    "text": _changed(lambda a: a.astype("U8")),
    "two dimensions": _changed(lambda a: a[:, None]),
    "a scalar": _changed(lambda a: a[0]),
    "other names": lambda v: _npz(**{f"{name}x": array for name, array in v.items()}),
    "more names": lambda v: _npz(**v, more=np.zeros(3)),
    "objects": lambda v: _npz(**{name: np.array([{}, []], dtype=object) for name in v}),
    "float64": _changed(lambda a: a.astype("f8")),
    "half": _changed(lambda a: a.astype("f2")),
    "none": _changed(lambda a: a[:0]),
    "a huge header": lambda _v: _huge_header(),
    "nothing": lambda _v: b"",
    "a zip of nothing": lambda _v: b"PK\5\6" + bytes(18),
    "a bomb": lambda v: _npz(**{name: np.zeros(4 * 10**7, "f4") for name in v}),
    "infinite": _changed(lambda a: np.full(a.shape, np.inf, "f4")),
    "a npy": lambda _v: b"\x93NUMPY\x01\x00",
    "a pickle": lambda _v: b"\x80\x04N.",
}


def _read() -> Any:
    from contextlib import closing

    from hpo.config.load import load_study
    from hpo.results.read import read_results
    from hpo.storage.database import open_database

    study = load_study("tiny.yaml")
    with closing(open_database(study.database)) as database:
        return read_results(database, study)


def _summary() -> str:
    """A digest of all that a comparison is computed from."""
    results, digest = _read(), hashlib.sha256()
    for run in results.confirmations:
        digest.update(repr((run.architecture, run.role, run.seed)).encode())
        for values in (run.test_probabilities, run.valid_probabilities):
            digest.update(b"-" if values is None else values.tobytes() + str(values.dtype).encode())
    for values in (results.test_labels, results.test_slides, results.valid_labels):
        digest.update(repr(None if values is None else np.asarray(values).tolist()).encode())
    return digest.hexdigest()


def _state(store: Any, key: str) -> tuple[int, str] | None:
    found = store.latest(key, 3)
    return None if found is None else (found.epoch, repr(found))
