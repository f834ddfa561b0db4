"""YAML files as plain Python values that remember their lines."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scalarbool import ScalarBoolean

from hpo.errors import ConfigError, nearest

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

    Raises:
        ConfigError: if the file is missing, a folder, not UTF-8, not YAML, or not a mapping; with the line.
    """
    path = displayed(path)
    text = _read_text(path)
    try:
        top = YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        raise _syntax_error(path, error) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(path, "a control character; YAML is plain text", line=line) from None
    except YAMLError as error:
        raise ConfigError(path, f"not YAML: {str(error).splitlines()[0]}") from None
    if top is None:
        raise ConfigError(path, "the file is empty; expected a mapping of keys to values")
    if not isinstance(top, CommentedMap):
        found = "a list" if isinstance(top, CommentedSeq) else "a single value"
        raise ConfigError(path, f"expected a mapping of keys to values; found {found}", line=1)
    lines: dict[Location, int] = {}
    return Document(path, _plain(path, top, (), lines), lines)


def write_yaml(path: Path, header: str, values: dict[str, Any]) -> None:
    """Write values below a comment, by renaming a finished file, so that no reader sees half of it.

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
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        unfinished.write_text(f"{comment}\n{body.getvalue()}", encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _explicit_null(representer: Any, _value: None) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def _read_text(path: Path) -> str:
    if path.is_dir():
        raise ConfigError(path, "is a folder; expected a YAML file")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        siblings = [file.name for file in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        advice = f"; {nearest(path.name, siblings, 'files here')}" if siblings else ""
        raise ConfigError(path, f"no such file{advice}") from None
    except OSError as error:
        raise ConfigError(path, f"cannot be read: {error.strerror}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(path, "not UTF-8 text; save the file with that encoding", line=line) from None


def _syntax_error(path: Path, error: MarkedYAMLError) -> ConfigError:
    line = error.problem_mark.line + 1 if error.problem_mark is not None else None
    problem = " ".join(str(error.problem).split())
    if isinstance(error, DuplicateKeyError):
        key = problem.split('"')[1]
        return ConfigError(path, "the key stands here twice; keep one of them", key=key, line=line)
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
    if isinstance(value, CommentedMap):
        for key in value:
            if not isinstance(key, str):
                line = value.lc.data[key][0] + 1 if key in (value.lc.data or {}) else None
                raise ConfigError(path, f"keys are words; found {key!r}", key=dotted(location), line=line)
            if key in (value.lc.data or {}):  # not so for keys merged in by '<<'
                lines[*location, key] = value.lc.data[key][0] + 1
        return {str(key): _plain(path, item, (*location, key), lines) for key, item in value.items()}
    if isinstance(value, CommentedSeq):
        for index in range(len(value)):
            lines[*location, index] = value.lc.data[index][0] + 1
        return [_plain(path, item, (*location, index), lines) for index, item in enumerate(value)]
    if isinstance(value, bool | ScalarBoolean):
        return bool(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)  # 1e4 and 32.0 are whole numbers
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
