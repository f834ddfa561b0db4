"""A study as its database recorded it is the study that was planned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hpo.config.as_planned import as_planned, find_study
from hpo.config.load import load_study
from hpo.stages.plan import determining_settings
from tests.stages.story import DATA, SPACE, write

STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*.yaml"))


def recorded(file: Path) -> dict[str, Any]:
    """The settings of a study as they come back from a database."""
    settings: dict[str, Any] = json.loads(json.dumps(determining_settings(load_study(file), DATA)))
    return settings


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
def test_every_shipped_study_comes_back_as_it_was_planned(file: Path) -> None:
    planned = as_planned(find_study(file), recorded(file))
    assert determining_settings(planned, DATA) == recorded(file)
    assert planned.architecture_specs == load_study(file).architecture_specs
    assert list(planned.architecture_specs) == list(load_study(file).architecture_specs)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"objective": {"metric": "loss", "epoch": "mean_last", "last": 2}},
        {"stage2": {"warm_start": "shrink_perturb", "shrink": 0.3, "seed": 9}},
        {"stage2": {"design": "asha", "epochs": 4, "rungs": [1, 4]}},
        {"stage2": {"trials": None, "minutes": 2.5, "recheck": {"top": 2, "seeds": 1}}},
        {"data": {"folder": "data", "patch_size": 16, "balance": "natural", "valid_patches": 40}},
        {"arithmetic": {"compute_dtype": "bfloat16"}, "confirm": {"equal_training": True}},
    ],
)
def test_every_option_comes_back(tmp_path: Path, changes: dict[str, Any]) -> None:
    fixed = {**SPACE, "weight_decay": {"reference": 0.1}, "optimizer": {"reference": "adam"}}
    file = write(tmp_path, space=fixed, **changes)
    before = recorded(file)
    file.write_text(file.read_text().replace("epochs: 2", "epochs: 3").replace("AUC", "auc"))
    (tmp_path / "space.yaml").unlink()
    planned = as_planned(find_study(file), before)
    assert determining_settings(planned, DATA) == before


def test_a_sampler_whose_package_is_not_installed_can_be_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = recorded(write(tmp_path))
    before["stage2"]["design"] = "gp"
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert as_planned(find_study(tmp_path / "study.yaml"), before).stage2.design == "gp"
