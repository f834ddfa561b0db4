"""A study in MLflow: one run with a run below it for each training, none of them twice."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run as MlflowRun

from hpo.errors import StorageError
from hpo.export.mlflow_log import log_to_mlflow
from hpo.export.runs import ended_runs
from hpo.results.study import StudyResults
from tests.results.invented import invent_study


def _few(results: StudyResults) -> StudyResults:
    """Six trials of either stage and all final trainings: MLflow takes a third of a second for each."""
    stages = [[trial for trial in results.trials if trial.stage == stage] for stage in ("stage1", "stage2")]
    return replace(results, trials=(*stages[0][:6], *stages[1][-6:]))


@dataclass(frozen=True)
class Logged:
    """An MLflow database that holds a study."""

    results: StudyResults
    uri: str
    folder: Path

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def log(self, results: StudyResults | None = None) -> int:
        files = [self.folder / "best_config.yaml", self.folder / "model1" / "model.h5"]
        return log_to_mlflow(results or self.results, self.uri, files, self.folder)

    def runs(self) -> dict[str, MlflowRun]:
        experiment = self.client.get_experiment_by_name("invented")
        assert experiment is not None
        found = self.client.search_runs([experiment.experiment_id], max_results=1000)
        assert len({run.info.run_name for run in found}) == len(found), "a run was logged twice"
        return {run.info.run_name: run for run in found}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logged]:
    folder = tmp_path_factory.mktemp("mlflow")
    (folder / "model1").mkdir()
    (folder / "best_config.yaml").write_text("kind: best_config\n")
    (folder / "model1" / "model.h5").write_bytes(b"weights")
    logged = Logged(_few(invent_study(("model1",), seeds=(0, 1))), f"sqlite:///{folder / 'mlflow.db'}", folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # MLflow keeps files beside where it is called
        assert logged.log() == len(logged.results.trials) + len(logged.results.confirmations)
        yield logged


@pytest.fixture
def logged(first: Logged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Logged:
    """The same in a place of its own: making the tables takes MLflow several seconds."""
    shutil.copy(first.folder / "mlflow.db", tmp_path)
    monkeypatch.chdir(tmp_path)
    return replace(first, uri=f"sqlite:///{tmp_path / 'mlflow.db'}")


def test_each_training_is_a_run_below_the_studys(first: Logged) -> None:
    runs = first.runs()
    assert runs.keys() == {"invented", *(run.name for run in ended_runs(first.results))}
    parent = runs.pop("invented")
    assert "mlflow.parentRunId" not in parent.data.tags
    assert {run.data.tags["mlflow.parentRunId"] for run in runs.values()} == {parent.info.run_id}


def test_a_run_has_settings_final_metrics_times_and_outcome(first: Logged) -> None:
    runs = first.runs()
    for run in ended_runs(first.results):
        found = runs[run.name]
        assert found.data.params == {name: str(value) for name, value in run.settings.items()}
        last = dict(run.curve[-1]) if run.curve else {}
        assert found.data.metrics == pytest.approx(last | dict(run.final))
        assert found.info.status == ("FAILED" if run.failed else "FINISHED")
        assert found.info.start_time == round(1000 * run.began)
        assert found.data.tags["hpo.recipe_key"] == run.tags["recipe_key"]


def test_metrics_are_logged_for_each_epoch(first: Logged) -> None:
    run = next(run for run in ended_runs(first.results) if run.name == "confirm/model1/after-1")
    history = first.client.get_metric_history(first.runs()[run.name].info.run_id, "valid_auc")
    found = sorted((one.step, one.value, one.timestamp) for one in history)
    expected = [
        (epoch, metrics["valid_auc"], round(1000 * at))
        for epoch, (metrics, at) in enumerate(zip(run.curve, run.times, strict=True), 1)
    ]
    assert found == expected


def test_the_studys_run_has_the_comparison_and_the_files(first: Logged) -> None:
    parent = first.runs()["invented"]
    comparison = first.results.comparison["model1"].before_after
    assert comparison is not None
    assert parent.data.metrics["model1/test_auc_difference"] == comparison.metrics["auc"].difference.value
    assert parent.data.metrics["model1/test_f1_before"] == comparison.metrics["f1"].before.value
    assert parent.info.status == "FINISHED"
    assert first.results.data is not None
    assert parent.data.tags["hpo.data_digest"] == first.results.data.digest
    top = {one.path for one in first.client.list_artifacts(parent.info.run_id)}
    assert top == {"best_config.yaml", "model1"}
    assert [one.path for one in first.client.list_artifacts(parent.info.run_id, "model1")] == ["model1/model.h5"]


def test_logging_again_adds_nothing(logged: Logged) -> None:
    before = {name: run.to_dictionary() for name, run in logged.runs().items()}
    assert logged.log() == 0
    assert {name: run.to_dictionary() for name, run in logged.runs().items()} == before


def test_what_has_ended_since_is_added(logged: Logged) -> None:
    newest = replace(logged.results.trials[0], number=99)
    assert logged.log(replace(logged.results, trials=(*logged.results.trials, newest))) == 1
    assert "stage1/model1/99" in logged.runs()


def test_a_training_that_has_been_tested_since_is_still_one_run(logged: Logged) -> None:
    settings = replace(logged.results.settings, name="tested later")
    tested = replace(logged.results, settings=settings, trials=(), confirmations=logged.results.confirmations[:1])
    closed = replace(tested, confirmations=(replace(tested.confirmations[0], test_probabilities=None),))
    assert (logged.log(closed), logged.log(tested), logged.log(tested)) == (1, 1, 0)
    experiment = logged.client.get_experiment_by_name("tested later")
    assert experiment is not None
    runs = sorted(logged.client.search_runs([experiment.experiment_id]), key=lambda run: str(run.info.run_name))
    assert [run.info.run_name for run in runs] == ["confirm/model1/before-0", "tested later"]
    assert "test_auc" in runs[0].data.metrics


def test_an_edited_study_is_logged_too(logged: Logged) -> None:
    settings = replace(logged.results.settings, architectures=("model1", "model2"))
    assert logged.log(replace(logged.results, settings=settings)) == 0
    parent = logged.runs()["invented"]
    assert parent.data.params["architectures"] == "model1"
    assert parent.data.tags["hpo.architectures"] == "model1, model2"


def test_a_run_whose_logging_was_interrupted_is_logged_again(logged: Logged) -> None:
    victim = logged.runs()["stage2/model1/9"].info.run_id
    logged.client.update_run(victim, status="RUNNING")
    assert logged.log() == 1
    again = logged.runs()["stage2/model1/9"]
    assert again.info.run_id != victim
    assert again.info.status == "FINISHED"


def test_a_study_that_still_runs_has_a_run_that_still_runs(logged: Logged) -> None:
    settings = replace(logged.results.settings, name="begun")
    results = replace(logged.results, settings=settings, trials=logged.results.trials[:1], confirmations=())
    assert logged.log(results) == 1
    experiment = logged.client.get_experiment_by_name("begun")
    assert experiment is not None
    runs = logged.client.search_runs([experiment.experiment_id])
    assert {run.info.run_name: run.info.status for run in runs} == {"begun": "RUNNING", "stage1/model1/0": "FINISHED"}


def test_a_metric_of_the_users_own_is_logged_under_its_name(logged: Logged) -> None:
    trial = logged.results.trials[0]
    curve = [metrics | {"valid_mine:cost#0123abcd": -0.5} for metrics in trial.curve]
    settings = replace(logged.results.settings, name="own")
    results = replace(
        logged.results, settings=settings, trials=(replace(trial, curve=curve),), confirmations=(), compute=()
    )
    assert logged.log(results) == 1
    experiment = logged.client.get_experiment_by_name("own")
    assert experiment is not None
    runs = {run.info.run_name: run for run in logged.client.search_runs([experiment.experiment_id])}
    assert runs["stage1/model1/0"].data.metrics["valid_mine:cost"] == -0.5


def test_a_store_that_cannot_be_reached_or_used_is_one_line(logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for uri, reason in (("http://127.0.0.1:9", "Connection refused"), ("runs/mlflow", "sqlite:///")):
        with pytest.raises(StorageError, match=reason) as refused:
            replace(logged, uri=uri).log()
        assert "\n" not in str(refused.value)
