"""Architectures as data: what a CNN is made of, without TensorFlow.

`hpo.models.build` turns a specification into a Keras model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

Padding = Literal["same", "valid"]

Argument = int | float | str | bool
"""What an argument of a function can be set to."""

CNN_FACTORS: dict[str, type] = {"dropout": float, "filters": int, "dense": int}
"""The numbers of a described CNN that a search space may name, with their types; see `CnnSpec`."""


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
        dropout: share of the values that are dropped in training, before each dense layer and the output; 0 is none.
        first_filters: of the first convolution instead of its own, the others in proportion; None is as written.
        first_dense: of the first dense layer instead of its own units, the others in proportion; None is as written.

    Source: Johny et al. 2021, Table 2.
    """

    convolutions: tuple[Convolution, ...]
    dense: tuple[int, ...]
    padding: Padding = "same"
    pool: int = 2
    pool_stride: int = 2
    batch_normalization: tuple[int, ...] = ()
    dropout: float = 0.0
    first_filters: int | None = None
    first_dense: int | None = None


@dataclass(frozen=True)
class FunctionSpec:
    """A user's own Python function that returns a Keras model.

    The function takes the input shape ``(height, width, 3)`` and keyword arguments. It returns a model from float32
    patches scaled to [-1, 1], shape ``(batch, height, width, 3)``, to logits of shape ``(batch, 1)``.

    Args:
        function: ``module:name``, importable from the study file's folder or the Python path.
        source_digest: SHA-256 of the module's source, so that a changed function is a changed recipe.
        files: that the function reads, such as weights: path from the study file's folder, and SHA-256 of each.
        arguments: keyword arguments by name, in the order of their names.
    """

    function: str
    source_digest: str
    files: tuple[tuple[str, str], ...] = ()
    arguments: tuple[tuple[str, Argument], ...] = ()


ArchitectureSpec = CnnSpec | FunctionSpec

_ADDED_LATER: dict[str, Any] = {
    "dropout": 0.0,
    "first_filters": None,
    "first_dense": None,
    "files": [],
    "arguments": {},
}
"""Parts of a specification that older recipes did not have, with what they then were."""


def architecture_to_json(spec: ArchitectureSpec) -> dict[str, Any]:
    """The specification as JSON-ready values; inverse of `architecture_from_json`.

    What was added later is left out where it is as it was before, so that older recipes keep their keys.
    """
    values = asdict(spec)
    if isinstance(spec, FunctionSpec):
        values |= {"files": [list(file) for file in spec.files], "arguments": dict(spec.arguments)}
    return {name: value for name, value in values.items() if name not in _ADDED_LATER or value != _ADDED_LATER[name]}


def architecture_from_json(values: dict[str, Any]) -> ArchitectureSpec:
    """The specification written by `architecture_to_json`."""
    if "function" in values:
        files = tuple((name, digest) for name, digest in values.get("files", ()))
        arguments = tuple(sorted(values.get("arguments", {}).items()))
        return FunctionSpec(values["function"], values["source_digest"], files, arguments)
    return CnnSpec(
        convolutions=tuple(Convolution(**convolution) for convolution in values["convolutions"]),
        dense=tuple(values["dense"]),
        padding=values["padding"],
        pool=values["pool"],
        pool_stride=values["pool_stride"],
        batch_normalization=tuple(values["batch_normalization"]),
        dropout=float(values.get("dropout", 0.0)),
        first_filters=values.get("first_filters"),
        first_dense=values.get("first_dense"),
    )


def own_factors(spec: ArchitectureSpec) -> tuple[str, ...]:
    """The factors that an architecture has of its own: numbers of a described CNN, or arguments of a function."""
    if isinstance(spec, FunctionSpec):
        return tuple(name for name, _ in spec.arguments)
    return tuple(name for name in CNN_FACTORS if spec.dense or name != "dense")


def with_own_factors(spec: ArchitectureSpec, values: Mapping[str, Argument]) -> ArchitectureSpec:
    """The architecture with other values of its own factors; those that are not named stay.

    What is set replaces what was set before: the order in which values are set makes no other network.

    Raises:
        KeyError: if it has no factor of that name.
    """
    for name in values:
        if name not in own_factors(spec):
            raise KeyError(name)
    if isinstance(spec, FunctionSpec):
        return replace(spec, arguments=tuple(sorted({**dict(spec.arguments), **values}.items())))
    changed: dict[str, Any] = {}
    if "dropout" in values:
        changed["dropout"] = float(values["dropout"])
    if "filters" in values:
        filters = int(values["filters"])
        changed["first_filters"] = None if filters == spec.convolutions[0].filters else filters
    if "dense" in values:
        dense = int(values["dense"])
        changed["first_dense"] = None if dense == spec.dense[0] else dense
    return replace(spec, **changed)


def as_built(spec: CnnSpec) -> CnnSpec:
    """The CNN with the filters and units that its layers really have, as if it had been written so."""
    convolutions, dense = spec.convolutions, spec.dense
    if spec.first_filters is not None:
        share = spec.first_filters / convolutions[0].filters
        convolutions = tuple(replace(one, filters=max(1, round(share * one.filters))) for one in convolutions)
    if spec.first_dense is not None:
        share = spec.first_dense / dense[0]
        dense = tuple(max(1, round(share * units)) for units in dense)
    return replace(spec, convolutions=convolutions, dense=dense, first_filters=None, first_dense=None)


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
