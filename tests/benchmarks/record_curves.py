"""Record the curves of image classifiers with settings drawn at random, for `tests.benchmarks.quality` to replay.

    .venv/bin/python -m tests.benchmarks.record_curves DATA OUT.npz [--architecture model2] [--first 0] [--count 120] \
        [--crop 64] [--patches 1000] [--valid-patches N]

Each training's metrics are appended to OUT.jsonl as it ends, so that a second run goes on; OUT.npz is written from it
at the end. To record with several processes, give each its own numbers and file; then join the .jsonl files, and run
it once more. Training n draws its settings and its own randomness from seed n: learning rate 0.001 to 0.32 (log), batch
16, 32 or 64, three strategies, stain jitter 0 to 0.3, with and without BatchNormalization. 16 epochs of 1,000 patches
take 8 s of one core and more.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hpo.data.dataset import open_dataset
from hpo.errors import NonFiniteLossError
from hpo.evaluation.metrics import binary_metrics
from hpo.models.backend import tf
from hpo.recipe.architecture import ARCHITECTURES
from hpo.recipe.recipe import Recipe
from hpo.recipe.schedule import Strategy
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training.engine import Trainer

STRATEGIES = (Strategy("constant"), Strategy("time_based", decay=0.01), Strategy("exponential", rate=0.15))
RATES, BATCHES, STAINS = (0.001, 10**-0.5), (16, 32, 64), (0.0, 0.3)
NAMES = ("learning_rate", "batch_size", "strategy", "stain_jitter", "batch_normalization")
LINEAR = ("stain_jitter",)
"""Drawn evenly; the learning rate by its logarithm."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--architecture", choices=list(ARCHITECTURES), default="model2")
    parser.add_argument("--first", type=int, default=0, help="number of the first training")
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--crop", type=int, help="side of the middle that the network sees")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--patches", type=int, default=1000)
    parser.add_argument("--valid-patches", type=int)
    options = parser.parse_args(arguments)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    lines = options.out.with_suffix(".jsonl")
    done = {json.loads(line)["seed"] for line in lines.read_text().splitlines()} if lines.exists() else set()
    dataset = open_dataset(options.data, patch_size=None)
    architecture = replace(ARCHITECTURES[options.architecture], crop=options.crop)
    template = Recipe(dataset.digest, options.patches, architecture)
    for seed in sorted(set(range(options.first, options.first + options.count)) - done):
        with tempfile.TemporaryDirectory() as folder:
            trainer = Trainer(CheckpointStore(Files(folder)), dataset, valid_patches=options.valid_patches)
            found = _trained(trainer, dataset, drawn(template, seed), options.epochs)
        with lines.open("a") as file:
            file.write(json.dumps(found) + "\n")
        print(seed, {name: found[name] for name in NAMES}, found["valid_auc"][-1:], found["test_auc"][-1:], flush=True)
    _write(lines, options.out, options.epochs)


def drawn(template: Recipe, seed: int) -> Recipe:
    """The configuration of this number."""
    random = np.random.default_rng(1000 + seed)
    return replace(
        template,
        learning_rate=float(10 ** random.uniform(*np.log10(RATES))),
        batch_size=int(random.choice(BATCHES)),
        strategy=STRATEGIES[int(random.choice(3))],
        stain_jitter=float(random.uniform(*STAINS)),
        batch_normalization=bool(random.integers(2)),
        seed=seed,
    )


def settings_of(recipe: Recipe) -> list[float]:
    """A configuration's settings in the order of `NAMES`, the strategy by its place in `STRATEGIES`."""
    strategy = [one.name for one in STRATEGIES].index(recipe.strategy.name)
    return [float(strategy if name == "strategy" else getattr(recipe, name)) for name in NAMES]


def _trained(trainer: Trainer, dataset: Any, recipe: Recipe, epochs: int) -> dict[str, Any]:
    """The settings, and each epoch's validation and test AUC; fewer epochs where the training diverged."""
    curve, tested = [], []
    try:
        for epoch in trainer.bring(recipe, {epochs}):
            probabilities = trainer.predict(recipe, epoch.epoch, dataset.test)
            curve.append(epoch.metrics["valid_auc"])
            tested.append(binary_metrics(dataset.test.labels, probabilities)["auc"])
    except NonFiniteLossError:
        pass
    settings = dict(zip(NAMES, settings_of(recipe), strict=True))
    return {"seed": recipe.seed, **settings, "valid_auc": curve, "test_auc": tested}


def _write(lines: Path, out: Path, epochs: int) -> None:
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    curves = {name: np.full((len(rows), epochs), 0.5) for name in ("valid_auc", "test_auc")}
    for index, row in enumerate(rows):
        for name, table in curves.items():
            known = [value for value in row[name] if math.isfinite(value)]
            table[index, : len(known)] = known
    np.savez_compressed(
        out,
        valid_loss=(1 - curves["valid_auc"]).astype(np.float32),
        test_auc=curves["test_auc"].astype(np.float32),
        settings=np.array([[float(row[name]) for name in NAMES] for row in rows]),
        names=np.array(NAMES),
        linear=np.array(LINEAR),
    )


if __name__ == "__main__":
    main()
