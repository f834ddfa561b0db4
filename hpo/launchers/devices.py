"""Which GPU each worker gets, decided without TensorFlow."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence

from hpo.errors import HpoError

_GPU = re.compile(r"\d+|(GPU|MIG)-[\w/-]+")
"""CUDA's names: numbers, or UUIDs."""

NONE = "none"
"""What a user asks for who wants no GPU to be used."""


def gpus_asked_for(asked: str | None) -> list[str]:
    """The GPUs to use, as CUDA names them.

    Args:
        asked: ``0,1`` or UUIDs, comma-separated; ``none``; or None: those that CUDA_VISIBLE_DEVICES allows, or else
            all that the driver knows.

    Raises:
        HpoError: if it names no GPU, or one twice.
    """
    if asked is None:
        allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
        return driver_gpus() if allowed is None else [name for name in allowed.split(",") if name not in ("", "-1")]
    names = [name.strip() for name in asked.split(",")]
    if names == [NONE]:
        return []
    if not all(map(_GPU.fullmatch, names)) or len(set(names)) < len(names):
        raise HpoError(f"--gpus {asked!r}: give each GPU once, such as --gpus 0,1; or --gpus {NONE}")
    return names


def share_out(workers: int, gpus: Sequence[str], asked: str | None) -> list[tuple[str | None, float]]:
    """The GPU of each worker, and its share of it: workers take turns.

    Args:
        workers: how many.
        gpus: may be fewer than workers.
        asked: what the user asked for; None leaves a machine without GPUs as it is.
    """
    if not gpus:
        return [(None if asked is None else "", 0.0)] * workers
    given = [gpus[number % len(gpus)] for number in range(workers)]
    return [(gpu, 1.0 / given.count(gpu)) for gpu in given]


def device_environment(gpu: str | None) -> dict[str, str]:
    """The environment variables that pin a process to a GPU: ``""`` is none, None is whatever there is."""
    # The driver's numbers, not CUDA's own order by speed; and memory as it is needed, so that a GPU can be shared.
    variables = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    return variables if gpu is None else variables | {"CUDA_VISIBLE_DEVICES": gpu or "-1"}


def driver_gpus() -> list[str]:
    """The GPUs that NVIDIA's driver knows, by number; none where there is no driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    listing = subprocess.run(  # noqa: S603 - the driver's own tool
        [program, "--query-gpu=index", "--format=csv,noheader"], capture_output=True, text=True, check=False
    )
    return listing.stdout.split() if listing.returncode == 0 else []
