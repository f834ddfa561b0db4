"""A trained recipe as files that Keras, or ONNX Runtime, alone can load."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from absl import logging

from hpo.export.atomic import replacing
from hpo.export.onnx_model import write_onnx
from hpo.export.symmetries import averaged
from hpo.models.backend import keras
from hpo.recipe.architecture import CnnSpec
from hpo.recipe.recipe import Recipe
from hpo.training.engine import Trainer
from hpo.training.network import OFFSET, SCALE


def export_model(trainer: Trainer, recipe: Recipe, epoch: int, *paths: Path, symmetries: bool = False) -> None:
    """Writes a whole model: input scaling and final sigmoid or softmax inside, optimizer left out.

    ``keras.models.load_model(path).predict(patches)`` then takes raw patches ``(N, size, size, channels)`` of 0..255,
    uint8 or float, and gives probabilities, float32: ``(N, 1)`` of label 1, or ``(N, K)`` of each of more than two
    classes, without this package (a user's own function may bring layers of its own, which that user must register).
    Equal weights give equal bytes, but for ONNX.

    Args:
        trainer: supplies the weights, and trains them if their checkpoint is gone.
        recipe: what was trained.
        epoch: how long.
        paths: the files to write, each whole or not at all; the ending says what it is: ``.keras``, Keras' own format,
            ``.h5``, its older one in HDF5, or ``.onnx``, for which see `write_onnx`. Their folders are made.
        symmetries: whether the model averages its probabilities over the eight flips and quarter turns.

    Raises:
        StorageError: if a file cannot be written.
        HpoError: if the model cannot be converted to ONNX.
    """
    spec = recipe.architecture
    model = _whole(trainer.model(recipe, epoch), flat=isinstance(spec, CnnSpec) and not spec.residual)
    if symmetries:
        model = averaged(model)
    for path in paths:
        with replacing(path) as temporary:
            _WRITERS[path.suffix](model, temporary)


def _whole(model: keras.Model, *, flat: bool) -> keras.Model:
    """From raw patches to probabilities; ``flat`` chains the layers themselves, else the model stays one layer."""
    inputs = keras.Input(model.input_shape[1:], name="patches")
    x = keras.layers.Rescaling(SCALE, OFFSET, name="scaling")(inputs)
    for layer in model.layers[1:] if flat else (model,):
        x = layer(x)
    kind = "sigmoid" if model.output_shape[-1] == 1 else "softmax"
    return keras.Model(inputs, keras.layers.Activation(kind, name="probability")(x), name="classifier")


def _write_h5(model: keras.Model, path: Path) -> None:
    verbosity = logging.get_verbosity()
    try:
        logging.set_verbosity(logging.ERROR)  # Keras warns that HDF5 is its older format: it is the one asked for
        model.save(str(path), include_optimizer=False)
    finally:
        logging.set_verbosity(verbosity)


def _write_keras(model: keras.Model, path: Path) -> None:
    """Keras' own archive without what equal weights do not share: when and where in memory the model was."""
    model.save(str(path), include_optimizer=False)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    about = json.loads(members["metadata.json"])
    about.pop("date_saved", None)
    members["metadata.json"] = json.dumps(about).encode()
    members["config.json"] = _renumbered(members["config.json"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # dated 1980, the archive format's beginning


def _renumbered(config: bytes) -> bytes:
    """Objects that several layers share are numbered by their addresses; here in the order of their mention."""
    numbers: dict[bytes, int] = {}
    return re.sub(
        rb'(?<="shared_object_id": )\d+', lambda found: b"%d" % numbers.setdefault(found[0], len(numbers) + 1), config
    )


_WRITERS: dict[str, Callable[[keras.Model, Path], None]] = {
    ".h5": _write_h5,
    ".keras": _write_keras,
    ".onnx": write_onnx,
}
