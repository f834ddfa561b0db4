from __future__ import annotations

import os
import sys

import pytest

from hpo.data.images.silence import libraries_silenced


def test_descriptor_2_is_silent_within_and_speaks_again_after(capfd: pytest.CaptureFixture[str]) -> None:
    with libraries_silenced():
        os.write(2, b"a library in C\n")
        sys.stderr.write("progress\n")
    os.write(2, b"after\n")

    assert capfd.readouterr().err.split() == ["progress", "after"]


def test_it_ends_with_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), libraries_silenced():
        raise KeyError
    os.write(2, b"after\n")

    assert capfd.readouterr().err == "after\n"
