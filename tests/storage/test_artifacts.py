"""Trials' files, in a folder, in memory and on S3: Optuna's own functions find them, and the id names the content."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import optuna
import pytest
from optuna.artifacts.exceptions import ArtifactNotFound

from hpo.storage.artifacts import ArtifactFiles, curve_artifact
from hpo.storage.files import Files
from tests.storage.places import files_of

CURVE = [{"train_loss": 0.7, "valid_auc": 1 / 3}, {"train_loss": 0.5, "valid_auc": 0.9}]
STAGE = "study/stage1/model1"


@pytest.fixture
def store(store_url: str) -> ArtifactFiles:
    return ArtifactFiles(Files(store_url))


def test_what_optuna_uploads_it_downloads_again(store: ArtifactFiles, tmp_path: Path) -> None:
    (tmp_path / "curve.csv").write_bytes(b"epoch\n1\n")
    study = optuna.create_study()
    artifact_id = optuna.artifacts.upload_artifact(
        artifact_store=store, file_path=str(tmp_path / "curve.csv"), study_or_trial=study
    )
    optuna.artifacts.download_artifact(
        artifact_store=store, file_path=str(tmp_path / "again.csv"), artifact_id=artifact_id
    )
    assert (tmp_path / "again.csv").read_bytes() == b"epoch\n1\n"


def test_what_is_kept_lies_in_a_folder_of_its_own(store: ArtifactFiles, store_url: str) -> None:
    artifact = curve_artifact(STAGE, "point 1", CURVE)
    store.keep(artifact)
    store.keep(artifact)
    assert files_of(store_url) == {f"artifacts/{artifact.id}": artifact.content}
    with store.open_reader(artifact.id) as reader:
        assert reader.read() == artifact.content


def test_what_is_removed_is_not_there_any_more(store: ArtifactFiles) -> None:
    artifact = curve_artifact(STAGE, "point 1", CURVE)
    store.write(artifact.id, io.BytesIO(artifact.content))
    store.remove(artifact.id)
    with pytest.raises(ArtifactNotFound, match=artifact.id):
        store.open_reader(artifact.id)


@pytest.mark.parametrize("artifact_id", ["../study.db", "a/b", "..", "", "a" * 129, "name with spaces", "a\n"])
def test_an_id_that_could_lead_elsewhere_names_nothing(tmp_path: Path, artifact_id: str) -> None:
    store = ArtifactFiles(Files(tmp_path))
    (tmp_path / "study.db").write_text("secret")
    for use in (store.open_reader, store.remove, lambda name: store.write(name, io.BytesIO(b""))):
        with pytest.raises(ArtifactNotFound):
            use(artifact_id)
    assert files_of(str(tmp_path)) == {"study.db": b"secret"}


def test_the_csv_has_a_row_an_epoch_and_every_digit() -> None:
    artifact = curve_artifact(STAGE, "point 1", CURVE)
    assert (artifact.filename, artifact.mimetype) == ("curve.csv", "text/csv")
    header, *rows = csv.reader(io.StringIO(artifact.content.decode()))
    assert header == ["epoch", "train_loss", "valid_auc"]
    assert [[float(cell) for cell in row] for row in rows] == [[1, 0.7, 1 / 3], [2, 0.5, 0.9]]


def test_a_metric_that_an_epoch_lacks_is_an_empty_cell() -> None:
    lines = curve_artifact(STAGE, "point 1", [{"valid_auc": 0.5}, {"valid_loss": 0.25}]).content.decode().splitlines()
    assert lines == ["epoch,valid_auc,valid_loss", "1,0.5,", "2,,0.25"]


def test_the_id_is_hexadecimal_and_of_this_point_and_content_alone() -> None:
    first = curve_artifact(STAGE, "point 1", CURVE)
    assert first == curve_artifact(STAGE, "point 1", [dict(metrics) for metrics in CURVE])
    assert set(first.id) <= set("0123456789abcdef"), "what optuna-dashboard's addresses take"
    others = [
        curve_artifact("study/stage2/model1", "point 1", CURVE),
        curve_artifact(STAGE, "point 2", CURVE),
        curve_artifact(STAGE, "point 1", CURVE[:1]),
    ]
    assert len({artifact.id for artifact in [first, *others]}) == 4
