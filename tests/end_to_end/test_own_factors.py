"""Dropout of a described CNN and an argument of a user's function, through all stages with real trainings."""

from __future__ import annotations

import html
import re
from contextlib import closing
from pathlib import Path

import yaml
from sqlalchemy import select

from hpo.config.load import load_study
from hpo.recipe.architecture import architecture_from_json
from hpo.recipe.taken import taken_of
from hpo.storage.database import open_database
from hpo.storage.tables import PointRow
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
    "optimizer": {"reference": "adam", "levels": ["adam", "sgd"]},
    "momentum": {"reference": 0.9, "levels": [0.5, 0.9], "only_if": {"optimizer": "sgd"}},
}
PANELS = ("importance", "ranges", "range_axes", "slices", "parallel_coordinates", "contour")


def test_own_factors_go_through_all_stages_and_into_report_and_best_configuration(tmp_path: Path) -> None:
    study = {
        "architectures": [STUDY["architectures"][0], {"name": "mine", "function": "nets:small"}],
        "stage1": {"factors": ["dropout", "width", "optimizer", "momentum"]},
        "stage2": {
            "design": "asha",
            "epochs": 2,
            "trials": 3,
            "factors": ["learning_rate", "dropout", "width", "optimizer", "momentum"],
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
    assert {name: set(found) for name, found in ranges.items()} == {
        "tiny": {"dropout", "optimizer", "momentum"},
        "mine": {"width", "optimizer", "momentum"},
    }
    cards = {name: (project.output / name / "model_card.md").read_text() for name in best}
    assert "nets:small with width" in cards["mine"]
    assert "width" not in cards["tiny"]
    (project.folder / "nets.py").unlink()  # whoever only looks needs no module
    shown = project.run("show", "study.yaml")
    assert "width 2" in str(shown)
    varied = [line for line in shown.stdout.splitlines() if "momentum" in line]
    assert any("momentum 0.5" in line for line in varied)
    assert all("optimizer sgd" in line for line in varied)
    project.run("report", "study.yaml")
    report = (project.output / "report.html").read_text()
    assert "Width" in report
    assert "Dropout" in report


def test_a_warm_start_may_tune_shapes_and_everything_says_what_was_taken(tmp_path: Path) -> None:
    study = {
        "architectures": STUDY["architectures"][:1],
        "stage1": {"factors": ["filters", "depth"]},
        "stage2": {
            "epochs": 1,
            "trials": 6,
            "design": "random",
            "factors": ["filters", "depth"],
            "within": "space",
            "other_shapes": "fresh",
        },
        "confirm": {"epochs": 1, "seeds": [0]},
    }
    factors = {
        "filters": {"reference": 4, "levels": [3, 4, 5]},
        "depth": {"reference": 1, "levels": [1, 2, 3]},
    }
    project = new_project(tmp_path, study=study, space={"factors": {**SPACE["factors"], **factors}})
    (project.folder / "dashboard.yaml").write_text("panels: [{panel: donors}]\n")

    project.run("run", "study.yaml")

    said = r"\d of 6 trainings took only part of the donor's variables: \d+ of \d+( to \d+ of \d+)?"
    assert re.search(f"tiny stage2: {said}", str(project.run("status", "study.yaml")))
    assert re.search(said, html.unescape((project.output / "report.html").read_text()))
    partly = 0
    with closing(open_database(load_study(project.study).database)) as database, database.transaction() as session:
        for row in session.scalars(select(PointRow).where(PointRow.stage_name.like("%/stage2/%"))):
            taken = taken_of(row.curve or [])
            donor = (row.recipe or {})["initial"]["donor"]["architecture"]
            is_same = architecture_from_json((row.recipe or {})["architecture"]) == architecture_from_json(donor)
            assert (taken is None) == is_same
            partly += taken is not None
    assert partly >= 1
