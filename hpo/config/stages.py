"""What a study does: the objective, the two stages and the final comparison."""

from __future__ import annotations

import importlib.util
import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, model_validator

from hpo.config.explain import Problem, refuse, shown
from hpo.config.fields import Context, FactorName, Flag, Name, Number, Seed, Settings, Whole, repeated_items
from hpo.config.metric import MetricName
from hpo.config.rungs import Rungs, rung_problems
from hpo.recipe.point import PAPER_FACTORS
from hpo.recipe.recipe import StartName

PoolDesign = Literal["asha", "freeze_thaw"]
"""How a training that continues is chosen: by its rank at a rung, or by a model of learning curves."""

Stage2Design = Literal["tpe", "random", "gp", "cmaes", "qmc", "nsga2", "asha", "freeze_thaw"]

POOL_DESIGNS: tuple[PoolDesign, ...] = ("asha", "freeze_thaw")
"""Designs of stage 2 in which trainings pause at rungs, and go on if they deserve it."""

_POOLS = " or ".join(POOL_DESIGNS)


class ObjectiveSettings(Settings):
    """What a trial is judged by, always on the validation split."""

    metric: MetricName = Field(
        default="auc",
        description="which metric; loss and brier are minimized, the others maximized; or a function of your own, "
        "module:name, from labels and probabilities to a number, which is maximized",
    )
    epoch: Literal["last", "best", "mean_last"] = Field(
        default="last", description="whose value counts: the last epoch's, the best's, or the mean of the last few"
    )
    last: Whole = Field(default=3, ge=1, description="epochs that mean_last averages")

    @model_validator(mode="after")
    def _used(self) -> Self:
        if "last" in self.model_fields_set and self.epoch != "mean_last":
            refuse([Problem(("last",), f"is only used with epoch: mean_last; epoch is {self.epoch}")])
        return self


