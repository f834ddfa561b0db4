"""Progress of long-running work on data."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with what is being worked on, how much of it is done, and how much there is (bytes, patches or images)."""


def silent(_what: str, _done: int, _total: int) -> None:
    """Tells nobody."""
