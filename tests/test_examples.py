"""What lies in examples/ runs as it stands."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

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


def run_in(folder: Path, *command: str, status: int = 0) -> str:
    """Run a command of an example's header as it stands there, in a copy of the project's folders."""
    environment = os.environ | {"PYTHONPATH": str(EXAMPLES.parent), "TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "200"}
    program = [sys.executable, "-m", *command] if command[0] == "hpo" else [sys.executable, *command[1:]]
    run = subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert run.returncode == status, f"{run.stdout}\n{run.stderr}"
    return run.stdout + run.stderr


def commands_of(example: Path) -> list[list[str]]:
    lines = example.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("#   ").split() for line in lines if line.startswith("#   ")]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for name in ("examples", "dashboards"):
        shutil.copytree(EXAMPLES.parent / name, tmp_path / name, ignore=shutil.ignore_patterns("*.weights.h5"))
    return tmp_path


def test_a_network_and_an_augmentation_of_ones_own_are_tuned_by_their_own_hyper_parameters(copied: Path) -> None:
    ((program, *arguments),) = commands_of(copied / "examples" / "own.yaml")
    run_in(copied, program, *arguments)
    recipe = yaml.safe_load((copied / "runs/own/best_config.yaml").read_text())["models"]["residual"]["recipe"]
    assert recipe["architecture"]["arguments"]["width"] in (4, 8)
    assert 0 <= recipe["augment"]["arguments"]["bend"] <= 2
    card = (copied / "runs/own/residual/model_card.md").read_text()
    assert "my_augment:elastic (bend" in card.replace("\\", "")


def test_a_frozen_backbone_is_tuned_with_weights_from_a_file_that_the_study_holds_to(copied: Path) -> None:
    study, weights = copied / "examples" / "finetuning.yaml", copied / "examples" / "backbone.weights.h5"
    make, run = commands_of(study)
    said = run_in(copied, *run, status=2)
    assert "finetuning.yaml" in said
    assert "architectures.0.files.0" in said
    assert f"{weights}: no such file or folder" in said
    run_in(copied, *make)
    made = weights.read_bytes()
    run_in(copied, *run)
    found = yaml.safe_load((copied / "runs/finetuning/best_config.yaml").read_text())["models"]["fine"]["recipe"]
    assert found["architecture"]["files"] == [["backbone.weights.h5", hashlib.sha256(made).hexdigest()]]
    assert "frozen_layers" in run_in(copied, "hpo", "show", "examples/finetuning.yaml")
    weights.write_bytes(made + b"x")
    said = run_in(copied, *run, status=2)
    assert "backbone.weights.h5 has changed since; list the function under another name to add it" in said


@pytest.mark.parametrize("side", [32, 96])
def test_the_model_of_ones_own_gives_one_logit_at_any_patch_size(side: int) -> None:
    from examples.my_models import residual

    model = residual((side, side, 3))
    assert model.output_shape == (None, 1)
    assert model.count_params() < 25_000
