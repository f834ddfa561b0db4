"""Architectures as data: what a CNN is made of, without TensorFlow.

`hpo.models.build` turns a specification into a Keras model.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Padding = Literal["same", "valid"]


@dataclass(frozen=True)
class Convolution:
    """A convolution with ReLU, followed by max-pooling.

    Args:
        kernel: side of the square kernel, pixels.
        filters: number of output channels.
        stride: step of the kernel in both directions, pixels.
    """

    kernel: int
    filters: int
    stride: int = 1


@dataclass(frozen=True)
class CnnSpec:
    """A plain CNN: convolutions each followed by max-pooling, then dense layers, then one logit.

    Args:
        convolutions: in order from the input.
        dense: units of each hidden dense layer (ReLU), in order.
        padding: of convolutions and pooling.
        pool: side of the max-pooling window, pixels; 1 is no pooling.
        pool_stride: step of the pooling window; the paper's text says 1, its parameter counts say 2.
        batch_normalization: numbers (from 0) of the convolutions that BatchNormalization follows,
            between convolution and ReLU, whatever the recipe says. The recipe's own
            ``batch_normalization`` puts one after every convolution.

    Source: Johny et al. 2021, Table 2.
    """

    convolutions: tuple[Convolution, ...]
    dense: tuple[int, ...]
    padding: Padding = "same"
    pool: int = 2
    pool_stride: int = 2
    batch_normalization: tuple[int, ...] = ()


@dataclass(frozen=True)
class FunctionSpec:
    """A user's own Python function that returns a Keras model.

    The function takes the input shape ``(height, width, 3)`` and returns a model from float32 patches
    scaled to [-1, 1], shape ``(batch, height, width, 3)``, to logits of shape ``(batch, 1)``.

    Args:
        function: ``module:name``, importable from the study file's folder or the Python path.
        source_digest: SHA-256 of the module's source, so that a changed function is a changed recipe.
        files: that the function reads, such as weights: path from the study file's folder, and SHA-256 of each.
    """

    function: str
    source_digest: str
    files: tuple[tuple[str, str], ...] = ()


ArchitectureSpec = CnnSpec | FunctionSpec


def architecture_to_json(spec: ArchitectureSpec) -> dict[str, Any]:
    """The specification as JSON-ready values; inverse of `architecture_from_json`."""
    values = asdict(spec)
    if isinstance(spec, FunctionSpec):
        del values["files"]
        if spec.files:  # left out where there are none, so that older recipes keep their keys
            values["files"] = [list(file) for file in spec.files]
    return values


def architecture_from_json(values: dict[str, Any]) -> ArchitectureSpec:
    """The specification written by `architecture_to_json`."""
    if "function" in values:
        files = tuple((name, digest) for name, digest in values.get("files", ()))
        return FunctionSpec(values["function"], values["source_digest"], files)
    return CnnSpec(
        convolutions=tuple(Convolution(**convolution) for convolution in values["convolutions"]),
        dense=tuple(values["dense"]),
        padding=values["padding"],
        pool=values["pool"],
        pool_stride=values["pool_stride"],
        batch_normalization=tuple(values["batch_normalization"]),
    )


def _cnn(*convolutions: tuple[int, int, int], dense: tuple[int, int], bn: tuple[int, ...] = ()) -> CnnSpec:
    return CnnSpec(tuple(Convolution(*c) for c in convolutions), dense, batch_normalization=bn)


# Table 2 as printed, and `*_counted`: the four whose trainable parameters equal the printed counts. By arithmetic,
# exact to the digit, the paper took all four counts with model4's convolutions and one BatchNormalization over 100
# channels, and model2's with a second dense layer of 50.
ARCHITECTURES: dict[str, ArchitectureSpec] = {
    "model1": _cnn((9, 30, 3), (4, 100, 1), (3, 100, 1), dense=(200, 200)),
    "model2": _cnn((7, 30, 3), (3, 100, 2), (3, 100, 2), dense=(100, 100)),
    "model3": _cnn((10, 30, 4), (4, 100, 1), (2, 100, 1), dense=(300, 200)),
    "model4": _cnn((8, 30, 2), (5, 100, 2), (5, 100, 2), dense=(200, 50)),
    "model1_counted": _cnn((8, 30, 2), (5, 100, 2), (5, 100, 2), dense=(200, 200), bn=(2,)),
    "model2_counted": _cnn((8, 30, 2), (5, 100, 2), (5, 100, 2), dense=(100, 50), bn=(2,)),
    "model3_counted": _cnn((8, 30, 2), (5, 100, 2), (5, 100, 2), dense=(300, 200), bn=(2,)),
    "model4_counted": _cnn((8, 30, 2), (5, 100, 2), (5, 100, 2), dense=(200, 50), bn=(2,)),
}
