"""Random numbers addressed by what they are for."""

from __future__ import annotations

import numpy as np

from hpo.models.seeds import random_uniform, random_words


def test_the_same_address_gives_the_same_numbers() -> None:
    assert np.array_equal(random_words(100, 3, 1, "order"), random_words(100, 3, 1, "order"))


def test_addresses_differ_in_every_part_and_do_not_run_together() -> None:
    addresses = [(0, 1, "order"), (1, 0, "order"), (0, 1, "turns"), (0, 11), (1, 1), (1, "1"), ("0", 1, "order")]
    assert len({random_words(2, *address).tobytes() for address in addresses}) == len(addresses)


def test_any_whole_number_is_a_seed() -> None:
    assert len({random_words(1, seed)[0] for seed in (-1, 0, 1, 2**80)}) == 4


def test_the_numbers_are_the_same_on_every_machine_and_numpy_version() -> None:
    assert random_words(2, 0, 1, "order").tolist() == [5966202774593538257, 18360185587156894912]


def test_uniform_numbers_fill_the_interval_evenly() -> None:
    numbers = random_uniform((100, 200), 0)
    assert numbers.shape == (100, 200)
    assert 0 <= numbers.min() < 0.001
    assert 0.999 < numbers.max() < 1
    assert np.abs(np.histogram(numbers, 10, (0, 1))[0] / 2000 - 1).max() < 0.1
