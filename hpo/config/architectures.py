"""Architectures as a study file names or describes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from hpo.config.explain import Problem, refuse
from hpo.config.fields import FactorValue, Flag, Name, Number, Settings, Whole
from hpo.config.function_source import file_digest, read_function
from hpo.config.patterns import FUNCTION_PATTERN
from hpo.errors import nearest
from hpo.recipe.architecture import (
    ARCHITECTURES,
    Activation,
    ArchitectureSpec,
    CnnSpec,
    Convolution,
    FunctionSpec,
    Padding,
    Pooling,
    with_own_factors,
)
from hpo.recipe.geometry import windows


class ConvolutionSettings(Settings):
    """A convolution with its activation, followed by max-pooling."""

    kernel: Whole = Field(ge=1, description="side of the square kernel, pixels")
    filters: Whole = Field(ge=1, description="number of output channels")
    stride: Whole = Field(default=1, ge=1, description="step of the kernel in both directions, pixels")
    pool: Flag = Field(default=True, description="whether max-pooling follows, and so ends a block of convolutions")


class CnnSettings(Settings):
    """A CNN of one's own: convolutions in blocks with max-pooling between them, then dense layers, then one output."""

    name: Name = Field(description="what reports, files and the database call it")
    convolutions: tuple[ConvolutionSettings, ...] = Field(min_length=1, description="in order from the input")
    dense: tuple[Annotated[Whole, Field(ge=1)], ...] = Field(
        default=(), description="units of each hidden dense layer, in order"
    )
    padding: Padding = Field(default="same", description="of convolutions and pooling")
    pool: Whole = Field(default=2, ge=1, description="side of the max-pooling window, pixels; 1 is no pooling")
    pool_stride: Whole = Field(default=2, ge=1, description="step of the pooling window, pixels")
    batch_normalization: Literal[True] | tuple[Annotated[Whole, Field(ge=0)], ...] = Field(
        default=(),
        description="numbers (from 0) of the convolutions that BatchNormalization follows, in both stages; true is all",
    )

    dropout: Number = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="share of values dropped in training, before dense layers and output",
    )
    depth: Whole | None = Field(
        default=None,
        ge=1,
        description="number of blocks: the first ones of those listed, or all and copies of the last; by default all",
    )
    kernel: Whole | None = Field(
        default=None, ge=1, description="side of all kernels instead of each convolution's own, pixels"
    )
    activation: Activation | Literal["swish"] = Field(
        default="relu", description="after convolutions and hidden dense layers; swish is silu"
    )
    pooling: Pooling = Field(
        default="flatten",
        description="what follows the convolutions: all their values (flatten), or each channel's average or max",
    )
    residual: Flag = Field(
        default=False, description="add the input of every block but the first to its output; needs padding: same"
    )
    crop: Whole | None = Field(
        default=None, ge=1, description="side of the middle of a patch that the CNN sees, pixels; by default all of it"
    )
    bn_momentum: Number = Field(
        default=0.9, ge=0, lt=1, description="of BatchNormalization's moving statistics, wherever there is one"
    )

    @model_validator(mode="after")
    def _normalized_convolutions_exist(self) -> Self:
        if self.batch_normalization is True:
            return self
        last = len(self.convolutions) - 1
        refuse(
            [
                Problem(("batch_normalization", index), f"there is no convolution {number}; they are 0 to {last}")
                for index, number in enumerate(self.batch_normalization)
                if number > last
            ]
        )
        return self


class FunctionSettings(Settings):
    """A Python function that returns a Keras model; see `hpo.recipe.architecture.FunctionSpec`."""

    name: Name = Field(description="what reports, files and the database call it")
    function: str = Field(
        pattern=FUNCTION_PATTERN,
        description="module:callable, importable from the study file's folder; from an input shape to a Keras model",
    )
    files: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(),
        description="files that the function reads, such as weights, relative to this file: their contents are part of "
        "what is trained, and another content is another training",
    )
    arguments: dict[str, FactorValue] = Field(
        default={}, description="keyword arguments of the function; what the search space varies needs none here"
    )


