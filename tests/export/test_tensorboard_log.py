"""TensorBoard's own reader finds in the event files what the study found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.plugins.hparams import api_pb2, metadata

from hpo.export.runs import ended_runs
from hpo.export.tensorboard_log import write_event_files
from hpo.results.study import StudyResults
from tests.results.invented import invent_study


@pytest.fixture(scope="module")
def results() -> StudyResults:
    return invent_study(("model1", "model2"), seeds=(0, 1))


@pytest.fixture(scope="module")
def logs(results: StudyResults, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    assert write_event_files(results, folder) == len(results.trials) + len(results.confirmations)
    return folder


def events(folder: Path) -> list[Any]:
    (file,) = (path for path in folder.iterdir() if path.is_file())
    assert "tfevents" in file.name, "TensorBoard goes by this"
    return list(LegacyEventFileLoader(str(file)).Load())


def test_every_metric_of_every_epoch_is_a_scalar_at_its_step_and_time(results: StudyResults, logs: Path) -> None:
    for run in ended_runs(results):
        scalars = {
            (value.tag, event.step): (value.simple_value, event.wall_time)
            for event in events(logs / "invented" / run.name)
            for value in event.summary.value
            if not value.HasField("metadata")
        }
        expected = {
            (name, epoch): (pytest.approx(value, abs=1e-6), at)
            for epoch, (metrics, at) in enumerate(zip(run.curve, run.times, strict=True), 1)
            for name, value in metrics.items()
        }
        last = run.times[-1] if run.times else run.began
        expected |= {
            (name, len(run.curve)): (pytest.approx(value, abs=1e-6), last) for name, value in run.final.items()
        }
        assert scalars == expected


def test_the_hparams_page_knows_settings_group_and_outcome(results: StudyResults, logs: Path) -> None:
    for run in ended_runs(results):
        said = {
            value.tag: metadata.parse_session_start_info_plugin_data(value.metadata.plugin_data.content)
            if value.tag == metadata.SESSION_START_INFO_TAG
            else metadata.parse_session_end_info_plugin_data(value.metadata.plugin_data.content)
            for event in events(logs / "invented" / run.name)
            for value in event.summary.value
            if value.HasField("metadata")
        }
        start, end = said[metadata.SESSION_START_INFO_TAG], said[metadata.SESSION_END_INFO_TAG]
        found = {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()}
        assert found == dict(run.settings)
        assert start.group_name == f"invented/{run.name}"
        assert end.status == (api_pb2.STATUS_FAILURE if run.failed else api_pb2.STATUS_SUCCESS)


def test_its_columns_are_all_settings_and_metrics(results: StudyResults, logs: Path) -> None:
    _, event = events(logs / "invented")
    (value,) = event.summary.value
    experiment = metadata.parse_experiment_plugin_data(value.metadata.plugin_data.content)
    columns = {info.name: info for info in experiment.hparam_infos}
    assert columns.keys() == {name for run in ended_runs(results) for name in run.settings}
    assert [one.string_value for one in columns["architecture"].domain_discrete.values] == ["model1", "model2"]
    rates = columns["learning_rate"].domain_interval
    assert (rates.min_value, rates.max_value) == (0.001, 0.1)
    tags = {info.name.tag for info in experiment.metric_infos}
    assert {"objective", "test_auc", "valid_auc", "valid_loss"} <= tags


def test_a_second_export_replaces_the_first_by_the_same_bytes(results: StudyResults, logs: Path) -> None:
    before = {path: path.read_bytes() for path in logs.rglob("*") if path.is_file()}
    write_event_files(results, logs)
    assert {path: path.read_bytes() for path in logs.rglob("*") if path.is_file()} == before


def test_a_study_without_a_trial_has_a_table_without_rows(results: StudyResults, tmp_path: Path) -> None:
    assert write_event_files(StudyResults(results.settings), tmp_path) == 0
    assert len(events(tmp_path / "invented")) == 2


WITHOUT_TENSORFLOW = """
import sys
from pathlib import Path
from hpo.export.tensorboard_log import write_event_files
from tests.results.invented import invent_study

write_event_files(invent_study(("model1",), seeds=(0,)), Path(sys.argv[1]))
print(sorted({"tensorflow", "keras"} & set(sys.modules)))
"""


def test_tensorflow_is_not_needed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, str(tmp_path)]
    ran = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
