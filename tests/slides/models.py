"""Models small enough to know by heart, written as ONNX without TensorFlow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

SIZE = 24
"""Side of their patches, pixels."""


def greenness_model(
    path: Path, *, size: int = SIZE, channels: int = 3, outputs: int = 1, last: str = "Sigmoid"
) -> Path:
    """A model that gives ``sigmoid((128 - mean green) / 8)``: tissue that absorbs green is positive.

    Args:
        path: of the file.
        size: side of the patches, pixels.
        channels: of the patches.
        outputs: 1, or more for a softmax of which output ``k`` has ``k`` times the logit.
        last: the last operation; ``Identity`` gives logits.
    """
    weights = np.zeros((channels, outputs), np.float32)
    bias = np.zeros(outputs, np.float32)
    for output in range(outputs):
        factor = 1 if outputs == 1 else output
        weights[1, output], bias[output] = -factor / 8, factor * 16
    nodes = [
        helper.make_node("ReduceMean", ["patches", "axes"], ["mean"], keepdims=0),
        helper.make_node("Gemm", ["mean", "weights", "bias"], ["logit"]),
        helper.make_node(last if outputs == 1 else "Softmax", ["logit"], ["probability"]),
    ]
    graph = helper.make_graph(
        nodes,
        "greenness",
        [helper.make_tensor_value_info("patches", TensorProto.FLOAT, ["batch", size, size, channels])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["batch", outputs])],
        [
            onnx.numpy_helper.from_array(np.array([1, 2], np.int64), "axes"),
            onnx.numpy_helper.from_array(weights, "weights"),
            onnx.numpy_helper.from_array(bias, "bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def probability_of(patches: np.ndarray) -> np.ndarray:
    """What the model gives patches ``(N, size, size, 3)``."""
    green = patches[..., 1].astype(np.float64).mean(axis=(1, 2))
    return 1 / (1 + np.exp(-(128 - green) / 8))
