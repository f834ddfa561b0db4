from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from hpo.data.form import form_of_data
from hpo.recipe.form import Form
from tests.data.conftest import WriteSplit


def test_gzipped_patches_say_their_form_as_others_do(tmp_path: Path, write_split: WriteSplit) -> None:
    for path in write_split(tmp_path, "patches", x=np.zeros((6, 8, 8, 1), np.uint8), y=np.arange(6) % 3):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    (tmp_path / "dataset.json").write_text('{"format": 1, "classes": ["a", "b", "c"]}', encoding="utf-8")
    assert form_of_data(tmp_path) == Form(classes=3, channels=1)
