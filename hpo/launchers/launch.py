"""A launch: the number of workers, their engine, and the share of the machine for each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from hpo.config.load import CHECKPOINTS_VARIABLE, DATA_VARIABLE, DATABASE_VARIABLE
from hpo.config.stage import Stage
from hpo.config.study import StudyFile
from hpo.errors import HpoError
from hpo.launchers.devices import VISIBLE, check_that_they_are_there, gpus_asked_for, has_driver, share_out
from hpo.launchers.launcher import Assignment, Ending, Engine, Launcher
from hpo.launchers.local import LocalLauncher
from hpo.machine import available_cores, available_memory
from hpo.stages.order import check_until

MEMORY_SHARE = 0.9
"""Of the machine's memory, for all its workers together."""


@dataclass(frozen=True)
class Workforce:
    """The workers that a user asks for.

    Args:
        workers: their number; None is one per GPU of this machine, or one.
        on: the engine that runs them.
        gpus: of this machine, as `gpus_asked_for` takes them.
        gpus_per_worker: what the engine is asked for, elsewhere than on this machine; from 0 to 1.
        parameters: ``KEY=VALUE`` for Slurm.
    """

    workers: int | None = None
    on: Engine = "local"
    gpus: str | None = None
    gpus_per_worker: float | None = None
    parameters: Sequence[str] = ()

    def check(self) -> None:
        """Refuse options that contradict each other.

        Raises:
            HpoError: naming both options.
        """
        if self.on != "local" and self.gpus is not None:
            raise HpoError(f"--gpus names GPUs of this machine: with --on {self.on} ask for --gpus-per-worker")
        if self.on == "local" and self.gpus_per_worker is not None:
            raise HpoError("--gpus-per-worker is for --on ray and --on slurm: on this machine, share GPUs with --gpus")
        if self.on != "slurm" and self.parameters:
            raise HpoError(f"--set {self.parameters[0]}: only --on slurm has parameters to set")


def open_launcher(force: Workforce, study: StudyFile) -> Launcher:
    """The launcher of an engine.

    Raises:
        HpoError: if its package is not installed, or the engine out of reach.
    """
    try:
        match force.on:
            case "local":
                return LocalLauncher()
            case "ray":
                from hpo.launchers.ray import RayLauncher

                return RayLauncher()
            case "slurm":
                from hpo.launchers.slurm import SlurmLauncher

                return SlurmLauncher(study.output / "slurm", force.parameters)
    except ModuleNotFoundError as error:
        if error.name not in ("ray", "submitit"):
            raise
        raise HpoError(f"--on {force.on} needs the package {error.name}: pip install {error.name}") from None


def plan_launch(
    study: StudyFile,
    force: Workforce,
    *,
    until: Stage = "test",
    launched_at: float | None = None,
) -> list[Assignment]:
    """The assignment of each worker of a launch.

    Args:
        study: the study file.
        force: the workers asked for; only a local launch divides this machine's cores and memory.
        until: the stage to end with.
        launched_at: by the database's clock.

    Raises:
        HpoError: if what was asked for makes no sense.
    """
    force.check()
    check_until(study, until)
    found = _gpus_here(force.gpus) if force.on == "local" else []
    count = force.workers or max(1, len(found))
    settings = study.workers
    threads, memory = settings.threads, None if settings.memory_gb is None else settings.memory_gb * 1e9
    if force.on == "local":
        threads = threads or max(1, available_cores() // count)
        memory = memory or MEMORY_SHARE * available_memory() / count
        devices = share_out(count, found, force.gpus)
    else:
        threads = threads or (1 if force.on == "ray" else None)  # as many as Ray is asked for; Slurm has its own say
        devices = [_elsewhere(force)] * count
    return [
        Assignment(
            number=number,
            study=study.file,
            log=study.output / "logs" / f"worker-{number}.log",
            until=until,
            environment=_environment(study),
            gpu=gpu,
            gpu_share=share,
            threads=threads,
            memory_bytes=memory,
            launched_at=launched_at,
        )
        for number, (gpu, share) in enumerate(devices)
    ]


def check_endings(endings: Sequence[Ending], assignments: Sequence[Assignment]) -> None:
    """Raise an error if no worker finished the work.

    Raises:
        HpoError: with the first worker's error.
    """
    if any(ending.kind in ("finished", "stopped") for ending in endings):
        return
    first, log = endings[0], assignments[0].log
    raise HpoError(f"no worker could work; worker 0: {first.detail} (its log: {log})")


def _gpus_here(asked: str | None) -> list[str]:
    """The GPUs of this machine that workers are to use."""
    found = gpus_asked_for(asked)
    if asked is not None:
        check_that_they_are_there(found, f"--gpus {asked}")
    elif found and not has_driver():  # a profile that sets the variable on every machine
        return []
    else:
        check_that_they_are_there(found, f"{VISIBLE}={os.environ.get(VISIBLE, '')}")
    return found


def _elsewhere(force: Workforce) -> tuple[str | None, float]:
    """GPU and share of a worker on another machine, where the engine chooses the GPU."""
    share = force.gpus_per_worker or 0.0
    # Slurm's may also be asked for with --set gres=...; on Ray, who asks for none is to take none from others.
    return ("" if force.on == "ray" and not share else None), share


def _environment(study: StudyFile) -> dict[str, str]:
    """Environment variables for workers that inherit neither environment nor command line."""
    carried = {DATABASE_VARIABLE: study.database}
    if os.environ.get(DATA_VARIABLE):
        carried[DATA_VARIABLE] = str(study.data.folder)
    if os.environ.get(CHECKPOINTS_VARIABLE):
        carried[CHECKPOINTS_VARIABLE] = str(study.checkpoints)
    return carried
