"""A model at work: tiles in, probabilities out, by ONNX Runtime or Keras."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hpo.errors import HpoError
from hpo.slides.image import Pixels
from hpo.slides.model_file import ModelFile

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Classifier:
    """An open model.

    Args:
        size: side of its patches, pixels.
        outputs: probabilities that it gives a patch: 1, or one for each of its classes.
        run: from uint8 ``(N, size, size, 3)`` to float32 ``(N, outputs)``.
        label: the class whose probability is wanted, of a model with several outputs; 0 of a model with one.
    """

    size: int
    outputs: int
    run: Callable[[Pixels], Floats]
    label: int = 0

    def probabilities(self, tiles: Pixels, *, symmetries: bool = False) -> Floats:
        """Probability of each tile, float32 ``(N,)``.

        Args:
            tiles: uint8 ``(N, size, size, 3)``.
            symmetries: average over the eight turns and mirror images.

        Raises:
            HpoError: if the model gives what is no probability.
        """
        given = tiles if not symmetries else np.concatenate(_turned(tiles))
        found = self.run(np.ascontiguousarray(given))[:, self.label]
        if not (np.isfinite(found).all() and found.min(initial=0) >= -1e-6 and found.max(initial=0) <= 1 + 1e-6):
            raise HpoError(
                f"the model gives values from {found.min():.3g} to {found.max():.3g}, which are no probabilities; its "
                "last layer must be a sigmoid or softmax, as hpo export writes it"
            )
        return np.asarray(found if not symmetries else found.reshape(8, len(tiles)).mean(axis=0), np.float32)


def _turned(tiles: Pixels) -> list[Pixels]:
    quarter = [np.rot90(tiles, turns, axes=(1, 2)) for turns in range(4)]
    return [*quarter, *(one[:, :, ::-1] for one in quarter)]


def open_classifier(model: ModelFile, *, threads: int | None = None, label: int | None = None) -> Classifier:
    """A model ready to predict.

    Args:
        model: the file.
        threads: within an operation; None is what the machine has.
        label: the class of a model with several outputs.

    Raises:
        HpoError: if what runs it is not installed, it cannot be loaded, or its input or output are not of the right
            kind.
    """
    opened = _open_onnx(model, threads) if model.path.suffix == ".onnx" else _open_keras(model, threads)
    (shape, outputs), run = opened
    if len(shape) != 4 or shape[1] != shape[2] or shape[3] != 3 or not isinstance(shape[1], int):
        raise HpoError(
            f"{model.path}: takes input of shape {_words(shape)}; a model of RGB patches takes (N, size, size, 3)"
        )
    if len(outputs) != 2 or not isinstance(outputs[1], int):
        raise HpoError(
            f"{model.path}: gives output of shape {_words(outputs)}; a classifier gives (N, 1) or (N, classes)"
        )
    return Classifier(shape[1], outputs[1], run, _label(model, outputs[1], label))


def _label(model: ModelFile, outputs: int, label: int | None) -> int:
    if outputs == 1:
        if label not in (None, 1):
            raise HpoError(
                f"--class {label}: {model.path} gives the probability of label 1 alone; leave the option out"
            )
        return 0
    if label is None:
        raise HpoError(
            f"{model.path}: gives {outputs} probabilities; choose one to map by --class: {_choices(model, outputs)}"
        )
    if not 0 <= label < outputs:
        raise HpoError(f"--class {label}: {model.path} has these: {_choices(model, outputs)}")
    return label


def _choices(model: ModelFile, outputs: int) -> str:
    if not model.classes:
        return f"0 to {outputs - 1}"
    return ", ".join(f"{label} ({model.class_name(label)})" for label in range(outputs))


def _words(shape: Sequence[Any]) -> str:
    return "(" + ", ".join("N" if not isinstance(side, int) else str(side) for side in shape) + ")"


_Opened = tuple[tuple[Sequence[Any], Sequence[Any]], Callable[[Pixels], Floats]]


def _open_onnx(model: ModelFile, threads: int | None) -> _Opened:
    try:
        import onnxruntime
    except ImportError as error:
        raise HpoError(f"{model.path}: needs ONNX Runtime: pip install onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # Waiting threads otherwise burn a core, which the reading thread and other processes need: 1.7 times the work per
    # CPU second without (tests/benchmarks/slides.py).
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = False
    if threads is not None:
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(
            str(model.path), options, providers=onnxruntime.get_available_providers()
        )
    except Exception as error:  # whatever the runtime finds wrong with the file
        raise HpoError(f"{model.path}: ONNX Runtime cannot load it: {_first_line(error)}") from error
    given, found = session.get_inputs(), session.get_outputs()
    if len(given) != 1 or len(found) != 1:
        raise HpoError(f"{model.path}: has {len(given)} inputs and {len(found)} outputs; a classifier has one of each")
    kinds = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}
    if given[0].type not in kinds:
        raise HpoError(f"{model.path}: takes {given[0].type}; a model of patches takes tensor(float), values 0 to 255")
    dtype = kinds[given[0].type]

    def run(tiles: Pixels) -> Floats:
        return np.asarray(session.run(None, {given[0].name: tiles.astype(dtype)})[0], np.float32)

    return (given[0].shape, found[0].shape), run


def _open_keras(model: ModelFile, threads: int | None) -> _Opened:
    try:
        from hpo.models.backend import keras, tf
        from hpo.training.runtime import configure
    except ModuleNotFoundError as error:
        raise HpoError(
            f"{model.path}: needs TensorFlow, which is not installed; model.onnx (hpo export STUDY --onnx) does not"
        ) from error
    configure(threads)
    try:
        loaded = keras.models.load_model(model.path, compile=False)
    except Exception as error:  # whatever Keras finds wrong with the file
        raise HpoError(f"{model.path}: Keras cannot load it: {_first_line(error)}") from error
    shape, outputs = loaded.input_shape, loaded.output_shape
    if isinstance(shape, list) or isinstance(outputs, list):
        raise HpoError(f"{model.path}: has several inputs or outputs; a classifier has one of each")

    def probabilities(tiles: Any) -> Any:
        return tf.cast(loaded(tf.cast(tiles, tf.float32), training=False), tf.float32)

    compiled = tf.function(probabilities, input_signature=[tf.TensorSpec((None, *shape[1:]), tf.uint8)])

    def run(tiles: Pixels) -> Floats:
        return np.asarray(compiled(tf.constant(tiles)).numpy(), np.float32)

    return (shape, outputs), run


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:300]}"
