"""Study files: data, architectures, the two stages, budget and seeds. It is the user's whole wish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from hpo.config.architectures import ArchitectureSettings, architecture_name
from hpo.config.conditional import with_possible
from hpo.config.dashboard import Dashboard
from hpo.config.database_url import sqlite_url
from hpo.config.explain import Problem, refuse
from hpo.config.fields import AnyPath, DatabaseUrl, Flag, Name, Number, Seed, Settings, StoreUrl, Whole, repeated_items
from hpo.config.limits import LimitSettings
from hpo.config.objectives import ChooseSettings, ObjectiveName, objective_problems
from hpo.config.search_space import SearchSpace
from hpo.config.stages import ConfirmSettings, ObjectiveSettings, Stage1Settings, Stage2Settings
from hpo.config.training_functions import TrainingFunction
from hpo.recipe.architecture import ArchitectureSpec, FunctionSpec, own_factors
from hpo.recipe.arithmetic import Arithmetic, ComputeDtype
from hpo.recipe.point import FACTORS
from hpo.recipe.recipe import Balance

SAMPLE_SIDES = (32, 512)
"""Least and greatest side of synthetic patches, pixels: a nucleus must be visible, and the textures be larger."""


class SampleSettings(Settings):
    """Patches drawn on the spot, where the data folder does not exist."""

    train: Whole = Field(ge=4, description="training patches")
    valid: Whole = Field(ge=4, description="validation patches")
    test: Whole = Field(ge=4, description="test patches")
    classes: Literal[2, 3] = Field(default=2, description="benign and malignant, and, of three, fat")
    seed: Seed = Field(default=0, description="of the sample; the same patches on any machine")


class SplitSettings(Settings):
    """How one labelled file is split: stratified, by slide where slides are known, repeats on one side."""

    valid: Number = Field(default=0.2, gt=0, lt=1, description="fraction of all patches for validation")
    test: Number = Field(default=0.2, ge=0, lt=1, description="fraction of all patches for the test")
    seed: Seed = Field(default=0, description="of the split")

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        if self.valid + self.test >= 1:
            refuse(
                [Problem(("test",), f"valid and test together leave nothing to train on: {self.valid + self.test:g}")]
            )
        return self


class DataSettings(Settings):
    """Where the patches are."""

    folder: AnyPath = Field(
        description="folder of the HDF5 files, relative to this file; the environment's HPO_DATA overrides it, "
        "except for a study that makes its own sample"
    )
    patch_size: Whole = Field(default=96, ge=8, description="side of the square patches, pixels")
    sample: SampleSettings | None = Field(
        default=None, description="draw synthetic patches in the folder if it does not exist"
    )
    split: SplitSettings | None = Field(default=None, description="split a single labelled file; else by its own files")
    valid_patches: Whole | None = Field(
        default=None, ge=4, description="validation patches to measure each epoch on; by default all"
    )

    balance: Balance = Field(
        default="equal",
        description="classes of the training patches that are used: equal takes as many of each, natural the training "
        "split's own ratio, so that all of its patches can be used",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.sample is not None and self.split is not None:
            refuse([Problem(("split",), "a sample is made in three splits already; leave out sample or split")])
        if self.sample is not None and not SAMPLE_SIDES[0] <= self.patch_size <= SAMPLE_SIDES[1]:
            text = f"a sample has patches of {SAMPLE_SIDES[0]} to {SAMPLE_SIDES[1]} pixels; found {self.patch_size}"
            refuse([Problem(("patch_size",), text)])
        if self.sample is not None and (self.valid_patches or 0) > self.sample.valid:
            text = f"found {self.valid_patches}, but the sample has {self.sample.valid} validation patches"
            refuse([Problem(("valid_patches",), text)])
        return self


class ArithmeticSettings(Settings):
    """How training steps are computed. Each way trains to weights of its own; all are measured in float32."""

    compute_dtype: ComputeDtype = Field(
        default="float32", description="of layers while they train; bfloat16 is mixed precision: weights stay float32"
    )
    jit_compile: Flag = Field(default=False, description="let XLA compile the training step")

    @property
    def of_recipe(self) -> Arithmetic:
        """The same as a recipe holds it."""
        return Arithmetic(self.compute_dtype, self.jit_compile)


class WorkerSettings(Settings):
    """How workers behave."""

    lease_seconds: Number = Field(
        default=60, ge=5, description="seconds after which a silent worker's design point goes to another"
    )
    max_attempts: Whole = Field(
        default=3, ge=1, description="attempts in a row that trained no epoch before a design point counts as failed"
    )
    threads: Whole | None = Field(
        default=None, ge=1, description="CPU threads of a worker; by default the cores, shared out among its workers"
    )
    memory_gb: Number | None = Field(
        default=None,
        gt=0,
        description="memory past which a worker is replaced between two points; by default 0.9 of all, shared likewise",
    )


@dataclass(frozen=True)
class _Loaded:
    """What the loader adds to the file's own words."""

    file: Path
    space: SearchSpace
    panels: Dashboard
    architecture_specs: dict[str, ArchitectureSpec]
    functions: dict[str, FunctionSpec]
    metric_spec: FunctionSpec | None


def _default_output(values: dict[str, Any]) -> Path:
    return Path("../runs", values["name"])


def _default_database(values: dict[str, Any]) -> str:
    return sqlite_url(values["output"] / "study.db")


def _default_checkpoints(values: dict[str, Any]) -> str:
    return str(values["output"] / "checkpoints")


