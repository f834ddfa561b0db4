"""What lies in examples/ runs as it stands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from examples.my_panels import best_trials, epoch_seconds, value_by_patches
from tests.results.invented import invent_study

EXAMPLES = Path(__file__).parent.parent / "examples"
NOTEBOOK = json.loads((EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8"))


def test_the_notebook_is_kept_without_output() -> None:
    code = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_every_cell_of_the_notebook_runs(tmp_path: Path) -> None:
    cells = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    code = "\n".join([*cells, "print(study.compare().keys())"])
    environment = os.environ | {"PYTHONPATH": str(EXAMPLES.parent), "TF_CPP_MIN_LOG_LEVEL": "2"}
    run = subprocess.run(  # like a notebook, this is no file that child processes could import
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=400
    )
    assert run.returncode == 0, run.stderr
    assert "dict_keys(['narrow', 'wide'])" in run.stdout
    assert (tmp_path / "runs/notebook/report.html").exists()


def test_own_panels_read_a_finished_study() -> None:
    results = invent_study()
    figure, finding = epoch_seconds(results)
    assert len(figure.data) == 2
    assert "2 workers" in finding
    drawn = value_by_patches(results)
    assert [trace.name for trace in drawn.data] == list(results.settings.architectures)
    assert len({(trace.marker.color, trace.marker.symbol) for trace in drawn.data}) == 4
    rows = [[cell.text for cell, _ in row] for row in best_trials(results).full_rows()]
    assert [row[:2] for row in rows] == [
        [name, stage] for stage in ("stage1", "stage2") for name in results.settings.architectures
    ]


@pytest.mark.parametrize("side", [32, 96])
def test_the_model_of_ones_own_gives_one_logit_at_any_patch_size(side: int) -> None:
    from examples.my_models import residual

    model = residual((side, side, 3))
    assert model.output_shape == (None, 1)
    assert model.count_params() < 25_000
