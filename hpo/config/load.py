"""Loading the YAML files: each is read, validated and put together, or refused with all that is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from hpo.config.cnn_factors import cnn_size_problems, cnn_value_problems
from hpo.config.conditional_stages import condition_stage_problems, unmet_conditions
from hpo.config.consistency import architecture_specs, panel_problems, space_problems
from hpo.config.dashboard import Dashboard
from hpo.config.explain import Problem, config_error, explain
from hpo.config.fields import AnyPath, Context, DatabaseUrl, StoreUrl
from hpo.config.metric import metric_specification
from hpo.config.own_factors import stage_problems, training_functions, unknown_factors
from hpo.config.search_space import SearchSpace
from hpo.config.study import StudyFile
from hpo.config.yaml_file import Document, read_yaml
from hpo.errors import ConfigError
from hpo.recipe.architecture import own_factors

Model = TypeVar("Model", bound=BaseModel)

DATABASE_VARIABLE = "HPO_DATABASE"
"""Environment variable: a database URL that overrides a study file's."""

DATA_VARIABLE = "HPO_DATA"
"""Environment variable: a data folder that overrides a study file's."""

CHECKPOINTS_VARIABLE = "HPO_CHECKPOINTS"
"""Environment variable: a folder or URL that overrides a study file's ``checkpoints``."""


def load_yaml(path: Path | str, model: type[Model]) -> Model:
    """Read and validate a YAML file.

    Args:
        path: the file; relative paths within it start at its folder.
        model: what it must be.

    Raises:
        ConfigError: naming file, line, key, what was found and what is allowed; `ConfigErrors` if several are wrong.
    """
    return validated(read_yaml(Path(path)), model)


def load_search_space(path: Path | str) -> SearchSpace:
    """Load a file of ``search_spaces/``.

    Raises:
        ConfigError: as `load_yaml`.
    """
    return load_yaml(path, SearchSpace)


def load_dashboard(path: Path | str) -> Dashboard:
    """Load a file of ``dashboards/``.

    Raises:
        ConfigError: as `load_yaml`.
    """
    return load_yaml(path, Dashboard)


def load_study(path: Path | str, database: str | None = None) -> StudyFile:
    """Load a study file, the search space and the dashboard it names, and check that they go together.

    The environment's HPO_DATABASE and HPO_CHECKPOINTS (URLs) and HPO_DATA (a folder) override what the file says, but a
    study that makes its own sample keeps its folder. Their relative paths start at the working directory.

    Args:
        path: the study file.
        database: a URL that overrides all that.

    Raises:
        ConfigError: as `load_yaml`, about the study file or a file it names.
    """
    return study_of(place_document(path, database))


def study_of(document: Document) -> StudyFile:
    """The study of a study file's words, as `load_study` has it.

    Raises:
        ConfigError: as `load_study`.
    """
    study = validated(document, StudyFile)
    space = _named(document, "search_space", study.search_space, load_search_space)
    panels = _named(document, "dashboard", study.dashboard, load_dashboard)
    unfitting = cnn_value_problems(study, space)
    if unfitting:
        raise config_error(read_yaml(study.search_space), unfitting)
    specs, problems = architecture_specs(study, document.folder, space)
    functions, more = training_functions(study, document.folder, space, specs)
    problems += more
    unknown = [] if problems else unknown_factors(study, document.folder, space, specs, functions)
    if not problems and not unknown:
        of_functions = tuple(name for one in functions.values() for name in own_factors(one))
        unknown = unmet_conditions(space, specs, of_functions)
    if unknown:
        raise config_error(read_yaml(study.search_space), unknown)
    absent = panel_problems(panels, space)
    if absent:
        raise config_error(read_yaml(study.dashboard), absent)
    problems += space_problems(study, space)
    problems += stage_problems(study, space, specs, functions)
    problems += cnn_size_problems(study, space, specs)
    problems += condition_stage_problems(study, space)
    metric = None
    try:
        metric = metric_specification(study.objective.metric, document.folder)
    except ValueError as error:
        problems.append(Problem(("objective", "metric"), str(error)))
    if problems:
        raise config_error(document, problems)
    return study.loaded(document.folder / document.file.name, space, panels, specs, functions, metric)


def place_document(path: Path | str, database: str | None = None) -> Document:
    """A study file's own words, with what the environment and the command line say in their place.

    Raises:
        ConfigError: if it is no YAML mapping, or a best configuration.
    """
    document = read_yaml(Path(path))
    if is_best_config(document):
        raise ConfigError(document.file, "is a best configuration, which only hpo run takes; give the study file")
    return placed(document, database)


def is_best_config(document: Document) -> bool:
    """Whether a file is a best configuration (``kind: best_config``) rather than a study file."""
    return document.values.get("kind") == "best_config"


def validated(document: Document, model: type[Model], *, is_recorded: bool = False) -> Model:
    """The document as a model.

    Args:
        document: the words.
        model: what they must be.
        is_recorded: whether they come from a database, and nothing is to be run by them.

    Raises:
        ConfigError: as `load_yaml`.
    """
    try:
        return model.model_validate(document.values, context=Context(document.folder, is_recorded))
    except ValidationError as error:
        raise config_error(document, explain(error, model)) from None


Loaded = TypeVar("Loaded")


def _named(document: Document, key: str, path: Path, load: Callable[[Path], Loaded]) -> Loaded:
    """Load a file that the document names; if there is none, it is the document that is wrong."""
    try:
        return load(path)
    except ConfigError as error:
        if os.path.isfile(path):  # noqa: PTH113 - a name that is too long is no file, and no error
            raise
        raise config_error(document, [Problem((key,), str(error))]) from None


def placed(document: Document, database: str | None) -> Document:
    """A study file's words, with those of the environment and the command line in their place.

    Raises:
        ConfigError: if the environment or the command line is wrong.
    """
    values: dict[str, Any] = dict(document.values)
    if database is not None:
        values["database"] = _given(database, "--database", DatabaseUrl)
    elif url := os.environ.get(DATABASE_VARIABLE):
        values["database"] = _given(url, f"environment variable {DATABASE_VARIABLE}", DatabaseUrl)
    if store := os.environ.get(CHECKPOINTS_VARIABLE):
        values["checkpoints"] = _given(store, f"environment variable {CHECKPOINTS_VARIABLE}", StoreUrl)
    data = values.get("data")
    if (folder := os.environ.get(DATA_VARIABLE)) and isinstance(data, dict) and data.get("sample") is None:
        given = _given(folder, f"environment variable {DATA_VARIABLE}", AnyPath)
        values["data"] = {**data, "folder": str(given)}
    return Document(document.file, values, document.lines)


def _given(text: str, where: str, kind: Any) -> Any:
    """What the command line or the environment says, checked as if it stood in the file."""
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    try:
        return adapter.validate_python(text, context=Context(Path.cwd()))
    except ValidationError as error:
        problem = explain(error, adapter)[0].text
        raise ConfigError(where, problem) from None