class StudyFile(Settings):
    """A study: one YAML file in ``studies/``. Relative paths start at the file's folder."""

    name: Name = Field(description="of the study in the database and of its output folder")
    copy_of: Name | None = Field(
        default=None,
        description="study that this one was copied from: stage 2 draws the same random numbers, and what both ask for "
        "is trained once",
    )
    data: DataSettings = Field(description="where the patches are")
    search_space: AnyPath = Field(description="YAML file of the hyper-parameters' values")
    dashboard: AnyPath = Field(description="YAML file of the report's figures and tables")
    architectures: tuple[ArchitectureSettings, ...] = Field(
        min_length=1, description="names (model1 to model4, and model1_counted to model4_counted), CNNs or functions"
    )
    objective: ObjectiveSettings = Field(default_factory=ObjectiveSettings, description="what a trial is judged by")
    objectives: tuple[ObjectiveName, ...] = Field(
        default=(),
        description="two or more at once, in stage 2: metrics, parameters, model_mb, latency_ms, patch_visits",
    )
    choose: ChooseSettings | None = Field(
        default=None, description="with objectives: which network of their front is chosen"
    )
    limits: LimitSettings = Field(
        default_factory=LimitSettings, description="the most that a network may have; what has more is never trained"
    )
    stage1: Stage1Settings = Field(default_factory=Stage1Settings, description="explore, from random weights")
    stage2: Stage2Settings = Field(description="tune, warm-started, inside stage 1's ranges")
    confirm: ConfirmSettings = Field(description="the final comparison of before and after")
    arithmetic: ArithmeticSettings = Field(
        default_factory=ArithmeticSettings, description="how training steps are computed"
    )
    augment: TrainingFunction | None = Field(
        default=None,
        description="function of your own that changes training patches at random: module:callable, or a mapping with "
        "function, arguments and files",
    )
    loss: TrainingFunction | None = Field(
        default=None,
        description="function of your own that is minimized, from labels and logits: module:callable, or a mapping "
        "with function, arguments and files; without it, the factor loss names a built-in one",
    )
    workers: WorkerSettings = Field(default_factory=WorkerSettings, description="how workers behave")
    output: AnyPath = Field(
        default_factory=_default_output,
        validate_default=True,
        description="folder of report, models and ranges; by default ../runs/NAME",
    )
    database: DatabaseUrl = Field(
        default_factory=_default_database,
        description="SQLAlchemy URL; by default an SQLite file in the output folder; the environment's HPO_DATABASE "
        "overrides it",
    )
    checkpoints: StoreUrl = Field(
        default_factory=_default_checkpoints,
        description="folder or fsspec URL of the checkpoints; by default in the output folder; the environment's "
        "HPO_CHECKPOINTS overrides it",
    )
    _loaded: _Loaded = PrivateAttr()

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        # Folded, because some file systems take model1.h5 and Model1.h5 for one file.
        names = tuple(architecture_name(item).casefold() for item in self.architectures)
        refuse([*repeated_items("architectures", names), *objective_problems(self)])
        return self

    @property
    def file(self) -> Path:
        """The YAML file, absolute; its folder is where function architectures are imported from."""
        return self._loaded.file

    @property
    def space(self) -> SearchSpace:
        """The loaded search space."""
        return self._loaded.space

    @property
    def panels(self) -> Dashboard:
        """The loaded dashboard."""
        return self._loaded.panels

    @property
    def architecture_specs(self) -> dict[str, ArchitectureSpec]:
        """Every architecture by name, in the file's order."""
        return self._loaded.architecture_specs

    @property
    def function_specs(self) -> dict[str, FunctionSpec]:
        """The functions of the user's own that training calls, by their keys in the study file."""
        return dict(self._loaded.functions)

    @property
    def augment_spec(self) -> FunctionSpec | None:
        """The user's own augmentation; None if there is none."""
        return self._loaded.functions.get("augment")

    @property
    def loss_spec(self) -> FunctionSpec | None:
        """The user's own loss; None if there is none."""
        return self._loaded.functions.get("loss")

    @property
    def function_factors(self) -> tuple[str, ...]:
        """The arguments of the user's own augmentation and loss, each a factor that a search space may name."""
        return tuple(name for spec in self._loaded.functions.values() for name in own_factors(spec))

    @property
    def metric_spec(self) -> FunctionSpec | None:
        """The user's own metric, by which trials are judged; None if it is one that has a name."""
        return self._loaded.metric_spec

    @property
    def objective_metric(self) -> str:
        """The metric by which trials are judged, as curves and the plan have it: an own one with its digest."""
        spec = self.metric_spec
        return self.objective.metric if spec is None else f"{spec.function}#{spec.source_digest[:8]}"

    def space_of(self, architecture: str) -> SearchSpace:
        """The search space without the factors that an architecture does not have, or whose conditions it cannot meet.

        Raises:
            KeyError: if the study has no architecture of that name.
        """
        own = (*own_factors(self.architecture_specs[architecture]), *self.function_factors)
        had = {name: factor for name, factor in self.space.factors.items() if name in FACTORS or name in own}
        kept = with_possible(had)
        return self.space if len(kept) == len(self.space.factors) else self.space.model_copy(update={"factors": kept})

    @property
    def ranges_path(self) -> Path:
        """Where stage 1 writes its ranges, and a person may edit them before stage 2."""
        return self.output / "ranges.yaml"

    def loaded(
        self,
        file: Path,
        space: SearchSpace,
        panels: Dashboard,
        architecture_specs: dict[str, ArchitectureSpec],
        functions: Mapping[str, FunctionSpec] = MappingProxyType({}),
        metric_spec: FunctionSpec | None = None,
    ) -> Self:
        """The same study with what its file names; for `hpo.config.load.load_study`."""
        study = self.model_copy()
        study._loaded = _Loaded(file, space, panels, architecture_specs, dict(functions), metric_spec)
        return study
