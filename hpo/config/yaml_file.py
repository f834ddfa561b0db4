"""YAML files as plain Python values that remember their lines."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    NodeEvent,
)
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scalarbool import ScalarBoolean

from hpo.errors import ConfigError, nearest
from hpo.file_faults import file_fault
from hpo.whole_file import whole_file

MOST_BYTES = 300_000
"""Of a YAML file. Those that people write have some thousand."""

MOST_VALUES = 10_000
"""Of a YAML file, each alias (``*name``) counted with all that it stands for."""

DEEPEST = 30
"""Mappings and lists inside each other."""

_LARGEST = 2**63
"""What computers and databases hold as a whole number is smaller."""

Location = tuple[str | int, ...]
"""Keys and list positions from the top of a file to a value."""


@dataclass(frozen=True)
class Document:
    """A YAML file's content.

    Args:
        file: where it was read, as messages name it: relative to the working directory if it lies within.
        values: the top mapping; nothing in it but mappings, lists, words, numbers, booleans and None. Numbers have one
            form: 32.0 is 32.
        lines: of each key and list item, counted from 1.
    """

    file: Path
    values: dict[str, Any]
    lines: dict[Location, int]

    @property
    def folder(self) -> Path:
        """The file's folder, absolute."""
        return self.file.parent.resolve()

    def line(self, location: Location) -> int | None:
        """Line of the value, or of the nearest mapping or list around it that has one."""
        for length in range(len(location), 0, -1):
            if location[:length] in self.lines:
                return self.lines[location[:length]]
        return None


def read_yaml(path: Path) -> Document:
    """Read a YAML 1.2 file whose top is a mapping.

    Beyond the core schema, whole numbers may be written ``2_000`` and ``0b110``: nobody means a word by them.

    Raises:
        ConfigError: if the file is missing, no regular file, too large, not UTF-8, not YAML, or not a mapping; with the
            line.
    """
    path = displayed(path)
    text = _read_text(path)
    try:
        _check_extent(path, text)
        top = YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        raise _syntax_error(path, error) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(path, "a control character; YAML is plain text", line=line) from None
    except YAMLError as error:
        raise ConfigError(path, f"not YAML: {str(error).splitlines()[0]}") from None
    except ConfigError:
        raise
    except Exception as error:  # of a value that its own tag forbids, such as `!!int x`, or a number without end
        text = " ".join(str(error).partition(";")[0].split())
        raise ConfigError(path, f"not YAML that can be read: {text or type(error).__name__}") from None
    if top is None:
        raise ConfigError(path, "the file is empty; expected a mapping of keys to values")
    if not isinstance(top, CommentedMap):
        found = "a list" if isinstance(top, CommentedSeq) else "a single value"
        raise ConfigError(path, f"expected a mapping of keys to values; found {found}", line=1)
    lines: dict[Location, int] = {}
    return Document(path, _plain(path, top, (), lines), lines)


def write_yaml(path: Path, header: str, values: dict[str, Any]) -> None:
    """Write values below a comment, whole or not at all.

    Args:
        path: the file to write or replace; its folder is made.
        header: the comment's text, without ``#``.
        values: mappings, lists, words, numbers, booleans and None only.
    """
    yaml = YAML(typ="rt", pure=True)
    yaml.default_flow_style = False
    yaml.width = 110
    yaml.representer.ignore_aliases = lambda _value: True
    yaml.representer.add_representer(type(None), _explicit_null)
    body = StringIO()
    yaml.dump(values, body)
    comment = "".join(f"# {line}".rstrip() + "\n" for line in header.strip().splitlines())
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as unfinished:
        unfinished.write_text(f"{comment}\n{body.getvalue()}", encoding="utf-8")


