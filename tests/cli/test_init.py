from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from hpo.cli.init import init, schema
from hpo.config.load import load_study
from hpo.config.schema import SCHEMAS
from hpo.errors import HpoError

app = typer.Typer()
app.command()(init)
app.command()(schema)


def hpo(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None:
        raise result.exception
    return result.output


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HPO_DATABASE", raising=False)
    monkeypatch.delenv("HPO_DATA", raising=False)


def test_a_new_study_comes_with_its_search_space_and_dashboard_and_loads(tmp_path: Path) -> None:
    output = hpo("init", "mine.yaml")

    assert output.splitlines() == [
        "wrote mine.yaml",
        "wrote mine.search_space.yaml",
        "wrote mine.dashboard.yaml",
        "next: hpo plan mine.yaml, then hpo run mine.yaml",
    ]
    study = load_study("mine.yaml")
    assert study.name == "mine"
    assert study.data.sample is not None
    assert study.search_space == tmp_path / "mine.search_space.yaml"


def test_a_data_folder_that_is_not_there_yet_is_told() -> None:
    told = "later does not exist yet: hpo data import makes it from images; hpo init --force then fits the study to it"

    assert told in hpo("init", "mine.yaml", "--data", "later").splitlines()


def test_a_data_folder_without_patches_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(HpoError, match="empty: has no PCam files"):
        hpo("init", "mine.yaml", "--data", "empty")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_a_name_that_no_yaml_file_can_hold_is_one_line_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(HpoError, match="YAML files are UTF-8"):
        hpo("init", "mine.yaml", "--data", "no\udcff")
    assert list(tmp_path.iterdir()) == []


def test_in_a_project_the_search_space_goes_to_its_folder_and_the_dashboard_is_the_full_one(tmp_path: Path) -> None:
    for folder in ("studies", "search_spaces", "dashboards"):
        Path(folder).mkdir()
    Path("dashboards/full.yaml").write_text("panels: [{panel: roc}]\n")
    hpo("init", "studies/mine.yaml")

    study = load_study("studies/mine.yaml")
    assert study.search_space == tmp_path / "search_spaces" / "mine.yaml"
    assert study.dashboard == tmp_path / "dashboards" / "full.yaml"
    assert Path("dashboards/full.yaml").read_text() == "panels: [{panel: roc}]\n"
    assert [path.name for path in Path("studies").iterdir()] == ["mine.yaml"]


def test_name_and_data_are_taken_from_the_options(tmp_path: Path) -> None:
    hpo("init", "deep/er/file.yaml", "--name", "lymph-nodes", "--data", "my patches")

    study = load_study("deep/er/file.yaml")
    assert study.name == "lymph-nodes"
    assert study.data.folder == tmp_path / "my patches"
    assert study.data.sample is None


def test_an_absolute_data_folder_stays_absolute() -> None:
    hpo("init", "mine.yaml", "--data", "/data/pcam")

    assert "  folder: /data/pcam\n" in Path("mine.yaml").read_text()


def test_a_study_that_is_there_is_kept_unless_forced() -> None:
    hpo("init", "mine.yaml")
    Path("mine.yaml").write_text("mine\n")
    Path("mine.search_space.yaml").write_text(Path("mine.search_space.yaml").read_text() + "# edited\n")

    with pytest.raises(HpoError, match=r"mine\.yaml already exists; --force replaces it and its search space"):
        hpo("init", "mine.yaml")
    assert Path("mine.yaml").read_text() == "mine\n"

    assert hpo("init", "mine.yaml", "--force").splitlines()[0] == "wrote mine.yaml"
    assert load_study("mine.yaml").name == "mine"
    assert Path("mine.search_space.yaml").read_text().endswith("# edited\n")


@pytest.mark.parametrize(
    ("name", "content"),
    [("study.db", b"SQLite format 3\x00"), ("x.yaml", b"\x89HDF"), ("thesis.tex", b"years of work")],
)
def test_what_is_no_study_file_is_kept_even_if_forced(name: str, content: bytes) -> None:
    Path(name).write_bytes(content)
    with pytest.raises(HpoError, match="already exists and is not a study file; --force replaces study files only"):
        hpo("init", name, "--force")
    assert Path(name).read_bytes() == content


def test_a_name_that_is_not_safe_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(HpoError, match=r"'my study' is not a valid study name: .* choose one with --name"):
        hpo("init", "my study.yaml")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HpoError, match="is a folder; name the file to write"):
        hpo("init", str(tmp_path), "--name", "mine", "--force")


def test_schemas_are_written_and_listed() -> None:
    output = hpo("schema", "place")

    assert output.splitlines() == [f"wrote place/{name}" for name in SCHEMAS]
    assert sorted(path.name for path in Path("place").iterdir()) == sorted(SCHEMAS)
