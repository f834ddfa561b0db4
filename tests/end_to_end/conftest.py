"""A small study on small patches: real files, real processes, seconds instead of minutes."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml

SIZE = 16
SPLITS = {"train": 96, "valid": 64, "test": 64}

SPACE: dict[str, Any] = {
    "factors": {
        "epochs": {"reference": 2, "levels": [1, 2, 3]},
        "batch_size": {"reference": 8, "levels": [8, 16], "step": 8},
        "patches": {"reference": 64, "levels": [32, 64], "step": 8},
        "learning_rate": {"reference": 0.01, "levels": [0.01, 0.05], "low": 0.001, "high": 0.1, "scale": "log"},
        "stain_jitter": {"reference": 0.0, "levels": [0.0, 0.1], "low": 0.0, "high": 0.2},
    }
}

STUDY: dict[str, Any] = {
    "name": "small",
    "data": {"folder": "data", "patch_size": SIZE},
    "search_space": "space.yaml",
    "dashboard": "dashboard.yaml",
    "architectures": [
        {"name": "tiny", "convolutions": [{"kernel": 3, "filters": 4}], "dense": [8]},
        {"name": "wide", "convolutions": [{"kernel": 3, "filters": 6}], "dense": [4]},
    ],
    "stage1": {"factors": ["epochs", "batch_size", "patches", "learning_rate", "stain_jitter"]},
    "stage2": {"epochs": 2, "trials": 4, "factors": ["learning_rate", "batch_size", "patches"]},
    "confirm": {"epochs": 2, "seeds": [0, 1]},
    "workers": {"threads": 1, "lease_seconds": 30},
    "output": "out",
}


def write_pcam(folder: Path, splits: dict[str, int] = SPLITS) -> None:
    """Patches whose centre is darker where malignant, amid noise."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for name, count in splits.items():
        labels = np.arange(count, dtype=np.uint8) % 2
        patches = random.integers(90, 230, (count, SIZE, SIZE, 3), dtype=np.uint8)
        patches[labels == 1, 4:12, 4:12] -= 40
        with h5py.File(folder / f"camelyonpatch_level_2_split_{name}_x.h5", "w") as file:
            file["x"] = patches
        with h5py.File(folder / f"camelyonpatch_level_2_split_{name}_y.h5", "w") as file:
            file["y"] = labels.reshape(-1, 1, 1, 1)


@dataclass(frozen=True)
class Project:
    """A folder with a study, and the `hpo` command run in it as a user would."""

    folder: Path

    @property
    def study(self) -> Path:
        return self.folder / "study.yaml"

    @property
    def output(self) -> Path:
        return self.folder / "out"

    def write(self, study: dict[str, Any] | None = None, space: dict[str, Any] | None = None) -> None:
        """Write the YAML files, with these top-level keys changed."""
        self.study.write_text(yaml.safe_dump(STUDY | (study or {})))
        (self.folder / "space.yaml").write_text(yaml.safe_dump(space or SPACE))
        panels = [{"panel": "comparison_table"}, {"panel": "compute"}, {"panel": "test_openings"}]
        (self.folder / "dashboard.yaml").write_text(yaml.safe_dump({"panels": panels}))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `hpo`, both outputs piped."""
        return subprocess.Popen(
            [sys.executable, "-m", "hpo", *arguments],
            cwd=self.folder,
            env=os.environ | {"COLUMNS": "200", "TF_CPP_MIN_LOG_LEVEL": "2"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        """Run `hpo` to its end, which must be of this exit status."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=400)
        assert process.returncode == status, f"exit {process.returncode}\n{out}\n{err}"
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def new_project(folder: Path, **changes: Any) -> Project:
    """A project with its own data, study file and search space."""
    write_pcam(folder / "data")
    project = Project(folder)
    project.write(**changes)
    return project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return new_project(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A study that ran to its end undisturbed."""
    project = new_project(tmp_path_factory.mktemp("finished"))
    project.run("run", "study.yaml")
    return project
