"""The study's own loss: found, read without running it, its arguments as factors, checked before planning."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from hpo.errors import ConfigError
from hpo.recipe.point import apply_point
from hpo.run.functions import check_functions
from hpo.stages.edits import compare_plans
from hpo.stages.plan import determining_settings, template_recipe
from tests.stages.story import SPACE, load

SOURCE = """import tensorflow as tf


def tversky(labels, logits, alpha=0.7):
    p = tf.sigmoid(logits)
    return alpha * labels * (1 - p) + (1 - alpha) * (1 - labels) * p


def mean(labels, logits):
    return tf.reduce_mean(logits)


def noisy(patches, seed, alpha=1.0):
    return patches
"""
ALPHA = {"alpha": {"reference": 0.6, "levels": [0.5, 0.6, 0.9]}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(SOURCE)
    return tmp_path


def test_its_source_and_arguments_are_in_the_key_and_an_argument_is_a_factor(folder: Path) -> None:
    study = load(folder, loss="mine:tversky", space=SPACE | ALPHA, stage2={"factors": ["learning_rate", "alpha"]})
    assert study.loss_spec is not None
    assert study.loss_spec.source_digest == hashlib.sha256(SOURCE.encode()).hexdigest()
    template = template_recipe(study, "tiny", "d" * 64, 0)
    assert template.own_loss is not None
    assert dict(template.own_loss.arguments) == {"alpha": 0.6}
    changed, _ = apply_point(template, {"epochs": 1, "alpha": 0.9})
    assert changed.own_loss is not None
    assert dict(changed.own_loss.arguments) == {"alpha": 0.9}
    assert len({template.key, changed.key, template_recipe(load(folder), "tiny", "d" * 64, 0).key}) == 3
    assert "loss" not in determining_settings(load(folder), "d" * 64)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "mine:tverski"}, "loss: .* defines no 'tverski'; did you mean 'tversky'"),
        ({"loss": {"function": "mine:tversky", "arguments": {"alfa": 1}}}, "loss.*no argument 'alfa'"),
        ({"loss": "mine:tversky", "space": SPACE | {"loss": {"reference": "focal"}}}, "takes the place of the factor"),
        (
            {"loss": "mine:tversky", "augment": "mine:noisy", "space": SPACE | ALPHA},
            "alpha is an argument of mine:tver",
        ),
        ({"space": SPACE | {"loss": {"reference": "mine:tversky"}}}, "allowed: cross_entropy, focal, poly"),
    ],
)
def test_what_cannot_be_is_one_line(folder: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load(folder, **changes)
    assert "\n" not in str(caught.value)


def test_it_is_called_before_anything_is_planned(folder: Path) -> None:
    check_functions(load(folder, loss="mine:tversky"))
    with pytest.raises(ConfigError, match=r"loss: mine:mean: of labels .* nothing was planned"):
        check_functions(load(folder, loss="mine:mean"))


def test_another_source_makes_another_study(folder: Path) -> None:
    study = load(folder, loss="mine:tversky")
    recorded = determining_settings(study, "d" * 64)
    (folder / "mine.py").write_text(SOURCE + "\n# changed\n")
    study = load(folder, loss="mine:tversky")
    [change] = compare_plans(study, recorded, determining_settings(study, "d" * 64), ())
    assert (change.path, change.kind) == (("loss",), "other")
