"""A study as MLflow runs: one for the study, and below it one for each trial and each final training.

MLflow 3 keeps runs in a database, ``sqlite:///FILE`` or a server's, and takes a plain folder no more.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.errors import StorageError
from hpo.export.runs import Run, ended_runs
from hpo.recipe.key import digest
from hpo.results.study import StudyResults
from hpo.results.words import SIDE_WORDS

_DIGEST = "hpo.digest"
"""Tag of a run: of what was logged, so that nothing is logged twice."""

_STUDY = "hpo.study"
"""Tag of a study's own run."""

_BATCH = 1000  # metrics that MLflow takes at once
_PAGE = 1000  # runs that it gives at once


def log_to_mlflow(
    results: StudyResults,
    uri: str,
    files: Sequence[Path],
    root: Path,
    on_run: Callable[[int, int], object] = lambda _done, _total: None,
) -> int:
    """Log a study to the experiment of its name; runs that are there already stay as they are.

    Args:
        results: of a study, which may still be running.
        uri: of the tracking server or database.
        files: to be kept with the study's run.
        root: their common folder, below which they keep their places.
        on_run: takes the number of runs logged so far, and of all.

    Returns:
        How many runs are new.

    Raises:
        StorageError: if MLflow cannot be reached, or does not take what it is given.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # what a study is about is nobody else's business
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # its own 7 take four minutes
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    for name in ("mlflow", "alembic"):  # which tell of each table that they make
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        log = _Log(MlflowClient(tracking_uri=uri, registry_uri=uri), results)
        new = log.add_runs(list(ended_runs(results)), on_run)
        log.update_study(results, files, root)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise StorageError(f"--mlflow: {reason}") from error
    return new


class _Log:
    """The MLflow experiment of a study's name, and what it holds.

    Args:
        client: MLflow's.
        results: the study's.
    """

    def __init__(self, client: Any, results: StudyResults) -> None:
        self._client, name = client, results.settings.name
        found = client.get_experiment_by_name(name)
        self._experiment: str = client.create_experiment(name) if found is None else found.experiment_id
        self._logged: dict[str, tuple[str, str]] = {}  # from a run's name to its digest and MLflow's identity
        of_study = None
        for run in self._runs():
            key = run.data.tags.get(_DIGEST)
            if _STUDY in run.data.tags:
                of_study = run.info.run_id
            elif key is not None and run.info.status in ("FINISHED", "FAILED"):
                self._logged[run.info.run_name] = key, run.info.run_id
            elif key is not None:  # of an export that was interrupted
                client.delete_run(run.info.run_id)
        self._parent: str = of_study or self._create(name, _began(results), {_STUDY: name})

    def add_runs(self, runs: Sequence[Run], on_run: Callable[[int, int], object]) -> int:
        """Log the runs that are not there yet, or not as they are now; returns how many those are."""
        new = 0
        for number, run in enumerate(runs, 1):
            key = digest({"settings": dict(run.settings), "curve": run.curve, "final": run.final, "tags": run.tags})
            known, identity = self._logged.get(run.name, ("", ""))
            if key != known:
                self._add(run, key)
                new += 1
                if identity:  # as it was logged before it was tested, or judged by another objective
                    self._client.delete_run(identity)
            on_run(number, len(runs))
        return new

    def update_study(self, results: StudyResults, files: Sequence[Path], root: Path) -> None:
        """Bring the study's own run up to date."""
        settings = results.settings
        at = max((entry.at for entry in results.epochs), default=0.0)
        metrics = {}
        for architecture, sides in results.comparison.items():
            comparison = sides.before_after
            for name, metric in comparison.metrics.items() if comparison is not None else ():
                for side in ("before", "after", "difference"):
                    metrics[f"{architecture}/test_{name}_{side}"] = getattr(metric, side).value
            if sides.baseline == "equal" and "before" in sides.measured:
                for name, estimate in sides.measured["before"].metrics.items():
                    metrics[f"{architecture}/test_{name}_by_stage1_rules"] = estimate.value
        parameters = {
            "architectures": ", ".join(settings.architectures),
            "objective": settings.objective.metric,
            "stage1_design": settings.stage1.design,
            "stage2_design": settings.stage2.design,
            "warm_start": "searched" if settings.stage2.tunes_start else settings.stage2.warm_start,
            "before": SIDE_WORDS["equal" if settings.confirm.equal_training else "before"],
        }
        known = self._client.get_run(self._parent).data.params
        # MLflow lets no parameter change, and an edited study has others: a tag says what it is now.
        changed = {f"hpo.{name}": value for name, value in parameters.items() if known.get(name, value) != value}
        self._log(self._parent, [(metrics, 0, at)], {name: parameters[name] for name in parameters.keys() - known})
        tags = {f"hpo.version.{name}": version for name, version in results.versions.items()} | changed
        if results.data is not None:
            tags |= {"hpo.data_digest": results.data.digest, "hpo.test_digest": results.data.test_digest}
        for name, value in tags.items():
            self._client.set_tag(self._parent, name, value)
        for path in files:
            place = path.relative_to(root).parent.as_posix()
            self._client.log_artifact(self._parent, str(path), None if place == "." else place)
        if results.is_finished:
            self._client.set_terminated(self._parent, "FINISHED", _milliseconds(at))

    def _add(self, run: Run, key: str) -> None:
        tags = {f"hpo.{name}": value for name, value in run.tags.items()}
        identity = self._create(run.name, run.began, {"mlflow.parentRunId": self._parent, _DIGEST: key, **tags})
        ended = run.times[-1] if run.times else run.began
        epochs = [(metrics, epoch, at) for epoch, (metrics, at) in enumerate(zip(run.curve, run.times, strict=True), 1)]
        self._log(identity, [*epochs, (run.final, len(run.curve), ended)], run.settings)
        self._client.set_terminated(identity, "FAILED" if run.failed else "FINISHED", _milliseconds(ended))

    def _create(self, name: str, began: float, tags: Mapping[str, str]) -> str:
        made = self._client.create_run(
            self._experiment, start_time=_milliseconds(began), tags=dict(tags), run_name=name
        )
        identity: str = made.info.run_id
        return identity

    def _log(
        self, run: str, metrics: Iterable[tuple[Mapping[str, float], int, float]], parameters: Mapping[str, Any]
    ) -> None:
        """Log metrics, each group with its step and time, and parameters."""
        from mlflow.entities import Metric, Param

        listed = [
            # A metric of the user's own has the digest of its source after a sign that MLflow refuses in names.
            Metric(name.partition("#")[0], value, _milliseconds(at), step)
            for group, step, at in metrics
            for name, value in group.items()
        ]
        self._client.log_batch(run, params=[Param(name, str(value)) for name, value in parameters.items()])
        for first in range(0, len(listed), _BATCH):
            self._client.log_batch(run, metrics=listed[first : first + _BATCH])

    def _runs(self) -> Iterable[Any]:
        token = None
        while True:
            page = self._client.search_runs([self._experiment], max_results=_PAGE, page_token=token)
            yield from list(page)
            token = page.token
            if not token:
                return


def _began(results: StudyResults) -> float:
    return min((entry.at - entry.seconds for entry in results.epochs), default=0.0)


def _milliseconds(seconds: float) -> int:
    return round(1000 * seconds)
