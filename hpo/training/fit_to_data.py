"""Whether a recipe goes with the data that it is to be trained on."""

from __future__ import annotations

from hpo.errors import TrainingError
from hpo.recipe.form import Form
from hpo.recipe.recipe import Recipe


def check_recipe(recipe: Recipe, digest: str, form: Form) -> None:
    """Refuse to train a recipe on data that it was not made for.

    Args:
        recipe: to be trained.
        digest: of the data.
        form: of the data.

    Raises:
        TrainingError: saying what does not go together.
    """
    if recipe.data != digest:
        raise TrainingError(
            f"the recipe was made for data {recipe.data[:12]}..., the data folder holds {digest[:12]}...; restore the "
            "data, or plan the study again"
        )
    if recipe.form != form:
        raise TrainingError(
            f"the recipe is for {recipe.form.classes} classes and {recipe.form.channels} channels, the data has "
            f"{form.classes} and {form.channels}; restore the data, or plan the study again"
        )
    stains = {"stain_jitter": recipe.stain_jitter, "he_jitter": recipe.augmentations.he_jitter}
    name = next((name for name, value in stains.items() if value > 0), None)
    if name is not None and form.channels != 3:
        found = f"{name} ({stains[name]:g}) is for patches of 3 channels"
        raise TrainingError(f"{found}, and these have {form.channels}; set it to 0")
    if recipe.patches < recipe.batch_size:
        raise TrainingError(
            f"patches ({recipe.patches}) is less than batch_size ({recipe.batch_size}), so that no batch is full; "
            "raise patches or lower batch_size"
        )
