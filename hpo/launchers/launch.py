"""A launch: how many workers, on what, with how much of the machine each."""

from __future__ import annotations

import os
from collections.abc import Sequence

import psutil

from hpo.config.study import StudyFile
from hpo.errors import HpoError
from hpo.launchers.devices import gpus_asked_for, share_out
from hpo.launchers.launcher import Assignment, Ending, Engine, Launcher
from hpo.launchers.local import LocalLauncher
from hpo.stages.order import Until

MEMORY_SHARE = 0.9
"""Of the machine's memory, for all its workers together."""


def open_launcher(engine: Engine) -> Launcher:
    """The launcher of an engine.

    Raises:
        HpoError: if its package is not installed.
    """
    if engine == "local":
        return LocalLauncher()
    raise HpoError(f"engine {engine} is not there")


def plan_launch(
    study: StudyFile,
    *,
    workers: int | None,
    gpus: str | None,
    until: Until,
    database: str | None,
    on: Engine = "local",
) -> list[Assignment]:
    """What each worker of a launch is started with.

    Args:
        study: the study file.
        workers: how many; None is one a GPU, or one.
        gpus: as `gpus_asked_for` takes it.
        until: the stage to end with.
        database: URL that goes before the study file's.
        on: the engine; only a local launch divides this machine's cores and memory.

    Raises:
        HpoError: if the GPUs asked for make no sense.
    """
    found = gpus_asked_for(gpus)
    count = workers or max(1, len(found))
    settings = study.workers
    threads, memory = settings.threads, None if settings.memory_gb is None else settings.memory_gb * 1e9
    if on == "local":
        threads = threads or max(1, (os.cpu_count() or 1) // count)
        memory = memory or MEMORY_SHARE * psutil.virtual_memory().total / count
    return [
        Assignment(
            number=number,
            study=study.file,
            log=study.output / "logs" / f"worker-{number}.log",
            until=until,
            database=database,
            gpu=gpu,
            gpu_share=share,
            threads=threads,
            memory_bytes=memory,
        )
        for number, (gpu, share) in enumerate(share_out(count, found, gpus))
    ]


def check_endings(endings: Sequence[Ending], assignments: Sequence[Assignment]) -> None:
    """Complain if no worker brought the work to its end.

    Raises:
        HpoError: with what the first of them said.
    """
    if any(ending.kind in ("finished", "stopped") for ending in endings):
        return
    first, log = endings[0], assignments[0].log
    raise HpoError(f"no worker could work; worker 0: {first.detail.removeprefix('hpo: ')} (its log: {log})")
