"""The size of a network: what is known of it before it is trained."""

from __future__ import annotations

from dataclasses import dataclass

from hpo.recipe.architecture import CnnSpec
from hpo.recipe.form import TWO_IN_RGB, Form
from hpo.recipe.geometry import normalization_values, trainable_parameters

_BYTES = 4
"""Of a weight in float32, in which models are exported."""


@dataclass(frozen=True)
class NetworkSize:
    """The size of a network.

    Args:
        parameters: those that are trained.
        weights: all values of an exported model, BatchNormalization's statistics among them.
    """

    parameters: int
    weights: int

    @property
    def model_mb(self) -> float:
        """Megabytes (1,000,000 bytes) of the weights in float32; a file has some kilobytes more."""
        return _BYTES * self.weights / 1e6


def cnn_size(
    spec: CnnSpec, patch_size: int, *, batch_normalization: bool = False, form: Form = TWO_IN_RGB
) -> NetworkSize:
    """The size of a described CNN, by arithmetic.

    Args:
        spec: the architecture.
        patch_size: side of the square patches, pixels.
        batch_normalization: the recipe's: one after every convolution.
        form: classes and channels of the data.
    """
    parameters = trainable_parameters(spec, patch_size, batch_normalization=batch_normalization, form=form)
    statistics = normalization_values(spec, patch_size, batch_normalization=batch_normalization)
    return NetworkSize(parameters, parameters + statistics)
