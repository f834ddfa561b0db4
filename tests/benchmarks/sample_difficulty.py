"""How hard the made data set is: a logistic regression on colour, a small CNN before and after tuning, and the speed.

    python tests/benchmarks/sample_difficulty.py [--train 4000] [--epochs 12] [--folder FOLDER]

Colour alone should stay under a validation and test AUC of 0.85 and the tuned CNN pass 0.93. About five minutes on two
cores: `model2` sees each of 4,000 patches 12 times, in three settings.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from hpo.data.dataset import Dataset, Patches, open_dataset
from hpo.data.synthetic import make_sample
from hpo.evaluation.metrics import binary_metrics
from hpo.recipe.architecture import ARCHITECTURES
from hpo.recipe.recipe import Recipe
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training.engine import Trainer


def colour_statistics(patches: Patches) -> np.ndarray:
    """Mean and spread in RGB and in optical density, and quantiles in RGB, of whole patch and centre: (N, 54)."""
    features = []
    for start in range(0, len(patches), 200):
        pixels = patches.read(np.arange(start, min(start + 200, len(patches)))).astype(np.float32)
        third = patches.patch_size // 3
        for part in (pixels, pixels[:, third:-third, third:-third]):
            flat = part.reshape(len(part), -1, 3)
            density = -np.log((flat + 1) / 256)
            quantiles = np.moveaxis(np.quantile(flat, (0.05, 0.25, 0.5, 0.75, 0.95), axis=1), 0, 1)
            statistics = [flat.mean(1), flat.std(1), density.mean(1), density.std(1), quantiles.reshape(len(flat), -1)]
            features.append(np.concatenate(statistics, axis=1))
    whole, centre = features[::2], features[1::2]
    return np.concatenate([np.concatenate(whole), np.concatenate(centre)], axis=1)


def colour_aucs(data: Dataset) -> tuple[float, float]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    model.fit(colour_statistics(data.train), data.train.labels)
    valid, test = (
        binary_metrics(part.labels, model.predict_proba(colour_statistics(part))[:, 1])["auc"]
        for part in (data.valid, data.test)
    )
    return valid, test


def cnn_recipes(data: Dataset) -> dict[str, Recipe]:
    reference = Recipe(data.digest, len(data.train), ARCHITECTURES["model2"])
    return {
        "model2, reference (rate 0.01, batch 32)": reference,
        "model2, rate 0.001": replace(reference, learning_rate=0.001),
        "model2, tuned (rate 0.02, batch 16)": replace(reference, learning_rate=0.02, batch_size=16),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=int, default=4000)
    parser.add_argument("--held-out", type=int, default=1000, help="patches of each of valid and test")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--folder", type=Path, help="of a data set to measure instead of a new sample")
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as place:
        folder = options.folder or Path(place) / "sample"
        if options.folder is None:
            began, used = time.perf_counter(), time.process_time()
            make_sample(folder, train=options.train, valid=options.held_out, test=options.held_out)
            count = options.train + 2 * options.held_out
            spent, used = time.perf_counter() - began, time.process_time() - used
            console.print(f"{count / spent:.0f} patches a second ({count / used:.0f} a second of processor time)")
        data = open_dataset(folder, patch_size=None)
        table = Table("model", "epoch", "validation AUC", "test AUC", "seconds", title="How hard the made patches are")
        valid, test = colour_aucs(data)
        table.add_row("logistic regression on colour", "", f"{valid:.3f}", f"{test:.3f}", "")
        trainer = Trainer(CheckpointStore(Files(str(Path(place) / "checkpoints"))), data)
        for name, recipe in cnn_recipes(data).items():
            marks = sorted({max(1, options.epochs // 3), options.epochs})
            results = {result.epoch: result for result in trainer.bring(recipe, marks)}
            for epoch in marks:
                scores = trainer.predict(recipe, epoch, data.test)
                test = binary_metrics(data.test.labels, scores)["auc"]
                seconds = sum(result.seconds or 0.0 for result in results.values() if result.epoch <= epoch)
                valid = results[epoch].metrics["valid_auc"]
                table.add_row(name, str(epoch), f"{valid:.3f}", f"{test:.3f}", f"{seconds:.0f}")
        console.print(table)


if __name__ == "__main__":
    main()
