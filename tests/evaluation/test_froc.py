from __future__ import annotations

import numpy as np
import pytest

from hpo.evaluation.froc import RATES, froc


def test_a_lesion_counts_where_its_score_is_above_the_alarms_that_are_not_allowed() -> None:
    # Four slides: at 1/4 an alarm per slide, one is allowed, so that 0.8 is the bar; at 1/2 two, and 0.3 is.
    found = froc(np.array([0.9, 0.7, 0.2, np.nan]), np.array([0.95, 0.8, 0.3]), slides=4)
    assert found.sensitivities[:2] == (0.25, 0.5)
    assert found.sensitivities[2:] == (0.75,) * 4
    assert found.score == pytest.approx((0.25 + 0.5 + 4 * 0.75) / 6)
    assert (found.lesions, found.slides, len(RATES)) == (4, 4, 6)


def test_alarms_level_with_a_lesion_are_not_below_it() -> None:
    assert froc(np.array([0.5]), np.array([0.5, 0.5]), slides=1).sensitivities == (0.0, 0.0, 0.0, 1.0, 1.0, 1.0)


def test_nothing_to_find_has_no_froc() -> None:
    with pytest.raises(ValueError, match="needs lesions and slides"):
        froc(np.array([]), np.array([0.5]), slides=3)
