"""What the operating system refuses, each with its own advice."""

from __future__ import annotations

import errno

import pytest

from hpo.file_faults import described


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left on the disk; free some"),
        (errno.EACCES, "permission denied; get the right"),
        (errno.EROFS, "the file system is read-only; name another place"),
        (errno.ENAMETOOLONG, "the name is too long"),
        (errno.EMFILE, "too many files are open in this process; raise the limit"),
        (errno.ESTALE, "stale handle"),
    ],
)
def test_the_number_says_what_is_wrong_and_what_to_do(number: int, words: str) -> None:
    line = described(OSError(number, "the system's words", "/data/x.h5"))
    assert line.startswith("/data/x.h5: ")
    assert words in line


def test_another_number_has_the_systems_own_words() -> None:
    assert described(OSError(errno.EXDEV, "Invalid cross-device link", "/a", None, "/b")) == (
        "/a to /b: Invalid cross-device link"
    )
