"""Questions that a process of its own answers, because they take a TensorFlow that nothing else uses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from hpo.errors import TrainingError


def ask(module: str, question: Mapping[str, Any], seconds: int, *, late: str, failed: str) -> Any:
    """The answer of a module that is run as a program.

    Args:
        module: reads the question, JSON, from its standard input; the last line that it prints is the answer, JSON too.
        question: JSON-ready.
        seconds: that it may take.
        late: what did not happen in this time, for the error, such as ``its networks were not built``.
        failed: what went wrong where it fails, likewise.

    Raises:
        TrainingError: if it takes longer, or fails; with the last line of what it said.
    """
    command = [sys.executable, "-P", "-m", module]
    try:
        answer = subprocess.run(  # noqa: S603 - a module of this package
            command, input=json.dumps(question), capture_output=True, text=True, check=False, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise TrainingError(f"{late} within {seconds} s") from None
    lines = answer.stdout.strip().splitlines()
    if answer.returncode or not lines:
        said = (answer.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise TrainingError(f"{failed}: {said}")
    return json.loads(lines[-1])
