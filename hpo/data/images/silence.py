"""Silence for libraries in C that write to standard error by themselves."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def libraries_silenced() -> Iterator[None]:
    """Descriptor 2 leads nowhere within, as libtiff reports there what Pillow raises; ``sys.stderr`` goes on.

    Without a descriptor 2 nothing is done. It is for one thread at a time, which may have others decode.
    """
    try:
        kept = os.dup(2)
    except OSError:
        yield
        return
    before = sys.stderr
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        writes_there = before is not None and before.fileno() == 2
    except (OSError, ValueError, AttributeError):
        writes_there = False
    with os.fdopen(
        kept, "w", encoding=getattr(before, "encoding", None), errors="backslashreplace", buffering=1
    ) as copy:
        if writes_there:
            before.flush()
            sys.stderr = copy
        os.dup2(nowhere, 2)
        try:
            yield
        finally:
            copy.flush()
            os.dup2(kept, 2)
            os.close(nowhere)
            if writes_there:
                sys.stderr = before