def _known(name: str) -> str:
    if name not in ARCHITECTURES:
        raise ValueError(f"{name!r} is not an architecture; {nearest(name, ARCHITECTURES)}")
    return name


def _form(value: Any) -> str:
    if isinstance(value, dict):
        return "<FunctionSettings>" if "function" in value else "<CnnSettings>"
    return (
        "<CnnSettings>"
        if isinstance(value, CnnSettings)
        else "<FunctionSettings>"
        if isinstance(value, Settings)
        else "<name>"
    )


KnownName = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": list(ARCHITECTURES)})]

ArchitectureSettings = Annotated[
    Annotated[KnownName, Tag("<name>")]
    | Annotated[CnnSettings, Tag("<CnnSettings>")]
    | Annotated[FunctionSettings, Tag("<FunctionSettings>")],
    Discriminator(_form),
]
"""One item of a study file's list: a known name, a described CNN, or a function."""


def architecture_name(settings: str | CnnSettings | FunctionSettings) -> str:
    """The name an item of the list goes by."""
    return settings if isinstance(settings, str) else settings.name


def file_problems(names: Sequence[str], folder: Path) -> list[Problem]:
    """The files of a function that cannot be read, located within its settings."""
    problems = []
    for index, name in enumerate(names):
        try:
            file_digest(folder / name)
        except ValueError as error:
            problems.append(Problem(("files", index), str(error)))
    return problems


def specification(settings: str | CnnSettings | FunctionSettings, folder: Path) -> ArchitectureSpec:
    """What a recipe holds of an architecture.

    Args:
        settings: the study file's item.
        folder: the study file's, where functions are looked for before the Python path.

    Raises:
        ValueError: if a function cannot be found; nothing is imported.
    """
    if isinstance(settings, str):
        return ARCHITECTURES[settings]
    if isinstance(settings, FunctionSettings):
        files = tuple((name, file_digest(folder / name)) for name in settings.files)
        source = read_function(settings.function, folder)
        return FunctionSpec(settings.function, source.digest, files, tuple(sorted(settings.arguments.items())))
    return _described(settings)


def _described(settings: CnnSettings) -> ArchitectureSpec:
    convolutions = tuple(Convolution(**item.model_dump()) for item in settings.convolutions)
    normalized = settings.batch_normalization
    spec = CnnSpec(
        convolutions,
        dense=settings.dense,
        padding=settings.padding,
        pool=settings.pool,
        pool_stride=settings.pool_stride,
        batch_normalization=tuple(range(len(convolutions))) if normalized is True else normalized,
        dropout=settings.dropout,
        pooling=settings.pooling,
        residual=settings.residual,
        crop=settings.crop,
        bn_momentum=settings.bn_momentum,
    )
    said = {"depth": settings.depth, "kernel": settings.kernel, "activation": settings.activation}
    return with_own_factors(spec, {name: value for name, value in said.items() if value is not None})


def unfitting_cnn(spec: ArchitectureSpec, patch_size: int) -> str | None:
    """Why a CNN cannot be built for patches of a size, in words; None if it can, or is a function's.

    Args:
        spec: the architecture.
        patch_size: side of the patches, pixels.
    """
    if not isinstance(spec, CnnSpec):
        return None
    if spec.crop is not None and spec.crop > patch_size:
        return f"a crop of {spec.crop} pixels is larger than the patches, {patch_size} (data.patch_size)"
    if spec.padding == "same":
        return None
    if spec.residual:
        return "residual needs padding: same, with which a block's input and output fit; found padding: valid"
    for layer in windows(spec, patch_size):
        if layer.side > layer.input:
            return (
                f"convolution {layer.number}: {layer.kind} of {layer.side} pixels on an input of {layer.input} "
                "(padding: valid)"
            )
    return None
