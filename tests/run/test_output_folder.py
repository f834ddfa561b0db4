"""Two studies do not share an output folder, and no Optuna study of others is written to."""

from __future__ import annotations

import shutil
from pathlib import Path

import optuna
import pytest

from hpo.config.load import load_study
from hpo.errors import ConfigError, StorageError
from hpo.run.output_folder import adopt_plan, check_output, mark_output
from hpo.storage.database import Database, open_database
from tests.stages.story import DATA, Story, load


def test_a_second_study_is_refused_with_the_name_of_the_first(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    first = load(tmp_path / "a", database=database_url, output=str(tmp_path / "out"))
    check_output(database, first)
    Story(first, database).advance()
    for _ in range(2):
        mark_output(database, first)
        check_output(database, first)
    second = load(tmp_path / "b", database=database_url, output=str(tmp_path / "out"), name="second")
    with pytest.raises(ConfigError, match="is the output folder of study 'small' in ") as refused:
        check_output(database, second)
    assert "name another folder" in str(refused.value)
    assert "whose results are gone then" in str(refused.value)


def test_a_study_that_was_copied_with_its_database_is_the_same(tmp_path: Path) -> None:
    study = load(tmp_path / "a")
    database = open_database(study.database)
    Story(study, database).advance()
    mark_output(database, study)
    database.close()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    copied = load_study(tmp_path / "b" / "study.yaml")
    opened = open_database(copied.database)
    check_output(opened, copied)
    opened.close()


def test_the_same_name_in_another_database_is_another_study_while_the_first_is_there(tmp_path: Path) -> None:
    study = load(tmp_path / "a")
    first = open_database(study.database)
    Story(study, first).advance()
    mark_output(first, study)
    first.close()
    other = load_study(study.file, f"sqlite:///{tmp_path}/other.db")
    opened = open_database(other.database)
    with pytest.raises(ConfigError, match="is the output folder of study 'small'"):
        check_output(opened, other)
    (study.output / "study.db").unlink()
    check_output(opened, other)
    opened.close()


def test_an_optuna_study_of_others_is_refused_and_stays_as_it_was(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    theirs = optuna.create_study(storage=database.storage, study_name="small/stage2/tiny")
    theirs.add_trial(optuna.trial.create_trial(value=1.0))
    story = Story(load(tmp_path, database=database_url), database)
    with pytest.raises(StorageError, match="Optuna study 'small/stage2/tiny', which hpo did not make") as refused:
        story.advance()
    assert "give the study another name" in str(refused.value)
    assert story.stages() == {}
    assert len(optuna.load_study(storage=database.storage, study_name="small/stage2/tiny").trials) == 1


def test_a_second_file_of_the_same_name_does_not_take_the_study(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    first = load(tmp_path / "a", database=database_url)
    Story(first, database).advance()
    mark_output(database, first)
    same = load(tmp_path / "b", database=database_url)
    assert adopt_plan(database, same, DATA) == []  # another machine's copy
    other = load(tmp_path / "c", database=database_url, confirm={"epochs": 2, "seeds": [0, 1, 2]})
    with pytest.raises(
        ConfigError, match=r"'small' in .* was started, and nothing of it is in this file's output folder"
    ):
        adopt_plan(database, other, DATA)
    edited = load(tmp_path / "a", database=database_url, confirm={"epochs": 2, "seeds": [0, 1, 2]})
    assert [change.key for change in adopt_plan(database, edited, DATA)] == ["confirm.seeds"]
