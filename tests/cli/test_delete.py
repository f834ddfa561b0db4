"""``hpo delete``: all of one study goes, nothing of another, whenever it is killed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import inspect, text

from hpo.stages.belongings import belongings
from hpo.storage.artifacts import ArtifactFiles
from hpo.storage.checkpoints import Checkpoint, CheckpointStore
from hpo.storage.database import Database, open_database
from hpo.storage.files import Files
from hpo.storage.ledger import record_test_opening
from hpo.storage.workers import register_worker
from tests.cli.hpo import Hpo
from tests.cli.killed import is_killed
from tests.stages.story import Story, load


def told(folder: Path, database: Database, url: str, name: str = "small", **changes: object) -> Story:
    """A finished study, with checkpoints, predictions, artifacts and exported files."""
    study = load(folder, database=url, name=name, **changes)
    story = Story(study, database, artifacts=ArtifactFiles(Files(study.checkpoints)))
    story.run()
    story.predict()
    store = CheckpointStore(Files(study.checkpoints))
    with database.transaction() as session:
        for row in story.stages().values():
            if row.stage == "test":
                opening = {"architecture": row.architecture, "configuration": row.plan["configuration"]}
                record_test_opening(session, study=name, test_digest="t" * 64, owner="worker", **opening)
    with database.transaction() as session:
        for key in belongings(session, name).recipes:
            store.save(Checkpoint(key, 1, {"weights": np.zeros(3)}, ({"valid_auc": 0.5},)))
    (study.output / "tiny").mkdir(parents=True, exist_ok=True)
    for file in ("report.html", "best_config.yaml", "tiny/model.keras", "mine.txt"):
        (study.output / file).write_text(file)
    return story


def rows(database: Database) -> dict[str, list[str]]:
    with database.engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        return {name: sorted(map(str, connection.execute(text(f'SELECT * FROM "{name}"')))) for name in tables}  # noqa: S608


def files(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and "study.db" not in path.name
    }


def test_all_of_a_study_goes_and_nothing_of_another(
    hpo: Hpo, database: Database, database_url: str, tmp_path: Path
) -> None:
    store = str(tmp_path / "store")
    other = told(tmp_path / "other", database, database_url, "other", checkpoints=store)
    before = rows(database), files(tmp_path / "other"), files(tmp_path / "store")
    changes = {"checkpoints": store, "stage2": {"seed": 7}}  # stage 1 is the same: its recipes are shared
    story = told(tmp_path / "mine", database, database_url, **changes)
    assert len(files(tmp_path / "store")) > len(before[2])
    ended = hpo("delete", story.study.file, "--yes")
    assert ended.status == 0, ended.err
    assert (rows(database), files(tmp_path / "other"), files(tmp_path / "store")) == before
    assert "more are shared with other studies" in ended.err
    assert "the record that it opened the test split 2 times goes, too" in ended.err
    assert files(story.study.output) == {"mine.txt"}
    story.trained.clear()
    assert all(standing.abandoned is None for standing in story.run())
    assert other.study.name in hpo("list", story.study.file).out


@pytest.mark.parametrize("where", ["hpo.storage.files:Files.remove", "hpo.run.delete:delete_rows"])
def test_whoever_is_killed_while_deleting_begins_again(
    database: Database, database_url: str, tmp_path: Path, where: str
) -> None:
    empty = rows(database)
    story = told(tmp_path / "mine", database, database_url)
    for step in (1, 30) if "files" in where else (1,):
        assert is_killed(where, step, "delete", story.study.file, "--yes")
    assert not is_killed("hpo.run.delete:delete_rows", 99, "delete", story.study.file, "--yes")
    if database_url.startswith("postgresql"):
        assert rows(database) == empty
    else:
        with closing(open_database(database_url)) as opened:
            assert rows(opened) == empty
    assert files(story.study.output) == {"mine.txt"}


def test_a_wrong_store_is_refused_and_nothing_goes(
    hpo: Hpo, sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = told(tmp_path, sqlite, f"sqlite:///{sqlite.engine.url.database}")
    before = rows(sqlite), files(tmp_path)
    monkeypatch.setenv("HPO_CHECKPOINTS", str(tmp_path / "nowhere"))
    ended = hpo("delete", story.study.file, "--yes")
    assert ended.status == 2
    assert "nowhere does not exist, or nothing is in it; nothing was deleted" in ended.err
    assert (rows(sqlite), files(tmp_path)) == before


def test_models_are_kept_where_that_is_asked_for(hpo: Hpo, story: Story, tmp_path: Path) -> None:
    mine = told(tmp_path, story.database, story.study.database)
    assert hpo("delete", mine.study.file, "--yes", "--keep-models").status == 0
    assert files(mine.study.output) == {"report.html", "best_config.yaml", "tiny/model.keras", "mine.txt"}


def test_by_its_name_a_study_goes_from_the_database_and_its_files_stay(
    hpo: Hpo, database: Database, database_url: str, tmp_path: Path
) -> None:
    story = told(tmp_path, database, database_url)
    kept = files(story.study.output)
    ended = hpo("delete", "small", "--database", database_url, "--yes")
    assert ended.status == 0, ended.err
    assert "its files and checkpoints stay" in ended.err
    assert files(story.study.output) == kept
    assert story.stages() == {}
    line = hpo.refused("delete", "small", "--database", database_url, "--yes")
    assert line.endswith("has no study 'small'; it has: none")


def test_nothing_is_deleted_without_being_asked_for(hpo: Hpo, story: Story, tmp_path: Path) -> None:
    story.run("stage1")
    before = rows(story.database)
    ended = hpo("delete", story.study.file)
    assert ended.status == 2
    assert ended.err.splitlines()[-1].endswith("--yes has to say so")
    assert rows(story.database) == before
    assert "give --database URL or set HPO_DATABASE" in hpo.refused("delete", "small", "--yes")


def test_a_study_that_is_worked_on_is_not_deleted(hpo: Hpo, story: Story) -> None:
    story.run("stage1")
    with story.database.transaction() as session:
        register_worker(session, "small", "machine:12:0.00", "CPU")
    line = hpo.refused("delete", story.study.file, "--yes")
    assert line.startswith("small: worker machine:12:0.00 is at work on it; hpo stop --now ends it")


def test_checkpoints_that_a_study_of_another_database_may_need_stay(hpo: Hpo, story: Story, tmp_path: Path) -> None:
    mine = told(tmp_path, story.database, story.study.database)
    store = Files(mine.study.checkpoints)
    store.write("studies/elsewhere-123", b"")
    before = {name for name in files(Path(mine.study.checkpoints)) if name.endswith(".h5")}
    ended = hpo("delete", mine.study.file, "--yes")
    assert "checkpoints stay: studies of other databases share the store (elsewhere-123)" in ended.err
    assert {name for name in files(Path(mine.study.checkpoints)) if name.endswith(".h5")} == before != set()
