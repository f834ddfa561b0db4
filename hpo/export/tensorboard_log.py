"""A study as TensorBoard event files: every metric of every epoch, and the HParams page's table of runs.

TensorFlow is not needed: TensorBoard's own record writer makes the event files, with the times at which the epochs
really ended, and under one name each, so that a second export replaces the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.export.atomic import replacing
from hpo.export.runs import Run, ended_runs
from hpo.recipe.point import Value
from hpo.results.study import StudyResults

_EVENT_FILE = "events.out.tfevents.0000000000.hpo"  # TensorBoard looks for the middle part


def write_event_files(
    results: StudyResults, folder: Path, on_run: Callable[[int, int], object] = lambda _done, _total: None
) -> int:
    """Write ``FOLDER/STUDY``, with one folder of event files for each run of `ended_runs`.

    Args:
        results: of a study, which may still be running.
        folder: TensorBoard's ``--logdir``; other studies in it stay as they are.
        on_run: takes the number of runs written so far, and of all.

    Returns:
        How many runs there are.

    Raises:
        StorageError: if a file cannot be written.
    """
    runs = list(ended_runs(results))
    root = folder / results.settings.name
    _write(root / _EVENT_FILE, [_table_event(runs)])
    for number, run in enumerate(runs, 1):
        _write(root / run.name / _EVENT_FILE, _events(root.name, run))
        on_run(number, len(runs))
    return len(runs)


def _events(study: str, run: Run) -> Iterable[Any]:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2, summary_v2

    ended = run.times[-1] if run.times else run.began
    start = summary_v2.hparams_pb(dict(run.settings), trial_id=f"{study}/{run.name}", start_time_secs=run.began)
    yield Event(wall_time=run.began, summary=start)
    for epoch, (metrics, at) in enumerate(zip(run.curve, run.times, strict=True), 1):
        yield _scalars(metrics, epoch, at)
    yield _scalars(run.final, len(run.curve), ended)
    status = api_pb2.STATUS_FAILURE if run.failed else api_pb2.STATUS_SUCCESS
    end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=ended)
    content = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(session_end_info=end))
    event = Event(wall_time=ended)
    event.summary.value.add(tag=metadata.SESSION_END_INFO_TAG, metadata=content, tensor=metadata.NULL_TENSOR)
    yield event


def _scalars(metrics: Mapping[str, float], epoch: int, at: float) -> Any:
    from tensorboard.compat.proto.event_pb2 import Event

    event = Event(wall_time=at, step=epoch)
    for name, value in metrics.items():
        event.summary.value.add(tag=name, simple_value=value)
    return event


def _table_event(runs: Sequence[Run]) -> Any:
    """The columns of the HParams page: what the runs differ in, and what they are judged by."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.hparams import summary_v2

    values: dict[str, set[Value]] = {}
    for run in runs:
        for name, value in run.settings.items():
            values.setdefault(name, set()).add(value)
    settings = [summary_v2.HParam(name, _domain(found)) for name, found in values.items()]
    metrics = list(dict.fromkeys(name for run in runs for name in (*run.final, *(run.curve[-1] if run.curve else ()))))
    began = min((run.began for run in runs), default=0.0)
    config = summary_v2.hparams_config_pb(
        settings, [summary_v2.Metric(name) for name in metrics], time_created_secs=began
    )
    return Event(wall_time=began, summary=config)


def _domain(values: set[Value]) -> Any:
    """All values of words; the interval of numbers."""
    from tensorboard.plugins.hparams import summary_v2

    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        numbers = [float(value) for value in values]
        return summary_v2.RealInterval(min(numbers), max(numbers))
    return summary_v2.Discrete(sorted(values, key=str))


def _write(path: Path, events: Iterable[Any]) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    with replacing(path) as temporary, temporary.open("wb") as file:
        writer = RecordWriter(file)
        writer.write(Event(file_version="brain.Event:2").SerializeToString())
        for event in events:
            writer.write(event.SerializeToString())
