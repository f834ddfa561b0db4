"""What each augmentation adds to a training step, in processor time of one thread.

    .venv/bin/python -m tests.benchmarks.augmentations [model2] [--batch 32] [--epochs 4]

Epochs of random 96x96 patches take turns; of each recipe the fastest epoch counts, because whatever else the machine
does can only add. Drawing the random numbers, outside the graph, is part of it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hpo.models.backend import tf
from hpo.recipe.architecture import ARCHITECTURES
from hpo.recipe.augmentations import Augmentations
from hpo.recipe.recipe import Recipe
from hpo.training.alter import Asked
from hpo.training.augment import draw_epoch
from hpo.training.epoch import EpochFunction, Settings
from hpo.training.network import Network
from hpo.training.runtime import configure

STEPS, SIZE = 16, 96

AUGMENTATIONS = {
    "none": Augmentations(),
    "shift 8": Augmentations(shift=8),
    "blur 1": Augmentations(blur=1.0),
    "H&E jitter": Augmentations(he_jitter=0.05),
    "brightness": Augmentations(brightness=0.1),
    "mixup": Augmentations(mixup=0.2),
    "cutmix": Augmentations(cutmix=1.0),
    "all of them": Augmentations(shift=8, brightness=0.1, blur=1.0, he_jitter=0.05, mixup=0.2, cutmix=1.0),
}


def epoch_of(recipe: Recipe, network: Network) -> Callable[[int], float]:
    """A function that trains an epoch and returns its processor time per step, milliseconds."""
    patches = tf.constant(np.random.default_rng(0).integers(0, 256, (recipe.patches, SIZE, SIZE, 3), np.uint8))
    labels = tf.constant((np.arange(recipe.patches) % 2).astype(np.float32))
    function, rates = EpochFunction(network, Settings.of(recipe)), np.full(STEPS, 1e-4, np.float32)

    def epoch(number: int) -> float:
        began = time.process_time()
        others = Asked(recipe.augmentations, SIZE)
        draws = draw_epoch(0, number, recipe.patches, recipe.batch_size, recipe.stain_jitter, others)
        function.train(patches, labels, draws, rates)
        return 1000 * (time.process_time() - began) / STEPS

    return epoch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="model2", choices=ARCHITECTURES)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=4)
    asked = parser.parse_args()
    configure(1)
    plain = Recipe("", STEPS * asked.batch, ARCHITECTURES[asked.model], asked.batch)
    network = Network(plain.architecture, SIZE, False)
    recipes = {name: replace(plain, augmentations=one) for name, one in AUGMENTATIONS.items()}
    recipes["all, and stain jitter"] = replace(recipes["all of them"], stain_jitter=0.05)
    epochs = {name: epoch_of(recipe, network) for name, recipe in recipes.items()}
    for epoch in epochs.values():
        epoch(1)  # traces and compiles
    fastest = {name: min(epoch(number) for number in range(2, 2 + asked.epochs)) for name, epoch in epochs.items()}
    for name, milliseconds in fastest.items():
        print(f"{name:24}{milliseconds:8.2f} ms a step   {milliseconds / fastest['none']:.2f}")


if __name__ == "__main__":
    main()
