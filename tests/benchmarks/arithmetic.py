"""What mixed precision and XLA bring on this machine, and whether the area under the curve moves.

    .venv/bin/python -m tests.benchmarks.arithmetic [model1 model2 ...] [--batches 32 128] [--threads 1 --clock cpu]
    ... --data FOLDER [--patches 8000] [--epochs 8] [--seeds 3]    train on real patches, and compare test AUC

The first form prints how many patches a second the step of a whole trial's epoch trains on in float32, and how many
times as fast the other arithmetics are; all take turns, epoch by epoch, and a ratio is the median of the rounds'. The
second trains with stain jitter, the same seeds in each arithmetic, and prints the test AUC of every seed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from sklearn.metrics import roc_auc_score

from hpo.config.study import DataSettings
from hpo.data.prepare import prepare_data
from hpo.recipe.architecture import ARCHITECTURES
from hpo.recipe.arithmetic import PLAIN, Arithmetic
from hpo.recipe.recipe import Recipe
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training.engine import Trainer
from hpo.training.runtime import configure
from tests.benchmarks.training_throughput import CLOCKS, RATE, NoiseDataset, ratio, seconds, take_turns, whole_trial

OTHERS = {
    "bfloat16": Arithmetic("bfloat16"),
    "XLA": Arithmetic(jit_compile=True),
    "both": Arithmetic("bfloat16", jit_compile=True),
}


def speed(options: argparse.Namespace) -> None:
    data = NoiseDataset(options.patches)
    print(f"{'':8}{'batch':>6}{'float32':>10}" + "".join(f"{name:>10}" for name in OTHERS))
    for name in options.names:
        for batch in options.batches:
            plain = Recipe(data.digest, options.patches, ARCHITECTURES[name], batch, learning_rate=RATE)
            with tempfile.TemporaryDirectory() as folder:
                trainer = Trainer(CheckpointStore(Files(folder)), data)
                epochs = {
                    label: seconds(whole_trial(replace(plain, arithmetic=arithmetic), trainer), CLOCKS[options.clock])
                    for label, arithmetic in {"float32": PLAIN, **OTHERS}.items()
                }
                found = take_turns(epochs, options.rounds)
            rates = [f"{ratio(found['float32'], found[label]):10.2f}" for label in OTHERS]
            print(f"{name:8}{batch:6}{options.patches / statistics.median(found['float32']):10.0f}", *rates, sep="")


def accuracy(options: argparse.Namespace) -> None:
    data = prepare_data(DataSettings(folder=options.data.absolute()))
    print(f"{'':8}{'seed':>6}{'float32':>10}" + "".join(f"{name:>10}" for name in OTHERS))
    for name in options.names:
        for seed in range(options.seeds):
            plain = Recipe(data.digest, options.patches, ARCHITECTURES[name], stain_jitter=0.2, seed=seed)
            areas = []
            for arithmetic in [PLAIN, *OTHERS.values()]:
                with tempfile.TemporaryDirectory() as folder:
                    trainer = Trainer(CheckpointStore(Files(folder)), data, valid_patches=100)
                    recipe = replace(plain, arithmetic=arithmetic)
                    areas.append(roc_auc_score(data.test.labels, trainer.predict(recipe, options.epochs, data.test)))
            print(f"{name:8}{seed:6}", *(f"{area:10.4f}" for area in areas), sep="", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["model1", "model2", "model3", "model4"])
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--patches", type=int, help="2,048; with --data 8,000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    options.patches = options.patches or (2048 if options.data is None else 8000)
    configure(options.threads)
    began = time.perf_counter()
    (speed if options.data is None else accuracy)(options)
    print(f"{options.threads} threads, {options.clock} time, {time.perf_counter() - began:.0f} s in all")


if __name__ == "__main__":
    main()
