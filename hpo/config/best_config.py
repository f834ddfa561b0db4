"""Best configurations: all that it takes to train a study's tuned models again, in one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from hpo.config.explain import Problem, refuse
from hpo.config.fields import AnyPath, Flag, Name, Number, Seed, Settings, Whole
from hpo.config.load import load_yaml
from hpo.config.patterns import DIGEST_PATTERN
from hpo.config.study import DataSettings
from hpo.config.yaml_file import write_yaml
from hpo.errors import nearest
from hpo.recipe.key import canonical
from hpo.recipe.recipe import Recipe, recipe_from_json, recipe_to_json

_HEADER = """\
The tuned models of study {study}: complete, so that this file alone trains them again.

  hpo run {file}      trains the best one, {best}, and compares its weights with weights_sha256
  hpo run {file} --all    does so for every architecture

Equal weights need the same data (data_digest), the same versions and the same number of threads. The recipes are
addresses: whoever changes one has a new recipe; to try other settings, write a study file (hpo init).
"""

Digest = Annotated[str, Field(pattern=DIGEST_PATTERN)]


def _recipe(values: Any) -> Recipe:
    if isinstance(values, Recipe):
        return values
    try:
        recipe = recipe_from_json(values)
        unchanged = canonical(recipe_to_json(recipe)) == canonical(values)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"is not a complete recipe: {type(error).__name__}: {error}") from None
    if not unchanged:
        raise ValueError("is not a recipe: it has keys that no recipe has")
    return recipe


RecipeField = Annotated[
    Recipe, PlainValidator(_recipe), PlainSerializer(recipe_to_json), WithJsonSchema({"type": "object"})
]


class Donor(Settings):
    """The checkpoint that a warm start takes its weights from."""

    key: Digest = Field(description="the donor's recipe key")
    epoch: Whole = Field(ge=1, description="the donor's epochs")


class Interval(Settings):
    """A metric with its 95% interval."""

    value: Number = Field(description="mean over the seeds")
    low: Number = Field(description="lower end of the 95% interval")
    high: Number = Field(description="upper end of the 95% interval")


class Comparison(Settings):
    """Metrics of the test split, before and after tuning."""

    before: dict[str, Interval] = Field(
        description="the search space's reference point, trained as long as the tuned model where the study asks for it"
    )
    after: dict[str, Interval] = Field(description="the tuned configuration")
    by_stage1_rules: dict[str, Interval] | None = Field(
        default=None, description="the reference by stage 1's rules, where before is the one that was trained as long"
    )


class BestModel(Settings):
    """One architecture's tuned model."""

    recipe: RecipeField = Field(description="everything that determines the training except how long; donors within")
    recipe_key: Digest = Field(description="SHA-256 of the recipe: the address of its checkpoints")
    epochs: Whole = Field(ge=1, description="epochs that the exported weights were trained for")
    donor: Donor | None = Field(description="of the warm start, also within the recipe; null for random weights")
    seeds: tuple[Seed, ...] = Field(min_length=1, description="with which before and after were compared")
    metrics: Comparison = Field(description="on the test split")
    weights_sha256: Digest = Field(description="SHA-256 of the exported weights")
    symmetries: Flag = Field(
        default=False, description="whether the model averages its probabilities over the eight flips and quarter turns"
    )
    threshold: Number | None = Field(
        default=None,
        ge=0,
        le=1,
        description="probability above which a patch is called positive, chosen on validation (Youden's index)",
    )

    searched_folds: tuple[Number, ...] | None = Field(
        default=None,
        description="where stage 2 trained in folds: the objective that the configuration reached in each, on the "
        "patches that the fold held out",
    )

    @model_validator(mode="after")
    def _unchanged(self) -> Self:
        try:
            key = self.recipe.key
        except (TypeError, ValueError) as error:
            raise ValueError(f"the recipe has no key: {error}") from None
        if key != self.recipe_key:
            text = (
                "the recipe was changed after it was written, or was written by a version of hpo that trains to other "
                f"weights: its key is {key}; found {self.recipe_key}"
            )
            refuse([Problem(("recipe_key",), text)])
        start = self.recipe.initial
        expected = None if start is None else (start.donor.key, start.epoch)
        found = None if self.donor is None else (self.donor.key, self.donor.epoch)
        if expected != found:
            refuse([Problem(("donor",), "is not the donor that the recipe names")])
        return self


class BestConfig(Settings):
    """``best_config.yaml`` in a study's output folder."""

    kind: Literal["best_config"] = Field(description="tells this file from a study file")
    study: Name = Field(description="name of the study")
    best: Name = Field(
        description="the architecture that did best on validation; of several objectives, the one that choose takes"
    )
    data: DataSettings = Field(description="where the patches are")
    data_digest: Digest = Field(description="SHA-256 of the training and validation patches and labels")
    classes: tuple[str, ...] | None = Field(
        default=None,
        min_length=2,
        description="names of the labels 0, 1, ...; left out by earlier versions of hpo, which read them from the data",
    )
    microns_per_pixel: Number | None = Field(
        default=None,
        gt=0,
        le=100,
        description="of the patches, where the data set says it: what hpo predict reads slides at",
    )
    modules: AnyPath | None = Field(
        default=None, description="folder of the Python modules that function architectures name"
    )
    threads: Whole | None = Field(
        default=None, ge=1, description="CPU threads, null if they were not one number; equal weights need the same"
    )
    versions: dict[str, str] = Field(description="of the packages that trained the models")
    models: dict[Name, BestModel] = Field(min_length=1, description="each architecture's tuned model, by name")

    @model_validator(mode="after")
    def _best_is_there(self) -> Self:
        if self.best not in self.models:
            refuse([Problem(("best",), f"{self.best!r} is not among the models; {nearest(self.best, self.models)}")])
        problems = [
            Problem(("models", name, "recipe", "data"), "is not the data_digest of this file")
            for name, model in self.models.items()
            if model.recipe.data != self.data_digest
        ]
        refuse(problems)
        return self


def load_best_config(path: Path | str) -> BestConfig:
    """Load a best configuration.

    Raises:
        ConfigError: if the file is not valid, or a recipe was changed since it was written.
    """
    return load_yaml(path, BestConfig)


def write_best_config(path: Path, config: BestConfig) -> None:
    """Write a best configuration, below a comment that says how to use it.

    Paths inside the project (at most three folders up) are written relative to the file, so that the project may move.
    """
    values = config.model_dump(mode="json")
    for model in values["models"].values():
        if not model["symmetries"]:  # said only where it is so, as of what was added later
            del model["symmetries"]
        if model["searched_folds"] is None:
            del model["searched_folds"]
    for key in ("classes", "microns_per_pixel"):
        if values[key] is None:
            del values[key]
    values["data"]["folder"] = _portable(path, config.data.folder)
    if config.modules is not None:
        values["modules"] = _portable(path, config.modules)
    header = _HEADER.format(study=config.study, best=config.best, file=path.name)
    write_yaml(path, header, values)


def _portable(file: Path, target: Path) -> str:
    here = file.absolute().parent
    for ups, ancestor in enumerate([here, *here.parents][:4]):
        if target.is_relative_to(ancestor) and ancestor != Path(ancestor.anchor):
            return Path(*[".."] * ups, target.relative_to(ancestor)).as_posix()
    return str(target)
