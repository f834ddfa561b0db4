"""Initial weights taken from a donor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpo.models.build import Arrays, build_model, initial_weights, load_weights
from hpo.models.warm_start import warm_start
from hpo.recipe.architecture import ARCHITECTURES, CnnSpec, Convolution
from hpo.recipe.recipe import Recipe, WarmStart

SPEC = CnnSpec((Convolution(3, 4),), (6,))
DONOR = Recipe("d", 100, SPEC)
WARM = WarmStart(DONOR, 1)
SHRINK = WarmStart(DONOR, 1, "shrink_perturb", 0.4, 0.1)


def weights(seed: int, *, batch_normalization: bool = False, spec: CnnSpec = SPEC) -> Arrays:
    return initial_weights(spec, build_model(spec, 16, batch_normalization=batch_normalization), seed)


def trained(seed: int, *, batch_normalization: bool = False) -> Arrays:
    """Weights none of which has the value that fresh ones have."""
    return {path: value + 0.25 for path, value in weights(seed, batch_normalization=batch_normalization).items()}


def test_warm_takes_the_donors_weights_as_they_are() -> None:
    donor = trained(0)
    initial = warm_start(weights(1), donor, WARM).weights
    assert initial.keys() == donor.keys()
    assert all(np.array_equal(initial[path], donor[path]) for path in donor)


def test_inserted_batch_normalization_starts_fresh_and_keeps_every_other_layer() -> None:
    donor, fresh = trained(0), weights(1, batch_normalization=True)
    initial = warm_start(fresh, donor, WARM).weights
    assert initial.keys() == fresh.keys()
    assert all(np.array_equal(initial[path], donor.get(path, fresh[path])) for path in fresh)


def test_a_donors_batch_normalization_is_kept_with_its_statistics() -> None:
    donor = trained(0, batch_normalization=True)
    for start in (WARM, SHRINK):
        initial = warm_start(weights(1, batch_normalization=True), donor, start).weights
        assert all(np.array_equal(initial[path], donor[path]) for path in donor if "_bn/" in path)


def test_shrink_perturb_mixes_kernels_and_biases() -> None:
    donor, fresh = trained(0), weights(1)
    initial = warm_start(fresh, donor, SHRINK).weights
    for path in fresh:
        assert initial[path] == pytest.approx(0.4 * donor[path] + 0.1 * fresh[path], abs=1e-7)
        assert initial[path].dtype == np.float32


def test_shrink_perturb_mixes_the_kernels_of_any_layer() -> None:
    paths = ("separable/depthwise_kernel", "separable/pointwise_kernel", "separable/bias")
    donor = {path: np.full((2, 2), 1, np.float32) for path in paths}
    fresh = {path: np.full((2, 2), 3, np.float32) for path in paths}
    initial = warm_start(fresh, donor, SHRINK).weights
    assert all(value == pytest.approx(0.4 * 1 + 0.1 * 3) for value in initial.values())


def test_a_warm_started_model_computes_what_its_donor_did() -> None:
    patches = np.random.default_rng(0).random((3, 16, 16, 3), np.float32)
    donor, model = build_model(SPEC, 16), build_model(SPEC, 16, batch_normalization=True)
    load_weights(donor, trained(0))
    load_weights(model, warm_start(weights(1, batch_normalization=True), trained(0), WARM).weights)
    # BatchNormalization starts as x / sqrt(1 + 1e-3)
    assert np.asarray(model(patches)) == pytest.approx(np.asarray(donor(patches)), rel=0.01)


def test_layers_of_other_shapes_start_fresh_and_the_others_are_the_donors() -> None:
    donor = trained(0)
    fresh = weights(1, spec=CnnSpec(SPEC.convolutions, (7,)))
    for start in (WARM, SHRINK):
        started = warm_start(fresh, donor, start)
        assert started.is_partial
        assert started.taken == (2, 6)
        assert all(np.array_equal(started.weights[path], fresh[path]) for path in fresh if "conv1/" not in path)
        assert started.weights["conv1/bias"] == pytest.approx(
            donor["conv1/bias"] * (1.0 if start is WARM else 0.4), abs=1e-6
        )


def test_a_layer_is_taken_as_a_whole_or_not_at_all() -> None:
    wider_kernel = weights(1, spec=CnnSpec((Convolution(5, 4),), (6,)))
    started = warm_start(wider_kernel, trained(0), WARM)
    assert wider_kernel["conv1/bias"].shape == trained(0)["conv1/bias"].shape
    assert np.array_equal(started.weights["conv1/bias"], wider_kernel["conv1/bias"])
    assert started.taken == (4, 6)


def test_layers_may_come_and_go() -> None:
    deeper = warm_start(weights(0, spec=CnnSpec(SPEC.convolutions, (6, 6))), trained(0), WARM)
    assert (deeper.taken, deeper.is_partial) == ((6, 8), True)
    poorer = warm_start(weights(0), trained(0, batch_normalization=True), WARM)
    assert (poorer.taken, poorer.is_partial) == ((6, 6), True)


def test_equal_shapes_inserted_batch_normalization_and_dropout_are_no_difference() -> None:
    for fresh in (weights(1), weights(1, batch_normalization=True), weights(1, spec=replace(SPEC, dropout=0.5))):
        started = warm_start(fresh, trained(0), WARM)
        assert not started.is_partial
        assert started.taken.taken == 6


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_takes_batch_normalization_in_stage_2(name: str) -> None:
    spec = ARCHITECTURES[name]
    donor = initial_weights(spec, build_model(spec, 32), 0)
    fresh = initial_weights(spec, build_model(spec, 32, batch_normalization=True), 1)
    initial = warm_start(fresh, donor, WARM).weights
    assert all(np.array_equal(initial[path], donor[path]) for path in donor)


def test_dropout_may_come_and_go() -> None:
    dropping = weights(1, spec=replace(SPEC, dropout=0.5))
    states = {path for path in dropping if path.endswith("seed_generator_state")}
    for start in (WARM, SHRINK):
        coming = warm_start(dropping, trained(0), start).weights
        assert len(states) == 2
        assert all(np.array_equal(coming[path], dropping[path]) for path in states)
        assert warm_start(weights(1), dropping, start).weights.keys() == weights(1).keys()


def test_what_is_frozen_keeps_the_donors_values_even_where_the_rest_is_shrunk() -> None:
    fresh = {"conv1/kernel": np.ones(2, np.float32), "logit/kernel": np.ones(2, np.float32)}
    donor = {name: np.full(2, 10.0, np.float32) for name in fresh}
    start = WarmStart(DONOR, 1, "shrink_perturb", 0.5, 0.25)
    found = warm_start(fresh, donor, start, {"conv1/kernel"}).weights
    assert found["conv1/kernel"].tolist() == [10.0, 10.0]
    assert found["logit/kernel"].tolist() == [5.25, 5.25]
