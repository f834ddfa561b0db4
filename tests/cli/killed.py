"""A command that is killed at its n-th step, for real: its process ends without a word."""

from __future__ import annotations

import subprocess
import sys

_KILLED = 9

_SCRIPT = """
import os, sys
from importlib import import_module

where, at, words = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
module, _, path = where.partition(":")
holder = import_module(module)
*owners, name = path.split(".")
for owner in owners:
    holder = getattr(holder, owner)
really, calls = getattr(holder, name), 0

def step(*arguments, **options):
    global calls
    calls += 1
    if calls == at:
        os._exit(9)
    return really(*arguments, **options)

setattr(holder, name, step)
sys.argv = ["hpo", *words]
from hpo.cli.app import main
main()
"""


def is_killed(where: str, at: int, *words: object) -> bool:
    """Run ``hpo WORDS`` and kill it at the n-th call of a function, ``module:name``.

    Returns:
        Whether it came that far; otherwise it has ended well.
    """
    command = [sys.executable, "-c", _SCRIPT, where, str(at), *map(str, words)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.returncode in (0, _KILLED), ended.stderr
    return ended.returncode == _KILLED
