"""The layouts that docs/data.md shows, each imported by its one command."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hpo.cli.data import app
from hpo.data.dataset import SplitRule, open_dataset
from tests.data.images.made import folder_of, image

DOCUMENT = Path(__file__).parents[3] / "docs" / "data.md"


def tif(shade: int) -> bytes:
    return image(shade, kind="TIFF")


LAYOUTS: dict[str, dict[str, bytes]] = {
    "images": {
        f"{split}/{n % 2}/{n}.png": image(n) for n in range(12) for split in [("train", "valid", "test")[n // 4]]
    },
    "patients": {f"{('cancer', 'normal')[n % 2]}/patient{n // 4}/{n}.png": image(n) for n in range(16)},
    "kaggle": {f"train/{n:040x}.tif": tif(n) for n in range(8)}
    | {f"test/{n + 99:040x}.tif": tif(n) for n in range(4)}
    | {"train_labels.csv": ("id,label\n" + "".join(f"{n:040x},{n % 2}\n" for n in range(8))).encode()},
    "BreaKHis_v1": {
        f"histology_slides/breast/{kind}/SOB/{sub}/SOB_{n // 2}/{power}/SOB-{power}-{n}.png": image(n, 700, height=460)
        for n in range(8)
        for kind, sub in [("benign", "adenosis") if n % 2 else ("malignant", "lobular_carcinoma")]
        for power in ("40X", "100X")
    },
    "NCT-CRC-HE-100K": {
        f"{kind}/{kind}-{n}.tif": tif(20 * k + n)
        for n in range(4)
        for k, kind in enumerate(("ADI", "BACK", "DEB", "LYM", "MUC", "MUS", "NORM", "STR", "TUM"))
    },
    "tiles": {f"{('Tumor', 'Stroma')[n % 2]}/s{n // 4} [x={n * 8},y=0,w=8,h=8].png": image(n) for n in range(16)},
    "idc": {
        f"{10250 + n // 4}/{n % 2}/{10250 + n // 4}_idx5_x{n * 50 + 1}_y1_class{n % 2}.png": image(n, side=50 - n % 3)
        for n in range(24)
    },
}
EXPECTED = {
    "mine": (["train: 2", "valid: 2", "test: 2"], 8, 12),
    "patients": (["8 patches of label 0 (normal), 8 of label 1 (cancer)"], 8, 16),
    "kaggle": (["train: 4 patches of label 0 (0), 4 of label 1 (1)"], 8, 8),
    "breakhis": (["24 patches of label 0 (benign), 24 of label 1 (malignant)"], 230, 48),
    "nine": (["4 patches of label 0 (ADI), 4 of label 1 (BACK), ", ", 4 of label 8 (TUM)"], 8, 36),
    "nct": (["8 patches of label 0 (normal), 4 of label 1 (tumour)"], 8, 12),
    "qupath": (["8 patches of label 0 (Stroma), 8 of label 1 (Tumor)"], 8, 16),
    "idc": (["12 patches of label 0 (0), 12 of label 1 (1)"], 48, 24),
}


def commands() -> dict[str, list[str]]:
    """The arguments of each command, by the folder that it writes in ``data``."""
    found = re.findall(r"\| `hpo (data import [^`]+)` \|", DOCUMENT.read_text(encoding="utf-8"))
    return {Path(shlex.split(line)[3]).name: shlex.split(line)[1:] for line in found}


def test_every_layout_of_the_document_is_tried():
    assert {Path(arguments[1]).name for arguments in commands().values()} == set(LAYOUTS)
    assert set(commands()) == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_one_command_imports_a_layout_that_a_study_can_use(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    source = commands()[name][1].rstrip("/")
    folder_of(Path(source), LAYOUTS[source])
    result = CliRunner().invoke(app, commands()[name], catch_exceptions=False)
    lines, side, count = EXPECTED[name]
    for line in lines:
        assert line in result.output
    data = Path(commands()[name][2])
    split = None if name == "mine" else SplitRule(valid=0.25, test=0.25)
    dataset = open_dataset(data, patch_size=side, split=split)
    parts = (dataset.train, dataset.valid, dataset.test)
    assert sum(len(part) for part in parts) == count
    if name in ("patients", "breakhis", "qupath", "idc"):
        slides = [set(part.slides) for part in parts if part.slides is not None]
        assert len(slides) == 3
        assert not slides[0] & slides[1] | slides[0] & slides[2] | slides[1] & slides[2]
    else:
        assert dataset.train.slides is None
