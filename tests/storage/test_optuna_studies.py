"""An Optuna study is made once for a stage, and others' attributes of it are left alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo.storage.database import Database
from hpo.storage.optuna_studies import change_study_attributes, ensure_optuna_study, study_ids
from tests.storage.at_once import STAGE as STUDY


def make_study(database: Database) -> None:
    database.run(ensure_optuna_study, STUDY, {"auc": "maximize"})


def attributes_of(database: Database) -> dict[str, Any]:
    study_id = database.storage.get_study_id_from_name(STUDY)
    return database.storage.get_study_system_attrs(study_id)


def change(database: Database, changed: Mapping[str, Any]) -> None:
    database.run(change_study_attributes, STUDY, lambda _before: changed)


def test_a_studys_attributes_are_changed_added_and_otherwise_left_alone(database: Database) -> None:
    make_study(database)
    change(database, {"a": 1, "b": {"c": [2]}})
    assert attributes_of(database) == {"a": 1, "b": {"c": [2]}}
    change(database, {"b": "new", "d": None})
    assert attributes_of(database) == {"a": 1, "b": "new", "d": None}


def test_who_changes_attributes_sees_those_of_optuna_and_a_study_that_is_gone_has_none(database: Database) -> None:
    seen: list[dict[str, Any]] = []

    def look(before: dict[str, Any]) -> dict[str, Any]:
        seen.append(before)
        return {}

    database.run(change_study_attributes, STUDY, look)
    assert seen == []
    make_study(database)
    database.storage.set_study_system_attr(database.storage.get_study_id_from_name(STUDY), "theirs", [1])
    database.run(change_study_attributes, STUDY, look)
    assert seen == [{"theirs": [1]}]


def test_ids_are_those_of_the_studies_that_are_there(database: Database) -> None:
    make_study(database)
    expected = {STUDY: database.storage.get_study_id_from_name(STUDY)}
    assert database.run(study_ids, [STUDY, "another"]) == expected
