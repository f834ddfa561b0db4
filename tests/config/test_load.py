from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hpo.config.load import is_best_config, load_dashboard, load_search_space, load_study
from hpo.config.yaml_file import read_yaml
from hpo.errors import ConfigError, ConfigErrors
from tests.config.samples import refusal

Write = Callable[..., Path]


def test_an_error_is_one_line_with_file_line_and_key(write_study: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_study(("  trials: 4\n", "  trials: 0\n"))
    monkeypatch.chdir(file.parent)

    with pytest.raises(ConfigError) as caught:
        load_study(file)
    assert str(caught.value) == "example.yaml:11: stage2.trials: must be at least 1; found 0"


def test_several_errors_are_a_line_each(write_study: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_study(("  trials: 4\n", "  trials: 0\n"), ("name: example\n", "name: [example]\n"))
    monkeypatch.chdir(file.parent)

    with pytest.raises(ConfigErrors) as caught:
        load_study(file)
    assert str(caught.value) == (
        "example.yaml:1: name: must be text; found a list\nexample.yaml:11: stage2.trials: must be at least 1; found 0"
    )
    assert (caught.value.line, caught.value.key) == (1, "name")


def test_a_named_file_that_is_not_there_is_the_study_files_mistake(write_study: Write) -> None:
    file = write_study(("search_space: space.yaml", "search_space: spice.yaml"))

    (error,) = refusal(load_study, file)

    assert error.startswith("4 search_space: ")
    assert error.endswith(
        "spice.yaml: no such file; did you mean 'space.yaml'? (files here: dashboard.yaml, example.yaml, space.yaml)"
    )


def test_a_mistake_in_a_named_file_names_that_file(write_study: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_study(space=(("momentum: {reference: 0.9}", "momentum: {reference: 2}"),))
    monkeypatch.chdir(file.parent)

    with pytest.raises(ConfigError, match=r"^space\.yaml:7: factors\.momentum\.reference: must be at least 0"):
        load_study(file)

    file = write_study()
    (file.parent / "dashboard.yaml").write_text("panels: [{panel: rocc}]\n")
    with pytest.raises(ConfigError, match=r"^dashboard\.yaml:1: panels\.0\.panel: found \"rocc\"; did you mean 'roc'"):
        load_study(file)


def test_each_kind_of_file_loads_by_itself_from_a_path_or_its_text(write_study: Write) -> None:
    folder = write_study().parent

    assert load_search_space(str(folder / "space.yaml")) == load_search_space(folder / "space.yaml")
    assert load_dashboard(str(folder / "dashboard.yaml")).panels[0].panel == "roc"
    assert load_study(str(folder / "example.yaml")) == load_study(folder / "example.yaml")


def test_a_loaded_study_cannot_be_changed(write_study: Write) -> None:
    study = load_study(write_study())

    with pytest.raises(ValueError, match="frozen"):
        study.name = "other"  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        study.stage2.epochs = 9  # type: ignore[misc]


def test_the_environments_database_goes_before_the_files(write_study: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_study(("stage1:\n", "database: sqlite:///mine.db\nstage1:\n"))
    monkeypatch.setenv("HPO_DATABASE", "postgresql+psycopg://me@host/studies")
    assert load_study(file).database == "postgresql+psycopg://me@host/studies"

    monkeypatch.setenv("HPO_DATABASE", "")
    assert load_study(file).database == f"sqlite:///{file.parent}/mine.db"


def test_paths_of_the_environment_start_at_the_working_directory(
    write_study: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_study()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HPO_DATABASE", "sqlite:///all.db")
    monkeypatch.setenv("HPO_DATA", "patches")
    study = load_study(file)

    assert study.database == f"sqlite:///{tmp_path}/here/all.db"
    assert study.data.folder == tmp_path / "here" / "patches"


def test_the_environment_may_supply_a_data_folder_that_the_file_leaves_out(
    write_study: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_study(("  folder: data\n", "  patch_size: 32\n"))
    assert refusal(load_study, file)[0].startswith("2 data.folder: is missing")

    monkeypatch.setenv("HPO_DATA", "/patches")
    assert load_study(file).data.folder == Path("/patches")


def test_a_study_that_makes_its_own_sample_keeps_its_folder(
    write_study: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_study(("  folder: data\n", "  folder: data\n  sample: {train: 200, valid: 100, test: 100}\n"))
    monkeypatch.setenv("HPO_DATA", "/real/patches")

    assert load_study(file).data.folder == file.parent / "data"


def test_a_wrong_url_in_the_environment_is_named_as_such(write_study: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_study()
    monkeypatch.setenv("HPO_DATABASE", "study.db")

    with pytest.raises(ConfigError, match=r"^environment variable HPO_DATABASE: must be a database URL such as"):
        load_study(file)


def test_a_best_configuration_is_told_from_a_study_by_its_kind(write_study: Write, tmp_path: Path) -> None:
    file = tmp_path / "best_config.yaml"
    file.write_text("kind: best_config\n")

    assert is_best_config(read_yaml(file))
    assert not is_best_config(read_yaml(write_study()))
