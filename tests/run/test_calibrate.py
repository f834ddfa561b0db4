"""How fast this machine trains."""

from __future__ import annotations

from collections.abc import Callable

from hpo.run.calibrate import measure_speed
from tests.worker.conftest import Workshop

Open = Callable[..., Workshop]


def test_calibration_measures_and_leaves_nothing_behind(open_workshop: Open) -> None:
    shop = open_workshop()
    start, each = measure_speed(shop.study, shop.worker.dataset, "tiny")
    assert 0 <= start < 0.5, "nothing was compiled in it"
    assert 0 < each < 1
    assert not list(shop.study.output.rglob("*.h5"))
