"""Retries while a database restarts, a store is unreachable, or a disk is full."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_random_exponential,
)

from hpo.secrets import without_secrets

_log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 10.0


def patiently(
    is_passing: Callable[[BaseException], bool], seconds: float, what: str, hurry: Event | None = None
) -> Retrying:
    """A caller that retries passing errors, with growing, random pauses.

    ``patiently(...)(function, *arguments)`` returns what the function returns.

    Args:
        is_passing: whether trying again may help after this exception.
        seconds: for how long; the last exception is raised then.
        what: that which is away, for the log: one warning line per pause.
        hurry: once set, nothing is tried again.
    """
    hurry = hurry or Event()

    def say(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        pause = state.next_action.sleep if state.next_action else 0.0
        _log.warning("%s: %s; trying again in %.1f s", what, first_line(error), pause)

    return Retrying(
        retry=retry_if_exception(is_passing),
        wait=wait_random_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS),
        stop=stop_after_delay(seconds) | stop_when_event_set(hurry),
        sleep=sleep_using_event(hurry),
        before_sleep=say,
        reraise=True,
    )


def first_line(error: BaseException | None) -> str:
    """The text of an error, in one line without secrets."""
    return without_secrets(str(error).strip().partition("\n")[0]) or type(error).__name__
