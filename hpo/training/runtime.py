"""TensorFlow's settings for a process, made once, before anything is computed."""

from __future__ import annotations

import logging
import os
import re
import tempfile
from contextlib import suppress
from functools import cache

from hpo.errors import TrainingError
from hpo.machine import available_cores
from hpo.models.backend import tf

_log = logging.getLogger("hpo")

_GREETINGS = (b"absl::InitializeLog()", b"Compiled cluster using XLA!")

_configured: list[int | None] = []  # the threads of the one call that took effect


def configure(threads: int | None = None) -> None:
    """Sets threads, GPU memory growth and deterministic operations; a second call that asks for no other is free.

    The number of threads decides in which order convolutions add up, and thus the last bits of all weights: runs are
    bit-identical only with the same number on the same kind of processor.

    Args:
        threads: threads within an operation; operations themselves run one after another. None is what an earlier
            call set, or else TF_NUM_INTRAOP_THREADS, or as many as the process may use cores (a container's quota
            counts), for either.

    Raises:
        TrainingError: if TensorFlow already runs with another number of threads.
    """
    if threads is not None and threads < 1:
        raise TrainingError(f"threads is {threads}; it must be at least 1")
    if _configured and (threads is None or threads == _configured[0]):
        return
    try:
        if threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        elif not tf.config.threading.get_intra_op_parallelism_threads():
            with suppress(RuntimeError):  # TensorFlow has begun; it then takes the same, but for a container's quota
                tf.config.threading.set_intra_op_parallelism_threads(_default_threads())
                tf.config.threading.set_inter_op_parallelism_threads(_default_threads())
        if not _configured:
            _prepare_gpus()
    except RuntimeError as error:
        raise TrainingError(
            f"TensorFlow already runs in this process, so that it cannot be given {threads or 'other'} threads; "
            "configure it before the first training, or start a fresh process"
        ) from error
    tf.config.experimental.enable_op_determinism()
    _configured[:] = [threads]


def _default_threads() -> int:
    told = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    return int(told) if re.fullmatch(r"[1-9][0-9]{0,3}", told) else available_cores()


def _prepare_gpus() -> None:
    gpus = tf.config.list_physical_devices("GPU")
    for device in gpus:
        tf.config.experimental.set_memory_growth(device, True)
    mask = os.environ.get("CUDA_VISIBLE_DEVICES", "").strip()
    if not gpus and mask and not mask.startswith("-"):
        _log.warning(
            "CUDA_VISIBLE_DEVICES=%s, but TensorFlow finds no GPU: training on the CPU. On a machine with one: "
            "pip install 'hpo[gpu]'",
            mask,
        )


@cache
def start_xla() -> None:
    """Has XLA compile a trifle, so that it says its greeting now; no setting silences that, so it is taken away here.

    Whatever else reaches the standard error output meanwhile is passed on.
    """
    error_output = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            tf.function(lambda number: number + 1, jit_compile=True)(tf.constant(1))
        finally:
            os.dup2(error_output, 2)
            os.close(error_output)
            said.seek(0)
            for line in said:
                if not any(greeting in line for greeting in _GREETINGS):
                    os.write(2, line)


def describe_device() -> str:
    """What this process trains on, in a few words: ``GPU 0``, by the numbers it was given, or ``CPU, 2 threads``."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(str(number) for number in range(len(gpus)))
        return f"GPU {visible}"
    threads = tf.config.threading.get_intra_op_parallelism_threads() or available_cores()
    return f"CPU, {threads} {'thread' if threads == 1 else 'threads'}"


def threads_of(device: str) -> int | None:
    """The CPU threads of a device as `describe_device` put it; None of a GPU."""
    told = re.fullmatch(r"CPU, (\d+) threads?", device)
    return int(told.group(1)) if told else None
