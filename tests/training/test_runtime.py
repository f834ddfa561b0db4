"""TensorFlow's settings for a process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hpo.errors import TrainingError
from hpo.models.backend import tf
from hpo.training.runtime import configure

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
