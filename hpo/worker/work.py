"""One turn of a worker: claim, work, and finish or give back."""

from __future__ import annotations

import logging
from functools import partial
from typing import Literal

from hpo.errors import (
    DataError,
    LeaseLostError,
    OutOfMemoryError,
    StopRequestedError,
    StoreUnavailableError,
    TrainingError,
)
from hpo.plain import in_a_line
from hpo.secrets import without_secrets
from hpo.storage.claims import claim_points
from hpo.storage.outcomes import stage_is_exhausted
from hpo.worker.publisher import Publisher
from hpo.worker.task import Task, fail, give_back, open_test_split, train
from hpo.worker.worker import Worker

_log = logging.getLogger(__name__)

Worked = Literal["nothing", "something", "the last of a stage"]
"""What a worker did; after the last point of a stage it is time to decide what follows."""


def work_once(worker: Worker) -> Worked:
    """Claim the next point, with all that share its recipe, and work on it to its end.

    Raises:
        PlanChangedError: if the study has another plan by now; nothing is claimed.
        StopRequestedError: if the worker was asked to stop; its claims have been given back.
        StoreUnavailableError: if database or checkpoint store stay out of reach; likewise, where that was possible.
        DataError: if the data have changed or cannot be read any more, which no point is to blame for; likewise.
    """
    database, settings = worker.database, worker.study.workers
    claims = database.run(
        claim_points, worker.study.name, worker.owner, settings.lease_seconds, settings=worker.settings
    )
    if not claims:
        return "nothing"
    exhausted = False
    is_exhausted = partial(stage_is_exhausted, stage_name=claims[0].stage_name)
    with worker.heartbeat.holding(claims) as lease, Publisher(database, lease) as publisher:
        task = Task(worker, lease, publisher)
        try:
            worker.observer.started(claims)
            if claims[0].stage == "test":
                open_test_split(task)
            else:
                train(task)
            exhausted = publisher.ask(is_exhausted)
            lease.check()
        except (StopRequestedError, StoreUnavailableError, DataError, KeyboardInterrupt):
            give_back(task)
            raise
        except LeaseLostError as error:
            _log.warning("%s; nothing is published", error)
            give_back(task)  # what is still ours
        except TrainingError as error:
            fail(task, str(error), max_attempts=settings.max_attempts if isinstance(error, OutOfMemoryError) else 0)
            exhausted = database.run(is_exhausted)
        except Exception as error:
            _log.info("%s: attempt %d failed", claims[0].stage_name, claims[0].attempt, exc_info=True)
            said = without_secrets(in_a_line(error))  # TensorFlow says much in many lines; the traceback's end is kept
            reason = f"attempt {claims[0].attempt}: {type(error).__name__}: {said}"
            fail(task, reason, max_attempts=settings.max_attempts, unforeseen=error)
            exhausted = database.run(is_exhausted)
    return "the last of a stage" if exhausted else "something"
