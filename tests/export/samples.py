"""Best configurations that fit an invented study."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hpo.config.best_config import BestConfig, BestModel, Comparison, Donor, Interval
from hpo.config.study import DataSettings
from hpo.recipe.recipe import Recipe
from hpo.results.study import StudyResults


def fitting(results: StudyResults, recipes: dict[str, Recipe]) -> StudyResults:
    """The same results, in which each architecture's recipe is that of its final training of the recipe's seed."""
    trainings = [
        replace(one, recipe_key=recipes[one.architecture].key)
        if one.architecture in recipes and (one.role, one.seed) == ("after", recipes[one.architecture].seed)
        else one
        for one in results.confirmations
    ]
    return replace(results, confirmations=tuple(trainings))


def best_config(results: StudyResults, recipes: dict[str, Recipe], folder: Path) -> BestConfig:
    """What is exported with these recipes; the first is the best. The intervals are of no meaning."""
    some = {"auc": Interval(value=0.5, low=0.4, high=0.6)}
    models = {
        name: BestModel(
            recipe=recipe,
            recipe_key=recipe.key,
            epochs=40,
            donor=None if recipe.initial is None else Donor(key=recipe.initial.donor.key, epoch=recipe.initial.epoch),
            seeds=results.settings.confirm.seeds,
            metrics=Comparison(before=some, after=some),
            weights_sha256="a" * 64,
        )
        for name, recipe in recipes.items()
    }
    return BestConfig(
        kind="best_config",
        study=results.settings.name,
        best=next(iter(recipes)),
        data=DataSettings(folder=folder),
        data_digest=next(iter(recipes.values())).data,
        threads=2,
        versions={"python": "3.11", "tensorflow": "2.20.0"},
        models=models,
    )
