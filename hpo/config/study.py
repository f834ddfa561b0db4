"""Study files: data, architectures, the two stages, budget and seeds. It is the user's whole wish."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from hpo.config.architectures import ArchitectureSettings, architecture_name
from hpo.config.dashboard import Dashboard
from hpo.config.explain import Problem, refuse
from hpo.config.fields import AnyPath, DatabaseUrl, FactorName, Flag, Name, Number, Settings, StoreUrl, Whole, repeated
from hpo.config.search_space import SearchSpace
from hpo.recipe.architecture import ArchitectureSpec
from hpo.recipe.point import PAPER_FACTORS

Seed = Annotated[Whole, Field(ge=0, lt=2**31)]


class SampleSettings(Settings):
    """Patches made on the spot in the data folder, where it holds none."""

    train: Whole = Field(ge=4, description="training patches")
    valid: Whole = Field(ge=4, description="validation patches")
    test: Whole = Field(ge=4, description="test patches")
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
        description="folder of the HDF5 files, relative to this file; the environment's HPO_DATA goes before it, "
        "except for a study that makes its own sample"
    )
    patch_size: Whole = Field(default=96, ge=8, description="side of the square patches, pixels")
    sample: SampleSettings | None = Field(
        default=None, description="make synthetic patches in the folder if it holds none"
    )
    split: SplitSettings | None = Field(default=None, description="split a single labelled file; else by its own files")
    valid_patches: Whole | None = Field(
        default=None, ge=4, description="validation patches to measure each epoch on; by default all"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.sample is not None and self.split is not None:
            refuse([Problem(("split",), "a sample is made in three splits already; leave out sample or split")])
        if self.sample is not None and (self.valid_patches or 0) > self.sample.valid:
            text = f"found {self.valid_patches}, but the sample has {self.sample.valid} validation patches"
            refuse([Problem(("valid_patches",), text)])
        return self


class ObjectiveSettings(Settings):
    """What a trial is judged by, always on the validation split."""

    metric: Literal["auc", "accuracy", "precision", "recall", "f1", "loss"] = Field(
        default="auc", description="which metric; loss is minimized, the others maximized"
    )
    epoch: Literal["last", "best", "mean_last"] = Field(
        default="last", description="which epoch speaks: the last, the best, or the mean of the last few"
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
        refuse(_repeated_items("factors", self.factors))
        return self


class Stage2Settings(Settings):
    """Stage 2, tune: inside stage 1's ranges, warm-started from its best weights."""

    design: Literal["tpe", "random", "gp", "cmaes", "qmc"] = Field(default="tpe", description="Optuna's sampler")
    factors: tuple[FactorName, ...] = Field(
        default=("learning_rate", "batch_size", "patches"),
        min_length=1,
        description="which factors are tuned; the others stay at the best level of stage 1",
    )
    epochs: Whole = Field(ge=1, description="epochs of each training")
    trials: Whole | None = Field(default=None, ge=1, description="budget of each architecture: number of trainings")
    patch_visits: Whole | None = Field(
        default=None, ge=1, description="budget of each architecture: patches times epochs, over all trainings"
    )
    minutes: Number | None = Field(default=None, gt=0, description="budget of each architecture: minutes of training")
    warm_start: Literal["cold", "warm", "shrink_perturb"] = Field(
        default="warm", description="initial weights: random, stage 1's best, or those shrunk and perturbed"
    )
    shrink: Number = Field(default=0.4, ge=0, le=1, description="of shrink_perturb: share of the old weights")
    perturb: Number = Field(default=0.1, ge=0, description="of shrink_perturb: share of fresh random weights")
    batch_normalization: Flag = Field(
        default=False, description="insert BatchNormalization after every convolution, keeping the other weights"
    )
    seed: Seed = Field(default=0, description="of the sampler and of the trainings")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = _repeated_items("factors", self.factors)
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
        if self.warm_start != "shrink_perturb":
            problems += [
                Problem((name,), f"is only used with warm_start: shrink_perturb; warm_start is {self.warm_start}")
                for name in ("shrink", "perturb")
                if name in self.model_fields_set
            ]
        package = {"gp": "torch", "cmaes": "cmaes"}.get(self.design)
        if package is not None and importlib.util.find_spec(package) is None:
            text = f"{self.design} needs a package that is not installed: pip install {package}"
            problems.append(Problem(("design",), text))
        refuse(problems)
        return self


