"""Which GPU each worker gets, decided without TensorFlow."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from hpo.errors import HpoError

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""The mask that Slurm, a container or a user sets: CUDA shows a process only what is in it."""

_GPU = re.compile(r"[0-9]+|(GPU|MIG)-[\w/-]+", re.ASCII)
"""CUDA's names: numbers, or UUIDs."""

NONE = "none"
"""What a user asks for who wants no GPU to be used."""

_PATIENCE = 10.0
"""Seconds that the driver has to answer in."""

_TRACES = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""Files of which a machine with a GPU that TensorFlow can use has one: NVIDIA's, Windows' for Linux, AMD's."""


def gpus_asked_for(asked: str | None) -> list[str]:
    """The GPUs to use, as CUDA names them.

    Args:
        asked: ``0,1`` or UUIDs, comma-separated; ``none``; or None: those that CUDA_VISIBLE_DEVICES allows, or else
            all that the driver knows. Where CUDA_VISIBLE_DEVICES is set, 0 is the first GPU that it allows, as in CUDA.

    Raises:
        HpoError: if it names no GPU, one twice, or one that CUDA_VISIBLE_DEVICES does not allow.
    """
    mask = os.environ.get(VISIBLE)
    allowed = None if mask is None else gpus_of_mask(mask)
    if asked is None:
        return driver_gpus() if allowed is None else allowed
    names = [name.strip() for name in asked.split(",")]
    if names == [NONE]:
        return []
    if not all(map(_GPU.fullmatch, names)):
        raise _not_each_once(asked)
    names = [str(int(name)) if name.isdecimal() and len(name) < 10 else name for name in names]
    if allowed is not None:
        names = [_allowed(name, allowed, mask or "") for name in names]
    if len(set(names)) < len(names):
        raise _not_each_once(asked)
    return names


def gpus_of_mask(mask: str) -> list[str]:
    """The GPUs that a value of CUDA_VISIBLE_DEVICES allows: the first that names none, such as -1, ends the list.

    Source: CUDA C Programming Guide, "CUDA Environment Variables".
    """
    found: list[str] = []
    for name in (part.strip() for part in mask.split(",")):
        if not _GPU.fullmatch(name) or name in found:
            break
        found.append(name)
    return found


def check_that_they_are_there(gpus: Sequence[str], named_by: str) -> None:
    """Complain about GPUs of which it is certain that this machine does not have them.

    A driver may be out of sight, as in a container without nvidia-smi: then nothing is certain.

    Args:
        gpus: as `gpus_asked_for` gives them.
        named_by: the option or variable that names them, with its value.

    Raises:
        HpoError: if there is no driver, or a number is past the last GPU that it knows.
    """
    if not gpus:
        return
    if not has_driver():
        raise HpoError(
            f"{named_by}: this machine has no GPU driver (no nvidia-smi, no /proc/driver/nvidia); to train on the CPU, "
            f"use --gpus {NONE}"
        )
    known = driver_gpus()
    missing = [gpu for gpu in gpus if gpu.isdecimal() and known and gpu not in known]
    if missing:
        raise HpoError(f"{named_by}: there is no GPU {missing[0]}; nvidia-smi lists {', '.join(known)}")


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
    # The driver's numbers, not CUDA's own order by speed, unless whoever set a mask says which order its numbers have.
    order = os.environ.get("CUDA_DEVICE_ORDER") if VISIBLE in os.environ else None
    # Memory as it is needed, so that a GPU can be shared.
    variables = {"CUDA_DEVICE_ORDER": order or "PCI_BUS_ID", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    return variables if gpu is None else variables | {VISIBLE: gpu or "-1"}


def driver_gpus() -> list[str]:
    """The GPUs that NVIDIA's driver lists, by number; none where nvidia-smi is not there or does not answer."""
    return [line for line in _asked_of_the_driver("--query-gpu=index", "--format=csv,noheader") if line.isdecimal()]


def has_driver() -> bool:
    """Whether this machine shows any trace of a GPU's driver."""
    return shutil.which("nvidia-smi") is not None or any(Path(trace).exists() for trace in _TRACES)


def _allowed(name: str, allowed: Sequence[str], mask: str) -> str:
    """The GPU that a name means inside a mask: the n-th of it, or one whose UUID it names."""
    if name.isdecimal():
        if int(name) < len(allowed):
            return allowed[int(name)]
        numbers = ", ".join(map(str, range(len(allowed)))) or "none"
        raise HpoError(f"--gpus {name}: {VISIBLE}={mask} allows {len(allowed)} GPUs; their numbers here: {numbers}")
    for gpu in allowed:
        # A mask may shorten a UUID.
        if gpu == name or (not gpu.isdecimal() and (gpu.startswith(name) or name.startswith(gpu))):
            return gpu
    listing = _asked_of_the_driver("--query-gpu=index,uuid", "--format=csv,noheader")
    numbers_by_uuid = {uuid: number for number, _, uuid in (line.partition(", ") for line in listing)}
    for uuid, number in numbers_by_uuid.items():
        if uuid.startswith(name) and number in allowed:
            return number
    raise HpoError(f"--gpus {name}: is not among the GPUs that {VISIBLE}={mask} allows")


def _not_each_once(asked: str) -> HpoError:
    return HpoError(f"--gpus {asked!r}: give each GPU once, such as --gpus 0,1; or --gpus {NONE}")


def _asked_of_the_driver(*options: str) -> list[str]:
    """The lines that nvidia-smi answers; none where it is not there, fails or hangs."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        answer = subprocess.run(  # noqa: S603 - the driver's own tool
            [program, *options], capture_output=True, text=True, check=False, timeout=_PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in answer.stdout.splitlines()] if answer.returncode == 0 else []
