"""Ctrl-C and SIGTERM."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from hpo.run import signals
from hpo.run.signals import stopping


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_to_stop_and_the_second_stops_at_once(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    with stopping() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.wait(10)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before
    assert capsys.readouterr().err == "stopping after this epoch; press again to stop at once\n"


def test_the_event_is_set_though_nobody_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in ``hpo run study.yaml 2>&1 | tee log``, where Ctrl-C ends tee first."""

    def broken(*_arguments: object) -> None:
        raise SystemExit(1)  # what rich makes of a broken pipe

    monkeypatch.setattr(signals.err, "print", broken)
    with stopping() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(10)


def test_a_signal_in_the_middle_of_a_wait_for_the_event_is_heard() -> None:
    for _ in range(200):
        with stopping() as stop:
            killer = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT))
            killer.start()
            while not stop.wait(0.00001):
                pass
            killer.join()
