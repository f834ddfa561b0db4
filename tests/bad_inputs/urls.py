"""Bad URLs of databases, checkpoint stores and servers."""

from __future__ import annotations

import random
from pathlib import Path

from tests.bad_inputs.attempt import PASSWORD, Attempt, Bases
from tests.bad_inputs.mutate import spoil_text
from tests.bad_inputs.yaml_files import write_study

URLS = (
    f"postgresql+psycopg://me:{PASSWORD}@127.0.0.1:9/hpo",
    f"postgresql://me:{PASSWORD}@127.0.0.1:9/hpo",
    f"postgres://me:{PASSWORD}@h/hpo",
    f"mysql+pymysql://me:{PASSWORD}@127.0.0.1:9/hpo",
    f"postgresql+psycopg://127.0.0.1:9/hpo?user=me&password={PASSWORD}",
    f"postgresql+psycopg://me:{PASSWORD}@127.0.0.1:port/hpo",
    f"postgresql+psycopg://me:{PASSWORD}@[::1/hpo",
    f"postgresql+psycopg://me:{PASSWORD}@127.0.0.1:99999/hpo",
    f"postgresql+psycopg://me:{PASSWORD}@/hpo?host=/nowhere",
    f"oracle://me:{PASSWORD}@h/x",
    f"mssql+pyodbc://me:{PASSWORD}@h/x",
    f"sqlite+pysqlcipher://:{PASSWORD}@/x.db",
    f"sqlite://me:{PASSWORD}@host/x.db",
    f"Postgresql+psycopg://me:{PASSWORD}@h/x",
    "sqlite:///x.db",
    "sqlite:////dev/null",
    "sqlite:///.",
    "sqlite:///study.yaml",
    "sqlite://",
    "sqlite:///:memory:",
    "sqlite:///file:x.db?mode=memory&uri=true",
    f"sqlite:///x.db?key={PASSWORD}",
    "sqlite:////dev/zero",
    "sqlite:///nowhere/x.db",
    f"http://me:{PASSWORD}@127.0.0.1:9/x",
    f"redis://:{PASSWORD}@127.0.0.1:9/0",
    f"postgresql+psycopg://me:{PASSWORD}%zz@127.0.0.1:9/x",
    f"postgresql+psycopg://me:pw/{PASSWORD}@127.0.0.1:9/x",
    f"postgresql+psycopg://me:{PASSWORD}@127.0.0.1:9/x?sslmode=no",
    f"postgresql+psycopg://me:{PASSWORD}@127.0.0.1:9/x?sslpassword={PASSWORD}&nonsense=1",
)


STORES = (
    f"s3://key:{PASSWORD}@bucket/x",
    f"sftp://me:{PASSWORD}@127.0.0.1:9/x",
    f"ftp://me:{PASSWORD}@127.0.0.1:9/x",
    f"http://me:{PASSWORD}@127.0.0.1:9/x",
    f"webdav://me:{PASSWORD}@127.0.0.1:9",
    f"smb://me:{PASSWORD}@127.0.0.1:9/x",
    "memory://x",
    "file:///dev/null/x",
    "file://nowhere",
    "://",
    "s3://",
    "gs://bucket/x",
    f"github://me:{PASSWORD}@a/b",
    f"simplecache::ftp://me:{PASSWORD}@127.0.0.1:9/x",
    "zip://x.zip",
    "/dev/null",
    "/proc/1/x",
    "data:,x",
    "local:///x",
    f"nosuch://me:{PASSWORD}@h/x?token={PASSWORD}",
    "~nobody-here/x",
    "x" * 5000,
    "\x1b[31mred",
)


def urls(rng: random.Random, bases: Bases) -> Attempt:
    """A bad URL of a database, a checkpoint store or a server, in each place that takes one."""
    write_study(bases)
    way = rng.random()
    if way < 0.6:
        url = rng.choice(URLS)
        if rng.random() < 0.4:
            url = cleaned(spoil_text(rng, url)[1].decode("utf-8", "replace")).replace("127.0.0.1", "127.0.0.1")
        return _database(rng, url)
    if way < 0.9:
        url = rng.choice(STORES)
        command = rng.choice(("report", "status", "plan", "ranges"))
        if rng.random() < 0.5 and "\x1b" not in url:
            return Attempt(f"store {url[:40]!r} in the environment", (command, "study.yaml"), {"HPO_CHECKPOINTS": url})
        _add_key("checkpoints", url)
        return Attempt(f"store {url[:40]!r} in the file", (command, "study.yaml"))
    url = rng.choice(
        (
            f"http://me:{PASSWORD}@127.0.0.1:9",
            f"ftp://me:{PASSWORD}@127.0.0.1:9",
            "nonsense",
            "",
            "file:///etc",
            "http://",
            f"https://127.0.0.1:9/?token={PASSWORD}",
            "http://[::1",
            "http://127.0.0.1:port",
        )
    )
    return Attempt(f"base URL {url!r}", ("data", "fetch", "pcam", "out", "--split", "test", "--base-url", url))


def _database(rng: random.Random, url: str) -> Attempt:
    command = rng.choice(("status", "status", "report", "ranges", "stop"))
    where = rng.randrange(3)
    what = f"database {url[:60]!r}"
    if where == 0:
        return Attempt(f"{what} as an option", (command, "study.yaml", "--database", url))
    if where == 1:
        return Attempt(f"{what} in the environment", (command, "study.yaml"), {"HPO_DATABASE": url})
    _add_key("database", url)
    return Attempt(f"{what} in the file", (command, "study.yaml"))


def _add_key(key: str, value: str) -> None:
    import json

    with Path("study.yaml").open("a") as file:
        file.write(f"{key}: {json.dumps(value)}\n")


def cleaned(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()
