"""``hpo run best_config.yaml``: train the tuned models again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpo.config.best_config import BestConfig
from hpo.config.function_source import find_module
from hpo.errors import HpoError
from hpo.recipe.recipe import Recipe
from hpo.terminal import progress_bar, tell


def run_best_config(config: BestConfig, path: Path, *, every: bool, trust_code: bool = False) -> None:
    """Train the best model or all models again beside the file, and compare the weights.

    Args:
        config: what the file says.
        path: the file.
        every: train all of its models.
        trust_code: run the Python functions that it names.

    Raises:
        HpoError: if the weights differ, or the file names functions that are not to be trusted.
    """
    names = sorted(config.models) if every else [config.best]
    if not trust_code and (code := _code_of(config, names)):
        raise HpoError(
            f"{path}: would run Python code: {'; '.join(code)}. Read it, and if you trust it, add --trust-code"
        )
    from hpo.export.reproduce import reproduce  # imports TensorFlow

    folder = path.parent / "reproduced"
    different = []
    with progress_bar() as progress:
        task = progress.add_task("reproducing", total=sum(config.models[name].epochs for name in names), detail="")

        def on_epoch(name: str, epoch: int, epochs: int) -> None:
            progress.update(task, advance=1, detail=f"{name}: epoch {epoch}/{epochs}")

        for result in reproduce(config, names, folder, on_epoch):
            verdict = "identical" if result.is_identical else "DIFFERENT"
            tell(f"{result.architecture}: weights {verdict}, sha256 {result.weights_sha256}")
            tell(f"  {result.model}")
            if not result.is_identical:
                different.append(result.architecture)
    if different:
        recorded = [f"{name} {version}" for name, version in config.versions.items()]
        recorded.append(f"{config.threads or 'an unknown number of'} threads")
        raise HpoError(
            f"{path}: the weights of {', '.join(different)} differ from those recorded; they were trained with "
            f"{', '.join(recorded)}"
        )


def _code_of(config: BestConfig, names: Sequence[str]) -> list[str]:
    """The functions that train these models and their donors, with their files and digests."""
    found: dict[str, str] = {}
    for name in names:
        recipe: Recipe | None = config.models[name].recipe
        while recipe is not None:
            for spec in recipe.functions:
                function, digest = spec.function, spec.source_digest
                found[f"{function}/{digest}"] = f"{function} of {_file_of(config, function)} (SHA-256 {digest[:12]}...)"
            recipe = None if recipe.initial is None else recipe.initial.donor
    return list(found.values())


def _file_of(config: BestConfig, function: str) -> str:
    folders = [] if config.modules is None else [config.modules]
    try:
        place = find_module(function.partition(":")[0], *folders)
    except (ImportError, ValueError, AttributeError):
        place = None
    if place is None or place.origin is None:
        return "a module that is not here"
    return place.origin
