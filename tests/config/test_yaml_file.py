from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.config.yaml_file import displayed, read_yaml, write_yaml
from hpo.errors import ConfigError
from tests.config.samples import refusal


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "None : the file is empty; expected a mapping of keys to values"),
        ("# only a comment\n", "None : the file is empty; expected a mapping of keys to values"),
        ("- a\n- b\n", "1 : expected a mapping of keys to values; found a list"),
        ("word\n", "1 : expected a mapping of keys to values; found a single value"),
        ("a: 1\nb:\n\tc: 2\n", "3 : a tab character; indent with spaces"),
        ("a: 1\nb: 2\na: 3\n", "3 a: the key is listed twice; keep one of them"),
        ("a:\n  b: 1\n  b: 2\n", "3 b: the key is listed twice; keep one of them"),
        ("a: 1\n---\nb: 2\n", "2 : a second document after '---'; one file holds one"),
        ("a: b: c\n", "1 : not YAML: a second ': ' in one line (quote the text), or a wrong indentation"),
        ("a: [1,\n", "2 : not YAML: expected the node content, but found '<stream end>'"),
        ("a: *unknown\n", "1 : not YAML: found undefined alias 'unknown'"),
        ("a:\n  1: b\n", "2 a: keys are words; found 1"),
        ("a:\n  b: 2024-01-01\n", "2 a.b: neither word, number, true nor false; quote it"),
        ("a: [1, !python/object 2]\n", "1 a.1: neither word, number, true nor false; quote it"),
        ("a: 1\nb: \x07\n", "2 : a control character; YAML is plain text"),
    ],
)
def test_what_is_not_a_yaml_mapping_is_refused_with_its_line(tmp_path: Path, text: str, error: str) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(text)

    assert refusal(read_yaml, file) == [error]


def test_a_file_in_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes("a: 1\nname: Größe\n".encode("latin-1"))

    assert refusal(read_yaml, file) == ["2 : not UTF-8 text; save the file with that encoding"]


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "windows.yaml"
    file.write_bytes("a: 1\r\nb: ü\r\n".encode("utf-8-sig"))

    assert read_yaml(file).values == {"a": 1, "b": "ü"}


def test_a_missing_file_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "paper.yaml").write_text("a: 1\n")

    assert refusal(read_yaml, tmp_path / "papper.yaml") == [
        "None : no such file; did you mean 'paper.yaml'? (files here: paper.yaml)"
    ]
    assert refusal(read_yaml, tmp_path / "nowhere" / "paper.yaml") == ["None : no such file"]


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(read_yaml, tmp_path) == ["None : is a folder; expected a YAML file"]


def test_an_error_names_files_below_the_working_directory_by_their_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("studies").mkdir()
    Path("studies/empty.yaml").write_text("")

    with pytest.raises(ConfigError, match=r"^studies/empty\.yaml: the file is empty"):
        read_yaml(tmp_path / "studies" / "empty.yaml")
    assert displayed(Path("/elsewhere/study.yaml")) == Path("/elsewhere/study.yaml")


def test_every_key_and_item_knows_its_line(tmp_path: Path) -> None:
    file = tmp_path / "nested.yaml"
    file.write_text("# comment\na:\n  b:\n    - 1\n    - c: 2\n      d: 3\ne: {f: 4, g: [5,\n   6]}\n")
    document = read_yaml(file)

    assert [
        document.line(location)
        for location in [("a",), ("a", "b"), ("a", "b", 0), ("a", "b", 1), ("a", "b", 1, "d"), ("e", "g", 1)]
    ] == [2, 3, 4, 5, 6, 8]
    assert document.line(("a", "b", 1, "absent")) == 5
    assert document.line(("absent",)) is None


