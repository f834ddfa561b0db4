"""The user's own augmentation as a study file names it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from hpo.config.fields import FactorValue, Settings
from hpo.config.function_source import file_digest, read_function
from hpo.config.patterns import FUNCTION_PATTERN
from hpo.recipe.architecture import FunctionSpec

GIVEN = 2
"""Arguments of an augmentation that training gives it: patches and seed."""


class AugmentSettings(Settings):
    """A TensorFlow function that changes training patches at random; see `hpo.training.own_augment`."""

    function: str = Field(
        pattern=FUNCTION_PATTERN,
        description="module:callable, importable from the study file's folder; from patches and a seed to patches",
    )
    files: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), description="files that the function reads, relative to this file: part of what is trained"
    )
    arguments: dict[str, FactorValue] = Field(
        default={}, description="keyword arguments of the function; what the search space varies needs none here"
    )


def _form(value: Any) -> str:
    return "<function>" if isinstance(value, str) else "<AugmentSettings>"


OwnAugment = Annotated[
    Annotated[str, Field(pattern=FUNCTION_PATTERN), Tag("<function>")]
    | Annotated[AugmentSettings, Tag("<AugmentSettings>")],
    Discriminator(_form),
]
"""``module:callable``, or the same with arguments and files."""


def augment_settings(written: str | AugmentSettings) -> AugmentSettings:
    """The long form of either."""
    return AugmentSettings(function=written) if isinstance(written, str) else written


def augment_specification(settings: AugmentSettings, folder: Path) -> FunctionSpec:
    """What a recipe holds of it.

    Args:
        settings: the study file's.
        folder: the study file's, where the function is looked for before the Python path.

    Raises:
        ValueError: if the function or a file cannot be found; nothing is imported.
    """
    files = tuple((name, file_digest(folder / name)) for name in settings.files)
    source = read_function(settings.function, folder, given=GIVEN)
    return FunctionSpec(settings.function, source.digest, files, tuple(sorted(settings.arguments.items())))
