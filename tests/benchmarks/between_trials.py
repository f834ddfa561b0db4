"""What passes between one trial's last step and the next one's first, and whether a worker's memory stays flat.

    .venv/bin/python -m tests.benchmarks.between_trials [--trials 40] [--patches 512]
    .venv/bin/python -m tests.benchmarks.between_trials --memory [--trials 200]

A real worker (`run_job`) on a real SQLite database trains model3 on 96 x 96 patches, one epoch a trial: a grid
of known points of one subset, or of four subsets; points that TPE chooses, warm-started; a confirmation, whose every
run has a seed and so a subset of its own. A gap begins when an epoch's checkpoint is saved and ends where the next
trial's compiled function is called. It is told apart by what the worker's own thread is in (the inner span counts);
while that waits for the thread that publishes, it is in `database`. Medians of all gaps but a stage's first,
milliseconds.

With `--memory`: resident set after each trial, and the slope of a line through the second half, for model4 and for the
four architectures in turn, on 48 x 48 patches.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial, wraps
from pathlib import Path
from pkgutil import resolve_name
from typing import Any
from unittest import mock

import h5py
import numpy as np
import optuna
import psutil

from hpo.config.study import StudyFile
from hpo.data.prepare import prepare_data
from hpo.run.job import Job
from hpo.run.loop import run_job
from hpo.stages.advance import advance
from hpo.storage.database import open_database
from hpo.storage.owner import this_process
from hpo.worker.observer import Unobserved
from hpo.worker.work import work_once
from hpo.worker.worker import open_worker
from tests.stages import story

RATES = {"reference": 0.01, "low": 0.001, "high": 0.1, "scale": "log"}

WATCHED = {
    "database": (
        "hpo.worker.work.claim_points",
        "hpo.worker.publisher.Publisher.flush",
        "hpo.worker.publisher.Publisher.__exit__",
        "hpo.storage.database.Database.run",
    ),
    "sampler": ("hpo.worker.sampling.ask_sampler",),
    "look-up": ("hpo.storage.checkpoints.CheckpointStore.latest", "hpo.storage.checkpoints.CheckpointStore.epochs"),
    "weights": ("hpo.training.engine.initial_weights", "hpo.training.engine.start", "hpo.training.next_epoch.restore"),
    "data": ("hpo.training.resident.ResidentData.train",),
    "draws": ("hpo.training.next_epoch.draw_epoch",),
    "error": ("hpo.worker.judging.metric_standard_error",),
    "trial's file": ("hpo.storage.artifacts.ArtifactFiles.keep",),
}
"""What the worker's thread may be in, and by which calls that shows."""


