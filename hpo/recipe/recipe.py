"""Recipes: everything that determines a training except how long it lasts.

A recipe is the address of its training: `Recipe.key` is the SHA-256 of its canonical JSON, checkpoints live at
``key/epoch``, and the points epochs = 5 and epochs = 40 of one recipe are one training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from hpo.recipe.architecture import (
    ArchitectureSpec,
    FunctionSpec,
    architecture_from_json,
    architecture_to_json,
    function_from_json,
)
from hpo.recipe.arithmetic import PLAIN, Arithmetic, arithmetic_to_json
from hpo.recipe.as_built import in_effect
from hpo.recipe.augmentations import NO_AUGMENTATIONS, Augmentations
from hpo.recipe.fitting import AS_BEFORE, Fitting, in_use
from hpo.recipe.form import TWO_IN_RGB, Form
from hpo.recipe.groups import differing
from hpo.recipe.key import digest
from hpo.recipe.schedule import Strategy, strategy_from_json, strategy_to_json

OptimizerName = Literal["sgd", "adam", "adamw", "rmsprop", "lion"]
WarmStartMode = Literal["warm", "shrink_perturb"]
StartName = Literal["cold", "warm", "shrink_perturb"]
"""Initial weights: random, a donor's, or those shrunk and perturbed."""

Balance = Literal["equal", "natural"]
"""How a training subset is drawn: as many patches of each class, or at the training split's own ratio."""

Frozen = int | str
"""The layers that are not trained: how many from the input on, or a pattern of their names."""

NO_LAYERS = "none"
"""The pattern that stands for no layer, as 0 does."""

EVERY_LAYER_TRAINED = (0, "", NO_LAYERS)
"""The values of ``frozen_layers`` that freeze none; trainings of all of them are one."""

KEY_FORMAT = 2
"""Raised whenever the same recipe would train to other weights than before: old checkpoints are then not mixed in."""


