"""How long the commands take to start, as whole processes, against Python itself and `import tensorflow`.

    .venv/bin/python -m tests.benchmarks.start_up [--repeat 5]

They take turns, so that whatever else the machine does falls on all. `status`, `plan` and `report` look at a finished
study of two architectures whose data is not there: what they take is what they take for any study. A worker's first
step is when it logs its first epoch, of four steps: imports, data, claim, building and tracing are in it.
Medians; processor time beside the seconds, because it is what a busy machine distorts least.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.storage.database import open_database
from tests.end_to_end.conftest import write_pcam
from tests.stages import story

TENSORFLOW = "import tensorflow"
TENSORFLOW_AND_KERAS = "import tensorflow and keras"
FIRST_STEP = "hpo worker, first epoch"

ONE_RECIPE: dict[str, Any] = {
    "epochs": {"reference": 1, "levels": [1, 2]},
    "batch_size": {"reference": 16},
    "patches": {"reference": 64},
    "learning_rate": {"reference": 0.01, "levels": [0.01, 0.03], "low": 0.001, "high": 0.1, "scale": "log"},
}


@dataclass(frozen=True)
class Taken:
    """Seconds by the clock, and of processor time."""

    seconds: float
    processor: float


def finished_study(folder: Path) -> Path:
    """The study file of a study that has ended."""
    study = story.load(folder)
    database = open_database(study.database)
    told = story.Story(study, database)
    told.run()
    told.predict()
    database.close()
    return study.file


def study_to_begin(folder: Path) -> Path:
    """The study file of one architecture on 16 x 16 patches."""
    write_pcam(folder / "data")
    return story.write(
        folder,
        space=ONE_RECIPE,
        data={"folder": "data"},
        architectures=story.STUDY["architectures"][:1],
        stage1={"factors": ["learning_rate"]},
        stage2={"factors": ["learning_rate"]},
    )


def whole(*arguments: str) -> Taken:
    """A process from its start to its end."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True, env=_environment())
    return _taken(before, began)


def until_first_epoch(study: Path) -> Taken:
    """A worker from its start to its first epoch's line; then it is killed, and what it did is removed."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "hpo", "worker", str(study), "--until", "stage1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=_environment()) as process:
        if process.stderr is None or not any("epoch 1/" in line for line in process.stderr):
            raise RuntimeError("the worker ended before its first epoch")
        seconds = time.perf_counter() - began
        process.kill()
    shutil.rmtree(study.parent / "out")
    return Taken(seconds, _taken(before, began).processor)


def _taken(before: resource.struct_rusage, began: float) -> Taken:
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Taken(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HPO_")}
    return kept | {"TF_CPP_MIN_LOG_LEVEL": "3"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    with tempfile.TemporaryDirectory() as folder:
        finished, begun = finished_study(Path(folder, "finished")), study_to_begin(Path(folder, "begun"))
        processes: dict[str, Callable[[], Taken]] = {
            "python": lambda: whole("-c", "pass"),
            "hpo --help": lambda: whole("-m", "hpo", "--help"),
            "hpo plan": lambda: whole("-m", "hpo", "plan", str(finished)),
            "hpo status": lambda: whole("-m", "hpo", "status", str(finished)),
            "hpo report": lambda: whole("-m", "hpo", "report", str(finished)),
            TENSORFLOW: lambda: whole("-c", TENSORFLOW),
            TENSORFLOW_AND_KERAS: lambda: whole("-c", "from hpo.models.backend import keras"),
            FIRST_STEP: lambda: until_first_epoch(begun),
        }
        taken: dict[str, list[Taken]] = {name: [] for name in processes}
        for number in range(repeat + 1):  # the first round fills the disk's cache
            for name, process in processes.items():
                found = process()
                if number:
                    taken[name].append(found)
    seconds = {name: statistics.median(one.seconds for one in found) for name, found in taken.items()}
    print(f"{'':30}{'s':>8}{'processor s':>13}{'of import tensorflow':>22}   median of {repeat}")
    for name, found in taken.items():
        processor, ratio = statistics.median(one.processor for one in found), seconds[name] / seconds[TENSORFLOW]
        print(f"{name:30}{seconds[name]:8.2f}{processor:13.2f}{ratio:22.2f}")


if __name__ == "__main__":
    main()
