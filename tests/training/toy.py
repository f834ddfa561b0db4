"""A small data set in memory, and recipes that take milliseconds an epoch.

Run as a program, ``python toy.py FOLDER``, it brings every recipe to epoch 2 and dies in the third of the last.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.recipe.architecture import CnnSpec, Convolution, FunctionSpec
from hpo.recipe.arithmetic import Arithmetic
from hpo.recipe.augmentations import Augmentations
from hpo.recipe.fitting import Fitting
from hpo.recipe.recipe import Recipe, WarmStart
from hpo.recipe.schedule import STRATEGIES, Strategy
from hpo.storage.checkpoints import Checkpoint, CheckpointStore
from hpo.storage.files import Files

SIZE = 16


class ToyPatches:
    """Noise, brighter where the label is 1; counts how often it was read."""

    def __init__(self, count: int, seed: int) -> None:
        noise = np.random.default_rng(seed).integers(0, 200, (count, SIZE, SIZE, 3))
        self.labels: NDArray[np.uint8] = (np.arange(count) % 2).astype(np.uint8)
        self.patches = (noise + 24 * self.labels[:, None, None, None]).astype(np.uint8)
        self.shape = self.patches.shape
        self.reads = 0

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, rows: NDArray[np.intp]) -> NDArray[np.uint8]:
        self.reads += 1
        return self.patches[rows]


@dataclass
class ToyDataset:
    """What training needs of a data set."""

    train: ToyPatches = field(default_factory=lambda: ToyPatches(120, 0))
    valid: ToyPatches = field(default_factory=lambda: ToyPatches(50, 1))
    digest: str = "toy"


def dropout_model(shape: tuple[int, int, int]) -> Any:
    """A user's own model, whose dropout has a random state that a checkpoint must hold."""
    from keras import Sequential, layers

    return Sequential([layers.Input(shape), layers.Flatten(), layers.Dense(6), layers.Dropout(0.5), layers.Dense(1)])


def tversky(labels: Any, logits: Any, alpha: float = 0.7) -> Any:
    """A user's own loss, of each patch by itself."""
    import tensorflow as tf

    p = tf.sigmoid(logits)
    hits, misses, alarms = p * labels, (1 - p) * labels, p * (1 - labels)
    return 1 - (hits + 0.1) / (hits + alpha * misses + (1 - alpha) * alarms + 0.1)


def noisy(patches: Any, seed: Any, strength: float = 20.0) -> Any:
    """A user's own augmentation."""
    import tensorflow as tf

    return patches + strength * tf.random.stateless_uniform(tf.shape(patches), seed, -1.0, 1.0)


