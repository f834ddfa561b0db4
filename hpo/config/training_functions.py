"""Functions of the user's own that training calls, as a study file names them: an augmentation, a loss."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from hpo.config.fields import FactorValue, Settings
from hpo.config.function_source import file_digest, read_function
from hpo.config.patterns import FUNCTION_PATTERN
from hpo.recipe.architecture import FunctionSpec

TRAINING_FUNCTIONS = ("augment", "loss")
"""The study file's keys that name one."""

GIVEN = 2
"""Arguments that training gives such a function: patches and seed, or labels and logits."""


class TrainingFunctionSettings(Settings):
    """A TensorFlow function; see `hpo.training.own_augment` and `hpo.training.own_loss`."""

    function: str = Field(
        pattern=FUNCTION_PATTERN, description="module:callable, importable from the study file's folder"
    )
    files: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), description="files that the function reads, relative to this file: part of what is trained"
    )
    arguments: dict[str, FactorValue] = Field(
        default={}, description="keyword arguments of the function; what the search space varies needs none here"
    )


def _form(value: Any) -> str:
    return "<function>" if isinstance(value, str) else "<TrainingFunctionSettings>"


TrainingFunction = Annotated[
    Annotated[str, Field(pattern=FUNCTION_PATTERN), Tag("<function>")]
    | Annotated[TrainingFunctionSettings, Tag("<TrainingFunctionSettings>")],
    Discriminator(_form),
]
"""``module:callable``, or the same with arguments and files."""


def function_settings(written: str | TrainingFunctionSettings) -> TrainingFunctionSettings:
    """The long form of either."""
    return TrainingFunctionSettings(function=written) if isinstance(written, str) else written


def function_specification(settings: TrainingFunctionSettings, folder: Path) -> FunctionSpec:
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
