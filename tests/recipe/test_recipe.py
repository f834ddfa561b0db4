"""A recipe's key is the address of its training: it must neither change by accident nor miss a difference."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from hpo.recipe import recipe as module
from hpo.recipe.architecture import ARCHITECTURES, CnnSpec, Convolution, FunctionSpec
from hpo.recipe.arithmetic import Arithmetic
from hpo.recipe.augmentations import Augmentations
from hpo.recipe.fitting import Fitting
from hpo.recipe.form import Form
from hpo.recipe.recipe import Recipe, WarmStart, recipe_from_json, recipe_to_json, reseeded
from hpo.recipe.schedule import Strategy

PLAIN = Recipe("d" * 64, 2000, ARCHITECTURES["model2"])
UNNORMALIZED = CnnSpec((Convolution(3, 8), Convolution(3, 8)), (4,))
DONOR = replace(PLAIN, batch_size=16, learning_rate=0.005)
WARM = replace(PLAIN, batch_normalization=True, initial=WarmStart(DONOR, 10))
SHRUNK = replace(WARM, initial=WarmStart(DONOR, 10, "shrink_perturb", 0.4, 0.1))
MIXED = replace(WARM, arithmetic=Arithmetic("bfloat16", jit_compile=True))
FUNCTION = replace(PLAIN, architecture=FunctionSpec("my_models:small", "ab" * 32))
FROZEN = replace(PLAIN, frozen_layers=2)
ALTERED = replace(
    PLAIN,
    augmentations=Augmentations(shift=4, mixup=0.2),
    augment=FunctionSpec("mine:noisy", "0" * 64, (("a.npy", "1" * 64),), (("strength", 0.5),)),
    own_loss=FunctionSpec("mine:tversky", "0" * 64, (), (("alpha", 0.7),)),
)
NESTEROV = replace(PLAIN, fitting=Fitting(nesterov=True))

GOLDEN = {
    "plain": (PLAIN, "23b7d0cf1d545334dee86abd55ddb72346ef0431ae322c01ad9cc604bc7430c5"),
    "warm": (WARM, "491c837898456bf2a2fdd8f884c290de5231bfef5d75a2e403dee4ea60299764"),
    "shrunk": (SHRUNK, "c0f182e6104914b3323ba9eee58ceac96906b0e1f73711a97d26321fa764f843"),
    "mixed": (MIXED, "157327a21f45f97f40500f65f99d6708d0b6e0a5415e5905d7a3a82b00b8fbce"),
    "function": (FUNCTION, "75e3563aff872424c9d02542c60d0984f30fc7a93cdacac4a340622873e2b411"),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_keys_of_this_format_never_change(name: str) -> None:
    """If this fails, old checkpoints have lost their address: raise KEY_FORMAT only if training really changed."""
    recipe, key = GOLDEN[name]
    assert module.KEY_FORMAT == 2
    assert recipe.key == key


def test_another_format_gives_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEY_FORMAT", module.KEY_FORMAT + 1)
    assert replace(PLAIN).key != PLAIN.key


@pytest.mark.parametrize(
    "change",
    [
        {"data": "e" * 64},
        {"patches": 2001},
        {"architecture": ARCHITECTURES["model1"]},
        {"batch_size": 33},
        {"learning_rate": 0.011},
        {"strategy": Strategy("step")},
        {"strategy": Strategy("cosine")},
        {"strategy": Strategy("one_cycle")},
        {"strategy": Strategy("constant", warm_ups=(("constant", 1),))},
        {"optimizer": "adam"},
        {"momentum": 0.8},
        {"fitting": Fitting(nesterov=True)},
        {"fitting": Fitting(loss="focal")},
        {"fitting": Fitting(clip_norm=1.0)},
        {"fitting": Fitting(l2=1e-4)},
        {"fitting": Fitting(ema=0.99)},
        {"optimizer": "rmsprop"},
        {"optimizer": "lion"},
        {"fitting": Fitting(loss="poly")},
        {"fitting": Fitting(label_smoothing=0.1)},
        {"weight_decay": 1e-4},
        {"batch_normalization": True},
        {"augmentation": False},
        {"stain_jitter": 0.2},
        {"seed": 1},
        {"initial": WarmStart(DONOR, 10)},
        {"arithmetic": Arithmetic("bfloat16")},
        {"arithmetic": Arithmetic(jit_compile=True)},
        {"balance": "natural"},
        {"augmentations": Augmentations(shift=4)},
        {"augment": FunctionSpec("mine:noisy", "0" * 64)},
        {"own_loss": FunctionSpec("mine:loss", "0" * 64)},
        {"form": Form(classes=3)},
        {"form": Form(channels=1)},
        {"frozen_layers": 1},
        {"frozen_layers": "conv*"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_changes_the_training_changes_the_key(change: dict[str, Any]) -> None:
    assert replace(PLAIN, **change).key != PLAIN.key


def test_every_field_is_covered_by_the_test_above() -> None:
    assert len(Recipe.__dataclass_fields__) == 22


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (replace(PLAIN, strategy=Strategy("constant", decay=0.5, factor=0.1, every=3, rate=0.9)), PLAIN),
        (
            replace(PLAIN, strategy=Strategy("time_based", every=3)),
            replace(PLAIN, strategy=Strategy("time_based", rate=0.7)),
        ),
        (replace(PLAIN, strategy=Strategy("constant", cosine_over=8, warm_ups=(("cosine", 2),))), PLAIN),
        (replace(PLAIN, optimizer="adam", momentum=0.5), replace(PLAIN, optimizer="adam")),
        (replace(PLAIN, optimizer="adam", fitting=Fitting(nesterov=True)), replace(PLAIN, optimizer="adam")),
        (replace(PLAIN, momentum=0.0, fitting=Fitting(nesterov=True)), replace(PLAIN, momentum=0.0)),
        (replace(PLAIN, fitting=Fitting(beta_1=0.8, beta_2=0.9, epsilon=1e-3)), PLAIN),
        (
            replace(PLAIN, optimizer="lion", momentum=0.1, fitting=Fitting(beta_1=0.8, epsilon=1e-3)),
            replace(PLAIN, optimizer="lion"),
        ),
        (replace(PLAIN, fitting=Fitting(class_weights="balanced", balanced_sampling=True)), PLAIN),
        (
            replace(PLAIN, balance="natural", fitting=Fitting(class_weights="balanced", balanced_sampling=True)),
            replace(PLAIN, balance="natural", fitting=Fitting(balanced_sampling=True)),
        ),
        (
            replace(
                PLAIN, own_loss=FunctionSpec("mine:loss", "0" * 64), fitting=Fitting(loss="focal", focal_gamma=1.0)
            ),
            replace(PLAIN, own_loss=FunctionSpec("mine:loss", "0" * 64)),
        ),
        (replace(PLAIN, fitting=Fitting(focal_gamma=5.0, poly_epsilon=3.0)), PLAIN),
        (
            replace(PLAIN, fitting=Fitting(loss="focal", poly_epsilon=3.0)),
            replace(PLAIN, fitting=Fitting(loss="focal")),
        ),
        (replace(PLAIN, optimizer="adam", weight_decay=0.1), replace(PLAIN, optimizer="adamw", weight_decay=0.1)),
        (replace(WARM, initial=WarmStart(DONOR, 10, shrink=0.7, perturb=0.9)), WARM),
        (replace(PLAIN, patches=2000.0, learning_rate=0.010, momentum=0.9), PLAIN),
        (
            replace(PLAIN, architecture=replace(UNNORMALIZED, bn_momentum=0.5)),
            replace(PLAIN, architecture=UNNORMALIZED),
        ),
        (
            replace(PLAIN, architecture=replace(UNNORMALIZED, residual=True, depth=1)),
            replace(PLAIN, architecture=replace(UNNORMALIZED, depth=1)),
        ),
    ],
)
def test_what_a_training_does_not_use_does_not_enter_its_key(one: Recipe, other: Recipe) -> None:
    assert one.key == other.key


def test_a_normalizations_momentum_and_a_second_blocks_shortcut_enter_the_key() -> None:
    slow, shortcut = replace(UNNORMALIZED, bn_momentum=0.5), replace(UNNORMALIZED, residual=True)
    assert replace(PLAIN, architecture=shortcut).key != replace(PLAIN, architecture=UNNORMALIZED).key
    for normalized in (
        replace(PLAIN, architecture=UNNORMALIZED, batch_normalization=True),
        replace(PLAIN, architecture=replace(UNNORMALIZED, batch_normalization=(1,))),
    ):
        of_normalized = replace(slow, batch_normalization=normalized.architecture.batch_normalization)
        assert replace(normalized, architecture=of_normalized).key != normalized.key


@pytest.mark.parametrize(
    "start",
    [
        WarmStart(DONOR, 11),
        WarmStart(replace(DONOR, seed=1), 10),
        WarmStart(DONOR, 10, "shrink_perturb", 0.5),
        WarmStart(DONOR, 10, "shrink_perturb", 0.4, 0.2),
        None,
    ],
)
def test_every_difference_in_the_donor_changes_the_key(start: WarmStart | None) -> None:
    assert replace(WARM, initial=start).key not in {WARM.key, SHRUNK.key}


@pytest.mark.parametrize(
    "recipe",
    [
        PLAIN,
        WARM,
        SHRUNK,
        MIXED,
        FUNCTION,
        replace(PLAIN, balance="natural"),
        NESTEROV,
        ALTERED,
        FROZEN,
    ],
)
def test_a_recipe_comes_back_from_json_with_its_donor_and_its_key(recipe: Recipe) -> None:
    back = recipe_from_json(json.loads(json.dumps(recipe_to_json(recipe))))
    assert back == recipe
    assert back.key == recipe.key


def test_each_augmentation_is_another_training_and_none_is_as_before() -> None:
    one = {"shift": 2, "brightness": 0.1, "blur": 1.0, "he_jitter": 0.05, "mixup": 0.2, "cutmix": 1.0}
    keys = {replace(PLAIN, augmentations=Augmentations(**{name: value})).key for name, value in one.items()}
    assert len(keys | {PLAIN.key, ALTERED.key, replace(PLAIN, augment=ALTERED.augment).key}) == 9
    assert replace(PLAIN, augmentations=Augmentations()).key == PLAIN.key
    assert not recipe_to_json(PLAIN).keys() & {"augmentations", "augment"}
    assert recipe_to_json(ALTERED)["augmentations"] == {"shift": 4, "mixup": 0.2}


def test_plain_arithmetic_is_not_written_so_that_older_recipes_are_unchanged() -> None:
    assert "arithmetic" not in recipe_to_json(PLAIN)
    assert recipe_to_json(MIXED)["arithmetic"] == {"compute_dtype": "bfloat16", "jit_compile": True}
    assert recipe_to_json(replace(PLAIN, arithmetic=Arithmetic("bfloat16")))["arithmetic"] == {
        "compute_dtype": "bfloat16"
    }
    assert "arithmetic" not in recipe_to_json(MIXED)["initial"]["donor"]


def test_the_lineage_of_a_training_ends_at_random_weights() -> None:
    grown = replace(PLAIN, initial=WarmStart(WARM, 7))
    assert list(grown.lineage(3)) == [(grown, 3), (WARM, 7), (DONOR, 10)]


def test_a_seed_reaches_every_donor() -> None:
    twice = replace(PLAIN, initial=WarmStart(WARM, 2))
    again = reseeded(twice, 7)
    assert again.initial is not None
    assert again.initial.donor.initial is not None
    assert [again.seed, again.initial.donor.seed, again.initial.donor.initial.donor.seed] == [7, 7, 7]
    assert again.initial.donor.initial.epoch == WARM.initial.epoch  # type: ignore[union-attr]
    assert reseeded(again, 7) == again


def test_the_incomplete_batch_at_an_epochs_end_is_no_patch_visit() -> None:
    assert replace(PLAIN, patches=100, batch_size=32).patch_visits(3) == 3 * 96


def test_values_that_are_no_recipe_are_refused() -> None:
    with pytest.raises(KeyError, match="data"):
        recipe_from_json({"architecture": {}})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Strategy("cosine", cosine_over=8), Strategy("cosine", cosine_over=9)),
        (Strategy("cosine", cosine_end=0.1), Strategy("cosine")),
        (Strategy("cosine", warm_ups=(("cosine", 1),)), Strategy("cosine")),
        (Strategy("one_cycle", cycle_over=8), Strategy("one_cycle", cycle_over=9)),
        (Strategy("one_cycle", cycle_rise=0.2), Strategy("one_cycle")),
    ],
)
def test_a_horizon_is_part_of_the_key(one: Strategy, other: Strategy) -> None:
    assert replace(PLAIN, strategy=one).key != replace(PLAIN, strategy=other).key


@pytest.mark.parametrize("fitting", [Fitting(class_weights="balanced"), Fitting(balanced_sampling=True)])
def test_how_unequal_classes_are_treated_is_part_of_the_key(fitting: Fitting) -> None:
    natural = replace(PLAIN, balance="natural")
    assert replace(natural, fitting=fitting).key != natural.key
