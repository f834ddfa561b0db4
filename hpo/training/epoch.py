"""One epoch as one compiled function: gather, augment, step, all inside the graph.

Measured (`tests/benchmarks/training_throughput.py`): nothing is lost between steps, and convolutions are nine tenths of
a step, at three quarters or more of what a core can multiply. XLA makes the augmentation, and all of a step only where
the recipe says so: on a CPU it takes longer for a convolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.models.backend import tf
from hpo.recipe.architecture import FunctionSpec
from hpo.recipe.fitting import Fitting
from hpo.recipe.recipe import OptimizerName, Recipe
from hpo.training import alter
from hpo.training.alter import Alterations, Altering
from hpo.training.augment import Draws, jitter_stain, turn
from hpo.training.averages import Averages
from hpo.training.home import HOST, fetch_from
from hpo.training.losses import losses_of
from hpo.training.network import Network, logits_of, scaled
from hpo.training.optimizers import kernel_penalty, make_optimizer
from hpo.training.own_augment import own_augmentation
from hpo.training.own_loss import own_loss
from hpo.training.runtime import start_xla
from hpo.training.sampling import balanced_weights

_PATCHES_PER_CALL = 4096
"""Patches that one call of the compiled function trains on: some seconds' worth, because Ctrl-C waits for its end."""


@dataclass(frozen=True)
class Settings:
    """What an epoch function is compiled for; everything else about a recipe is data to it.

    Args:
        batch_size: patches per optimizer step.
        optimizer: name of the optimizer.
        momentum: of ``sgd``; 0 for others.
        weight_decay: decoupled, times the learning rate.
        augmentation: whether patches are flipped and turned.
        stain_jitter: whether their stain is changed.
        fitting: how weights follow the gradients, where that is not as usual; what has no effect is at its default.
        altering: which other changes patches go through.
        own_loss: the user's own loss.
    """

    batch_size: int
    optimizer: OptimizerName
    momentum: float
    weight_decay: float
    augmentation: bool
    stain_jitter: bool
    fitting: Fitting
    altering: Altering
    own_loss: FunctionSpec | None

    @classmethod
    def of(cls, recipe: Recipe) -> Settings:
        """The settings that a recipe needs."""
        return cls(
            batch_size=recipe.batch_size,
            optimizer=recipe.optimizer,
            momentum=float(recipe.momentum) if recipe.optimizer == "sgd" else 0.0,
            weight_decay=float(recipe.weight_decay),
            augmentation=recipe.augmentation,
            stain_jitter=recipe.stain_jitter > 0,
            fitting=recipe.fitting_in_use,
            altering=Altering.of(recipe),
            own_loss=recipe.own_loss,
        )


