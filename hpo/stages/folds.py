"""Folds of a comparison: their trainings."""

from __future__ import annotations

from typing import Any

from hpo.config.study import StudyFile
from hpo.recipe.folds import fold_digest, fold_seed, on_data
from hpo.recipe.recipe import Recipe, reseeded
from hpo.stages.plan import planned, with_donor
from hpo.storage.points import DesignPoint


def fold_points(
    study: StudyFile,
    data_digest: str,
    before: tuple[Recipe, dict[str, Any]],
    after: tuple[Recipe, dict[str, Any]],
) -> list[DesignPoint]:
    """The trainings of both sides in every fold; none if the study has no folds.

    Args:
        study: supplies the folds and the trainings in each.
        data_digest: of the training and validation patches of the study's own split.
        before: recipe and point of the tuned model's opponent.
        after: those of the tuned configuration.
    """
    folds, points = study.confirm.folds or 0, []
    for number in range(folds):
        data = fold_digest(data_digest, folds, number)
        for seed in range(study.confirm.fold_seeds):
            own = fold_seed(seed, number)
            for role, (recipe, point) in (("fold_before", before), ("fold_after", after)):
                label = {"role": role, "seed": own, "fold": number}
                made = planned(on_data(reseeded(recipe, own), data), point, key=f"{role}:{own}", label=label)
                points.append(with_donor(made))
    return points
