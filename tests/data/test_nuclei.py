from __future__ import annotations

import numpy as np
import pytest

from hpo.data.nuclei import KINDS, draw_nuclei


def diameters(kind: str) -> np.ndarray:
    """Of circles of the nuclei's areas, pixels; one row a patient."""
    patients = draw_nuclei(kind, 6, 60, np.random.default_rng(0))
    return np.array([[2 * np.sqrt(nucleus.mask.sum() / np.pi) for nucleus in patient] for patient in patients])


def test_a_lymphocyte_is_about_seven_pixels_across():
    assert diameters("lymphocyte").mean() == pytest.approx(7, abs=0.5)


def test_a_tumour_nucleus_is_ten_to_fifteen_pixels_across():
    assert 10 < diameters("tumour").mean() < 15


def test_tumour_nuclei_vary_more_than_lymphocytes_within_a_patient():
    assert diameters("tumour").std(axis=1).mean() > 2 * diameters("lymphocyte").std(axis=1).mean()


@pytest.mark.parametrize("kind", KINDS)
def test_a_nucleus_fits_its_drawing_with_soft_edges(kind):
    for patient in draw_nuclei(kind, 6, 20, np.random.default_rng(1)):
        for nucleus in patient:
            border = np.concatenate([nucleus.keep[0], nucleus.keep[-1], nucleus.keep[:, 0], nucleus.keep[:, -1]])
            assert border.min() > 0.5
            assert ((nucleus.keep > 0.05) & (nucleus.keep < 0.95)).any()
            assert nucleus.mask[len(nucleus.mask) // 2, len(nucleus.mask) // 2]
            assert (nucleus.add >= 0).all()


def test_the_same_stream_draws_the_same_nuclei():
    first, second = (draw_nuclei("tumour", 2, 2, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first[1][1].add, second[1][1].add)
