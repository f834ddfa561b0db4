"""A user's function is found wherever its module binds the name at the top level."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.config.function_source import read_function


def found(folder: Path, source: str) -> tuple[str, ...] | None:
    (folder / "nets.py").write_text(source)
    return read_function("nets:build", folder).arguments


@pytest.mark.parametrize(
    "source",
    [
        "build: object = make()\n",
        "try:\n    from fast import build\nexcept ImportError:\n    def build(shape): ...\n",
        "import sys\nif sys.platform == 'linux':\n    def build(shape): ...\n",
        "build, other = make()\n",
        "with opened() as build: pass\n",
        "import nets.build as build\n",
    ],
)
def test_a_name_that_is_not_simply_defined_is_found_without_its_arguments(tmp_path: Path, source: str) -> None:
    assert found(tmp_path, source) is None


def test_the_last_definition_counts(tmp_path: Path) -> None:
    assert found(tmp_path, "build = None\n\ndef build(shape, width=8, *, depth=2): ...\n") == ("width", "depth")
    assert found(tmp_path, "def build(shape, width=8): ...\n\nbuild: object = other(build)\n") is None


@pytest.mark.parametrize(
    "source", ["def other():\n    build = 1\n", "print(build)\n", "class Other:\n    def build(self): ...\n"]
)
def test_a_name_of_an_inner_scope_is_none_of_the_modules(tmp_path: Path, source: str) -> None:
    with pytest.raises(ValueError, match="defines no 'build'"):
        found(tmp_path, source)
