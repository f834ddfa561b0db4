"""Bad URLs, options and environment variables."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from tests.bad_inputs.attempt import PASSWORD, Attempt, Bases
from tests.bad_inputs.mutate import WORDS, spoil_text
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
    f"sqlite:///x.db?{PASSWORD}=1",
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
            url = _cleaned(spoil_text(rng, url)[1].decode("utf-8", "replace")).replace("127.0.0.1", "127.0.0.1")
        return _database(rng, url)
    if way < 0.9:
        url = rng.choice(STORES)
        command = rng.choice(("report", "status", "plan", "export"))
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
    command = rng.choice(("status", "status", "report", "ranges", "stop", "export"))
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


def _cleaned(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()


NUMBERS = (
    "-1",
    "0",
    "1e9",
    "99999999999999999999",
    "nan",
    "inf",
    "0.5",
    "",
    " ",
    "١",
    "0x10",
    "1_0",
    "x" * 3000,
    "\x1b[31mred",
)

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("plan", "@study"),
    ("status", "@study"),
    ("ranges", "@study"),
    ("report", "@study"),
    ("export", "@study"),
    ("stop", "@study"),
    ("init", "@file"),
    ("schema", "@folder"),
    ("data", "check", "@folder"),
    ("data", "import", "@folder", "@folder"),
    ("data", "sample", "@folder"),
    ("launch", "@study", "--workers", "@number"),
    ("run", "@study", "--workers", "@number"),
    ("run", "@study", "--gpus", "@word"),
    ("run", "@study", "--until", "@word"),
    ("launch", "@study", "--on", "@word"),
    ("report", "@study", "--serve", "@number"),
    ("dashboard", "@study", "--port", "@number"),
    ("data", "sample", "x", "--train", "@number"),
    ("data", "sample", "x", "--patch-size", "@number"),
    ("data", "sample", "x", "--seed", "@number"),
    ("data", "sample", "x", "--processes", "@number", "--train", "2"),
    ("data", "import", "src", "out", "--patch-size", "@number"),
    ("data", "import", "src", "out", "--classes", "@word"),
    ("report", "@study", "--output", "@file"),
    ("report", "@study", "--figures", "@file"),
    ("init", "@file", "--name", "@word"),
    ("init", "x.yaml", "--data", "@folder"),
    ("worker", "@study", "--threads", "@number"),
    ("data", "check", "@folder", "--preview", "@file"),
    ("data", "fetch", "@word", "x"),
    ("@word",),
    ("data", "@word"),
    ("report", "@study", "@study"),
    ("export", "@study", "--mlflow", "@word"),
    ("plan", "@study", "--@word"),
    ("status", "@study", "--database", "@word"),
)


def options(rng: random.Random, bases: Bases) -> Attempt:
    """A command with an argument or an option that makes no sense."""
    write_study(bases)
    Path("src").mkdir()
    Path("d").symlink_to(bases.data)
    chosen = rng.choice(COMMANDS)
    argv = [_word(rng, part) for part in chosen]
    if rng.random() < 0.2:
        argv.insert(
            rng.randrange(1, len(argv) + 1),
            rng.choice(
                (
                    "--json",
                    "--force",
                    "--nonsense",
                    "-x",
                    "--",
                    "-",
                    "--help=1",
                    "--database",
                    "@file",
                    "--name=\x1b[31m",
                )
            ),
        )
    return Attempt(" ".join(argv)[:80], argv)


def _word(rng: random.Random, part: str) -> str:
    if "@" not in part:
        return part
    words = {
        "@study": (
            "study.yaml",
            "study.yaml",
            "nowhere.yaml",
            "space.yaml",
            ".",
            "/dev/null",
            "/dev/zero",
            "/proc/self/mem",
            "d",
            "\x1b[31mred.yaml",
            "x" * 5000,
            "~nobody-here/x.yaml",
            "",
        ),
        "@folder": (
            "d",
            "nowhere",
            "study.yaml",
            "/dev/null",
            ".",
            "src",
            "x" * 300,
            "\udcff",
            "/proc/self",
            "~nobody-here",
            "\x1b[31mred",
            "",
        ),
        "@file": (
            "study.yaml",
            "d",
            ".",
            "/dev/null/x",
            "/dev/full",
            "/nowhere/x.yaml",
            "x" * 300 + ".yaml",
            "a b.yaml",
            "é.yaml",
            "x.html",
            "\x1b[31m.html",
            "/proc/x.yaml",
            "study.db",
            "",
        ),
        "@number": NUMBERS,
    }
    for key, choices in words.items():
        part = part.replace(key, rng.choice(choices)) if key in part else part
    return part.replace("@word", _cleaned(rng.choice(WORDS))[:100_000])


VARIABLES: dict[str, tuple[str, ...]] = {
    "HPO_DATA": (
        "",
        " ",
        "nowhere",
        "~nobody-here",
        "/dev/null",
        "study.yaml",
        "x" * 5000,
        "\x1b[31mred",
        "\udcff",
        "/proc/self/mem",
        "%s",
        "a\nb",
    ),
    "HPO_LOG": ("debug", "DEBUG", "loud", "", "0"),
    "HPO_DATABASE": URLS,
    "HPO_CHECKPOINTS": STORES,
    "COLUMNS": ("0", "-1", "1", "7", "x", "", "99999999999999", "1e3", "١"),
    "LINES": ("0", "-1", "x", "99999999999"),
    "TERM": ("", "dumb", "nonsense", "xterm-256color", "\x1b[31m"),
    "NO_COLOR": ("", "1"),
    "FORCE_COLOR": ("", "0", "1", "x"),
    "HOME": ("", "/nowhere", "/dev/null", "\udcff"),
    "TMPDIR": ("", "/nowhere", "/dev/null"),
    "OMP_NUM_THREADS": ("", "0", "-1", "x", "99999999"),
    "TF_NUM_INTRAOP_THREADS": ("x", "-1"),
    "CUDA_VISIBLE_DEVICES": ("", "-1", "x", "0,0,99", "GPU-nonsense"),
    "LANG": ("C", "xx_XX.nonsense", "tr_TR.UTF-8"),
    "TZ": ("", "Nowhere/Nothing", ":/dev/zero", "UTC-99"),
    "SOURCE_DATE_EPOCH": ("x", "-1", "99999999999999"),
    "PYTHONHASHSEED": ("0",),
    "XDG_CACHE_HOME": ("/nowhere", "/dev/null", ""),
    "KERAS_HOME": ("/nowhere", "/dev/null", ""),
    "HDF5_USE_FILE_LOCKING": ("x", "FALSE", ""),
    "HDF5_PLUGIN_PATH": ("/nowhere", ""),
    "OPTUNA_STORAGE": ("nonsense",),
    "TTY_COMPATIBLE": ("1", "x"),
    "TTY_INTERACTIVE": ("1", "x"),
    "_TYPER_STANDARD_TRACEBACK": ("1",),
    "TYPER_USE_RICH": ("0", "x", ""),
}
FRESH = (
    "PYTHONIOENCODING=ascii",
    "PYTHONIOENCODING=utf-16",
    "PYTHONWARNINGS=error",
    "PYTHONWARNINGS=nonsense",
    "PYTHONOPTIMIZE=2",
    "PYTHONUTF8=0",
    "LC_ALL=C",
    "LC_ALL=xx_XX",
    "PYTHONDEVMODE=1",
    "PYTHONWARNDEFAULTENCODING=1",
    "PYTHONINTMAXSTRDIGITS=640",
    "PYTHONNODEBUGRANGES=1",
    "HOME=",
    "COLUMNS=-5",
    "TMPDIR=/nowhere",
    "PYTHONUNBUFFERED=1",
)


def environment(rng: random.Random, bases: Bases) -> Attempt:
    """One to three variables that make no sense, sometimes of a process begun with them."""
    write_study(bases)
    argv = rng.choice(
        (
            ("plan", "study.yaml"),
            ("status", "study.yaml"),
            ("data", "check", str(bases.data)),
            ("report", "study.yaml"),
            ("init", "new.yaml"),
            ("plan", "é.yaml"),
            ("--help",),
            ("data", "import", "nowhere", "x"),
        )
    )
    if rng.random() < 0.12:
        setting = rng.choice(FRESH)
        name, _, value = setting.partition("=")
        return Attempt(f"{setting} in a fresh process", argv, call=lambda: _fresh(argv, {name: value}))
    names = rng.sample(list(VARIABLES), rng.choice((1, 1, 2, 3)))
    env = {name: rng.choice(VARIABLES[name]).replace("\0", "") for name in names}
    return Attempt(", ".join(f"{name}={value[:30]!r}" for name, value in env.items()), argv, env)


def _fresh(argv: tuple[str, ...], env: dict[str, str]) -> None:
    import os

    root = str(Path(sys.modules["hpo"].__file__ or "").parent.parent)
    done = subprocess.run([sys.executable, "-P", "-m", "hpo", *argv], env={**os.environ, "PYTHONPATH": root, **env})
    raise SystemExit(done.returncode)
