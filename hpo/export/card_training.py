"""The model card's sections on data, training and compute."""

from __future__ import annotations

from collections.abc import Sequence

from hpo.export.markdown import plain, table
from hpo.export.subject import Subject, class_words
from hpo.recipe.architecture import FunctionSpec, own_factors
from hpo.recipe.groups import differing
from hpo.recipe.point import FACTORS, Value
from hpo.recipe.recipe import EVERY_LAYER_TRAINED
from hpo.recipe.taken import taken_of
from hpo.results.cost import ComputeRole
from hpo.results.data import DataDescription
from hpo.results.words import (
    DASH,
    capital,
    count,
    duration,
    factor_words,
    plural,
    point_words,
    value_words,
)

_PARTS: dict[ComputeRole, str] = {
    "stage1": "Stage 1: explore",
    "stage2": "Stage 2: tune",
    "recheck": "Recheck of stage 2's best, donors included",
    "before": "Final trainings of the reference, by stage 1's rules",
    "equal": "Those that went on to equal training",
    "after": "Final trainings of the tuned configuration (after), donors included",
    "cold_control": "The tuned configuration from random weights (cold control)",
    "folds": "Both sides in every fold",
}


_PARAMETERS = {"over": "horizon, epochs", "end": "end, share of the rate", "warm_up": "warm-up, epochs"}
"""Parameters of learning-rate strategies whose names say too little."""


def data_section(subject: Subject) -> list[str]:
    """Source, splits and digests."""
    data = subject.results.data
    if data is None:
        return ["## Data", f"Training and validation digest: `{subject.config.data_digest}`"]
    sample = subject.config.data.sample
    if sample is None:
        source = (
            f"Source: {plain(data.name)}, as its user named it. Licence: not recorded by hpo, so name it where you "
            "pass the model on; PatchCamelyon's is CC0."
        )
    else:
        source = f"Source: drawn by a program (`hpo data sample`, seed {sample.seed}), no tissue and no patients."
    return [
        "## Data",
        source,
        _splits(data, [class_words(subject, label) for label in range(len(subject.results.classes))]),
        f"Digest of training and validation patches: `{data.digest}`",
        f"Digest of test patches: `{data.test_digest}`",
    ]


def _splits(data: DataDescription, classes: Sequence[str]) -> str:
    """A table; of two classes it has the numbers of label 1."""
    shown = classes[1:] if len(classes) == 2 else classes
    rows = [
        [
            capital(name),
            count(split.patches),
            *(count(number) for number in (split.by_class or (split.positive,))),
            DASH if split.slides is None else count(split.slides),
        ]
        for name, split in data.splits.items()
    ]
    return table(["Split", "Patches", *map(capital, shown), "Slides"], rows)


def training_section(subject: Subject) -> list[str]:
    """Settings, initial weights, and the reference."""
    model, recipe = subject.model, subject.model.recipe
    settings = {
        "Epochs": value_words(model.epochs),
        "Training patches": value_words(recipe.patches),
        **({"Their classes": "at the training split's own ratio"} if recipe.balance == "natural" else {}),
        "Batch size": value_words(recipe.batch_size),
        "Learning rate": f"{recipe.learning_rate:.6g}",
        "Learning-rate strategy": value_words(recipe.strategy.name),
        **{
            f"Its {_PARAMETERS.get(name, name)}": f"{value:.6g}" for name, value in recipe.strategy.parameters().items()
        },
        "Optimizer": value_words(recipe.optimizer),
        **({"Momentum": f"{recipe.momentum:.6g}"} if recipe.optimizer == "sgd" else {}),
        "Weight decay": f"{recipe.weight_decay:.6g}",
        "Flips and quarter turns": value_words(recipe.augmentation),
        "Stain jitter": f"{recipe.stain_jitter:.6g}",
        **{capital(factor_words(name)): _exact(value) for name, value in differing(recipe.fitting_in_use).items()},
        **{capital(factor_words(name)): _exact(value) for name, value in differing(recipe.augmentations).items()},
        **({} if recipe.augment is None else {"Own augmentation": _function_words(recipe.augment)}),
        **({} if recipe.own_loss is None else {"Own loss": _function_words(recipe.own_loss)}),
        **({"Frozen layers": _exact(recipe.frozen_layers)} if recipe.frozen_layers not in EVERY_LAYER_TRAINED else {}),
        "Computed in": recipe.arithmetic.compute_dtype,
        "Compiled by XLA": value_words(recipe.arithmetic.jit_compile),
        "Seed": str(recipe.seed),
    }
    start = recipe.initial
    if start is None:
        origin = "Training began at random weights."
    else:
        origin = (
            f"Training began at the {'averaged ' if start.donor.fitting.ema else ''}weights of a donor "
            f"(`{start.mode}`), the recipe `{start.donor.key}` after "
            f"{plural(start.epoch, 'epoch')}: the donor is stage 1's best, trained again with this seed."
        )
    taken = taken_of(subject.training.curve)
    if taken is not None:
        origin += (
            f" Their shapes differ: {taken.taken} of the model's {plural(taken.variables, 'variable')} were taken, in "
            "whole layers, and the others began at random values."
        )
    parts = [recipe.architecture, *(one for one in (recipe.augment, recipe.own_loss) if one is not None)]
    own = [name for part in parts for name in own_factors(part)]
    values = subject.results.settings.reference.items()
    reference = {name: value for name, value in values if name in FACTORS or name in own}
    within = "inside the ranges" if subject.results.settings.stage2.within == "ranges" else "in the whole search space"
    return [
        "## Training",
        f"Stage 1 explored each factor's range from random weights, stage 2 tuned {within}; both saw training and "
        "validation patches only. Then reference and tuned configuration were trained with the same seeds, and the "
        "test split was opened.",
        table(["Setting", "Value"], [[plain(name), plain(value)] for name, value in settings.items()]),
        origin,
        f"The reference (before) is {plain(point_words(reference, ('epochs',)))}, trained for "
        f"{_baseline_epochs(subject)}.",
    ]


def _exact(value: Value) -> str:
    return f"{value:.6g}" if isinstance(value, float) else value_words(value)


def _function_words(spec: FunctionSpec) -> str:
    arguments = ", ".join(f"{name} {_exact(value)}" for name, value in spec.arguments)
    return f"{spec.function} ({arguments})" if arguments else spec.function


def _baseline_epochs(subject: Subject) -> str:
    epochs = plural(subject.results.finals(subject.name, subject.sides.baseline)[0].epochs, "epoch")
    patience = subject.results.settings.confirm.patience
    if patience is None:
        return epochs
    without = plural(patience, "epoch")
    return f"at most {epochs}; like the tuned one it ended after {without} without improvement on validation"


def compute_section(subject: Subject) -> list[str]:
    """The cost of each part of the study."""
    rows = [
        [
            _PARTS[entry.role],
            count(entry.spent.epochs),
            count(entry.spent.patch_visits),
            duration(entry.spent.seconds),
        ]
        for entry in subject.results.compute
        if entry.architecture == subject.name
    ]
    return [
        "## Compute",
        "What this architecture took; an epoch that several parts share counts in the first of them.",
        table(["Part", "Epochs", "Patches seen", "Training time"], rows),
    ]