class Stage1Settings(Settings):
    """Stage 1, explore: from random weights."""

    design: Literal["one_factor", "grid"] = Field(
        default="one_factor", description="one factor varied at a time, or all combinations of levels"
    )
    factors: tuple[FactorName, ...] = Field(
        default=PAPER_FACTORS, min_length=1, description="which factors are varied; each needs levels"
    )
    seed: Seed = Field(default=0, description="of initial weights, patch subset, order and augmentation")
    margin: Number = Field(
        default=0.01, ge=0, description="levels whose objective is this close to the best belong to the range"
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        problems = repeated_items("factors", self.factors)
        if "warm_start" in self.factors:
            text = "stage 1 trains from random weights, and warm_start is tuned in stage 2: name it in stage2.factors"
            problems.append(Problem(("factors", self.factors.index("warm_start")), text))
        refuse(problems)
        return self


class RecheckSettings(Settings):
    """Stage 2's best, trained again before one of them is chosen: the best of many single trainings was lucky too."""

    top: Whole = Field(
        default=3, ge=0, description="how many configurations, the best by validation; 0 chooses by stage 2 alone"
    )
    seeds: Whole = Field(
        default=2, ge=1, description="trainings of each, with seeds that nothing else uses; their mean decides"
    )


def _share(value: Any) -> Any:
    """20% as 0.2.

    Raises:
        ValueError: if it is no share between 0 and 1.
    """
    percent = re.fullmatch(r"(\d+(?:\.\d+)?) ?%", value) if isinstance(value, str) else None
    share = float(percent[1]) / 100 if percent else value
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
        raise ValueError(f"must be a share of the budget, such as 0.2 or 20%; found {shown(value)}")
    return float(share)


class StopSettings(Settings):
    """When stage 2 ends before its budget is spent."""

    no_gain: Annotated[
        Number,
        Field(gt=0, lt=1),
        BeforeValidator(_share),
        WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^[0-9.]+ ?%$"}]}),
    ] = Field(description="after this share of the budget without a gain beyond noise: 0.2, or 20%")


class Stage2Settings(Settings):
    """Stage 2, tune: inside stage 1's ranges, warm-started from its best weights."""

    design: Stage2Design = Field(
        default="tpe",
        description="Optuna's sampler, all trainings as long; or trainings that pause at rungs, and the best go on: by "
        "their rank (asha), or by a model of learning curves (freeze_thaw)",
    )
    factors: tuple[FactorName, ...] = Field(
        default=("learning_rate", "batch_size", "patches"),
        min_length=1,
        description="which factors are tuned; the others stay at the best level of stage 1",
    )
    within: Literal["ranges", "space"] = Field(
        default="ranges",
        description="where factors are tuned: in stage 1's ranges, or in the whole search space",
    )
    epochs: Whole = Field(ge=1, description="epochs of each training; where they pause, of the longest")
    rungs: Rungs | None = Field(
        default=None,
        description="of asha and freeze_thaw: after how many epochs trainings pause; by default after a sixteenth of "
        "all, then 3 times as many each time",
    )
    trials: Whole | None = Field(default=None, ge=1, description="budget of each architecture: number of trainings")
    patch_visits: Whole | None = Field(
        default=None, ge=1, description="budget of each architecture: patches times epochs, over all trainings"
    )
    minutes: Number | None = Field(default=None, gt=0, description="budget of each architecture: minutes of training")
    warm_start: StartName = Field(
        default="warm",
        description="initial weights: random, stage 1's best, or those shrunk and perturbed; left out where factors "
        "names it, and each training has its own",
    )
    other_shapes: Literal["refuse", "fresh"] = Field(
        default="refuse",
        description="of warm starts, where tuned factors change the shapes of weights: refuse the study, because the "
        "donor's shape has a head start in the search; or let layers that the donor lacks start fresh",
    )
    shrink: Number = Field(default=0.4, ge=0, le=1, description="of shrink_perturb: share of the old weights")
    perturb: Number = Field(default=0.1, ge=0, description="of shrink_perturb: share of fresh random weights")
    batch_normalization: Flag = Field(
        default=False, description="insert BatchNormalization after every convolution, keeping the other weights"
    )
    seed: Seed = Field(default=0, description="of the sampler and of the trainings")
    stop: StopSettings | None = Field(
        default=None,
        description="end before the budget is spent; where trainings pause, and of budgets in patch_visits or minutes",
    )
    learn_from: tuple[Name, ...] = Field(
        default=(),
        description="studies in the same database whose best settings are tried first; the study's own name: those of "
        "its other architectures, as far as they are found",
    )
    folds: Whole | None = Field(
        default=None,
        ge=2,
        description="train every trial in so many folds of the training and validation patches, whole slides in one "
        "fold, and judge it by the mean of their validation values; by default on the study's own split",
    )
    recheck: RecheckSettings | None = Field(
        default=None, description="train the best again with fresh seeds, and choose by their mean; by default not"
    )

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        problems = repeated_items("factors", self.factors)
        if "epochs" in self.factors:
            text = f"epochs are not tuned in stage 2: stage2.epochs fixes them at {self.epochs}"
            problems.append(Problem(("factors", self.factors.index("epochs")), text))
        if self.batch_normalization and "batch_normalization" in self.factors:
            text = "is tuned, and inserted by stage2.batch_normalization: true; leave out one of them"
            problems.append(Problem(("factors", self.factors.index("batch_normalization")), text))
        budgets = [name for name in ("trials", "patch_visits", "minutes") if getattr(self, name) is not None]
        if len(budgets) != 1:
            found = " and ".join(budgets) or "none"
            problems.append(
                Problem(
                    (budgets[1],) if budgets else (),
                    f"needs exactly one of trials, patch_visits, minutes; found {found}",
                )
            )
        if self.rungs is not None and not self.is_pool:
            problems.append(Problem(("rungs",), f"is only used with design: {_POOLS}; design is {self.design}"))
        problems += rung_problems(self.rungs, self.epochs)
        if self.folds is not None and self.is_pool:
            text = f"needs trainings that do not pause; design is {self.design}: set it to tpe, or leave folds out"
            problems.append(Problem(("folds",), text))
        problems += repeated_items("learn_from", self.learn_from)
        if self.stop is not None and self.trials is not None and not self.is_pool:
            text = (
                f"needs design: {_POOLS}, or a budget in patch_visits or minutes; the trials of {self.design} are "
                "planned at once"
            )
            problems.append(Problem(("stop",), text))
        if self.tunes_start and "warm_start" in self.model_fields_set:
            text = f"warm_start is tuned here, and set by stage2.warm_start: {self.warm_start}; leave out one of them"
            problems.append(Problem(("factors", self.factors.index("warm_start")), text))
        if not self.may_start_warm and "other_shapes" in self.model_fields_set:
            problems.append(Problem(("other_shapes",), "is only used with a warm start; warm_start is cold"))
        if not self.tunes_start and self.warm_start != "shrink_perturb":
            problems += [
                Problem((name,), f"is only used with warm_start: shrink_perturb; warm_start is {self.warm_start}")
                for name in ("shrink", "perturb")
                if name in self.model_fields_set
            ]
        package = {"gp": "torch", "cmaes": "cmaes"}.get(self.design)
        is_run = not (isinstance(info.context, Context) and info.context.is_recorded)
        if is_run and package is not None and importlib.util.find_spec(package) is None:
            text = f"{self.design} needs a package that is not installed: pip install {package}"
            problems.append(Problem(("design",), text))
        refuse(problems)
        return self

    @property
    def is_rechecked(self) -> bool:
        """Whether the best are trained again before one is chosen."""
        return self.recheck is not None and self.recheck.top > 0

    @property
    def tunes_start(self) -> bool:
        """Whether it is searched from which weights a training starts; ``warm_start`` itself then says nothing."""
        return "warm_start" in self.factors

    @property
    def may_start_warm(self) -> bool:
        """Whether any training may start from stage 1's weights."""
        return self.tunes_start or self.warm_start != "cold"

    @property
    def is_pool(self) -> bool:
        """Whether trainings pause at rungs and may go on."""
        return self.design in POOL_DESIGNS


class ConfirmSettings(Settings):
    """The final comparison: reference and tuned configuration, trained with the same seeds."""

    epochs: Whole = Field(ge=1, description="epochs of each training")
    seeds: tuple[Seed, ...] = Field(default=(0, 1, 2, 3, 4), min_length=1, description="one training each")
    cold_control: Flag = Field(
        default=True, description="also train the tuned configuration from random weights, to tell tuning from training"
    )
    equal_training: Flag = Field(
        default=False,
        description="also train the reference for as many patch-visits as the tuned model and its donors; it is then "
        "what the tuned model is compared with",
    )
    symmetries: Flag = Field(
        default=False,
        description="average the probabilities of the final models over the eight flips and quarter turns of a patch: "
        "on validation, on test and in the exported model; takes eight times as long to predict",
    )
    patience: Whole | None = Field(
        default=None,
        ge=1,
        description="end a final training, of either side, once the objective's metric has not improved for so many "
        "epochs, and keep its best epoch by validation; epochs is then the most",
    )
    folds: Whole | None = Field(
        default=None,
        ge=2,
        description="also compare over so many folds of the training and validation patches, whole slides in one fold",
    )
    fold_seeds: Whole = Field(default=1, ge=1, description="of folds: trainings of either side in each fold")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = repeated_items("seeds", self.seeds)
        if self.folds is None and "fold_seeds" in self.model_fields_set:
            problems.append(Problem(("fold_seeds",), "is only used with folds; set confirm.folds, or leave it out"))
        refuse(problems)
        return self
