"""Architectures as a study file names or describes them."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import stat
import sys
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from hpo.config.explain import Problem, refuse
from hpo.config.fields import Name, Settings, Whole
from hpo.config.patterns import FUNCTION_PATTERN
from hpo.errors import nearest
from hpo.file_faults import file_fault
from hpo.recipe.architecture import ARCHITECTURES, ArchitectureSpec, CnnSpec, Convolution, FunctionSpec, Padding


class ConvolutionSettings(Settings):
    """A convolution with ReLU, followed by max-pooling."""

    kernel: Whole = Field(ge=1, description="side of the square kernel, pixels")
    filters: Whole = Field(ge=1, description="number of output channels")
    stride: Whole = Field(default=1, ge=1, description="step of the kernel in both directions, pixels")


class CnnSettings(Settings):
    """A CNN of one's own: convolutions each followed by max-pooling, then dense layers, then one output."""

    name: Name = Field(description="what reports, files and the database call it")
    convolutions: tuple[ConvolutionSettings, ...] = Field(min_length=1, description="in order from the input")
    dense: tuple[Annotated[Whole, Field(ge=1)], ...] = Field(
        default=(), description="units of each hidden dense layer, in order"
    )
    padding: Padding = Field(default="same", description="of convolutions and pooling")
    pool: Whole = Field(default=2, ge=1, description="side of the max-pooling window, pixels; 1 is no pooling")
    pool_stride: Whole = Field(default=2, ge=1, description="step of the pooling window, pixels")
    batch_normalization: tuple[Annotated[Whole, Field(ge=0)], ...] = Field(
        default=(), description="numbers (from 0) of the convolutions that BatchNormalization follows, in both stages"
    )

    @model_validator(mode="after")
    def _normalized_convolutions_exist(self) -> Self:
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
        return FunctionSpec(settings.function, _source_digest(settings.function, folder), files)
    return CnnSpec(
        convolutions=tuple(Convolution(item.kernel, item.filters, item.stride) for item in settings.convolutions),
        dense=settings.dense,
        padding=settings.padding,
        pool=settings.pool,
        pool_stride=settings.pool_stride,
        batch_normalization=settings.batch_normalization,
    )


def vanishing_layer(spec: CnnSpec, patch_size: int) -> str | None:
    """Which layer's window does not fit its input, in words; None if all fit.

    Args:
        spec: the CNN.
        patch_size: side of the patches, pixels.
    """
    if spec.padding == "same":
        return None
    side = patch_size
    for number, convolution in enumerate(spec.convolutions):
        windows = ((convolution.kernel, convolution.stride, "kernel"), (spec.pool, spec.pool_stride, "pooling"))
        for window, stride, what in windows:
            if window > side:
                return f"convolution {number}: {what} of {window} pixels on an input of {side} (padding: valid)"
            side = (side - window) // stride + 1
    return None


def _source_digest(function: str, folder: Path) -> str:
    """SHA-256 of the module's source, in which the callable is found by reading it."""
    module, name = function.split(":")
    spec = find_module(module, folder)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise ValueError(f"no Python file of module {module!r} in {folder} or on the Python path")
    source = Path(spec.origin).read_bytes()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{spec.origin} is not Python: {error}") from None
    names = set(_top_level_names(tree))
    if name not in names:
        raise ValueError(f"{spec.origin} defines no {name!r}; {nearest(name, names)}")
    return hashlib.sha256(source).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file; one that has not changed since is not read again.

    Raises:
        ValueError: if it cannot be read.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{path} is no regular file; name a file that the function reads")
        return _digest_of(path, found.st_size, found.st_mtime_ns)
    except OSError as error:
        raise ValueError(f"{path}: {file_fault(error)}") from None


@lru_cache(maxsize=256)
def _digest_of(path: Path, _size: int, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_module(module: str, *folders: Path) -> ModuleSpec | None:
    """The place of a module, found without importing anything, not even the packages around it.

    Args:
        module: its name, dots in it.
        folders: where to look before the Python path.
    """
    top, *below = module.split(".")
    spec = PathFinder.find_spec(top, [*map(str, folders), *sys.path]) or importlib.util.find_spec(top)
    name = top
    for child in below:
        if spec is None or spec.submodule_search_locations is None:
            return None
        name = f"{name}.{child}"
        # By its last name alone: a folder without __init__.py would be looked up in its parent, which is not imported.
        spec = PathFinder.find_spec(child, list(spec.submodule_search_locations))
    if spec is not None and below and spec.origin is not None:
        return spec_from_file_location(name, spec.origin, submodule_search_locations=spec.submodule_search_locations)
    return spec


def _top_level_names(tree: ast.Module) -> list[str]:
    names = []
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            names.append(statement.name)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            names += [alias.asname or alias.name for alias in statement.names]
        elif isinstance(statement, ast.Assign):
            names += [target.id for target in statement.targets if isinstance(target, ast.Name)]
    return names
