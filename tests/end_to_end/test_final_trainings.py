"""Final trainings that end by patience, and predictions averaged over the eight symmetries: really trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml

from hpo.models.backend import keras
from hpo.storage.files import Files
from hpo.storage.predictions import PredictionStore
from tests.end_to_end.conftest import STUDY, Project, new_project
from tests.end_to_end.outcome import rows
from tests.end_to_end.test_equal_training import kill_in

FINAL = {"epochs": 5, "seeds": [0, 1], "patience": 1, "symmetries": True, "equal_training": True}
SHORT: dict[str, Any] = {
    "architectures": STUDY["architectures"][:1],
    "stage1": {"factors": ["learning_rate"]},
    "stage2": STUDY["stage2"] | {"trials": 2},
}


def trainings(project: Project) -> dict[str, tuple[int, list[float], float]]:
    """Of each final training the most epochs, the validation curve and the objective."""
    found = rows(
        project.output,
        "SELECT point_key, epochs, curve, objective FROM hpo_design_point WHERE stage_name = 'small/confirm/tiny'",
    )
    return {
        key: (most, [epoch["valid_auc"] for epoch in json.loads(curve)], objective)
        for key, most, curve, objective in found
    }


def openings(project: Project) -> int:
    return len(rows(project.output, "SELECT * FROM hpo_test_opening"))


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Killed in the middle of the final trainings, and run on."""
    project = new_project(tmp_path_factory.mktemp("patient"), study=SHORT | {"confirm": FINAL})
    kill_in(project, "confirm")
    project.run("run", "study.yaml")
    return project


def test_each_side_ends_by_the_same_rule_and_keeps_its_best_epoch(patient: Project) -> None:
    found = trainings(patient)
    assert set(found) == {f"{role}:{seed}" for role in ("before", "equal", "after", "cold_control") for seed in (0, 1)}
    for most, curve, objective in found.values():
        assert objective == max(curve)
        ended = [epoch for epoch in range(2, len(curve) + 1) if epoch - 1 - int(np.argmax(curve[:epoch])) >= 1]
        assert len(curve) == (ended[0] if ended else most)
    assert any(len(curve) < most for most, curve, _ in found.values())
    plan = json.loads(rows(patient.output, "SELECT plan FROM hpo_stage WHERE name = 'small/test/tiny'")[0][0])
    for run in plan["runs"]:
        assert run["epoch"] == 1 + int(np.argmax(found[f"{run['role']}:{run['seed']}"][1]))


def test_an_epoch_is_trained_once_although_patience_ended_it_before_the_kill(patient: Project) -> None:
    trained = rows(patient.output, "SELECT recipe_key, epoch FROM hpo_trained_epoch")
    assert len(trained) == len(set(trained))


def test_what_is_exported_gives_the_predictions_that_were_tested(patient: Project) -> None:
    plan = json.loads(rows(patient.output, "SELECT plan FROM hpo_stage WHERE name = 'small/test/tiny'")[0][0])
    assert plan["symmetries"] is True
    store = PredictionStore(Files(str(patient.output / "checkpoints")))
    tested = store.load(plan["configuration"], "after", plan["export_seed"])
    with h5py.File(patient.folder / "data" / "camelyonpatch_level_2_split_test_x.h5") as file:
        patches = file["x"][:]
    model = keras.models.load_model(patient.output / "tiny" / "model.h5", compile=False)
    assert model.predict(patches, verbose=0)[:, 0] == pytest.approx(tested, abs=1e-5)
    assert model.predict(patches[:, ::-1], verbose=0)[:, 0] == pytest.approx(tested, abs=1e-5)
    best = yaml.safe_load((patient.output / "best_config.yaml").read_text())["models"]["tiny"]
    assert best["symmetries"] is True
    assert "eight flips and quarter turns" in (patient.output / "tiny" / "model_card.md").read_text()


def test_both_settings_may_be_edited_and_only_the_looking_is_done_again(patient: Project, tmp_path: Path) -> None:
    before, opened = trainings(patient), openings(patient)
    patient.write(SHORT | {"confirm": FINAL | {"symmetries": False}})
    said = patient.run("plan", "study.yaml").stdout
    assert "confirm.symmetries: true -> not set: no training changes; the test split is opened again" in said
    patient.run("run", "study.yaml")
    assert trainings(patient) == before
    assert openings(patient) == opened + 1
    best = yaml.safe_load((patient.output / "best_config.yaml").read_text())["models"]["tiny"]
    assert "symmetries" not in best
    patient.write(SHORT | {"confirm": {name: FINAL[name] for name in ("epochs", "seeds", "equal_training")}})
    patient.run("run", "study.yaml")
    whole = trainings(patient)
    assert all(len(curve) == most and objective == curve[-1] for most, curve, objective in whole.values())
    for key, (_, curve, _) in before.items():
        assert whole[key][1][: len(curve)] == curve  # the same training went on
