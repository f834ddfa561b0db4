from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hpo.evaluation.metrics import binary_metrics
from hpo.results.study import StudyResults
from hpo.results.trainings import Role
from tests.results.invented import honest_study, invent_study, running_study


@pytest.fixture(scope="session")
def finished() -> StudyResults:
    return invent_study()


@pytest.fixture(scope="session")
def honest() -> StudyResults:
    """A finished study with a recheck and an equally trained reference."""
    return honest_study()


@pytest.fixture(scope="session")
def running(finished: StudyResults) -> StudyResults:
    return running_study(finished)


@pytest.fixture(scope="session")
def empty(finished: StudyResults) -> StudyResults:
    """A study that has been planned and nothing more."""
    return StudyResults(finished.settings)


@pytest.fixture(scope="session")
def expected(finished: StudyResults) -> Callable[[str, Role, str], float]:
    """The mean over seeds of a test metric, computed from the invented predictions once more."""

    def mean(architecture: str, role: Role, metric: str) -> float:
        rows = [
            one.test_probabilities
            for one in finished.confirmations
            if (one.architecture, one.role) == (architecture, role)
        ]
        if finished.test_labels is None:
            raise ValueError("the invented study is tested")
        return float(np.mean([binary_metrics(finished.test_labels, row)[metric] for row in rows if row is not None]))

    return mean


@pytest.fixture(scope="session")
def invented_pair() -> StudyResults:
    """A model of the paper and one of the user's own."""
    return invent_study(architectures=("model1", "mine"), seeds=(0, 1))
