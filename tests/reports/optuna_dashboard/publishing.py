"""What several publishers do at once in the tests; apart from them, because each process imports this."""

from __future__ import annotations

from hpo.config.load import load_study
from hpo.reports.optuna_dashboard.publish import publish_study
from hpo.storage.database import open_database


def publish_in_a_process(_number: int, file: str, url: str, times: int) -> None:
    """What one of several processes does that publish at once."""
    database = open_database(url)
    for _ in range(times):
        publish_study(database, load_study(file))
    database.close()
