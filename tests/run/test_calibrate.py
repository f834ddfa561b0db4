"""How fast this machine trains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hpo.recipe.recipe import Recipe
from hpo.run.calibrate import measure_speed
from hpo.stages.plan import reference_recipe
from hpo.training.engine import Trainer
from tests.worker.conftest import Workshop

Open = Callable[..., Workshop]


def test_calibration_measures_and_leaves_nothing_behind(open_workshop: Open) -> None:
    shop = open_workshop()
    start, each = measure_speed(shop.study, shop.worker.dataset, "tiny")
    assert 0 <= start < 0.5, "nothing was compiled in it"
    assert 0 < each < 1
    assert not list(shop.study.output.rglob("*.h5"))


def test_what_is_trained_is_the_reference_with_few_patches_and_with_more(
    open_workshop: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[Recipe] = []
    bring = Trainer.bring

    def recorded(trainer: Trainer, recipe: Recipe, *arguments: Any, **options: Any) -> Any:
        trained.append(recipe)
        return bring(trainer, recipe, *arguments, **options)

    monkeypatch.setattr(Trainer, "bring", recorded)
    shop = open_workshop()
    measure_speed(shop.study, shop.worker.dataset, "tiny")
    reference = reference_recipe(shop.study, "tiny", shop.worker.dataset.digest, shop.study.stage1.seed)
    of_reference = trained[1:]  # the first compiles, with another seed
    assert [replace(recipe, patches=reference.patches) for recipe in of_reference] == [reference, reference]
    assert of_reference[1].patches == 2 * of_reference[0].patches == reference.patches
