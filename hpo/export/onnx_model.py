"""A Keras model as ONNX, which runs without Keras and TensorFlow.

Keras converts through tf2onnx, whose makers seek a maintainer (2026), so what it writes is run and compared with the
model before it is believed.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hpo.errors import HpoError
from hpo.models.backend import keras

_TOLERANCE = 1e-5
_CHECKED_BATCHES = (1, 7)


def write_onnx(model: keras.Model, path: Path) -> None:
    """Writes an ONNX file with one input, ``patches``, and one output, ``probability``; both have any batch size.

    Args:
        model: from patches ``(N, size, size, channels)`` of 0..255, float32, to probabilities,
            float32 ``(N, outputs)``.
        path: the file to write.

    Raises:
        HpoError: if the model cannot be converted, or the file does not predict what the model does, within 1e-5.
    """
    signature = [keras.InputSpec(shape=model.input_shape, dtype="float32", name="patches")]
    try:
        with _silence():
            _know_erfc()
            model.export(str(path), format="onnx", verbose=False, input_signature=signature)
        _name_ends(path)
        difference = _largest_difference(model, path)
    except OSError:
        raise
    except Exception as error:  # whatever a converter stumbles over in a model that it does not know
        reason = (str(error).splitlines() or [""])[0]
        raise HpoError(f"the model cannot be converted to ONNX: {type(error).__name__}: {reason}") from error
    if not difference <= _TOLERANCE:
        raise HpoError(
            f"the converted ONNX model predicts differently from the Keras model (by up to {difference:.2g})"
        )


def _know_erfc() -> None:
    """Tells tf2onnx of ``erfc(x) = 1 - erf(x)``, by which TensorFlow computes GELU, and which ONNX lacks."""
    from tf2onnx.handler import tf_op

    def convert(context: Any, node: Any, **_: Any) -> None:
        name, given, made = node.name, list(node.input), list(node.output)
        kind, shape = context.get_dtype(node.output[0]), context.get_shape(node.output[0])
        typed = {"dtypes": [kind], "shapes": [shape]}
        context.remove_node(name)
        one = context.make_const(f"{name}_one", np.array(1, np.float32))
        erf = context.make_node("Erf", given, **typed)
        context.make_node("Sub", [one.output[0], erf.output[0]], name=name, outputs=made, **typed)

    tf_op("Erfc").register_compat_handler(convert, 9)


def _name_ends(path: Path) -> None:
    """Gives batch size and output names for people; the converter's are counters."""
    import onnx

    converted = onnx.load(path)
    graph = converted.graph
    (output,) = graph.output
    for node in graph.node:
        node.output[:] = ["probability" if name == output.name else name for name in node.output]
    output.name = "probability"
    for end in (graph.input[0], output):
        end.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.checker.check_model(converted)
    onnx.save(converted, path)


def _largest_difference(model: keras.Model, path: Path) -> float:
    """Between the probabilities of both, on patches of noise."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    differences = []
    for count in _CHECKED_BATCHES:
        patches = random.integers(0, 256, (count, *model.input_shape[1:])).astype(np.float32)
        (found,) = session.run(["probability"], {"patches": patches})
        differences.append(float(np.max(np.abs(found - model.predict_on_batch(patches)))))
    return max(differences)


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing on standard error: TensorFlow's C++ side reports its optimizer's work, whatever the log level."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with tempfile.TemporaryFile() as nowhere, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
