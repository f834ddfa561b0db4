"""Train the models of a best configuration again, and compare their weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpo.config.best_config import BestConfig
from hpo.data.prepare import prepare_data
from hpo.errors import DataError
from hpo.export.keras_model import export_model
from hpo.models.own_function import look_in
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training.engine import Trainer
from hpo.training.runtime import configure

OnEpoch = Callable[[str, int, int], None]
"""Told the architecture, the epoch and how many there are."""


@dataclass(frozen=True)
class Reproduction:
    """A model that was trained again.

    Args:
        architecture: its name.
        weights_sha256: of its weights now.
        recorded_sha256: of the weights that the file was written for.
        model: the Keras model that was written.
    """

    architecture: str
    weights_sha256: str
    recorded_sha256: str
    model: Path

    @property
    def is_identical(self) -> bool:
        """Whether every weight is the same, bit for bit."""
        return self.weights_sha256 == self.recorded_sha256


def reproduce(
    config: BestConfig, architectures: Sequence[str], folder: Path, on_epoch: OnEpoch
) -> Iterator[Reproduction]:
    """Train from nothing but the file: donors too, into a checkpoint store of its own.

    Args:
        config: the best configuration.
        architectures: which of its models.
        folder: where checkpoints and models go; what an interrupted reproduction left there is gone on with.
        on_epoch: takes each epoch of the model itself.

    Raises:
        DataError: if the data is not what the models were trained on.
    """
    dataset = prepare_data(config.data)
    if dataset.digest != config.data_digest:
        raise DataError(
            f"{config.data.folder}: holds other patches than the models were trained on "
            f"(digest {dataset.digest[:12]}..., recorded {config.data_digest[:12]}...)"
        )
    configure(config.threads)
    if config.modules is not None:
        look_in(config.modules)
    trainer = Trainer(CheckpointStore(Files(folder / "checkpoints")), dataset, valid_patches=config.data.valid_patches)
    for name in architectures:
        model = config.models[name]
        for result in trainer.bring(model.recipe, [model.epochs]):
            on_epoch(name, result.epoch, model.epochs)
        path = folder / name / "model.h5"
        export_model(trainer, model.recipe, model.epochs, path, symmetries=model.symmetries)
        yield Reproduction(name, trainer.weights_digest(model.recipe, model.epochs), model.weights_sha256, path)
