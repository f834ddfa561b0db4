"""How many patches a second a whole trial trains on, against the bare training step, Keras and PyTorch.

    .venv/bin/python -m tests.benchmarks.training_throughput [model1 model2 ...] [--batches 16 32 64 128] [--quick]
    ... --torch [PYTHON]    with PyTorch too, by an interpreter that has it, or in an environment made for the purpose
    ... --threads 1 --clock cpu    in processor time, for a machine that others use too

All take turns, epoch by epoch, so that whatever else the machine does falls on each alike; a ratio is the median of
the rounds' ratios, and above 1 we are the faster. Wall times of several threads mean something on an idle machine only:
where one thread has to wait for a core, all wait for it (PyTorch seemed 3 to 18 times as slow).

| column | what |
|---|---|
| step | the limit, in patches a second: the compiled step (forward, loss, gradient, optimizer) on one float32 batch, over and over in the graph; no patch is fetched, cast, turned or validated |
| train | our compiled epoch: patches gathered, flipped, turned, cast, scaled; logits kept; against the step |
| stain | the same with stain jitter |
| whole | a trial's epoch as `Trainer.bring` runs it: the same, random numbers drawn, validation on an eighth as many patches, all metrics, the checkpoint written to a local folder; against the step |
| fit, generator, torch | our *whole* epoch against: Keras' `fit` on scaled float32 arrays, not augmented; `fit` on a `PyDataset` that flips and turns with NumPy (the paper's ImageDataGenerator, without its interpolation); PyTorch's plain loop, not augmented, in its faster layout. None of them validates or saves |
"""  # noqa: E501

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpo.models.backend import keras, tf
from hpo.models.build import build_model
from hpo.recipe.architecture import ARCHITECTURES, CnnSpec
from hpo.recipe.recipe import Recipe
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training.augment import draw_epoch
from hpo.training.engine import Trainer
from hpo.training.epoch import EpochFunction, Settings
from hpo.training.home import home_of
from hpo.training.network import Network
from hpo.training.runtime import configure

SIZE, RATE = 96, 1e-4
VALIDATED = 8  # training patches to one validation patch, as in PCam
TORCH = "torch==2.13.0"

Work = Callable[[], object]
"""Trains an epoch."""

Epoch = Callable[[], float]
"""Trains an epoch and returns its seconds."""

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


class Noise:
    """Random patches of two classes."""

    def __init__(self, count: int, seed: int) -> None:
        self.patches = np.random.default_rng(seed).integers(0, 256, (count, SIZE, SIZE, 3), np.uint8)
        self.labels: NDArray[np.uint8] = (np.arange(count) % 2).astype(np.uint8)
        self.shape = self.patches.shape

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, rows: NDArray[np.intp]) -> NDArray[np.uint8]:
        return self.patches[rows]


