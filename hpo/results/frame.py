"""Results as pandas DataFrames, where pandas is installed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from hpo.errors import HpoError
from hpo.evaluation.fold_curves import fold_name
from hpo.results.trainings import TrialResult

if TYPE_CHECKING:
    import pandas as pd


def trials_frame(trials: Iterable[TrialResult]) -> pd.DataFrame:
    """One row per trial; see `hpo.results.study.StudyResults.to_frame` for the columns.

    Raises:
        HpoError: if pandas is not installed.
    """
    pandas = _pandas()
    return pandas.DataFrame(
        {
            "stage": trial.stage,
            "architecture": trial.architecture,
            "number": trial.number,
            "state": trial.state,
            "objective": trial.objective,
            "standard_error": trial.standard_error,
            "recipe_key": trial.recipe_key,
            "finished_at": pandas.to_datetime(trial.finished_at, unit="s", utc=True),
            **trial.point,
            **{name: value for name, value in trial.metrics.items() if name.startswith("valid_")},
            **{fold_name(number): value for number, value in enumerate(trial.folds.values)},
        }
        for trial in trials
    )


def texts_frame(rows: Sequence[Sequence[str]], columns: Sequence[str]) -> pd.DataFrame:
    """A table of texts.

    Raises:
        HpoError: if pandas is not installed.
    """
    return _pandas().DataFrame(rows, columns=columns)


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as error:
        raise HpoError("a DataFrame needs pandas, which is not installed: pip install pandas") from error
    return pandas