def test_values_are_plain_python_and_numbers_have_one_form(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(
        "base: &base {x: 1}\nflag: &flag true\nmerged:\n  <<: *base\n  y: *flag\n"
        "numbers: [1e4, 32.0, 0.5, 2_000, 0x10, 1e-3, 0b110, 007]\nwords: [yes, 'true', \"1\"]\nnothing:\n"
    )
    values = read_yaml(file).values

    assert values == {
        "base": {"x": 1},
        "flag": True,
        "merged": {"x": 1, "y": True},
        "numbers": [10000, 32, 0.5, 2000, 16, 0.001, 6, 7],
        "words": ["yes", "true", "1"],
        "nothing": None,
    }
    assert [type(number) for number in values["numbers"]] == [int, int, float, int, int, float, int, int]
    assert type(values["merged"]["y"]) is bool


words = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=20)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | words
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4), max_leaves=8
)


@settings(deadline=None)
@given(content=st.dictionaries(words, values, min_size=1, max_size=4))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, content: dict[str, object]) -> None:
    file = tmp_path_factory.mktemp("round") / "trip.yaml"

    write_yaml(file, "A comment\n\nof two paragraphs", content)

    assert read_yaml(file).values == content
    assert file.read_text().startswith("# A comment\n#\n# of two paragraphs\n\n")


def test_writing_replaces_the_file_and_leaves_nothing_else_behind(tmp_path: Path) -> None:
    file = tmp_path / "new" / "file.yaml"
    write_yaml(file, "first", {"a": 1})
    write_yaml(file, "second", {"a": None})

    assert file.read_text() == "# second\n\na: null\n"
    assert list(file.parent.iterdir()) == [file]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    write_yaml(file, "first", {"a": 1})

    with pytest.raises(Exception, match="cannot represent"):
        write_yaml(file, "second", {"a": object()})
    assert read_yaml(file).values == {"a": 1}
    assert list(tmp_path.iterdir()) == [file]


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 8)
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("&r\nname: *r\n", "study.yaml:2: *r stands inside what it names, &r"),
        ("a: &a [1, {b: *a}]\n", "study.yaml:1: *a stands inside what it names, &a"),
        ("a: " + "[" * 500 + "]" * 500, "study.yaml:1: nested deeper than 30 mappings and lists"),
        ("- " * 500 + "x", "study.yaml:1: nested deeper than 30 mappings and lists"),
        (BOMB, "study.yaml:4: more than 10,000 values"),
        (
            BOMB.replace("[", "{<<: [").replace("]", "]}").replace("x, ", "{}, ").replace("x]", "{}]"),
            "more than 10,000",
        ),
        ("#" + " comment" * 50_000, "study.yaml: is larger than 300,000 bytes"),
        ("a: !!int x\n", "study.yaml: not YAML that can be read"),
        ("a: !!python/object/apply:os.system [ls]\n", "study.yaml:1: a: has the tag tag:yaml.org,2002:python"),
        ("a: !mine {b: 1}\n", "study.yaml:1: a: has the tag !mine; leave it out"),
        (f"a: {10**30}\n", "study.yaml:1: a: must be less than 2^63"),
        (f"a: {'9' * 5000}\n", "study.yaml: not YAML that can be read: Exceeds the limit"),
        ("a: 2020-99-99\n", "study.yaml: not YAML that can be read: month must be in 1..12"),
        ("[1]: 2\n", "study.yaml:1: keys are words; found a list or mapping"),
    ],
)
def test_what_has_no_end_is_refused_before_it_is_made(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "study.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_yaml(tmp_path / "study.yaml")
    assert problem in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_what_is_no_regular_file_is_refused_without_being_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "gone.yaml").symlink_to("nowhere")
    (tmp_path / "circle.yaml").symlink_to("circle.yaml")
    (tmp_path / "wide.yaml").write_text("a: 1", encoding="utf-16")
    for name, problem in {
        "pipe.yaml": "is a pipe; expected a YAML file",
        "gone.yaml": "is a link to a file that does not exist",
        "circle.yaml": "cannot be read: its symbolic links go round in a circle",
        "wide.yaml": "is UTF-16 text; save the file as UTF-8",
        "x" * 300: "cannot be read: the name is too long for its file system; shorten it",
    }.items():
        with pytest.raises(ConfigError, match=re.escape(problem)):
            read_yaml(tmp_path / name)
    with pytest.raises(ConfigError, match="is a device"):
        read_yaml(Path("/dev/zero"))