SOURCE_DIGEST = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
FUNCTION = FunctionSpec("tests.training.toy:dropout_model", SOURCE_DIGEST)
OWN_AUGMENTATION = FunctionSpec("tests.training.toy:noisy", SOURCE_DIGEST, arguments=(("strength", 30.0),))
OWN_LOSS = FunctionSpec("tests.training.toy:tversky", SOURCE_DIGEST, arguments=(("alpha", 0.8),))
CNN = CnnSpec((Convolution(3, 4),), (5,))
BLOCKS = CnnSpec(
    (Convolution(3, 4, 2, pool=False), Convolution(3, 4), Convolution(3, 6, pool=False)),
    (),
    batch_normalization=(0, 1, 2),
    dropout=0.2,
    depth=3,
    activation="gelu",
    pooling="average",
    residual=True,
    crop=13,
    bn_momentum=0.95,
)
PLAIN = Recipe(
    data="toy",
    patches=90,
    architecture=CNN,
    batch_size=16,
    learning_rate=0.02,
    strategy=Strategy("constant", decay=0.05, factor=0.5, every=2, rate=0.3, cosine_over=3, cycle_over=4),
    stain_jitter=0.2,
)
RESUMED = {
    f"{name}{', BatchNormalization' if normalized else ''}": replace(
        PLAIN, strategy=replace(PLAIN.strategy, name=name), batch_normalization=normalized
    )
    for name in STRATEGIES
    for normalized in (False, True)
} | {
    "warm-up": replace(PLAIN, strategy=replace(PLAIN.strategy, name="cosine", warm_ups=(("cosine", 1),))),
    "no momentum": replace(PLAIN, momentum=0.0),
    "focal loss": replace(PLAIN, fitting=Fitting(loss="focal", label_smoothing=0.1, nesterov=True)),
    "adam": replace(PLAIN, optimizer="adam"),
    "adamw": replace(PLAIN, optimizer="adamw", weight_decay=0.1, batch_normalization=True),
    "weight decay, no augmentation": replace(PLAIN, weight_decay=0.1, augmentation=False, stain_jitter=0.0),
    "own function with dropout": replace(PLAIN, architecture=FUNCTION),
    "dropout and more filters": replace(PLAIN, architecture=replace(CNN, dropout=0.4, first_filters=6)),
    "rmsprop": replace(PLAIN, optimizer="rmsprop", fitting=Fitting(epsilon=1e-3)),
    "lion, clipped": replace(PLAIN, optimizer="lion", learning_rate=1e-3, fitting=Fitting(clip_norm=0.5)),
    "averages": replace(
        PLAIN,
        batch_normalization=True,
        architecture=replace(CNN, dropout=0.2),
        fitting=Fitting(ema=0.9, l2=1e-3, nesterov=True),
    ),
    "averages, XLA, mixed precision": replace(
        PLAIN, arithmetic=Arithmetic("bfloat16", jit_compile=True), fitting=Fitting(ema=0.95, l2=1e-3, clip_norm=1.0)
    ),
    "warm start from averages": replace(
        PLAIN, seed=2, initial=WarmStart(replace(PLAIN, fitting=Fitting(ema=0.9)), 1), fitting=Fitting(ema=0.8)
    ),
    "warm start of another shape": replace(PLAIN, architecture=BLOCKS, initial=WarmStart(PLAIN, 1)),
    "blocks": replace(PLAIN, architecture=BLOCKS),
    "blocks, XLA": replace(PLAIN, architecture=replace(BLOCKS, pooling="max"), arithmetic=Arithmetic(jit_compile=True)),
    "mixed precision": replace(PLAIN, arithmetic=Arithmetic("bfloat16")),
    "class weights": replace(PLAIN, patches=91, balance="natural", fitting=Fitting(class_weights="balanced")),
    "balanced sampling": replace(PLAIN, patches=91, balance="natural", fitting=Fitting(balanced_sampling=True)),
    "natural ratio": replace(PLAIN, balance="natural"),
    "XLA, dropout": replace(PLAIN, architecture=replace(CNN, dropout=0.2), arithmetic=Arithmetic(jit_compile=True)),
    "every augmentation": replace(
        PLAIN, augmentations=Augmentations(3, 0.1, 0.8, 0.1, 0.4, 1.0), augment=OWN_AUGMENTATION
    ),
    "XLA, every augmentation": replace(
        PLAIN,
        augmentations=Augmentations(2, 0.2, 0.5, 0.05, 0.4, 1.0),
        augment=OWN_AUGMENTATION,
        arithmetic=Arithmetic(jit_compile=True),
    ),
    "own loss, weighted, smoothed": replace(
        PLAIN,
        patches=91,
        balance="natural",
        own_loss=OWN_LOSS,
        fitting=Fitting(class_weights="balanced", label_smoothing=0.1),
    ),
    "frozen layer with BatchNormalization": replace(
        PLAIN, frozen_layers=1, batch_normalization=True, optimizer="adam", weight_decay=0.1
    ),
    "frozen by name, warm start": replace(
        PLAIN, frozen_layers="conv*", seed=3, initial=WarmStart(PLAIN, 1, "shrink_perturb")
    ),
    "XLA": replace(PLAIN, arithmetic=Arithmetic(jit_compile=True)),
    "warm start": replace(PLAIN, batch_normalization=True, seed=3, initial=WarmStart(PLAIN, 1, "shrink_perturb")),
}


class MortalStore(CheckpointStore):
    """A store in which the process dies as by ``kill -9`` while the third epoch of a recipe is written."""

    def save(self, checkpoint: Checkpoint) -> str:
        if checkpoint.epoch == 3:
            (Path(self.url) / checkpoint.recipe_key / "half-written.part").write_bytes(b"\x89HDF")
            os.kill(os.getpid(), signal.SIGKILL)
        return super().save(checkpoint)


def main(folder: str) -> None:
    from hpo.training.engine import Trainer

    trainer = Trainer(MortalStore(Files(folder)), ToyDataset())
    for recipe in RESUMED.values():
        list(trainer.bring(recipe, {2}))
    list(trainer.bring(recipe, {4}))


if __name__ == "__main__":
    main(sys.argv[1])
