"""Design points and what they stand for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.recipe.architecture import ARCHITECTURES, FunctionSpec
from hpo.recipe.point import FACTORS, PAPER_FACTORS, apply_point, point_key
from hpo.recipe.recipe import Recipe, WarmStart
from hpo.recipe.schedule import Strategy

TEMPLATE = Recipe("d", 1000, ARCHITECTURES["model2"], strategy=Strategy("constant", every=7, rate=0.3))
OFFERING = replace(TEMPLATE, initial=WarmStart(TEMPLATE, 4, shrink=0.3, perturb=0.2))


@given(st.integers(1, 10**6), st.floats(1e-5, 1))
def test_the_key_does_not_see_how_a_number_was_written_nor_the_order(batch: int, rate: float) -> None:
    assert point_key({"batch_size": batch, "learning_rate": rate}) == point_key(
        {"learning_rate": rate, "batch_size": float(batch)}
    )


def test_different_points_have_different_keys() -> None:
    points = [{"epochs": 5}, {"epochs": 6}, {"patches": 5}, {"epochs": 5, "patches": 5}, {"augmentation": True}]
    assert len({point_key(point) for point in points}) == len(points)


def test_a_point_sets_its_factors_and_leaves_the_rest_as_the_template_has_it() -> None:
    recipe, epochs = apply_point(TEMPLATE, {"epochs": 12.0, "batch_size": 64.0, "learning_rate": 1})
    assert epochs == 12
    assert recipe == Recipe("d", 1000, ARCHITECTURES["model2"], 64, 1.0, Strategy("constant", every=7, rate=0.3))
    assert isinstance(recipe.batch_size, int)
    assert isinstance(recipe.learning_rate, float)


def test_a_strategy_keeps_the_templates_parameters() -> None:
    recipe, _ = apply_point(TEMPLATE, {"epochs": 1, "strategy": "step"})
    assert recipe.strategy == Strategy("step", every=7, rate=0.3)


def test_every_factor_but_epochs_is_a_field_of_the_recipe_or_of_a_group_of_its_fields() -> None:
    for name, kind in FACTORS.items():
        value = kind[-1] if isinstance(kind, tuple) else kind(1)
        recipe, epochs = apply_point(OFFERING, {"epochs": 3, name: value})
        parts = (recipe, recipe.fitting, recipe.augmentations)
        seen = {"epochs": epochs, "strategy": recipe.strategy.name, "warm_start": recipe.start} | {
            field: next(getattr(part, field) for part in parts if hasattr(part, field))
            for field in FACTORS
            if field not in ("epochs", "strategy", "warm_start")
        }
        assert seen[name] == value


def test_a_point_takes_the_templates_donor_as_it_says_and_a_cold_one_none() -> None:
    for mode in ("warm", "shrink_perturb"):
        recipe, _ = apply_point(OFFERING, {"epochs": 3, "warm_start": mode})
        assert recipe.initial == WarmStart(TEMPLATE, 4, mode, shrink=0.3, perturb=0.2)
        assert recipe.start == mode
        assert recipe.lineage_patch_visits(3) == 7 * 992
    cold, _ = apply_point(OFFERING, {"epochs": 3, "warm_start": "cold"})
    assert (cold, cold.start, cold.lineage_patch_visits(3)) == (TEMPLATE, "cold", 3 * 992)
    assert cold.key == TEMPLATE.key
    assert apply_point(TEMPLATE, {"epochs": 3, "warm_start": "cold"})[0] == TEMPLATE


def test_a_start_that_no_template_offers_is_an_error() -> None:
    with pytest.raises(ValueError, match="warm_start warm needs a donor"):
        apply_point(TEMPLATE, {"epochs": 3, "warm_start": "warm"})


def test_the_papers_factors_are_factors() -> None:
    assert set(PAPER_FACTORS) < set(FACTORS)


def test_points_without_epochs_or_with_unknown_factors_are_refused() -> None:
    with pytest.raises(KeyError, match="epochs"):
        apply_point(TEMPLATE, {"batch_size": 32})
    with pytest.raises(KeyError, match="width"):
        apply_point(TEMPLATE, {"epochs": 1, "width": 3})


def test_points_that_differ_in_epochs_only_share_a_recipe() -> None:
    keys = {apply_point(TEMPLATE, {"epochs": epochs, "patches": 500})[0].key for epochs in (5, 10, 20)}
    assert len(keys) == 1


def test_what_is_no_field_of_a_recipe_goes_into_its_architecture() -> None:
    recipe, _ = apply_point(TEMPLATE, {"epochs": 1, "dropout": 0.5, "filters": 15.0})
    assert recipe.architecture == replace(ARCHITECTURES["model2"], dropout=0.5, first_filters=15)
    assert recipe.key != TEMPLATE.key
    as_written, _ = apply_point(recipe, {"epochs": 1, "dropout": 0, "filters": 30})
    assert as_written.key == TEMPLATE.key
    own = FunctionSpec("my_models:small", "ab" * 32, arguments=(("width", 32),))
    wide, _ = apply_point(replace(TEMPLATE, architecture=own), {"epochs": 1, "width": 64})
    assert wide.architecture == replace(own, arguments=(("width", 64),))
