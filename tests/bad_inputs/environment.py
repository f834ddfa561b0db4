"""Bad environment variables."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from tests.bad_inputs.attempt import Attempt, Bases
from tests.bad_inputs.urls import STORES, URLS
from tests.bad_inputs.yaml_files import write_study

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
