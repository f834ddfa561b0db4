"""Limits on networks, applied before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence

from hpo.config.study import StudyFile
from hpo.recipe.architecture import FunctionSpec
from hpo.recipe.recipe import Recipe
from hpo.recipe.size import NetworkSize, cnn_size


def network_sizes(study: StudyFile, recipes: Sequence[Recipe]) -> list[NetworkSize]:
    """The sizes of the recipes' networks: by arithmetic, and for a user's functions by building them.

    Raises:
        TrainingError: if a function does not make a network.
    """
    functions = [one.architecture for one in recipes if isinstance(one.architecture, FunctionSpec)]
    counted: dict[FunctionSpec, NetworkSize] = {}
    if functions:
        from hpo.models.count import count_sizes

        found = count_sizes(functions, study.data.patch_size, study.file.parent, recipes[0].form)
        counted = dict(zip(functions, found, strict=True))
    return [
        counted[one.architecture]
        if isinstance(one.architecture, FunctionSpec)
        else cnn_size(
            one.architecture, study.data.patch_size, batch_normalization=one.batch_normalization, form=one.form
        )
        for one in recipes
    ]


def excesses(study: StudyFile, recipes: Sequence[Recipe]) -> list[str]:
    """What each recipe's network exceeds, such as ``613,345 parameters``; empty for one within the limits.

    Raises:
        TrainingError: as `network_sizes`.
    """
    if not study.limits.is_set:
        return ["" for _ in recipes]
    return [_excess(study, size) for size in network_sizes(study, recipes)]


def is_within(study: StudyFile, recipe: Recipe) -> bool:
    """Whether a recipe's network is within the limits.

    Raises:
        TrainingError: as `network_sizes`.
    """
    return not excesses(study, [recipe])[0]


def _excess(study: StudyFile, size: NetworkSize) -> str:
    limits = study.limits
    over = []
    if limits.parameters is not None and size.parameters > limits.parameters:
        over.append(f"{size.parameters:,} parameters")
    if limits.model_mb is not None and size.model_mb > limits.model_mb:
        over.append(f"{size.model_mb:.3g} MB")
    return " and ".join(over)
