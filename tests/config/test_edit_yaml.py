"""Values are set in place: everything else of the file stays as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpo.config.edit_yaml import edited, set_values
from hpo.config.yaml_file import Location
from hpo.errors import ConfigError

FILE = Path("study.yaml")
TEXT = """\
# A study.
name: mine   # not 'yours'
stage2:
  epochs: 4
  trials: 8           # of each architecture
  recheck: {top: 2, seeds: 2}   # the best two

confirm:
  seeds:
  - 0   # the first
  - 1   # the last
  # and so on
output: ../runs/mine"""


@pytest.mark.parametrize(
    ("values", "before", "after"),
    [
        ({("stage2", "trials"): 18}, "trials: 8 ", "trials: 18 "),
        ({("stage2", "trials"): 2.5}, "trials: 8 ", "trials: 2.5 "),
        ({("name",): "other"}, "name: mine ", "name: other "),
        ({("name",): "007"}, "name: mine ", "name: '007' "),
        ({("name",): "it's: #1"}, "name: mine ", "name: 'it''s: #1' "),
        ({("stage2", "recheck", "seeds"): 5}, "seeds: 2}", "seeds: 5}"),
        ({("stage2", "recheck", "first"): True}, "seeds: 2}", "seeds: 2, first: true}"),
        ({("confirm", "seeds"): [0, 1, 5]}, "- 1   # the last\n", "- 1   # the last\n  - 5\n"),
        ({("confirm", "seeds"): [7]}, "seeds:\n  - 0   # the first\n  - 1 ", "seeds: [7] "),
        ({("output",): "../runs/other"}, "../runs/mine", "../runs/other"),
        ({("copy_of",): "mine"}, "../runs/mine", "../runs/mine\ncopy_of: mine"),
        ({("stage2", "minutes"): 3}, "# the best two\n", "# the best two\n  minutes: 3\n"),
        ({("stage2", "trials"): None}, "  trials: 8           # of each architecture\n", ""),
    ],
)
def test_a_value_is_set_and_all_else_stays(values: dict[Location, Any], before: str, after: str) -> None:
    assert TEXT.count(before) == 1
    assert edited(FILE, TEXT, values) == TEXT.replace(before, after)


def test_what_an_alias_stands_for_is_not_changed_behind_its_back() -> None:
    text = "a: &number 3\nb: {c: *number}\n"
    for location in (("a",), ("b", "c")):
        with pytest.raises(ConfigError, match="is an anchor or an alias; write the value itself"):
            edited(FILE, text, {location: 4})


def test_a_mapping_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"study\.yaml: name: is no mapping"):
        edited(FILE, TEXT, {("name", "first"): 1})


def test_a_file_keeps_its_rights_and_its_link(tmp_path: Path) -> None:
    file, link = tmp_path / "study.yaml", tmp_path / "link.yaml"
    file.write_text(TEXT)
    file.chmod(0o640)
    link.symlink_to(file)
    set_values(link, {("stage2", "trials"): 9})
    assert "trials: 9 " in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "study.yaml"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_file_keeps_its_line_ends(tmp_path: Path, end: bytes) -> None:
    file = tmp_path / "study.yaml"
    file.write_bytes(TEXT.encode().replace(b"\n", end))
    set_values(file, {("stage2", "trials"): 12})
    assert file.read_bytes() == TEXT.replace("trials: 8 ", "trials: 12 ").encode().replace(b"\n", end)
