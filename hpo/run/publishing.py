"""Publishing after a closed stage: figures and notes for optuna-dashboard, if it is installed."""

from __future__ import annotations

from importlib.util import find_spec

from hpo.config.study import StudyFile
from hpo.storage.database import Database


def has_optuna_dashboard() -> bool:
    """Whether the optional package is installed."""
    return find_spec("optuna_dashboard") is not None


def publish_if_shown(study: StudyFile, database: Database) -> None:
    """Publish a study's figures and notes, if optuna-dashboard is installed."""
    if has_optuna_dashboard():
        from hpo.reports.optuna_dashboard.publish import publish_study

        publish_study(database, study)
