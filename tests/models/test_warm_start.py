"""Initial weights taken from a donor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpo.errors import TrainingError
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
    initial = warm_start(weights(1), donor, WARM)
    assert initial.keys() == donor.keys()
    assert all(np.array_equal(initial[path], donor[path]) for path in donor)


def test_inserted_batch_normalization_starts_fresh_and_keeps_every_other_layer() -> None:
    donor, fresh = trained(0), weights(1, batch_normalization=True)
    initial = warm_start(fresh, donor, WARM)
    assert initial.keys() == fresh.keys()
    assert all(np.array_equal(initial[path], donor.get(path, fresh[path])) for path in fresh)


def test_a_donors_batch_normalization_is_kept_with_its_statistics() -> None:
    donor = trained(0, batch_normalization=True)
    for start in (WARM, SHRINK):
        initial = warm_start(weights(1, batch_normalization=True), donor, start)
        assert all(np.array_equal(initial[path], donor[path]) for path in donor if "_bn/" in path)


def test_shrink_perturb_mixes_kernels_and_biases() -> None:
    donor, fresh = trained(0), weights(1)
    initial = warm_start(fresh, donor, SHRINK)
    for path in fresh:
        assert initial[path] == pytest.approx(0.4 * donor[path] + 0.1 * fresh[path], abs=1e-7)
        assert initial[path].dtype == np.float32


def test_a_warm_started_model_computes_what_its_donor_did() -> None:
    patches = np.random.default_rng(0).random((3, 16, 16, 3), np.float32)
    donor, model = build_model(SPEC, 16), build_model(SPEC, 16, batch_normalization=True)
    load_weights(donor, trained(0))
    load_weights(model, warm_start(weights(1, batch_normalization=True), trained(0), WARM))
    # BatchNormalization starts as x / sqrt(1 + 1e-3)
    assert np.asarray(model(patches)) == pytest.approx(np.asarray(donor(patches)), rel=0.01)


def test_a_donor_of_another_shape_is_refused() -> None:
    wider = CnnSpec(SPEC.convolutions, (7,))
    with pytest.raises(TrainingError, match=r"dense1/kernel has shape \(256, 6\) in the donor, \(256, 7\) here"):
        warm_start(weights(0, spec=wider), trained(0), WARM)


def test_a_donor_that_lacks_a_layer_is_refused() -> None:
    deeper = CnnSpec(SPEC.convolutions, (6, 6))
    with pytest.raises(TrainingError, match="the donor lacks dense2/kernel"):
        warm_start(weights(0, spec=deeper), trained(0), WARM)


def test_a_donor_with_a_layer_too_many_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"the donor has conv1_bn/beta, .*which this architecture lacks"):
        warm_start(weights(0), trained(0, batch_normalization=True), WARM)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_takes_batch_normalization_in_stage_2(name: str) -> None:
    spec = ARCHITECTURES[name]
    donor = initial_weights(spec, build_model(spec, 32), 0)
    fresh = initial_weights(spec, build_model(spec, 32, batch_normalization=True), 1)
    initial = warm_start(fresh, donor, WARM)
    assert all(np.array_equal(initial[path], donor[path]) for path in donor)


def test_dropout_may_come_and_go() -> None:
    dropping = weights(1, spec=replace(SPEC, dropout=0.5))
    states = {path for path in dropping if path.endswith("seed_generator_state")}
    for start in (WARM, SHRINK):
        coming = warm_start(dropping, trained(0), start)
        assert len(states) == 2
        assert all(np.array_equal(coming[path], dropping[path]) for path in states)
        assert warm_start(weights(1), dropping, start).keys() == weights(1).keys()