class EpochFunction:
    """A network's compiled epoch, with the optimizer that belongs to it.

    Args:
        network: whose model is trained.
        settings: what to compile for.
        home: the device that patches and labels are on.

    Attributes:
        averages: of the model's weights, where the settings ask for them.
        holds: what the optimizer's state belongs to, as `Network.holds` has it; None while that is uncertain.
    """

    def __init__(self, network: Network, settings: Settings, home: str = HOST) -> None:
        start_xla()  # which hardly any training does without: it makes the augmentation
        self.network, self.settings, self._home = network, settings, home
        self.optimizer = make_optimizer(settings.optimizer, settings.momentum, settings.weight_decay, settings.fitting)
        self.optimizer.build(network.model.trainable_variables)
        self.averages = Averages(network.model, settings.fitting.ema) if settings.fitting.ema else None
        weighted = settings.fitting.class_weights == "balanced"
        self._class_weights = tf.Variable(tf.ones(network.form.classes)) if weighted else None
        own = settings.altering.own
        shape = network.size, settings.batch_size, network.form.channels
        self._own = None if own is None else own_augmentation(own, *shape)
        loss = settings.own_loss
        self._own_loss = None if loss is None else own_loss(loss, settings.batch_size, network.logit_shape)
        self.holds: object = None
        self._run = self._compile()

    def weigh(self, labels: NDArray[np.uint8]) -> None:
        """Have every class count the same from now on, where the settings ask for it.

        Args:
            labels: number of each training patch's class, ``(N,)``.
        """
        if self._class_weights is not None:
            self._class_weights.assign(balanced_weights(labels, self.network.form.classes))

    def train(
        self, patches: tf.Tensor, labels: tf.Tensor, draws: Draws, learning_rates: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Trains for one epoch, changing the model's and the optimizer's variables, and the averages.

        Args:
            patches: uint8 ``(N, size, size, channels)``, at home.
            labels: float32 ``(N,)``, or ``(N, K)`` one-hot; at home.
            draws: the epoch's random numbers, for ``S`` steps.
            learning_rates: ``(S,)``, of each step.

        Returns:
            The logits that training saw, float32 ``(S * B,)`` or ``(S * B, K)``, in the order of ``draws.order``.
        """
        steps = max(1, _PATCHES_PER_CALL // self.settings.batch_size)
        parts = []
        for start in range(0, len(learning_rates), steps):
            part = slice(start, start + steps)
            parts.append(
                self._run(
                    patches,
                    labels,
                    draws.order[part],
                    draws.turns[part],
                    draws.stain[part],
                    Alterations(*(numbers[part] for numbers in draws.alterations)),
                    learning_rates[part],
                ).numpy()
            )
        return np.concatenate(parts).reshape(-1, *self.network.logit_shape)

    def _compile(self) -> Any:
        settings, size, optimizer = self.settings, self.network.size, self.optimizer
        channels, each = self.network.form.channels, self.network.logit_shape
        batch, fetch = settings.batch_size, fetch_from(self._home)
        # Only the loop below is Python for TensorFlow to translate, which takes a tenth of a second for each function.
        if self.network.arithmetic.jit_compile:
            step = tf.function(self._step, jit_compile=True, autograph=False)
        else:
            step = tf.autograph.experimental.do_not_convert(self._step)

        def run(
            patches: tf.Tensor,
            labels: tf.Tensor,
            order: tf.Tensor,
            turns: tf.Tensor,
            stain: tf.Tensor,
            alterations: Alterations,
            learning_rates: tf.Tensor,
        ) -> tf.Tensor:
            steps = tf.shape(learning_rates)[0]
            logits = tf.TensorArray(tf.float32, steps, element_shape=(batch, *each))
            for index in tf.range(steps):
                with tf.device(self._home):
                    chosen, answers = fetch(patches, labels, order[index])
                optimizer.learning_rate.assign(learning_rates[index])
                altered = Alterations(*(numbers[index] for numbers in alterations))
                logits = logits.write(index, step(chosen, answers, turns[index], stain[index], altered))
            return logits.stack()

        signature = [
            tf.TensorSpec((None, size, size, channels), tf.uint8),
            tf.TensorSpec((None, *each), tf.float32),
            tf.TensorSpec((None, batch), tf.int32),
            tf.TensorSpec((None, batch, 3), tf.bool),
            tf.TensorSpec((None, batch, 6), tf.float32),
            settings.altering.signature(batch),
            tf.TensorSpec((None,), tf.float32),
        ]
        return tf.function(run, input_signature=signature)

    def _step(
        self, patches: tf.Tensor, labels: tf.Tensor, turns: tf.Tensor, stain: tf.Tensor, altered: Alterations
    ) -> tf.Tensor:
        """One optimizer step; returns the batch's logits, ``(B,)`` or ``(B, K)``."""
        model, settings = self.network.model, self.settings
        patches, labels = self._augmented(patches, labels, turns, stain, altered)
        with tf.GradientTape() as tape:
            logits = tf.cast(logits_of(model(scaled(patches), training=True)), tf.float32)
            loss = tf.reduce_mean(self._losses(labels, logits))
            if settings.fitting.l2:
                loss += kernel_penalty(model, settings.fitting.l2)
            if model.losses:  # regularizers, which only a user's own function can bring
                loss += tf.add_n([tf.cast(one, tf.float32) for one in model.losses])
        self.optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        if self.averages is not None:
            self.averages.follow(self.optimizer.iterations)
        return logits

    def _losses(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        return losses_of(labels, logits, self.settings.fitting, self._class_weights, self._own_loss)

    def _augmented(
        self, patches: tf.Tensor, labels: tf.Tensor, turns: tf.Tensor, stain: tf.Tensor, altered: Alterations
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Patches and labels as the network is to see them. What is off is not compiled at all."""
        asked = self.settings.altering
        if self.settings.augmentation:
            patches = turn(patches, turns)
        if asked.shift:
            patches = alter.shift(patches, altered.shift)
        if asked.blur_radius:
            patches = alter.blur(patches, altered.blur, asked.blur_radius)
        if asked.he_jitter:
            patches = alter.restain(patches, altered.stain)  # stain jitter is in it
        elif self.settings.stain_jitter:
            patches = jitter_stain(patches, stain)
        if asked.brightness:
            patches = alter.brighten(patches, altered.brightness)
        if self._own is not None:
            patches = self._own(tf.cast(patches, tf.float32), altered.seed)
        if asked.mixes:
            patches, labels = alter.mix(patches, labels, altered.mix)
        return patches, labels
