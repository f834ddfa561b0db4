"""``hpo export``: what is missing is written, what is there stays, and other tools get a study's runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime

from tests.end_to_end.conftest import SIZE, Project


def _written(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_it_adds_what_is_asked_for_and_leaves_the_rest_as_it_is(finished: Project) -> None:
    models = [finished.output / name for name in ("tiny", "wide")]
    before = {folder: _written(folder) for folder in models}
    finished.run("export", "study.yaml", "--onnx", "--tensorboard", "logs")
    for folder in models:
        after = _written(folder)
        assert {path: after[path] for path in before[folder]} == before[folder]
        assert {path.name for path in after} == {
            "model.h5", "model.keras", "model.onnx", "model_card.md", "roc.csv",
        }  # fmt: skip
        session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
        (found,) = session.run(None, {"patches": np.zeros((3, SIZE, SIZE, 3), np.float32)})
        assert found.shape == (3, 1)
    # 7 + 7 trials of stage 1, 4 + 4 of stage 2, 6 + 6 final trainings, and the table of them all.
    assert len(list((finished.folder / "logs" / "small").rglob("events.out.tfevents.*"))) == 35
    again = finished.run("export", "study.yaml")
    assert again.stdout.strip() == str(finished.output)
    told = json.loads(finished.run("export", "study.yaml", "--json").stdout)
    assert told["best_config"] == str(finished.output / "best_config.yaml")
    assert str(models[0] / "model.onnx") in told["files"]["tiny"]
    assert set(told["results"]["architectures"]) == {"tiny", "wide"}
    assert (models[0] / "model.onnx").exists()


def test_a_study_that_is_not_finished_has_runs_but_no_models_yet(project: Project) -> None:
    project.run("run", "study.yaml", "--until", "stage1")
    refused = project.run("export", "study.yaml", status=2)
    assert refused.stderr == "hpo: small: no architecture is finished yet, there is nothing to export; run: hpo run\n"
    logged = project.run("export", "study.yaml", "--tensorboard", "logs")
    assert logged.stdout.strip() == "TensorBoard: 14 runs; to see them: tensorboard --logdir logs"
    assert not (project.output / "best_config.yaml").exists()
