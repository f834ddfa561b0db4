"""Layers that a study's own function defines, for Keras to load a model that has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hpo.config.study import StudyFile
from hpo.errors import HpoError
from hpo.recipe.architecture import FunctionSpec

_Loaded = TypeVar("_Loaded")


def load_keras(path: Path) -> Any:
    """A Keras model from its file.

    Raises:
        HpoError: if Keras cannot load it.
    """
    from hpo.models.backend import keras

    try:
        return keras.models.load_model(path)
    except Exception as error:  # whatever Keras finds wrong with the file
        reason = (str(error).splitlines() or [""])[0][:300]
        raise HpoError(f"{path}: Keras cannot load it: {type(error).__name__}: {reason}") from error


def with_own_layers(settings: StudyFile, architecture: str, load: Callable[[], _Loaded]) -> _Loaded:
    """Load a model; if Keras lacks a layer of it, once more with what its function's module defines.

    Most functions use Keras' own layers, so a module that is gone keeps no model from being loaded.

    Args:
        settings: the study's.
        architecture: of the model.
        load: loads it.

    Raises:
        HpoError: if it cannot be loaded.
    """
    try:
        return load()
    except HpoError:
        spec = settings.architecture_specs.get(architecture)
        if not isinstance(spec, FunctionSpec):
            raise
    from hpo.models.backend import keras
    from hpo.models.own_function import look_in, objects_beside

    look_in(settings.file.parent)
    with keras.utils.custom_object_scope(objects_beside(spec)):
        return load()