class Gaps:
    """The time between trials, by what the worker's thread did in it."""

    def __init__(self) -> None:
        self.found: list[dict[str, float]] = []
        self._current: Counter[str] | None = None
        self._stack: list[float] = []
        self._began = 0.0

    def trained(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Around `EpochFunction.train`: the gap before it ends."""

        @wraps(original)
        def train(*arguments: Any, **named: Any) -> Any:
            if self._current is not None:
                total = 1000 * (time.perf_counter() - self._began)
                known = {part: 1000 * seconds for part, seconds in self._current.items()}
                self.found.append({"all": total, **known, "rest": total - sum(known.values())})
            return original(*arguments, **named)

        return train

    def saved(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Around `CheckpointStore.save`: the next gap begins after it."""

        @wraps(original)
        def save(*arguments: Any) -> Any:
            result = original(*arguments)
            self._current, self._began = Counter(), time.perf_counter()
            return result

        return save

    def part(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        """Around a call that belongs to a part of the gap, without the calls of other parts within it."""

        @wraps(original)
        def timed(*arguments: Any, **named: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():
                return original(*arguments, **named)
            began = time.perf_counter()
            self._stack.append(0.0)
            try:
                return original(*arguments, **named)
            finally:
                taken = time.perf_counter() - began
                inner = self._stack.pop()
                if self._stack:
                    self._stack[-1] += taken
                if self._current is not None and began >= self._began:
                    self._current[name] += taken - inner

        return timed

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch whatever is trained in the block."""
        with ExitStack() as stack:
            stack.enter_context(_around("hpo.training.epoch.EpochFunction.train", self.trained))
            stack.enter_context(_around("hpo.storage.checkpoints.CheckpointStore.save", self.saved))
            for name, targets in WATCHED.items():
                for target in targets:
                    stack.enter_context(_around(target, partial(self.part, name)))
            yield


def _around(target: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Any:
    return mock.patch(target, wrap(resolve_name(target)))


def write_patches(folder: Path, train: int, size: int) -> None:
    """Noise, a little darker where malignant."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for name, count in (("train", train), ("valid", 128), ("test", 64)):
        labels = np.arange(count, dtype=np.uint8) % 2
        patches = random.integers(60, 256, (count, size, size, 3), dtype=np.uint8)
        patches[labels == 1] -= 40
        for kind, values in (("x", patches), ("y", labels)):
            with h5py.File(folder / f"camelyonpatch_level_2_split_{name}_{kind}.h5", "w") as file:
                file[kind] = values


def study_of(folder: Path, size: int, architectures: list[str], space: dict[str, Any], **changes: Any) -> StudyFile:
    """A study on the patches in ``data``."""
    return story.load(
        folder,
        space={"epochs": {"reference": 1}, "batch_size": {"reference": 32}, **space},
        data={"folder": str(folder.parent / "data"), "patch_size": size},
        architectures=architectures,
        workers={"threads": 2},
        **changes,
    )


def run(study: StudyFile, gaps: Gaps, until: Any) -> list[dict[str, float]]:
    """The gaps of a study, from its beginning to the end of a stage."""
    first = len(gaps.found)
    with closing(open_database(study.database)) as database, gaps.watching():
        run_job(
            Job(
                study,
                database,
                prepare_data(study.data),
                Unobserved(),
                threading.Event(),
                database.now(),
                until,
            )
        )
    return gaps.found[first:]


def grid(trials: int, patches: list[int]) -> dict[str, Any]:
    """Points of these numbers of patches and so many learning rates that there are about so many trials."""
    rates = [float(rate) for rate in np.geomspace(0.001, 0.1, max(1, trials // len(patches)) - 1).round(6)]
    return {
        "patches": {"reference": patches[0], "levels": patches},
        "learning_rate": {**RATES, "levels": sorted({*rates, 0.01})},
    }


def measure_gaps(folder: Path, trials: int, patches: int) -> None:
    """Print the table of gaps."""
    write_patches(folder / "data", 4 * patches, 96)
    levels = [patches // 4, patches // 2, patches, 2 * patches]
    gaps, rows = Gaps(), {}
    stage1 = {"design": "grid", "factors": ["learning_rate", "patches"]}
    tuned = {"factors": ["learning_rate", "patches"], "epochs": 1, "warm_start": "warm"}
    rate_only = {"factors": ["learning_rate"], "epochs": 1}
    rates = {"design": "grid", "factors": ["learning_rate"]}
    one = study_of(folder / "one", 96, ["model3"], grid(trials, [patches]), stage1=rates, stage2=rate_only)
    rows["known points, one subset"] = run(one, gaps, "stage1")[1:]
    four = study_of(folder / "four", 96, ["model3"], grid(trials, levels), stage1=stage1, stage2=rate_only)
    rows["known points, four subsets in turn"] = run(four, gaps, "stage1")[1:]
    tpe = study_of(
        folder / "tpe",
        96,
        ["model3"],
        {"patches": {"reference": patches, "levels": levels}, "learning_rate": {**RATES, "levels": [0.001, 0.01, 0.1]}},
        stage1=stage1,
        stage2={**tuned, "trials": trials},
        confirm={"epochs": 1, "seeds": list(range(max(2, trials // 4)))},
    )
    run(tpe, gaps, "stage1")
    rows["points of TPE, warm-started"] = run(tpe, gaps, "stage2")[1:]
    rows["seeds of a confirmation"] = run(tpe, gaps, "confirm")[1:]
    parts = list(WATCHED)
    print(f"{'':36}{'gaps':>6}" + "".join(f"{part:>14}" for part in ["all", *parts, "rest", "all - database"]))
    for name, found in rows.items():
        middle = {part: statistics.median(gap.get(part, 0.0) for gap in found) for part in ["all", *parts, "rest"]}
        beyond = statistics.median(gap["all"] - gap.get("database", 0.0) for gap in found)
        print(f"{name:36}{len(found):6}" + "".join(f"{ms:14.1f}" for ms in [*middle.values(), beyond]))


def measure_memory(folder: Path, trials: int) -> None:
    """Print the table of resident sets; the architectures take turns, each in a study of its own."""
    write_patches(folder / "data", 256, 48)
    print(f"{'':22}{'trials':>8}{'RSS at 20, MB':>16}{'at the half':>14}{'at the end':>12}{'slope, MB a trial':>20}")
    for title, count in (("one architecture", 1), ("four in turn", 4)):
        studies = [
            study_of(
                folder / f"{count}-{number}",
                48,
                [f"model{4 - number}"],
                grid(trials // count + 2, [64]),
                name=f"study{number}",
                stage1={"design": "grid", "factors": ["learning_rate"]},
                stage2={"factors": ["learning_rate"]},
            )
            for number in range(count)
        ]
        rss = resident_sets(studies, trials)
        slope = np.polyfit(np.arange(trials // 2, trials), rss[trials // 2 :], 1)[0]
        print(f"{title:22}{trials:8}{rss[19]:16.0f}{rss[trials // 2]:14.0f}{rss[-1]:12.0f}{slope:20.3f}", flush=True)


def resident_sets(studies: list[StudyFile], trials: int) -> list[float]:
    """MB after each trial of one worker that takes from the studies in turn."""
    dataset, rss = prepare_data(studies[0].data), []
    with ExitStack() as stack:
        database = stack.enter_context(closing(open_database(studies[0].database)))
        for study in studies:
            advance(database, study, dataset.digest)
        opened = open_worker(studies[0], database, dataset, this_process(), Unobserved(), threading.Event())
        worker = stack.enter_context(opened)
        for number in range(trials):
            if work_once(replace(worker, study=studies[number % len(studies)])) == "nothing":
                raise RuntimeError(f"nothing was left to train after {number} trials")
            rss.append(psutil.Process().memory_info().rss / 1e6)
    return rss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int)
    parser.add_argument("--patches", type=int, default=512)
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        if options.memory:
            measure_memory(Path(folder), options.trials or 200)
        else:
            measure_gaps(Path(folder), options.trials or 40, options.patches)


if __name__ == "__main__":
    main()
