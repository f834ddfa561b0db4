"""Packages that only some exports need, and that only those who want them install."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

from hpo.errors import HpoError

Extra = Literal["onnx", "mlflow", "tensorboard"]

_PACKAGES: dict[Extra, dict[str, str]] = {
    "onnx": {"onnx": "onnx", "tf2onnx": "tf2onnx", "onnxruntime": "onnxruntime"},
    "mlflow": {"mlflow": "mlflow-skinny"},
    "tensorboard": {"tensorboard": "tensorboard"},
}
"""Of each extra in pyproject.toml, which is also the option's name: from modules to what installs them."""


def require_extra(extra: Extra) -> None:
    """Make sure that an option's packages are there, before anything is done.

    Raises:
        HpoError: if one is missing.
    """
    missing = [package for module, package in _PACKAGES[extra].items() if find_spec(module) is None]
    if missing:
        packages = " ".join(missing)
        raise HpoError(f"--{extra} needs {packages}: pip install {packages} (this package's extra [{extra}])")
