"""Thousands of mutated inputs, each to end in one clear line or to be taken for what it is.

Of YAML, HDF5, images, archives, tables, stored results, databases, URLs, options and environment variables. Each runs
in a fork of this process with limits of time and memory, so that a seed gives the same inputs again whatever happens
to one of them. Prints how many ended how, by kind, and what is to be mended; see docs/promises.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from tests.bad_inputs.attempt import ENDINGS, GOOD, Bases, Limits, Result, attempt, preload

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Make the inputs, run them, print the table; 1 if one ended badly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5400, help="inputs in all")
    parser.add_argument("--seed", type=int, default=0, help="of the mutations")
    parser.add_argument("--only", nargs="+", metavar="KIND", help="only these kinds")
    parser.add_argument("--number", type=int, help="only this input of each kind")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep what ended badly there, with its command")
    parser.add_argument("--study", type=Path, help="folder of a finished tiny.yaml; else it is trained first")
    parser.add_argument("--seconds", type=float, default=20, help="after which an input counts as hanging")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every result there")
    given = parser.parse_args()
    preload()
    from tests.bad_inputs.kinds import KINDS, NEED_A_STUDY

    chosen = given.only or list(KINDS)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        study = given.study or (_trained(place / "study") if set(chosen) & set(NEED_A_STUDY) else None)
        bases = Bases(_data(place / "data"), study and study.absolute())
        total = sum(KINDS[kind][1] for kind in chosen)
        results = []
        for kind in chosen:
            maker, weight = KINDS[kind]
            count = max(1, round(given.count * weight / total))
            for number in range(count) if given.number is None else [given.number]:
                folder = place / f"{kind}-{number}"
                limits = Limits(seconds=given.seconds)
                result = attempt(kind, number, maker, bases, folder, given.seed, limits)
                results.append(result)
                _put_away(result, folder, given.keep)
                if sys.stderr.isatty():
                    sys.stderr.write(f"\r{kind} {number + 1}/{count} ")
    _print_offenders(results)
    _print_table(results, time.perf_counter() - began)
    if given.json:
        given.json.write_text(json.dumps([asdict(result) for result in results], indent=1))
    return int(any(result.ending not in GOOD for result in results))


def _data(folder: Path) -> Path:
    from tests.bad_inputs.hdf5 import make_data

    make_data(folder)
    return folder


def _trained(folder: Path) -> Path:
    """A finished study, trained by a process of its own, so that no TensorFlow is in this one."""
    from tests.bad_inputs.hdf5 import make_data
    from tests.bad_inputs.yaml_files import BOARD, SPACE, STUDY

    make_data(folder / "data")
    study = STUDY.replace("DATA", "data").replace("  - model2\n", "")
    for name, text in (("tiny.yaml", study), ("space.yaml", SPACE), ("board.yaml", BOARD)):
        (folder / name).write_text(text)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-m", "hpo", "run", "tiny.yaml"], cwd=folder, env=env, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"the study to begin with did not finish: {done.stderr[-2000:]}")
    return folder


def _put_away(result: Result, folder: Path, keep: Path | None) -> None:
    if keep is not None and result.ending not in GOOD:
        target = keep / f"{result.ending}-{folder.name}"
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder, target)
        (target / "result.json").write_text(json.dumps(asdict(result), indent=1))
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _print_offenders(results: list[Result]) -> None:
    """What ended badly, likes together."""
    seen: Counter[tuple[str, str, str]] = Counter()
    first: dict[tuple[str, str, str], Result] = {}
    for result in results:
        if result.ending not in GOOD:
            key = (result.kind, result.ending, "".join(c for c in result.note if not c.isdigit())[-90:])
            seen[key] += 1
            first.setdefault(key, result)
    for key, count in sorted(seen.items(), key=lambda item: (item[0][0], item[0][1], -item[1])):
        result = first[key]
        print(f"{result.kind} {result.number} {result.ending} x{count}: {result.what[:150]!r}")
        print(f"    {result.command[:200]!r}\n    {result.note[:400]!r}")


def _print_table(results: list[Result], seconds: float) -> None:
    kinds = list(dict.fromkeys(result.kind for result in results))
    print(f"\n{'kind':14}{'inputs':>8}" + "".join(f"{ending:>11}" for ending in ENDINGS) + f"{'slowest s':>11}")
    for kind in [*kinds, "all"]:
        some = [result for result in results if kind in (result.kind, "all")]
        counts = Counter(result.ending for result in some)
        slowest = max(result.seconds for result in some)
        print(f"{kind:14}{len(some):>8}" + "".join(f"{counts[e]:>11}" for e in ENDINGS) + f"{slowest:>11.1f}")
    print(f"{seconds:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
