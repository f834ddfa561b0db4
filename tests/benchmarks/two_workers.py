"""Stage 1 of the quickstart by one worker and by two, TensorFlow held to one core in each: how much faster are two?

    .venv/bin/python -m tests.benchmarks.two_workers [--repeat 2]

Whole commands, from the start of ``hpo run`` to its end, taking turns; the data is made before.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def new_study(folder: Path, name: str) -> Path:
    """The quickstart with one thread a worker and an output folder of its own; the data is shared."""
    settings = yaml.safe_load((ROOT / "studies" / "quickstart.yaml").read_text(encoding="utf-8"))
    settings |= {"name": name, "workers": {"threads": 1}, "output": str(folder / name)}
    settings["data"]["folder"] = str(folder / "data")
    for key in ("search_space", "dashboard"):
        settings[key] = str((ROOT / "studies" / settings[key]).resolve())
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return file


def seconds(study: Path, workers: int) -> float:
    """How long stage 1 takes."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "hpo", "run", str(study), "--until", "stage1", "--workers", str(workers)]
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sample = [sys.executable, "-m", "hpo", "data", "sample", str(folder / "data")]
        subprocess.run([*sample, "--train", "2000", "--valid", "1000", "--test", "1000"], check=True)
        taken: dict[int, list[float]] = {1: [], 2: []}
        for number in range(options.repeat):
            for workers, times in taken.items():
                times.append(seconds(new_study(folder, f"by{workers}-{number}"), workers))
                print(f"{workers} worker{'s' if workers > 1 else ' '}: {times[-1]:6.1f} s", flush=True)
    one, two = (statistics.median(times) for times in taken.values())
    print(f"two workers are {one / two:.2f} times as fast as one")


if __name__ == "__main__":
    main()
