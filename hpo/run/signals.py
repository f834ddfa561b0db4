"""Ctrl-C and SIGTERM: the first asks to stop after the epoch, the second stops at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hpo.terminal import err


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C or SIGTERM sets; the second one raises `KeyboardInterrupt`."""
    stop, asked = threading.Event(), False
    reader, writer = os.pipe()

    # A thread sets the event. A handler runs in the middle of whatever the main thread is doing; if that is a wait for
    # the event, the handler would wait for the event's own lock, for ever.
    def relay() -> None:
        if os.read(reader, 1):
            stop.set()
            with suppress(Exception, SystemExit):  # whoever listened may be gone already, or the disk of the log full
                err.print("stopping after this epoch; press again to stop at once")

    def ask(_number: int, _frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        os.write(writer, b"!")

    thread = threading.Thread(target=relay, name="signals", daemon=True)
    thread.start()
    previous = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        os.close(writer)
        thread.join()
        os.close(reader)
