"""One bad input: what is typed, and how it ends in a process of its own with limits."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import random
import re
import resource
import select
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

PASSWORD = "S3cr3tPw"
"""Stands in every bad URL; no output may show it."""

Ending = Literal["refused", "accepted", "traceback", "hang", "memory", "password", "noisy", "changed"]
ENDINGS: dict[Ending, str] = {
    "refused": "refused in one clean line a fault",
    "accepted": "accepted, and what was put in is what is there",
    "traceback": "a traceback, a crash, or exit code 70",
    "hang": "not ended in time",
    "memory": "more memory than the limit",
    "password": "a password in an output",
    "noisy": "more than lines 'hpo: ...', terminal escapes, others' warnings, or a line of over 2,100 characters",
    "changed": "accepted, but labels, pixels or settings are not those that were put in",
}
"""Every ending and what it means, the two good ones first."""

GOOD: tuple[Ending, ...] = ("refused", "accepted")


@dataclass(frozen=True)
class Bases:
    """Sound inputs, which the bad ones are made from.

    Args:
        data: folder of a PCam data set of three splits.
        study: folder of a finished study ``tiny.yaml``; None where there is none.
    """

    data: Path
    study: Path | None


@dataclass(frozen=True)
class Attempt:
    """A command about a bad input that lies in the working directory.

    Args:
        what: the mutation, in a few words.
        argv: what follows ``hpo``.
        env: variables of the environment.
        judge: called after the command was accepted, with its output; what has changed silently, or None.
        call: a function to call in place of the command.
    """

    what: str
    argv: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    judge: Callable[[str], str | None] | None = None
    call: Callable[[], Any] | None = None


Maker = Callable[[random.Random, Bases], Attempt]
"""Makes a bad input in the working directory."""


@dataclass(frozen=True)
class Limits:
    """What one input may take.

    Args:
        seconds: by the clock, before it is stopped; half of them of a processor.
        memory: bytes beyond what the process had at its start.
    """

    seconds: float = 20
    memory: int = 500_000_000


@dataclass(frozen=True)
class Result:
    """How a bad input ended.

    Args:
        kind: of input.
        number: of the input among its kind: with the seed it makes the same one again.
        what: the mutation.
        command: what was typed.
        ending: see `ENDINGS`.
        note: the offending line.
        seconds: of a processor.
    """

    kind: str
    number: int
    what: str
    command: str
    ending: Ending
    note: str
    seconds: float


def attempt(kind: str, number: int, maker: Maker, bases: Bases, folder: Path, seed: int, limits: Limits) -> Result:
    """Make a bad input in ``folder`` and run its command, both in a fork of this process, which has no threads."""
    inside, log = folder / "in", folder / "log"
    inside.mkdir(parents=True)
    log.mkdir()
    pid = os.fork()
    if pid == 0:
        _child(random.Random(f"{seed}:{kind}:{number}"), maker, bases, inside, log, limits)
    ended_in_time = bool(select.select([os.pidfd_open(pid)], [], [], limits.seconds)[0])
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    told = {**_json(log / "made"), **_json(log / "judged")}
    out, err = (_text(log / name) for name in ("out", "err"))
    started = int(told.get("memory", usage.ru_maxrss))
    ending, note = _classified(
        os.waitstatus_to_exitcode(status) if ended_in_time else None,
        out,
        _last_line(err) if told.get("debug") else err,  # whose tracebacks were asked for
        (usage.ru_maxrss - started) * 1024,
        limits,
    )
    if ending == "accepted" and told.get("changed"):
        ending, note = "changed", told["changed"]
    if ending in (*GOOD, "noisy") and (place := _shown_password(out, err, inside, set(told.get("files", ())))):
        ending, note = "password", place
    seconds = usage.ru_utime + usage.ru_stime
    return Result(kind, number, told.get("what", "?"), told.get("command", "?"), ending, note, seconds)


def _child(rng: random.Random, maker: Maker, bases: Bases, inside: Path, log: Path, limits: Limits) -> None:
    code = 99
    try:
        os.setsid()
        os.chdir(inside)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(log / name, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), number)
        made = maker(rng, bases)
        for name in ("out", "err"):  # what libtiff said while the input was made
            os.truncate(log / name, 0)
        files = [str(path) for path in inside.rglob("*") if not path.is_symlink()]
        command = " ".join([*(f"{k}={v!r}" for k, v in made.env.items()), "hpo", *map(repr, made.argv)])
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        debug = made.env.get("HPO_LOG", "").lower() == "debug"
        told = {"what": made.what, "command": command, "files": files, "memory": memory, "debug": debug}
        (log / "made").write_text(json.dumps(told))
        resource.setrlimit(resource.RLIMIT_AS, (_virtual() + 4 * limits.memory,) * 2)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 * limits.memory,) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (int(limits.seconds / 2), int(limits.seconds)))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.environ.update(made.env)
        code = _run(made)
        if code == 0 and made.judge is not None:
            changed = made.judge(_text(log / "out") + _text(log / "err"))
            (log / "judged").write_text(json.dumps({"changed": changed}))
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _run(made: Attempt) -> int:
    from hpo.cli.app import main
    from hpo.errors import HpoError
    from hpo.plain import printable_lines

    sys.argv = ["hpo", *made.argv]
    try:
        if made.call is None:
            main()
        else:
            made.call()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except HpoError as error:  # of a function that was called
        sys.stderr.write("".join(f"hpo: {line}\n" for line in printable_lines(str(error))))
        return 2
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _classified(code: int | None, out: str, err: str, grown: int, limits: Limits) -> tuple[Ending, str]:
    """How a command ended, by its exit code (None: stopped), its outputs and its memory."""
    lines, last = err.splitlines(), _last_line(err)
    if code is None or code == -signal.SIGXCPU:
        return "hang", last[:300]
    if grown > limits.memory or "MemoryError" in err:
        return "memory", f"{grown / 1e6:.0f} MB; {last[:300]}"
    if code < 0 or code in (70, 99) or "Traceback (most recent call last)" in err:
        frames = [line.strip() for line in lines if line.strip().startswith("File ")]
        where = f" ({frames[-1]})" if frames else ""
        return "traceback", f"exit {code}: {last[:300]}{where}"
    noise = _noise(out + err)
    if noise:
        return "noisy", noise
    if code == 0:
        return "accepted", ""
    if code == 1 and not lines and "problem: " in out:  # of a check, which prints them beside what it could read
        return "refused", next(line for line in out.splitlines() if line.startswith("problem: "))[:300]
    wrong = [line for line in lines if not line.startswith("hpo: ")]
    if not lines or wrong:
        return "noisy", f"exit {code}: {wrong[0][:300] if wrong else 'no word of why'}"
    return "refused", last[:300]


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")


def _noise(text: str) -> str:
    found = re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text.replace("\r\n", "\n"))
    if found:
        return f"control character {found[0]!r} in {text[max(0, found.start() - 80) : found.start() + 80]!r}"
    for line in text.splitlines():
        if len(line) > 2100:
            return f"a line of {len(line)} characters: {line[:200]}"
        if re.search(r"\w*Warning: ", line):
            return line[:300]
    return ""


def _shown_password(out: str, err: str, inside: Path, inputs: set[str]) -> str:
    for line in (out + err).splitlines():
        if PASSWORD in line:
            return line[:300]
    for path in inside.rglob("*"):
        is_new = str(path) not in inputs and not path.is_symlink() and path.is_file()
        if is_new and path.stat().st_size < 50_000_000 and PASSWORD.encode() in path.read_bytes():
            return f"in {path.name}"
    return ""


def _virtual() -> int:
    """Bytes of addresses that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(1_000_000)
            encoding = "utf-16" if content.startswith(b"\xff\xfe") else "utf-8"  # as PYTHONIOENCODING may ask for
            return content.decode(encoding, errors="replace" if encoding == "utf-16" else "surrogateescape")
    except OSError:
        return ""


def preload() -> None:
    """Import what commands import, once, so that a fork costs milliseconds; no TensorFlow."""
    os.environ.update({"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "COLUMNS": "200", "TERM": "dumb"})
    os.environ.update(
        {"AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    )
    for name in [name for name in os.environ if name.startswith("HPO_")]:
        del os.environ[name]
    import importlib

    for module in (
        "hpo.cli.app",
        "hpo.config.load",
        "hpo.config.best_config",
        "hpo.config.ranges",
        "hpo.config.schema",
        "hpo.config.template",
        "hpo.data.check",
        "hpo.data.dataset",
        "hpo.data.images.importing",
        "hpo.data.fetch",
        "hpo.data.synthetic",
        "hpo.stages.data",
        "hpo.stages.plan",
        "hpo.stages.status",
        "hpo.storage.database",
        "hpo.storage.checkpoints",
        "hpo.results.read",
        "hpo.reports.page.report",
        "optuna",
        "scipy.sparse.csgraph",
        "rich.table",
    ):
        importlib.import_module(module)
    from PIL import Image

    Image.init()
    gc.collect()
    gc.freeze()  # a fork then copies fewer pages