def _explicit_null(representer: Any, _value: None) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def _read_text(path: Path) -> str:
    try:
        content = _read_bytes(path)
    except FileNotFoundError:
        siblings = [file.name for file in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        advice = f"; {nearest(path.name, siblings, 'files here')}" if siblings else ""
        what = "is a link to a file that does not exist" if path.is_symlink() else "no such file"
        raise ConfigError(path, f"{what}{advice}") from None
    except OSError as error:
        raise ConfigError(path, f"cannot be read: {file_fault(error)}") from None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError(path, "is UTF-16 text; save the file as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(path, "not UTF-8 text; save the file with that encoding", line=line) from None


def _read_bytes(path: Path) -> bytes:
    """A regular file's content: a pipe or a device is refused before it is read, because it may have no end."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
            raise ConfigError(path, f"is {kinds.get(stat.S_IFMT(mode), 'a device')}; expected a YAML file")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(MOST_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > MOST_BYTES:
        raise ConfigError(path, f"is larger than {MOST_BYTES:,} bytes; expected a YAML file that a person wrote")
    return content


def _check_extent(path: Path, text: str) -> None:
    """Refuse what is nested too deep, or stands for too many values, before anything is made of it.

    Raises:
        ConfigError: naming the limit.
        YAMLError: if it is no YAML.
    """
    counts = [0]  # of values: in all, then of each mapping or list that is open
    anchors: list[str | None] = []
    extents: dict[str, int | None] = {}  # of what an anchor names, itself included; None while it is open
    for event in YAML(typ="safe", pure=True).parse(text):
        if isinstance(event, CollectionEndEvent):
            count, anchor = counts.pop(), anchors.pop()
            extents.update({} if anchor is None else {anchor: count})
        elif isinstance(event, CollectionStartEvent):
            counts.append(1)
            anchors.append(event.anchor)
            extents.update({} if event.anchor is None else {event.anchor: None})
            if len(anchors) > DEEPEST:
                raise _extent_error(path, event, f"nested deeper than {DEEPEST} mappings and lists")
            continue
        elif isinstance(event, NodeEvent):
            count = 1
            if isinstance(event, AliasEvent):
                known = extents.get(event.anchor, 1)
                if known is None:
                    raise _extent_error(path, event, f"*{event.anchor} stands inside what it names, &{event.anchor}")
                count = known
            elif event.anchor is not None:
                extents[event.anchor] = 1
        else:
            continue
        counts[-1] += count
        if sum(counts) > MOST_VALUES:
            raise _extent_error(path, event, f"more than {MOST_VALUES:,} values; expected what a person wrote")


def _extent_error(path: Path, event: NodeEvent, problem: str) -> ConfigError:
    return ConfigError(path, problem, line=event.start_mark.line + 1)


def _syntax_error(path: Path, error: MarkedYAMLError) -> ConfigError:
    line = error.problem_mark.line + 1 if error.problem_mark is not None else None
    problem = " ".join(str(error.problem).split())
    if isinstance(error, DuplicateKeyError):
        key = problem.split('"')[1]
        return ConfigError(path, "the key is listed twice; keep one of them", key=key, line=line)
    if "'\\t'" in problem:
        problem = "a tab character; indent with spaces"
    elif "another document" in problem:
        problem = "a second document after '---'; one file holds one"
    elif problem == "mapping values are not allowed here":
        problem = "not YAML: a second ': ' in one line (quote the text), or a wrong indentation"
    else:
        problem = f"not YAML: {problem}"
    return ConfigError(path, problem, line=line)


def _plain(path: Path, value: Any, location: Location, lines: dict[Location, int]) -> Any:
    if isinstance(value, CommentedMap | CommentedSeq) and value.tag.value is not None:
        line = Document(path, {}, lines).line(location)
        raise ConfigError(path, f"has the tag {value.tag.value}; leave it out", key=dotted(location), line=line)
    if isinstance(value, CommentedMap):
        for key in value:
            if not isinstance(key, str):
                line = value.lc.data[key][0] + 1 if key in (value.lc.data or {}) else None
                found = repr(key) if isinstance(key, int | float | None) else "a list or mapping"
                raise ConfigError(path, f"keys are words; found {found}", key=dotted(location), line=line)
            if key in (value.lc.data or {}):  # not so for keys merged in by '<<'
                lines[*location, key] = value.lc.data[key][0] + 1
        return {str(key): _plain(path, item, (*location, key), lines) for key, item in value.items()}
    if isinstance(value, CommentedSeq):
        for index in range(len(value)):
            if index in (value.lc.data or {}):  # not so in a list with a tag
                lines[*location, index] = value.lc.data[index][0] + 1
        return [_plain(path, item, (*location, index), lines) for index, item in enumerate(value)]
    if isinstance(value, bool | ScalarBoolean):
        return bool(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST:
        return int(value)  # 1e4 and 32.0 are whole numbers
    if isinstance(value, int) and abs(value) >= _LARGEST:
        line = Document(path, {}, lines).line(location)
        raise ConfigError(path, "must be less than 2^63", key=dotted(location), line=line)
    for kind in (int, float, str):  # of ruamel's own subclasses, which remember how a value was written
        if isinstance(value, kind):
            return kind(value)
    if value is None:
        return None
    line = Document(path, {}, lines).line(location)
    raise ConfigError(path, "neither word, number, true nor false; quote it", key=dotted(location), line=line)


def dotted(location: Location) -> str:
    """The location as error messages write it: ``stage1.factors.0``."""
    return ".".join(str(part) for part in location)


def displayed(path: Path) -> Path:
    """The path as messages show it: relative to the working directory if it lies within."""
    absolute, here = path.absolute(), Path.cwd()
    return absolute.relative_to(here) if absolute.is_relative_to(here) else path
