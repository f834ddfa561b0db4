"""What a worker works with, and what makes it stop."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from hpo.errors import StopRequestedError
from hpo.storage.workers import RegisteredWorker, end_worker, live_workers
from hpo.worker.work import work_once
from hpo.worker.worker import open_worker
from tests.worker.conftest import OWNER, RATES, Workshop

Open = Callable[..., Workshop]


def registered(shop: Workshop) -> list[RegisteredWorker]:
    with shop.database.transaction() as session:
        return [one for one in live_workers(session, shop.study.name) if one.owner == "opened"]


def test_an_open_worker_is_in_the_register_with_its_device_and_works(open_workshop: Open) -> None:
    shop, stop = open_workshop(**RATES), threading.Event()
    shop.database.run(end_worker, shop.study.name, OWNER)  # else it waits for that one's mark
    with open_worker(shop.study, shop.database, shop.worker.dataset, "opened", shop.watcher, stop) as worker:
        (found,) = registered(shop)
        assert found.device.startswith("CPU, ")
        assert work_once(worker) == "something"
        assert [point.owner for point in shop.points() if point.state == "complete"] == ["opened"]
    assert registered(shop) == []


def test_a_worker_stops_at_once_when_it_is_told_so_by_a_signal_or_by_hpo_stop(open_workshop: Open) -> None:
    worker = open_workshop().worker
    worker.check_stop()
    worker.heartbeat.stop_mode = "drain"
    worker.check_stop()
    worker.heartbeat.stop_mode = "now"
    with pytest.raises(StopRequestedError):
        worker.check_stop()
    worker.heartbeat.stop_mode = None
    worker.stop.set()
    with pytest.raises(StopRequestedError):
        worker.check_stop()
