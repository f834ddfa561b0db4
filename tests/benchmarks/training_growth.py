"""Whether a patch costs more where there are more patches, or after many trials in one process.

    .venv/bin/python -m tests.benchmarks.training_growth [--name model2] [--rounds 5] [--threads 1 --clock cpu]

The cost is a whole trial's (`training_throughput` says what is in it), as a multiple of the bare step's, which takes
turns with it: 1 would be the limit.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from dataclasses import replace

from hpo.recipe.architecture import ARCHITECTURES
from hpo.recipe.recipe import Recipe
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training.engine import Trainer
from hpo.training.runtime import configure
from tests.benchmarks.training_throughput import (
    CLOCKS,
    RATE,
    NoiseDataset,
    bare_step,
    ratio,
    seconds,
    take_turns,
    whole_trial,
)

COUNTS, TRIALS, AT_ONCE = (1000, 4000, 16000), 50, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="model2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    options = parser.parse_args()
    configure(options.threads)
    data = NoiseDataset(COUNTS[0])
    recipe = Recipe(data.digest, COUNTS[0], ARCHITECTURES[options.name], learning_rate=RATE)
    clock = CLOCKS[options.clock]
    step = seconds(bare_step(recipe, data), clock)
    with tempfile.TemporaryDirectory() as folder:
        store = CheckpointStore(Files(folder))
        print(f"{options.name}, batch 32, {options.threads} threads, {options.clock} time\n{'patches':>16}{'cost':>8}")
        for count in COUNTS:
            more = Recipe(data.digest, count, recipe.architecture, learning_rate=RATE)
            whole = seconds(whole_trial(more, Trainer(store, NoiseDataset(count))), clock)
            found = take_turns({"whole": whole, "step": step}, options.rounds)
            print(f"{count:16}{ratio(found['whole'], found['step']) * COUNTS[0] / count:8.3f}", flush=True)
        print(f"{'trials':>16}{'cost':>8}")
        trainer, costs = Trainer(store, data), []
        for number in range(TRIALS + 1):  # the first compiles
            trial = replace(recipe, learning_rate=RATE * (1 + number / TRIALS))
            costs.append(seconds(whole_trial(trial, trainer), clock)() / step())
        for first in range(1, TRIALS, AT_ONCE):
            cost = statistics.median(costs[first : first + AT_ONCE])
            print(f"{f'{first} to {first + AT_ONCE - 1}':>16}{cost:8.3f}", flush=True)


if __name__ == "__main__":
    main()
