"""Small data sets in PCam's format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

SPLITS = ("train", "valid", "test")
WriteSplit = Callable[..., tuple[Path, Path]]


def random_patches(count: int, side: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.fixture
def write_split() -> WriteSplit:
    def write(
        folder: Path, name: str, x: object = None, y: object = None, wsi: list[str] | None = None
    ) -> tuple[Path, Path]:
        folder.mkdir(parents=True, exist_ok=True)
        stem = "patches" if name == "patches" else f"camelyonpatch_level_2_split_{name}"
        x = random_patches(10, seed=len(name)) if x is None else np.asarray(x)
        y = (np.arange(len(x)) % 2).astype(np.uint8).reshape(-1, 1, 1, 1) if y is None else np.asarray(y)
        paths = folder / f"{stem}_x.h5", folder / f"{stem}_y.h5"
        for path, key, values in zip(paths, "xy", (x, y), strict=True):
            with h5py.File(path, "w") as file:
                file.create_dataset(key, data=values)
        if wsi is not None:
            rows = [f"{row},0,0,True,True,{slide}" for row, slide in enumerate(wsi)]
            text = "\n".join([",coord_y,coord_x,tumor_patch,center_tumor_patch,wsi", *rows, ""])
            (folder / f"{stem}_meta.csv").write_text(text, encoding="utf-8")
        return paths

    return write


@pytest.fixture
def pcam_folder(tmp_path: Path, write_split: WriteSplit) -> Path:
    """Three splits of ten random 8 x 8 patches."""
    folder = tmp_path / "pcam"
    for name in SPLITS:
        write_split(folder, name)
    return folder
