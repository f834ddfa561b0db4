"""TensorFlow's settings for a process."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from hpo.errors import TrainingError
from hpo.models.backend import tf
from hpo.training import runtime as module
from hpo.training.runtime import configure, describe_device, start_xla, threads_of

FRESH = """
from hpo.errors import TrainingError
from hpo.training.runtime import configure
from hpo.models.backend import keras, tf

configure(1)
configure(1)
configure()
print(tf.config.threading.get_intra_op_parallelism_threads(), tf.config.threading.get_inter_op_parallelism_threads())
tf.add(1, 2)
configure(1)
try:
    configure(2)
except TrainingError as error:
    print(error)
print(keras.backend.backend())
"""


def test_threads_are_set_once_before_anything_is_computed() -> None:
    ran = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, timeout=300, check=True)
    threads, refusal, backend = ran.stdout.splitlines()
    assert threads == "1 1"
    assert "cannot be given 2 threads" in refusal
    assert backend == "tensorflow"
    assert ran.stderr == "", "TensorFlow's own log lines do not reach the user"


def test_a_process_that_already_computes_keeps_its_threads() -> None:
    tf.add(1, 2)
    configure()
    with pytest.raises(TrainingError, match="start a fresh process"):
        configure(64)
    configure()


def test_threads_are_at_least_one() -> None:
    with pytest.raises(TrainingError, match="threads is 0; it must be at least 1"):
        configure(0)


@pytest.mark.parametrize(("device", "threads"), [("CPU, 1 thread", 1), ("CPU, 12 threads", 12), ("GPU 0,1", None)])
def test_threads_are_read_from_a_devices_description(device: str, threads: int | None) -> None:
    assert threads_of(device) == threads


def test_the_description_of_this_process_tells_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: [])
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 0)
    monkeypatch.setattr(module, "available_cores", lambda: 3)
    assert threads_of(describe_device()) == 3
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 2)
    assert threads_of(describe_device()) == 2


COMPILES = """
import numpy as np
from hpo.models.backend import tf
from hpo.training.augment import turn
from hpo.training.runtime import start_xla

start_xla()
patch = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
print(turn(tf.constant(patch), tf.constant([[True, False, False]])).numpy().ravel().tolist())
"""


def test_xla_compiles_without_a_word_to_the_user() -> None:
    ran = subprocess.run([sys.executable, "-c", COMPILES], capture_output=True, text=True, timeout=300, check=True)
    assert ran.stdout == "[3, 4, 5, 0, 1, 2, 9, 10, 11, 6, 7, 8]\n"
    assert ran.stderr == ""


def test_what_else_is_said_while_xla_starts_is_passed_on(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def compiles(*_: Any, **__: Any) -> Any:
        return lambda _: os.write(2, b"I0000 Compiled cluster using XLA! Once.\na real error\n")

    monkeypatch.setattr(tf, "function", compiles)
    start_xla.__wrapped__()
    os.write(2, b"later\n")
    assert capfd.readouterr().err == "a real error\nlater\n"
