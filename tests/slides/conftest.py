from __future__ import annotations

from pathlib import Path

import pytest

from hpo.slides.model_file import ModelFile
from tests.slides.models import greenness_model

pytest.importorskip("onnxruntime")


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    """A model of 24 x 24 patches that calls purple positive."""
    return ModelFile(greenness_model(tmp_path / "green.onnx"), "green")
