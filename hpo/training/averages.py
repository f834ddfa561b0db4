"""Exponential moving averages of a network's weights, which are judged and used in place of the weights themselves."""

from __future__ import annotations

from hpo.models.backend import keras, tf
from hpo.models.build import Arrays


class Averages:
    """Averages of a model's weights over the steps of a training.

    After step ``t`` (from 1) each average becomes ``d * average + (1 - d) * weight`` with
    ``d = min(decay, (1 + t) / (10 + t))``, so that a short training is not judged by the random weights it began with.
    BatchNormalization's moving statistics are averaged alike, with which they belong to the averaged weights as the
    statistics do to the weights. What is no real number, such as the random state of a Dropout, has no average.

    Args:
        model: whose weights.
        decay: in (0, 1); 0.998 remembers some 500 steps.

    Source: Polyak and Juditsky 1992; the decay of the first steps and the statistics as in Tan and Le 2019
    (EfficientNet) and TensorFlow's ``ExponentialMovingAverage``.
    """

    def __init__(self, model: keras.Model, decay: float) -> None:
        self._decay = decay
        self._weights = {one.path: one.value for one in model.variables if tf.as_dtype(one.dtype).is_floating}
        self._averages = {path: tf.Variable(weight, trainable=False) for path, weight in self._weights.items()}

    def follow(self, step: tf.Tensor) -> None:
        """Move towards the weights, after a step; inside the graph.

        Args:
            step: steps done since the training's start, this one included.
        """
        done = tf.cast(step, tf.float32)
        share = 1.0 - tf.minimum(self._decay, (1.0 + done) / (10.0 + done))
        for path, average in self._averages.items():
            average.assign_add(share * (self._weights[path] - average))

    def values(self) -> Arrays:
        """The averages, by the paths of their weights."""
        return {path: average.numpy() for path, average in self._averages.items()}

    def load(self, arrays: Arrays) -> None:
        """Sets the averages from arrays that have one of each path."""
        for path, average in self._averages.items():
            average.assign(arrays[path])
