"""A trained recipe as one `.h5` that Keras alone can load."""

from __future__ import annotations

import uuid
from pathlib import Path

from absl import logging

from hpo.errors import StorageError
from hpo.models.backend import keras
from hpo.recipe.architecture import CnnSpec
from hpo.recipe.recipe import Recipe
from hpo.training.engine import Trainer
from hpo.training.network import OFFSET, SCALE


def export_model(trainer: Trainer, recipe: Recipe, epoch: int, path: Path) -> None:
    """Writes a whole Keras model in the HDF5 format: input scaling and final sigmoid inside, optimizer left out.

    ``keras.models.load_model(path).predict(patches)`` then takes raw patches ``(N, size, size, 3)`` of 0..255, uint8 or
    float, and gives probabilities of label 1, float32 ``(N, 1)``, without this package (a user's own function
    may bring layers of its own, which that user must register). Equal weights give equal bytes.

    Args:
        trainer: supplies the weights, and trains them if their checkpoint is gone.
        recipe: what was trained.
        epoch: how long.
        path: the file to write, whole or not at all; its folder is made.

    Raises:
        StorageError: if the file cannot be written.
    """
    model = _whole(trainer.model(recipe, epoch), flat=isinstance(recipe.architecture, CnnSpec))
    temporary = path.with_name(f".{uuid.uuid4().hex}.h5")  # Keras picks the format by the ending
    verbosity = logging.get_verbosity()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{path}: cannot make its folder: {error}") from error
    try:
        logging.set_verbosity(logging.ERROR)  # Keras warns that HDF5 is its older format: it is the one asked for
        model.save(str(temporary), include_optimizer=False)
        temporary.replace(path)
    except OSError as error:
        raise StorageError(f"{path}: cannot write the model: {error}") from error
    finally:
        logging.set_verbosity(verbosity)
        temporary.unlink(missing_ok=True)


def _whole(model: keras.Model, *, flat: bool) -> keras.Model:
    """From raw patches to probabilities; ``flat`` chains the layers themselves, else the model stays one layer."""
    inputs = keras.Input(model.input_shape[1:], name="patches")
    x = keras.layers.Rescaling(SCALE, OFFSET, name="scaling")(inputs)
    for layer in model.layers[1:] if flat else (model,):
        x = layer(x)
    return keras.Model(inputs, keras.layers.Activation("sigmoid", name="probability")(x), name="classifier")