class NoiseDataset:
    """What training needs of a data set."""

    digest = "noise"

    def __init__(self, patches: int) -> None:
        self.train, self.valid = Noise(patches, 0), Noise(patches // VALIDATED, 1)


def seconds(work: Work, clock: Callable[[], float]) -> Epoch:
    def timed() -> float:
        began = clock()
        work()
        return clock() - began

    return timed


def bare_step(recipe: Recipe, data: NoiseDataset) -> Work:
    model = build_model(recipe.architecture, SIZE)
    optimizer = keras.optimizers.SGD(RATE, momentum=0.9)
    variables = model.trainable_variables
    optimizer.build(variables)
    batch = tf.constant(scaled(data.train.patches[: recipe.batch_size]))
    labels = tf.constant(data.train.labels[: recipe.batch_size].astype(np.float32))

    @tf.function
    def steps(count: tf.Tensor) -> None:
        for _ in tf.range(count):
            with tf.GradientTape() as tape:
                logits = model(batch, training=True)[:, 0]
                loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
            optimizer.apply(tape.gradient(loss, variables), variables)

    count = tf.constant(recipe.patches // recipe.batch_size)
    return lambda: steps(count)


def our_training(recipe: Recipe, data: NoiseDataset) -> Work:
    home = home_of(data.train.patches.nbytes)
    function = EpochFunction(Network(recipe.architecture, SIZE, False), Settings.of(recipe), home)
    with tf.device(home):
        patches, labels = tf.constant(data.train.patches), tf.constant(data.train.labels.astype(np.float32))
    rates = np.full(recipe.patches // recipe.batch_size, RATE, np.float32)
    draws = draw_epoch(0, 1, recipe.patches, recipe.batch_size, recipe.stain_jitter)
    return lambda: function.train(patches, labels, draws, rates)


def whole_trial(recipe: Recipe, trainer: Trainer) -> Work:
    epochs = trainer.bring(recipe, {10**6})
    return lambda: next(epochs)


def keras_model(recipe: Recipe) -> keras.Model:
    model = build_model(recipe.architecture, SIZE)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    # XLA takes twice as long on a CPU.
    model.compile(keras.optimizers.SGD(RATE, momentum=0.9), loss, jit_compile=False)
    return model


def plain_fit(recipe: Recipe, data: NoiseDataset) -> Work:
    model, patches, labels = keras_model(recipe), scaled(data.train.patches), data.train.labels.astype(np.float32)
    return lambda: model.fit(patches, labels, batch_size=recipe.batch_size, epochs=1, verbose=0)


class Generator(keras.utils.PyDataset):
    """Batches flipped and turned by NumPy, prepared ahead by threads."""

    def __init__(self, data: Noise, batch_size: int) -> None:
        super().__init__(workers=2)
        self._data, self._batch_size = data, batch_size
        self._random = np.random.default_rng(0)
        self._order = self._random.permutation(len(data))

    def __len__(self) -> int:
        return len(self._data) // self._batch_size

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        rows = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        batch = self._data.patches[rows]
        for place, turns in enumerate(self._random.integers(0, 8, len(rows))):
            patch = np.rot90(batch[place], turns % 4)
            batch[place] = patch[:, ::-1] if turns >= 4 else patch
        return scaled(batch), self._data.labels[rows]

    def on_epoch_end(self) -> None:
        self._order = self._random.permutation(len(self._data))


def generator_fit(recipe: Recipe, data: NoiseDataset) -> Work:
    model, batches = keras_model(recipe), Generator(data.train, recipe.batch_size)
    return lambda: model.fit(batches, epochs=1, verbose=0)


@contextmanager
def torch_loop(recipe: Recipe, options: argparse.Namespace) -> Iterator[tuple[str, Epoch]]:
    """PyTorch in a process of its own, which waits until it is its turn; with the name of its layout."""
    spec = recipe.architecture
    if not isinstance(spec, CnnSpec):
        raise TypeError(f"{spec} is no plain CNN")
    task = {
        "convolutions": [[layer.kernel, layer.filters, layer.stride] for layer in spec.convolutions],
        "dense": spec.dense,
        "parameters": build_model(spec, SIZE).count_params(),
        "size": SIZE,
        "patches": recipe.patches,
        "batch": recipe.batch_size,
        "learning_rate": RATE,
        "threads": options.threads,
        "clock": options.clock,
    }
    command = [options.torch, "-W", "ignore", Path(__file__).with_name("torch_loop.py"), json.dumps(task)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes")
        stdin, stdout = process.stdin, process.stdout

        def epoch() -> float:
            stdin.write("\n")
            stdin.flush()
            return float(stdout.readline())

        yield stdout.readline().strip(), epoch


def take_turns(epochs: dict[str, Epoch], rounds: int) -> dict[str, list[float]]:
    """Seconds of each, ``rounds`` long, after one round that compiles."""
    for epoch in epochs.values():
        epoch()
    found: dict[str, list[float]] = {name: [] for name in epochs}
    for _ in range(rounds):
        for name, epoch in epochs.items():
            found[name].append(epoch())
    return found


def ratio(slower: list[float], faster: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(slower, faster, strict=True))


def scaled(patches: NDArray[np.uint8]) -> NDArray[np.float32]:
    return patches.astype(np.float32) / np.float32(127.5) - np.float32(1)


def compare(name: str, batch: int, data: NoiseDataset, folder: str, options: argparse.Namespace) -> None:
    """Prints one line of the table."""
    recipe = Recipe(data.digest, len(data.train), ARCHITECTURES[name], batch, learning_rate=RATE)
    trainer = Trainer(CheckpointStore(Files(folder)), data)
    with ExitStack() as stack:
        works = {
            "step": bare_step(recipe, data),
            "train": our_training(recipe, data),
            "stain": our_training(replace(recipe, stain_jitter=0.2), data),
            "whole": whole_trial(recipe, trainer),
            "fit": plain_fit(recipe, data),
            "generator": generator_fit(recipe, data),
        }
        epochs, layout = {name: seconds(work, CLOCKS[options.clock]) for name, work in works.items()}, ""
        if options.torch is not None:
            layout, epochs["torch"] = stack.enter_context(torch_loop(recipe, options))
        found = take_turns(epochs, options.rounds)
    limit = recipe.patches / statistics.median(found["step"])
    against_step = [f"{ratio(found['step'], found[part]):10.2f}" for part in ("train", "stain", "whole")]
    rivals = [f"{ratio(found[rival], found['whole']):10.2f}" for rival in list(epochs)[4:]]
    print(f"{name:8}{batch:6}{limit:10.0f}", *against_step, *rivals, f"  {layout}", sep="", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["model1", "model2", "model3", "model4"])
    parser.add_argument("--batches", type=int, nargs="+", default=[16, 32, 64, 128])
    parser.add_argument("--patches", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--torch", nargs="?", const="")
    parser.add_argument("--quick", action="store_true", help="batch 32, 1024 patches, 3 rounds")
    options = parser.parse_args()
    if options.quick:
        options.batches, options.patches, options.rounds = [32], 1024, 3
    configure(options.threads)
    keras.utils.set_random_seed(0)  # of the order in which fit shuffles
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{options.threads} threads, {options.clock} time, {options.patches} patches an epoch; load before: {load}")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        if options.torch == "":
            venv.create(Path(folder) / "torch", with_pip=True)
            options.torch = str(Path(folder) / "torch" / "bin" / "python")
            subprocess.run([options.torch, "-m", "pip", "install", "--quiet", TORCH], check=True)
        print(f"{'':8}{'batch':>6}" + "".join(f"{column:>10}" for column in (
            "step", "train", "stain", "whole", "fit", "generator", *(["torch"] if options.torch else []))))  # fmt: skip
        data = NoiseDataset(options.patches)
        for name in options.names:
            for batch in options.batches:
                compare(name, batch, data, folder, options)


if __name__ == "__main__":
    main()
