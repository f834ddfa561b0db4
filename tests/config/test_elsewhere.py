"""What users of other tools write is answered with its place here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hpo.config.elsewhere import _FACTORS, factor_elsewhere
from hpo.config.load import load_study
from hpo.recipe.architecture import CNN_FACTORS
from hpo.recipe.point import FACTORS
from tests.config.samples import Change, refusal

Write = Callable[..., Path]

TOP = "search_space: space.yaml\n"
STAGE2 = "  trials: 4\n"
SPACE = "factors:\n"


@pytest.mark.parametrize(
    ("change", "key", "way"),
    [
        ((TOP, f"{TOP}early_stopping: 3\n"), "early_stopping", "confirm.patience"),
        ((TOP, f"{TOP}callbacks: [x]\n"), "callbacks", "there are none"),
        ((TOP, f"{TOP}class_weight: balanced\n"), "class_weight", "set data.balance to natural"),
        ((TOP, f"{TOP}timeout: 60\n"), "timeout", "stage2.minutes"),
        ((TOP, f"{TOP}enqueue: [{{}}]\n"), "enqueue", "prior"),
        ((TOP, f"{TOP}task: regression\n"), "task", "studies classify images"),
        ((TOP, f"{TOP}loss: focal\n"), "loss", "values of the factor loss"),
        ((TOP, f"{TOP}objective: {{metric: [auc, loss]}}\n"), "objective.metric", "objectives: [auc, loss]"),
        ((TOP, f"{TOP}objective: {{metric: pr_auc}}\n"), "objective.metric", "average_precision is"),
        ((STAGE2, f"{STAGE2}  pruner: median\n"), "stage2.pruner", "set stage2.design to asha"),
        ((STAGE2, f"{STAGE2}  patience: 3\n"), "stage2.patience", "confirm.patience"),
        ((STAGE2, f"{STAGE2}  warm_start: [cold, warm]\n"), "stage2.warm_start", "name warm_start in stage2.factors"),
        ((STAGE2, f"{STAGE2}  design: hyperband\n"), "stage2.design", "set stage2.design to asha"),
        ((STAGE2, f"{STAGE2}  design: my_sampler:make\n"), "stage2.design", "cannot name a sampler of your own"),
    ],
)
def test_a_key_of_another_tool_is_answered_with_its_place_here(
    write_study: Write, change: Change, key: str, way: str
) -> None:
    (line,) = refusal(load_study, write_study(change))

    assert line.split(" ", 1)[1].startswith(f"{key}: ")
    assert way in line
    assert "did you mean" not in line


@pytest.mark.parametrize(
    ("change", "key", "way"),
    [
        ((SPACE, "constraints: [batch_size < 32]\nfactors:\n"), "constraints", "limits of the study file"),
        (
            (SPACE, f"{SPACE}  beta_1: {{reference: 0.9, choices: [0.9, 0.99]}}\n"),
            "factors.beta_1.choices",
            "levels: [...]",
        ),
        ((SPACE, f"{SPACE}  units: {{reference: 8}}\n"), "factors.units", "here it is called dense"),
        ((SPACE, f"{SPACE}  dropout_rate: {{reference: 0}}\n"), "factors.dropout_rate", "here it is called dropout"),
        (
            (SPACE, f"{SPACE}  augmentation: {{reference: 'my:f'}}\n"),
            "factors.augmentation.reference",
            "augment of the study file",
        ),
    ],
)
def test_so_is_one_in_the_search_space(write_study: Write, change: Change, key: str, way: str) -> None:
    (line,) = refusal(load_study, write_study(space=(change,)))

    assert line.split(" ", 1)[1].startswith(f"{key}: ")
    assert way in line


def test_every_way_that_is_named_exists() -> None:
    """Names here of factors by another name are factors, and none of them is a factor itself."""
    known = {*FACTORS, *CNN_FACTORS}
    assert {factor_elsewhere(name) for name in _FACTORS} <= known
    assert not known & {*_FACTORS}


def test_an_argument_that_a_function_may_take_is_to_be_named(write_study: Write, tmp_path: Path) -> None:
    (tmp_path / "takes_any.py").write_text("def net(shape, **options): ...\n")
    own = ("[model2, model3]", "[{name: mine, function: 'takes_any:net'}]")
    file = write_study(own, space=((SPACE, f"{SPACE}  width: {{reference: 8}}\n"),))

    (line,) = refusal(load_study, file)
    assert "if it is an argument of takes_any:net, give it a value in arguments; allowed: " in line
