"""``hpo run best_config.yaml``: train the tuned models again."""

from __future__ import annotations

from pathlib import Path

from hpo.cli.console import progress_bar, tell
from hpo.config.best_config import load_best_config
from hpo.errors import HpoError


def run_best_config(path: Path, *, every: bool) -> None:
    """Train the best model again, or all of them, beside the file; say whether the weights are the same.

    Raises:
        HpoError: if the weights differ.
    """
    config = load_best_config(path)
    from hpo.export.reproduce import reproduce  # imports TensorFlow

    names = sorted(config.models) if every else [config.best]
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
