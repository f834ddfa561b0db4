"""What ``hpo data check`` knows of the patches, ``hpo plan`` knows too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hpo.data.pcam import SPLITS, SplitWriter, split_files
from tests.cli.hpo import Hpo
from tests.stages.story import load


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study of 100 training patches, the first of which is in the test split too."""
    file = load(tmp_path, data={"folder": "data", "patch_size": 16}).file
    x = np.random.default_rng(0).integers(0, 256, (300, 16, 16, 3), dtype=np.uint8)
    x[200] = x[0]
    for number, name in enumerate(SPLITS):
        with SplitWriter(split_files(file.parent / "data", name), 100, 16) as writer:
            writer.write(0, x[100 * number : 100 * number + 100], np.arange(100) % 2)
    return file


def test_a_patch_in_two_splits_is_said_and_the_plan_printed(hpo: Hpo, study: Path) -> None:
    ended = hpo("plan", study)
    assert ended.status == 0
    assert "warning: test: 1 patch is an exact repeat of patches in train" in ended.err
    assert "stage1" in ended.out


def test_a_split_of_one_class_is_refused(hpo: Hpo, study: Path) -> None:
    with SplitWriter(split_files(study.parent / "data", "valid"), 40, 16) as writer:
        writer.write(0, np.random.default_rng(1).integers(0, 256, (40, 16, 16, 3), dtype=np.uint8), np.zeros(40))
    assert "valid has 40 benign and 0 malignant patches; AUC needs both" in hpo.refused("plan", study)
