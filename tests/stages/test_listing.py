"""The studies of a database, one line each."""

from __future__ import annotations

import pytest

from hpo.stages.listing import listed_study
from hpo.storage.claims import claim_points
from hpo.storage.outcomes import Outcome, complete_point
from tests.stages.story import STUDY, Tell


@pytest.mark.parametrize(("metric", "best"), [("auc", 0.9), ("loss", 0.2), ("brier", 0.2)])
def test_the_best_objective_is_the_least_of_a_metric_of_which_less_is_better(
    tell: Tell, metric: str, best: float
) -> None:
    story = tell(architectures=STUDY["architectures"][:1], objective={"metric": metric})
    story.advance()
    for value in (0.2, 0.9):
        for claim in story.database.run(claim_points, "small", "worker", 3600):
            assert story.database.run(complete_point, claim, Outcome(value, 0.0, [], {}))
    with story.database.transaction() as session:
        assert listed_study(session, "small").best == best
