"""The subject of a model card: one exported model, and its study's results."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.config.best_config import BestConfig, BestModel
from hpo.evaluation.compare import Comparison
from hpo.export.markdown import plain
from hpo.results.comparison import Sides
from hpo.results.study import StudyResults
from hpo.results.trainings import Confirmation


@dataclass(frozen=True, eq=False)
class Subject:
    """The subject of a model card.

    Args:
        name: the architecture's.
        parameters: how many weights training changes.
        config: the best configuration that it belongs to.
        results: the study's.
        sides: what the test split says of the architecture.
        comparison: of them, before against after.
        training: the final training whose weights were exported.
    """

    name: str
    parameters: int
    config: BestConfig
    results: StudyResults
    sides: Sides
    comparison: Comparison
    training: Confirmation

    @property
    def model(self) -> BestModel:
        """Recipe, epochs and digest of the weights."""
        return self.config.models[self.name]

    @property
    def size(self) -> int:
        """Side of the patches, pixels."""
        return self.config.data.patch_size

    @property
    def channels(self) -> int:
        """Of a patch; 3 is RGB."""
        return self.model.recipe.form.channels

    @property
    def tested(self) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Labels ``(N,)`` of the test split and the exported weights' probabilities, ``(N,)`` or ``(N, K)``."""
        labels, probabilities = self.results.test_labels, self.training.test_probabilities
        if labels is None or probabilities is None:
            raise ValueError(f"{self.name} has not been tested")
        return labels, probabilities


def class_words(subject: Subject, label: int) -> str:
    """A class by its label, as Markdown."""
    return plain(subject.results.classes[label])


def subject_of(results: StudyResults, config: BestConfig, name: str, parameters: int) -> Subject:
    """Gather what the card of an architecture says.

    Args:
        results: of the study, with test predictions of this architecture.
        config: the best configuration that is exported with the model.
        name: the architecture.
        parameters: how many weights training changes.

    Raises:
        ValueError: if the results have no such training, or no comparison.
    """
    key = config.models[name].recipe_key
    found = [training for training in results.finals(name, "after") if training.recipe_key == key]
    sides = results.comparison[name]
    if not found or sides.before_after is None:
        raise ValueError(f"{name} has no tested final training of the recipe {key}")
    return Subject(name, parameters, config, results, sides, sides.before_after, found[0])
