"""A study as it was planned: what its database recorded, at the places that its file names now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from hpo.config.dashboard import Dashboard
from hpo.config.factor import Factor
from hpo.config.limits import LimitSettings
from hpo.config.load import load_dashboard, place_document, validated
from hpo.config.objectives import ChooseSettings
from hpo.config.search_space import SearchSpace
from hpo.config.stages import ConfirmSettings, ObjectiveSettings, Stage1Settings, Stage2Settings
from hpo.config.study import ArithmeticSettings, StudyFile, WorkerSettings
from hpo.config.training_functions import TRAINING_FUNCTIONS
from hpo.config.yaml_file import Document
from hpo.errors import ConfigError
from hpo.recipe.architecture import (
    ARCHITECTURES,
    ArchitectureSpec,
    CnnSpec,
    FunctionSpec,
    architecture_from_json,
    architecture_to_json,
    function_from_json,
)

_PLACES = ("name", "output", "database", "checkpoints")
"""What of a study file tells where the study is."""

_RECORDED: dict[str, type[BaseModel]] = {
    "objective": ObjectiveSettings,
    "limits": LimitSettings,
    "choose": ChooseSettings,
    "stage1": Stage1Settings,
    "stage2": Stage2Settings,
    "confirm": ConfirmSettings,
    "arithmetic": ArithmeticSettings,
}
"""Sections that the database records as the study file has them."""

_STANDING_IN: dict[str, Any] = {
    "data": {"folder": "."},
    "search_space": "search_space.yaml",
    "dashboard": "dashboard.yaml",
    "architectures": ["model1"],
    "stage2": {"epochs": 1, "trials": 1},
    "confirm": {"epochs": 1},
}
"""For sections that somebody who only looks for the study does not need."""


@dataclass(frozen=True)
class StudyPlace:
    """Where a study is, whatever else its file says.

    Args:
        file: the study file, absolute.
        name: of the study in the database.
        output: folder of report, models and ranges.
        database: SQLAlchemy URL.
        checkpoints: folder or URL of the store.
        document: the file's own words.
    """

    file: Path
    name: str
    output: Path
    database: str
    checkpoints: str
    document: Document


def find_study(path: Path | str, database: str | None = None) -> StudyPlace:
    """Read where a study is; the rest of its file, and the files that it names, are not looked at.

    Args:
        path: the study file.
        database: a URL that overrides what file and environment say.

    Raises:
        ConfigError: if the file cannot be read, or its name, output, database or checkpoints are wrong.
    """
    document = place_document(path, database)
    values = {**_STANDING_IN, **{key: document.values[key] for key in _PLACES if key in document.values}}
    found = validated(Document(document.file, values, document.lines), StudyFile)
    file = document.folder / document.file.name
    return StudyPlace(file, found.name, found.output, found.database, found.checkpoints, document)


def as_planned(place: StudyPlace, recorded: Mapping[str, Any], dashboard: Dashboard | None = None) -> StudyFile:
    """The study as it was planned.

    Neither the source of its functions nor its search space's file is read: the database recorded both.

    Args:
        place: where it is.
        recorded: the settings that it was planned from, as the database has them.
        dashboard: what its report shows; by default what the file names, or nothing if that cannot be read.

    Raises:
        ConfigError: if the file's data section is wrong, or what was recorded is not a study's.
    """
    specs = _specs(place, recorded)
    values = {key: place.document.values[key] for key in _PLACES if key in place.document.values}
    values |= {key: _as_text(place.document.values, key) for key in ("search_space", "dashboard")}
    values |= {key: _said(model, recorded[key]) for key, model in _RECORDED.items() if key in recorded}
    functions = {key: function_from_json(recorded[key]) for key in TRAINING_FUNCTIONS if key in recorded}
    values |= {key: _function(spec) for key, spec in functions.items()}
    values["objectives"] = recorded.get("objectives", [])
    values["architectures"] = [_settings(name, spec) for name, spec in specs.items()]
    values |= _workers(place.document.values.get("workers"))
    values["data"] = _data(place.document.values.get("data"), recorded)
    study = validated(Document(place.document.file, values, place.document.lines), StudyFile, is_recorded=True)
    space = SearchSpace.model_validate(_said_of_space(recorded["search_space"]))
    return study.loaded(place.file, space, dashboard or _dashboard(study), specs, functions)


def _specs(place: StudyPlace, recorded: Mapping[str, Any]) -> dict[str, ArchitectureSpec]:
    """By name, in the file's order where the file still names them; some databases forget an order."""
    specs = {name: architecture_from_json(values) for name, values in recorded["architectures"].items()}
    items = place.document.values.get("architectures")
    listed = [item.get("name") if isinstance(item, dict) else item for item in items] if isinstance(items, list) else []
    order = [name for name in listed if isinstance(name, str) and name in specs]
    return {name: specs[name] for name in [*dict.fromkeys(order), *(name for name in specs if name not in order)]}


def _settings(name: str, spec: ArchitectureSpec) -> str | dict[str, Any]:
    """An architecture as a study file has it."""
    if ARCHITECTURES.get(name) == spec:
        return name
    if isinstance(spec, CnnSpec):
        as_written = replace(spec, first_filters=None, first_dense=None)
        return {"name": name, **architecture_to_json(as_written)}
    return {"name": name, **_function(spec)}


def _function(spec: FunctionSpec) -> dict[str, Any]:
    """A function as a study file has it."""
    files = [file for file, _ in spec.files]
    return {"function": spec.function, "files": files, "arguments": dict(spec.arguments)}


def _said(model: type[BaseModel], recorded: Mapping[str, Any]) -> dict[str, Any]:
    """What of a recorded section is not as usual: an option that nothing uses may not be named, and was recorded."""
    fields = model.model_fields
    return {
        name: value
        for name, value in recorded.items()
        if name not in fields or fields[name].is_required() or value != _plain(fields[name].get_default())
    }


def _said_of_space(recorded: Mapping[str, Any]) -> dict[str, Any]:
    factors = {name: _said(Factor, values) for name, values in recorded["factors"].items()}
    for values in factors.values():
        if "low" in values and values["low"] == values.get("high"):  # of a factor that stays at its reference
            del values["low"], values["high"]
    return {**recorded, "factors": factors}


def _plain(value: Any) -> Any:
    """A default as the database would have it."""
    return list(value) if isinstance(value, tuple) else value


def _data(written: Any, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Where the patches are, as the file says; what of them was used, as the database recorded."""
    values = dict(written) if isinstance(written, dict) else {"folder": "."}
    values.pop("valid_patches", None)
    values["balance"] = recorded.get("balance", "equal")
    if recorded.get("valid_patches") is not None:
        values["valid_patches"] = recorded["valid_patches"]
    return values


def _workers(written: Any) -> dict[str, Any]:
    """How its workers behave, as the file says; as usual where that is wrong."""
    try:
        WorkerSettings.model_validate(written)
    except ValidationError:
        return {}
    return {"workers": written}


def _as_text(values: Mapping[str, Any], key: str) -> str:
    found = values.get(key)
    return found if isinstance(found, str) and found else str(_STANDING_IN[key])


def _dashboard(study: StudyFile) -> Dashboard:
    try:
        return load_dashboard(study.dashboard)
    except ConfigError:
        return Dashboard.model_construct(title=None, panels=())
