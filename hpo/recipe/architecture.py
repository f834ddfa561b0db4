"""Architectures as data: what a CNN is made of, without TensorFlow.

`hpo.models.build` turns a specification into a Keras model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

Padding = Literal["same", "valid"]
Activation = Literal["relu", "elu", "gelu", "leaky_relu", "selu", "silu", "tanh"]
Pooling = Literal["flatten", "average", "max"]
"""What is made of the last convolution's channels: all their values in a row, or the mean or maximum of each."""

Argument = int | float | str | bool
"""What an argument of a function can be set to."""

ACTIVATION_WORDS = (*get_args(Activation), "swish")
"""How an activation may be written: swish is another word for silu."""

CNN_FACTORS: dict[str, type | tuple[str, ...]] = {
    "dropout": float,
    "filters": int,
    "dense": int,
    "depth": int,
    "kernel": int,
    "pool": int,
    "activation": ACTIVATION_WORDS,
    "pooling": get_args(Pooling),
    "residual": bool,
    "crop": int,
    "bn_momentum": float,
}
"""What of a described CNN a search space may name: the type of each, or the words it may take; see `CnnSpec`."""


@dataclass(frozen=True)
class Convolution:
    """A convolution with its activation, followed by max-pooling.

    Args:
        kernel: side of the square kernel, pixels.
        filters: number of output channels.
        stride: step of the kernel in both directions, pixels.
        pool: whether max-pooling follows, as the CNN describes it.
    """

    kernel: int
    filters: int
    stride: int = 1
    pool: bool = True


@dataclass(frozen=True)
class CnnSpec:
    """A CNN: convolutions in blocks with max-pooling between them, then dense layers, then one logit.

    A block is a run of convolutions up to and including one that pooling follows (`blocks`).

    Args:
        convolutions: in order from the input.
        dense: units of each hidden dense layer, in order.
        padding: of convolutions and pooling.
        pool: side of the max-pooling window, pixels; 1 is no pooling, whatever the convolutions say.
        pool_stride: step of the pooling window; the paper's text says 1, its parameter counts say 2.
        batch_normalization: numbers (from 0) of the convolutions that BatchNormalization follows, between convolution
            and activation, whatever the recipe says. The recipe's own ``batch_normalization`` puts one after every
            convolution.
        dropout: share of the values that are dropped in training, before each dense layer and the output; 0 is none.
        first_filters: of the first convolution instead of its own, the others in proportion; None is as written.
        first_dense: of the first dense layer instead of its own units, the others in proportion; None is as written.
        depth: number of blocks: the first ones, or all and then copies of the last. Pooling follows every block but the
            last, and the last as it follows the last that is written. None is as written.
        kernel: side of every kernel, pixels, those of shortcuts apart; None is as written.
        activation: after convolutions and hidden dense layers. ``leaky_relu`` has slope 0.2 below 0.
        pooling: how the last convolution's output becomes one row of values.
        residual: the input of every block but the first is added to its last convolution's output, before the
            activation. It passes through a 1x1 convolution where the shapes differ (with a BatchNormalization where
            that convolution has one).
        crop: side of the square in the middle of a patch that the CNN sees, pixels; None is the whole patch.
        bn_momentum: of BatchNormalization's moving statistics. Keras' 0.99 needs some 500 steps to forget its start,
            more than a study's short epochs have, and validation then runs on statistics that lag behind the weights.

    Sources: Johny et al. 2021, Table 2; He et al. 2016, "Deep Residual Learning" (option B shortcuts).
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
    depth: int | None = None
    kernel: int | None = None
    activation: Activation = "relu"
    pooling: Pooling = "flatten"
    residual: bool = False
    crop: int | None = None
    bn_momentum: float = 0.9


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
    "depth": None,
    "kernel": None,
    "activation": "relu",
    "pooling": "flatten",
    "residual": False,
    "crop": None,
    "bn_momentum": 0.9,
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
    else:
        pooled = [one for one in values["convolutions"] if one["pool"]]
        for convolution in pooled:
            del convolution["pool"]
    return {name: value for name, value in values.items() if name not in _ADDED_LATER or value != _ADDED_LATER[name]}


def architecture_from_json(values: dict[str, Any]) -> ArchitectureSpec:
    """The specification written by `architecture_to_json`."""
    if "function" in values:
        return function_from_json(values)
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
        depth=values.get("depth"),
        kernel=values.get("kernel"),
        activation=values.get("activation", "relu"),
        pooling=values.get("pooling", "flatten"),
        residual=values.get("residual", False),
        crop=values.get("crop"),
        bn_momentum=float(values.get("bn_momentum", 0.9)),
    )


def function_from_json(values: dict[str, Any]) -> FunctionSpec:
    """A function as `architecture_to_json` wrote it."""
    files = tuple((name, digest) for name, digest in values.get("files", ()))
    arguments = tuple(sorted(values.get("arguments", {}).items()))
    return FunctionSpec(values["function"], values["source_digest"], files, arguments)


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
    return replace(spec, **dict(_field(spec, name, value) for name, value in values.items()))


def _field(spec: CnnSpec, name: str, value: Any) -> tuple[str, Any]:
    """The field that holds a CNN's factor, and its value; None where it is as written, so that one CNN has one key."""
    match name:
        case "filters":
            return "first_filters", _unless(int(value), spec.convolutions[0].filters)
        case "dense":
            return "first_dense", _unless(int(value), spec.dense[0])
        case "depth":
            return name, _unless(int(value), len(blocks(spec.convolutions)))
        case "kernel":
            sides = {one.kernel for one in spec.convolutions}
            return name, None if sides == {int(value)} else int(value)
        case "activation":
            return name, "silu" if value == "swish" else value
    kind = CNN_FACTORS[name]
    return name, value if isinstance(kind, tuple) else kind(value)


def _unless(value: int, as_written: int) -> int | None:
    return None if value == as_written else value


def blocks(convolutions: Sequence[Convolution]) -> list[tuple[int, ...]]:
    """The numbers (from 0) of each block's convolutions: a block ends where pooling follows, and at the end."""
    found: list[tuple[int, ...]] = []
    begun: tuple[int, ...] = ()
    for number, convolution in enumerate(convolutions):
        begun = (*begun, number)
        if convolution.pool:
            found.append(begun)
            begun = ()
    return [*found, begun] if begun else found


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
