"""Dropout of a described CNN and an argument of a user's function, through all stages with real trainings."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.end_to_end.conftest import SPACE, STUDY, new_project

MODULE = """\
import keras


def small(shape, width=4):
    inputs = keras.Input(shape)
    x = keras.layers.Conv2D(width, 3, activation="relu")(inputs)
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x)))
"""
FACTORS = {
    "dropout": {"reference": 0, "levels": [0, 0.5], "step": 0.25},
    "width": {"reference": 4, "levels": [2, 4], "scale": "log"},
}
PANELS = ("importance", "ranges", "range_axes", "slices", "parallel_coordinates", "contour")


def test_own_factors_go_through_all_stages_and_into_report_and_best_configuration(tmp_path: Path) -> None:
    study = {
        "architectures": [STUDY["architectures"][0], {"name": "mine", "function": "nets:small"}],
        "stage1": {"factors": ["dropout", "width"]},
        "stage2": {
            "design": "asha",
            "epochs": 2,
            "trials": 3,
            "factors": ["learning_rate", "dropout", "width"],
            "warm_start": "cold",
        },
        "confirm": {"epochs": 1, "seeds": [0, 1]},
    }
    project = new_project(tmp_path, study=study, space={"factors": {**SPACE["factors"], **FACTORS}})
    (project.folder / "nets.py").write_text(MODULE)
    panels = [{"panel": name} for name in PANELS] + [{"panel": "factor_effect", "factor": name} for name in FACTORS]
    (project.folder / "dashboard.yaml").write_text(yaml.safe_dump({"panels": panels}))

    project.run("run", "study.yaml")

    best = yaml.safe_load((project.output / "best_config.yaml").read_text())["models"]
    assert 2 <= best["mine"]["recipe"]["architecture"]["arguments"]["width"] <= 4
    assert 0 <= best["tiny"]["recipe"]["architecture"].get("dropout", 0) <= 0.5
    ranges = yaml.safe_load((project.output / "ranges.yaml").read_text())["architectures"]
    assert {name: set(found) for name, found in ranges.items()} == {"tiny": {"dropout"}, "mine": {"width"}}
    cards = {name: (project.output / name / "model_card.md").read_text() for name in best}
    assert "nets:small with width" in cards["mine"]
    assert "width" not in cards["tiny"]
    (project.folder / "nets.py").unlink()  # whoever only looks needs no module
    shown = project.run("show", "study.yaml")
    assert "width 2" in str(shown)
    project.run("report", "study.yaml")
    report = (project.output / "report.html").read_text()
    assert "Width" in report
    assert "Dropout" in report
