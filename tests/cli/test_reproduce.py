"""``hpo run best_config.yaml`` of models that a Python function makes: nothing of it runs untrusted."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from hpo.config.best_config import write_best_config
from hpo.recipe.architecture import FunctionSpec
from hpo.recipe.recipe import Recipe, WarmStart
from tests.cli.hpo import Hpo
from tests.config.test_best_config import DONOR, config


@pytest.fixture
def function(tmp_path: Path) -> FunctionSpec:
    """A function of a module that leaves a trace when it runs."""
    source = f"open({str(tmp_path / 'ran')!r}, 'w')\n\ndef build(shape): ...\n"
    (tmp_path / "their_models.py").write_text(source)
    return FunctionSpec("their_models:build", hashlib.sha256(source.encode()).hexdigest())


def written(folder: Path, *recipes: Recipe) -> Path:
    """A best configuration whose modules and (missing) data are in this folder."""
    file = folder / "best_config.yaml"
    write_best_config(file, config(folder / "data", *recipes).model_copy(update={"modules": folder}))
    return file


def test_a_function_does_not_run_before_its_user_has_said_so(hpo: Hpo, tmp_path: Path, function: FunctionSpec) -> None:
    file = written(tmp_path, replace(DONOR, architecture=function))
    assert hpo.refused("run", file) == (
        f"{file}: would run Python code: their_models:build of {tmp_path}/their_models.py "
        f"(SHA-256 {function.source_digest[:12]}...). Read it, and if you trust it, add --trust-code"
    )
    line = hpo.refused("run", file, "--trust-code")
    assert line.startswith(f"{tmp_path}/data: "), "it went on, as far as the data that is not there"
    assert not (tmp_path / "ran").exists()


def test_a_donors_function_and_one_that_is_not_here_are_named_too(
    hpo: Hpo, tmp_path: Path, function: FunctionSpec
) -> None:
    donor = replace(DONOR, architecture=FunctionSpec("elsewhere.nets:build", "0" * 64))
    file = written(tmp_path, replace(DONOR, architecture=function, initial=WarmStart(donor, 1)))
    line = hpo.refused("run", file)
    assert "their_models:build of " in line
    assert "; elsewhere.nets:build of a module that is not here (SHA-256 000000000000...)" in line


@pytest.mark.parametrize("part", ["augment", "own_loss"])
def test_an_augmentation_and_a_loss_run_no_sooner(hpo: Hpo, tmp_path: Path, function: FunctionSpec, part: str) -> None:
    file = written(tmp_path, replace(DONOR, **{part: function}))
    assert "would run Python code: their_models:build of " in hpo.refused("run", file)
    assert not (tmp_path / "ran").exists()


def test_a_described_model_needs_no_trust_and_a_study_file_takes_none(hpo: Hpo, tmp_path: Path) -> None:
    assert hpo.refused("run", written(tmp_path, DONOR)).startswith(f"{tmp_path}/data: ")
    (tmp_path / "study.yaml").write_text("name: mine\n")
    line = hpo.refused("run", tmp_path / "study.yaml", "--trust-code")
    assert line.endswith("--trust-code is for a best_config.yaml; a study file's functions are its user's own")
