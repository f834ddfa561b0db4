from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpo.reports.versus.study import ComparedStudy
from hpo.results.study import StudyResults
from tests.results.invented import invent_study

WISHES = {("Data", "data.patch_size"): "96", ("Stage 2", "stage2.epochs"): "20", ("Budget", "stage2.trials"): "14"}


def worse(results: StudyResults) -> StudyResults:
    """The same study, its tuned models blurred."""
    random = np.random.default_rng(5)
    blurred = [
        one
        if one.role != "after" or one.test_probabilities is None
        else replace(
            one,
            test_probabilities=np.clip(
                one.test_probabilities + random.normal(0, 0.2, len(one.test_probabilities)), 0.001, 0.999
            ).astype(np.float32),
        )
        for one in results.confirmations
    ]
    return replace(results, confirmations=tuple(blurred))


def changed_digest(study: ComparedStudy) -> ComparedStudy:
    """The same study, tested on other patches."""
    openings = tuple(replace(one, test_digest="0" * 64) for one in study.results.test_openings)
    return replace(study, results=replace(study.results, test_openings=openings))


@pytest.fixture(scope="session")
def first() -> ComparedStudy:
    """Model1, model2 and model3."""
    return ComparedStudy("first", invent_study(("model1", "model2", "model3"), name="first"), WISHES)


@pytest.fixture(scope="session")
def second() -> ComparedStudy:
    """Worse models of model2 and model3, seeds 1 and 2 only, and one of the user's own."""
    results = worse(invent_study(("model3", "model2", "mine"), (1, 2), name="second"))
    return ComparedStudy("second", results, {**WISHES, ("Stage 2", "stage2.epochs"): "40"})
