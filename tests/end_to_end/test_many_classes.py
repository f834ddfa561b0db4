"""Ten classes of grey digits from folders, and three classes of drawn tissue, through all stages to every file."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import yaml
from PIL import Image
from sklearn.datasets import load_digits

import hpo
from hpo.data.dataset import open_dataset
from hpo.evaluation.scores import metrics_of
from tests.end_to_end.conftest import Project, new_project

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PANELS = (
    "data", "comparison_table", "best_table", "roc", "precision_recall", "calibration", "confusion", "mistakes",
    "optimism", "history", "learning_curves", "before_after", "folds",
)  # fmt: skip


def write_digits(folder: Path) -> None:
    """scikit-learn's digits as PNG files in class folders below ``train``, ``valid`` and ``test``."""
    digits = load_digits()
    for number, (image, label) in enumerate(zip(digits.images[:900], digits.target[:900], strict=True)):
        split = ("train", "train", "train", "valid", "test")[number % 5]
        path = folder / split / f"{label}_{WORDS[label]}" / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 15.9).astype(np.uint8)).save(path)


def project_of(tmp_path: Path, study: dict[str, object], factors: dict[str, object]) -> Project:
    project = new_project(tmp_path, study=study, space={"factors": factors})
    (project.folder / "dashboard.yaml").write_text(yaml.safe_dump({"panels": [{"panel": name} for name in PANELS]}))
    return project


FACTORS: dict[str, object] = {
    "epochs": {"reference": 2, "levels": [1, 2]},
    "batch_size": {"reference": 16},
    "patches": {"reference": 320},
    "augmentation": {"reference": False},
    "optimizer": {"reference": "adam"},
    "learning_rate": {"reference": 0.001, "levels": [0.001, 0.01], "low": 0.0005, "high": 0.02, "scale": "log"},
}
STUDY: dict[str, object] = {
    "data": {"folder": "digits", "patch_size": 8},
    "architectures": [{"name": "tiny", "convolutions": [{"kernel": 3, "filters": 8}], "dense": [16]}],
    "objective": {"metric": "kappa"},
    "stage1": {"factors": ["learning_rate"]},
    "stage2": {"epochs": 8, "trials": 3, "factors": ["learning_rate"]},
    "confirm": {"epochs": 8, "seeds": [0, 1]},
}


def test_digits_from_folders_to_report_models_and_python(tmp_path: Path) -> None:
    project = project_of(tmp_path, STUDY, FACTORS)
    write_digits(project.folder / "images")
    assert "label 0 (0_zero)" in project.run("data", "import", "images", "digits", "--grey").stdout

    project.run("run", "study.yaml")
    project.run("export", "study.yaml", "--onnx")

    output = project.output
    best = yaml.safe_load((output / "best_config.yaml").read_text())["models"]["tiny"]
    assert best["recipe"]["form"] == {"classes": 10, "channels": 1}
    assert best.get("threshold") is None

    study = hpo.open_study(project.study)
    test = open_dataset(project.folder / "digits", patch_size=8).test
    assert study.results.classes == tuple(f"{label}_{word}" for label, word in enumerate(WORDS))
    probabilities = study.predict("tiny", test.read(np.arange(len(test))))
    assert probabilities.shape == (len(test), 10)
    found = metrics_of(test.labels, probabilities)
    assert found["accuracy"] > 0.5
    kept = [one for one in study.results.finals("tiny", "after") if one.recipe_key == best["recipe_key"]]
    assert kept[0].test_probabilities is not None
    assert np.abs(kept[0].test_probabilities - probabilities).max() < 1e-4
    assert study.compare()["tiny"].auc.after.value > study.compare()["tiny"].auc.before.value

    import onnxruntime
    from keras.models import load_model

    patches = test.read(np.arange(9)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(output / "tiny" / "model.onnx"))
    assert np.abs(session.run(None, {"patches": patches})[0] - probabilities[:9]).max() < 1e-4
    assert np.abs(load_model(output / "tiny" / "model.h5").predict(patches, verbose=0) - probabilities[:9]).max() < 1e-4

    card = (output / "tiny" / "model_card.md").read_text()
    assert "takes grey patches of 8 x 8 pixels" in card
    assert "probability of each of 10 classes" in card
    assert "final softmax" in card
    code = re.search(r"```python\n(.*?)```", card, re.S)
    assert code is not None
    assert "called = probabilities.argmax(axis=1)" in code[1]
    rows = list(csv.DictReader((output / "tiny" / "roc.csv").open()))
    assert {row["class"] for row in rows} == set(study.results.classes)

    page = (output / "report.html").read_text()
    for words in (
        "patches of 10 classes", "AUC of 3_three", "is called", "Each line is one class against the rest",
        "no threshold is chosen on validation", "Cohen", "grey patches of 8 by 8 pixels",
    ):  # fmt: skip
        assert words in page, words
    assert "Traceback" not in page
    assert "False positives" not in page


def test_a_drawn_sample_of_three_classes_is_studied(tmp_path: Path) -> None:
    study = {
        **STUDY,
        "data": {
            "folder": "tissue",
            "patch_size": 32,
            "sample": {"train": 90, "valid": 45, "test": 45, "classes": 3, "seed": 1},
        },
        "objective": {"metric": "auc"},
        "confirm": {"epochs": 8, "seeds": [0, 1], "folds": 3},
    }
    project = project_of(tmp_path, study, {**FACTORS, "patches": {"reference": 60}})

    project.run("run", "study.yaml")

    page = (project.output / "report.html").read_text()
    for words in ("patches of 3 classes", "AUC of fat", "malignant", "called", "Over folds: test AUC"):
        assert words in page, words
    results = hpo.open_study(project.study).results
    assert results.classes == ("benign", "malignant", "fat")
    found = results.over_folds["tiny"]
    assert found.folds == 3
    for metric in found.metrics.values():
        assert metric.difference.low <= metric.difference.value <= metric.difference.high
