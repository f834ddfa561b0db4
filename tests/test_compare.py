"""The programs that docs/compare.md sets side by side do run, and the page shows them as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpo.data.synthetic import make_sample
from tests.benchmarks.peers import ROOT, Rival, prepare, rivals

PAGE = (ROOT / "docs" / "compare.md").read_text(encoding="utf-8")
RIVALS = rivals(trials=2, epochs=1)


@pytest.mark.parametrize("rival", RIVALS, ids=lambda rival: rival.name)
def test_each_program_searches_to_its_end(rival: Rival, tmp_path: Path) -> None:
    make_sample(tmp_path / "data", train=400, valid=60, test=60, patch_size=32)
    prepare(tmp_path, epochs=1)
    environment = os.environ | {
        "EPOCHS": str(tmp_path / "epochs.txt"),
        "PYTHONPATH": str(ROOT),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    command = [sys.executable, *rival.command]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "auc" in run.stdout
    noted = (tmp_path / "epochs.txt").read_text().split()
    assert len(set(noted)) >= 2
    assert any((tmp_path / "out").rglob("*.keras"))


@pytest.mark.parametrize("rival", RIVALS, ids=lambda rival: rival.name)
def test_the_page_says_how_many_lines_each_takes(rival: Rival) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {rival.name} |")]
    assert row.split("|")[2].strip() == str(rival.lines)
