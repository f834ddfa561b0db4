"""Where training patches stay: on the GPU, if they take little of its memory; else on the host."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable

from hpo.models.backend import tf

HOST, GPU = "/CPU:0", "/GPU:0"

_SHARE = 1 / 8
"""Of a GPU's memory, which several workers may share, each with patches of its own; training takes the rest."""

_PATIENCE = 10
"""Seconds that the driver has to answer in."""

Fetch = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""From patches ``(N, size, size, 3)``, labels ``(N,)`` and row numbers int32 ``(B,)`` to those rows of both."""


def home_of(nbytes: int) -> str:
    """The device that so many bytes of patches stay on: the first GPU if they are an eighth of its memory or less.

    TensorFlow tells what it has taken of a GPU, not what there is; NVIDIA's driver does. A GPU that the driver does not
    tell of keeps no patches: each step then fetches its batch from the host, inside the graph, which costs little.
    """
    if not tf.config.list_physical_devices("GPU"):
        return HOST
    return GPU if nbytes <= _SHARE * _gpu_memory() else HOST


def fetch_from(home: str) -> Fetch:
    """How a graph fetches a batch from its patches' home."""
    if home == HOST:
        return _rows
    # XLA gathers values of any type on any device; TensorFlow's own kernels do so on the host.
    compiled: Fetch = tf.function(_rows, jit_compile=True, autograph=False)
    return compiled


def _rows(patches: tf.Tensor, labels: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.gather(patches, rows), tf.gather(labels, rows)


def _gpu_memory() -> int:
    """Bytes of memory of the first GPU that this process may use; 0 if the driver does not say."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    query = [program, f"--id={visible}", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(  # noqa: S603 - the driver's own tool
            query, capture_output=True, text=True, check=False, timeout=_PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    mebibytes = answer.stdout.strip()
    return int(mebibytes) * 2**20 if answer.returncode == 0 and mebibytes.isdecimal() else 0