@dataclass(frozen=True)
class WarmStart:
    """Initial weights taken from a donor.

    Args:
        donor: the recipe whose weights are reused; it is trained first if its checkpoint is gone.
        epoch: the donor's whole number of epochs; >= 1.
        mode: ``warm`` takes the weights as they are; ``shrink_perturb`` takes ``shrink * donor + perturb * fresh``
            for kernels and biases (Ash and Adams 2020, "On Warm-Starting Neural Network Training").
        shrink: of ``shrink_perturb``; in [0, 1].
        perturb: of ``shrink_perturb``: weight of freshly initialized values; >= 0.
    """

    donor: Recipe
    epoch: int
    mode: WarmStartMode = "warm"
    shrink: float = 0.4
    perturb: float = 0.1


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a training except how long.

    Args:
        data: digest of the training and validation patches and labels, in their order.
        patches: number of training patches: a nested subset chosen by the seed.
        architecture: what the CNN is made of.
        batch_size: patches per optimizer step; the incomplete batch at an epoch's end is left out.
        learning_rate: initial learning rate.
        strategy: how the learning rate changes with the step or epoch.
        optimizer: ``sgd`` (with momentum), ``adam``, ``adamw``, ``rmsprop`` or ``lion``; as weight decay is always
            decoupled, ``adam`` and ``adamw`` are one training under one key.
        momentum: of ``sgd``; in [0, 1).
        weight_decay: decoupled weight decay per step, times the learning rate; 0 is none.
        batch_normalization: BatchNormalization after every convolution, before its ReLU.
        augmentation: random flips and quarter turns, all eight equally likely.
        stain_jitter: strength ``j`` of the per-patch change of stain: each optical-density channel is scaled by
            ``1 +- j`` and shifted by ``+- 0.3 j``, uniformly; 0 is none.
        seed: of initial weights, subset, patch order and augmentation.
        initial: the warm start, or None for random initial weights.
        arithmetic: in which numbers a step is computed, and whether XLA compiles it.
        balance: how the subset shares itself among the classes.
        fitting: how weights follow the gradients, where that is not as usual.
        augmentations: random changes of the patches beyond turns and stain jitter.
        augment: the user's own change of the patches, after all of these and before patches are mixed; None is none.
        own_loss: what is minimized in place of ``fitting.loss``; None is none.
        form: classes and channels of the data.
        frozen_layers: layers that are not trained; see `hpo.models.freeze`.
    """

    data: str
    patches: int
    architecture: ArchitectureSpec
    batch_size: int = 32
    learning_rate: float = 0.01
    strategy: Strategy = field(default_factory=Strategy)
    optimizer: OptimizerName = "sgd"
    momentum: float = 0.9
    weight_decay: float = 0.0
    batch_normalization: bool = False
    augmentation: bool = True
    stain_jitter: float = 0.0
    seed: int = 0
    initial: WarmStart | None = None
    arithmetic: Arithmetic = PLAIN
    balance: Balance = "equal"
    fitting: Fitting = AS_BEFORE
    augmentations: Augmentations = NO_AUGMENTATIONS
    augment: FunctionSpec | None = None
    own_loss: FunctionSpec | None = None
    form: Form = TWO_IN_RGB
    frozen_layers: Frozen = 0

    @cached_property
    def key(self) -> str:
        """SHA-256 (64 hexadecimal digits) of what determines this training; the address of its checkpoints.

        A donor enters by its own key and epoch; parameters that the named strategy, optimizer or warm-start mode
        does not use are left out, so that they cannot make two addresses of one training.
        """
        return digest({"format": KEY_FORMAT, **self._determining()})

    @property
    def functions(self) -> tuple[FunctionSpec, ...]:
        """The user's functions that this training runs, its donor's left out."""
        named = (self.architecture, self.augment, self.own_loss)
        return tuple(one for one in named if isinstance(one, FunctionSpec))

    @property
    def start(self) -> StartName:
        """The initial weights, as the factor ``warm_start`` names them."""
        return "cold" if self.initial is None else self.initial.mode

    def patch_visits(self, epochs: int) -> int:
        """Patches seen in a training of so many epochs; the incomplete batch at an epoch's end is left out."""
        return epochs * (self.patches // self.batch_size) * self.batch_size

    def lineage_patch_visits(self, epochs: int) -> int:
        """Patches seen in this training of so many epochs, its donor's and the donor's donor's."""
        return sum(recipe.patch_visits(trained) for recipe, trained in self.lineage(epochs))

    def lineage(self, epochs: int) -> Iterator[tuple[Recipe, int]]:
        """This training of so many epochs, then its donor's, then the donor's donor's."""
        yield self, epochs
        if self.initial is not None:
            yield from self.initial.donor.lineage(self.initial.epoch)

    def _determining(self) -> dict[str, Any]:
        initial: dict[str, Any] | None = None
        if self.initial is not None:
            initial = {
                "donor": self.initial.donor.key,
                "epoch": self.initial.epoch,
                "mode": self.initial.mode,
            }
            if self.initial.mode == "shrink_perturb":
                initial |= {"shrink": self.initial.shrink, "perturb": self.initial.perturb}
        values = {
            "data": self.data,
            "patches": self.patches,
            "architecture": architecture_to_json(
                in_effect(self.architecture, batch_normalization=self.batch_normalization)
            ),
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "strategy": {"name": self.strategy.name, **self.strategy.parameters()},
            "optimizer": "adam" if self.optimizer == "adamw" else self.optimizer,
            "weight_decay": self.weight_decay,
            "batch_normalization": self.batch_normalization,
            "augmentation": self.augmentation,
            "stain_jitter": self.stain_jitter,
            "seed": self.seed,
            "initial": initial,
            **arithmetic_to_json(self.arithmetic),
            **_balance_to_json(self.balance),
            **self._groups(),
        }
        return values | ({"momentum": self.momentum} if self.optimizer == "sgd" else {})

    @property
    def fitting_in_use(self) -> Fitting:
        """How weights follow the gradients, with every field that has no effect here at its default."""
        return in_use(
            self.fitting,
            optimizer=self.optimizer,
            momentum=self.momentum,
            balance=self.balance,
            has_own_loss=self.own_loss is not None,
        )

    def _groups(self) -> dict[str, Any]:
        """What differs from older recipes' training and has an effect here."""
        groups = {"fitting": differing(self.fitting_in_use), "form": differing(self.form)}
        more = _changes_to_json(self) | _frozen_to_json(self.frozen_layers)
        return {name: values for name, values in groups.items() if values} | more


def reseeded(recipe: Recipe, seed: int) -> Recipe:
    """The recipe with another seed, and its donor likewise: a whole repetition, stage 1 included.

    Seeds that all grew from the one donor would agree more than repetitions of the experiment do.
    """
    start = recipe.initial
    initial = None if start is None else replace(start, donor=reseeded(start.donor, seed))
    return replace(recipe, seed=seed, initial=initial)


def recipe_to_json(recipe: Recipe) -> dict[str, Any]:
    """The whole recipe, donors within, as JSON-ready values; inverse of `recipe_from_json`."""
    values = {name: getattr(recipe, name) for name in _PLAIN_FIELDS}
    values["architecture"] = architecture_to_json(recipe.architecture)
    values["strategy"] = strategy_to_json(recipe.strategy)
    values |= arithmetic_to_json(recipe.arithmetic) | _balance_to_json(recipe.balance)
    if fitting := differing(recipe.fitting):
        values["fitting"] = fitting
    if form := differing(recipe.form):
        values["form"] = form
    values |= _changes_to_json(recipe) | _frozen_to_json(recipe.frozen_layers)
    if recipe.initial is not None:
        start = recipe.initial
        values["initial"] = {
            "donor": recipe_to_json(start.donor),
            "epoch": start.epoch,
            "mode": start.mode,
            "shrink": start.shrink,
            "perturb": start.perturb,
        }
    return values


def recipe_from_json(values: dict[str, Any]) -> Recipe:
    """The recipe written by `recipe_to_json`.

    Raises:
        KeyError, TypeError: if the values are not a recipe's.
    """
    initial = values.get("initial")
    start = None if initial is None else WarmStart(**{**initial, "donor": recipe_from_json(initial["donor"])})
    return Recipe(
        **{name: values[name] for name in _PLAIN_FIELDS},
        architecture=architecture_from_json(values["architecture"]),
        strategy=strategy_from_json(values["strategy"]),
        initial=start,
        arithmetic=Arithmetic(**values.get("arithmetic", {})),
        balance=values.get("balance", "equal"),
        fitting=Fitting(**values.get("fitting", {})),
        augmentations=Augmentations(**values.get("augmentations", {})),
        augment=function_from_json(values["augment"]) if "augment" in values else None,
        own_loss=function_from_json(values["own_loss"]) if "own_loss" in values else None,
        form=Form(**values.get("form", {})),
        frozen_layers=values.get("frozen_layers", 0),
    )


def _balance_to_json(balance: Balance) -> dict[str, Any]:
    """Nothing where it is as usual, so that older recipes keep their keys."""
    return {} if balance == "equal" else {"balance": balance}


def _frozen_to_json(frozen: Frozen) -> dict[str, Any]:
    """Nothing where every layer is trained, however that was said."""
    return {} if frozen in EVERY_LAYER_TRAINED else {"frozen_layers": frozen}


def _changes_to_json(recipe: Recipe) -> dict[str, Any]:
    """Nothing where patches are changed as in older recipes, and no loss is the user's own."""
    augmentations = differing(recipe.augmentations)
    values: dict[str, Any] = {"augmentations": augmentations} if augmentations else {}
    functions = {"augment": recipe.augment, "own_loss": recipe.own_loss}
    return values | {name: architecture_to_json(one) for name, one in functions.items() if one is not None}


_PLAIN_FIELDS = (
    "data",
    "patches",
    "batch_size",
    "learning_rate",
    "optimizer",
    "momentum",
    "weight_decay",
    "batch_normalization",
    "augmentation",
    "stain_jitter",
    "seed",
)