class ConfirmSettings(Settings):
    """The final comparison: reference and tuned configuration, trained with the same seeds."""

    epochs: Whole = Field(ge=1, description="epochs of each training")
    seeds: tuple[Seed, ...] = Field(default=(0, 1, 2, 3, 4), min_length=1, description="one training each")
    cold_control: Flag = Field(
        default=True, description="also train the tuned configuration from random weights, to tell tuning from training"
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        refuse(_repeated_items("seeds", self.seeds))
        return self


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


def _default_output(values: dict[str, Any]) -> Path:
    return Path("../runs", values["name"])


def _default_database(values: dict[str, Any]) -> str:
    return f"sqlite:///{values['output'].as_posix()}/study.db"


def _default_checkpoints(values: dict[str, Any]) -> str:
    return str(values["output"] / "checkpoints")


class StudyFile(Settings):
    """A study: one YAML file in ``studies/``. Relative paths start at the file's folder."""

    name: Name = Field(description="of the study in the database and of its output folder")
    data: DataSettings = Field(description="where the patches are")
    search_space: AnyPath = Field(description="YAML file of the hyper-parameters' values")
    dashboard: AnyPath = Field(description="YAML file of the report's figures and tables")
    architectures: tuple[ArchitectureSettings, ...] = Field(
        min_length=1, description="names (model1 to model4, and model1_counted to model4_counted), CNNs or functions"
    )
    objective: ObjectiveSettings = Field(default_factory=ObjectiveSettings, description="what a trial is judged by")
    stage1: Stage1Settings = Field(default_factory=Stage1Settings, description="explore, from random weights")
    stage2: Stage2Settings = Field(description="tune, warm-started, inside stage 1's ranges")
    confirm: ConfirmSettings = Field(description="the final comparison of before and after")
    workers: WorkerSettings = Field(default_factory=WorkerSettings, description="how workers behave")
    output: AnyPath = Field(
        default_factory=_default_output,
        validate_default=True,
        description="folder of report, models and ranges; by default ../runs/NAME",
    )
    database: DatabaseUrl = Field(
        default_factory=_default_database,
        description="SQLAlchemy URL; by default an SQLite file in the output folder; the environment's HPO_DATABASE "
        "goes before it",
    )
    checkpoints: StoreUrl = Field(
        default_factory=_default_checkpoints,
        description="folder or fsspec URL of the checkpoints; by default in the output folder; the environment's "
        "HPO_CHECKPOINTS goes before it",
    )
    _loaded: _Loaded = PrivateAttr()

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        # Folded, because some file systems take model1.h5 and Model1.h5 for one file.
        names = tuple(architecture_name(item).casefold() for item in self.architectures)
        problems = _repeated_items("architectures", names)
        refuse(problems)
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
    def ranges_path(self) -> Path:
        """Where stage 1 writes its ranges, and a person may edit them before stage 2."""
        return self.output / "ranges.yaml"

    def loaded(
        self, file: Path, space: SearchSpace, panels: Dashboard, architecture_specs: dict[str, ArchitectureSpec]
    ) -> Self:
        """The same study with what its file names; for `hpo.config.load.load_study`."""
        study = self.model_copy()
        study._loaded = _Loaded(file, space, panels, architecture_specs)
        return study


def _repeated_items(key: str, values: tuple[Any, ...]) -> list[Problem]:
    return [Problem((key, index), f"{values[index]!r} stands here twice") for index in repeated(values)]
