"""How many patches a second our compiled epoch trains on, against plain Keras `Model.fit` on the same data.

    python tests/benchmarks/training_throughput.py [model1 model2 ...]

The two take turns, epoch by epoch, so that whatever else the machine does falls on both. `fit` gets what suits it best:
float32 patches already scaled, no augmentation. Median of the epochs after the first, which compiles.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from hpo.models.backend import keras, tf
from hpo.models.build import build_model
from hpo.recipe.architecture import ARCHITECTURES
from hpo.recipe.recipe import Recipe
from hpo.training.augment import draw_epoch
from hpo.training.epoch import EpochFunction, Settings
from hpo.training.network import Network
from hpo.training.runtime import configure

PATCHES, BATCH, EPOCHS = 1024, 32, 4


def ours(name: str, patches: np.ndarray, labels: np.ndarray, *, augmented: bool) -> Callable[[int], object]:
    recipe = Recipe(
        "", PATCHES, ARCHITECTURES[name], BATCH, augmentation=augmented, stain_jitter=0.2 if augmented else 0.0
    )
    function = EpochFunction(Network(recipe.architecture, 96, False), Settings.of(recipe))
    resident, targets = tf.constant(patches), tf.constant(labels)
    rates = np.full(PATCHES // BATCH, recipe.learning_rate, np.float32)

    def epoch(number: int) -> object:
        draws = draw_epoch(recipe.seed, number, PATCHES, BATCH, recipe.stain_jitter)
        return function.train(resident, targets, draws, rates)

    return epoch


def plain_keras(name: str, patches: np.ndarray, labels: np.ndarray) -> Callable[[int], object]:
    model = build_model(ARCHITECTURES[name], 96)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), keras.losses.BinaryCrossentropy(from_logits=True))
    scaled = patches.astype(np.float32) / 127.5 - 1
    return lambda _number: model.fit(scaled, labels, batch_size=BATCH, epochs=1, verbose=0)


def main(names: list[str]) -> None:
    configure()
    keras.utils.set_random_seed(0)  # of the order in which fit shuffles
    random = np.random.default_rng(0)
    patches = random.integers(0, 256, (PATCHES, 96, 96, 3), np.uint8)
    labels = random.integers(0, 2, PATCHES).astype(np.float32)
    print(f"{'':10}{'keras fit':>14}{'ours':>14}{'ours, augmented':>18}   patches a second")
    for name in names:
        rivals = {
            "fit": plain_keras(name, patches, labels),
            "ours": ours(name, patches, labels, augmented=False),
            "augmented": ours(name, patches, labels, augmented=True),
        }
        seconds: dict[str, list[float]] = {rival: [] for rival in rivals}
        for number in range(EPOCHS):
            for rival, epoch in rivals.items():
                began = time.perf_counter()
                epoch(number)
                seconds[rival].append(time.perf_counter() - began)
        rates = {rival: PATCHES / statistics.median(times[1:]) for rival, times in seconds.items()}
        print(f"{name:10}{rates['fit']:14.0f}{rates['ours']:14.0f}{rates['augmented']:18.0f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or ["model1", "model2", "model3", "model4"])
