"""Values of a YAML file set in place: comments, order and everything else stay as a person wrote them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from hpo.config.yaml_file import Location, dotted
from hpo.errors import ConfigError
from hpo.file_faults import file_fault


def set_values(file: Path, values: Mapping[Location, Any]) -> None:
    """Set values of a file, by renaming a finished one, so that no reader sees half of it.

    Raises:
        ConfigError: if it cannot be edited so, or cannot be written.
    """
    try:
        _replace(file, edited(file, file.read_text(encoding="utf-8"), values))
    except OSError as error:
        raise ConfigError(file, f"cannot be written: {file_fault(error)}") from None


def edited(file: Path, text: str, values: Mapping[Location, Any]) -> str:
    """The text of a YAML file with these values.

    Args:
        file: what messages name.
        text: of a sound YAML file.
        values: numbers, words, or lists of them, by their location; None takes a key away. What is missing is added at
            the end of its mapping, which must be there.

    Raises:
        ConfigError: if a value is an alias, or comes from one: it would change elsewhere too.
    """
    for location, value in values.items():
        top = YAML(typ="rt", pure=True).compose(text)
        mapping = _mapping(file, top, location)
        pair = next((pair for pair in mapping.value if pair[0].value == location[-1]), None)
        if value is None:
            text = text if pair is None else _without(text, pair)
        elif pair is None:
            text = _with(text, mapping, f"{location[-1]}: {_plain(value)}")
        else:
            if pair[1].anchor is not None or pair[1].start_mark.index < pair[0].start_mark.index:
                raise ConfigError(file, "is an anchor or an alias; write the value itself", key=dotted(location))
            text = text[: pair[1].start_mark.index] + _plain(value) + text[_end(text, pair[1]) :]
    return text


def _mapping(file: Path, node: Node | None, location: Location) -> MappingNode:
    for depth, key in enumerate(location[:-1]):
        found = None
        if isinstance(node, MappingNode):
            found = next((value for name, value in node.value if name.value == key), None)
        if not isinstance(found, MappingNode):
            raise ConfigError(file, "is no mapping", key=dotted(location[: depth + 1]))
        node = found
    if not isinstance(node, MappingNode) or not node.value:
        raise ConfigError(file, "is no mapping", key=dotted(location[:-1]))
    return node


def _end(text: str, node: Node) -> int:
    """Where a value ends; the end of a block's mark is where the next thing begins."""
    if isinstance(node, ScalarNode):
        index = int(node.end_mark.index)
        return len(text[:index].rstrip()) if node.style in ("|", ">") else index
    if isinstance(node, MappingNode | SequenceNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _with(text: str, mapping: MappingNode, entry: str) -> str:
    """The text with one more entry at the end of a mapping."""
    last = mapping.value[-1][1]
    end = _end(text, last)
    if mapping.flow_style:
        return f"{text[:end]}, {entry}{text[end:]}"
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    indent = " " * int(mapping.value[0][0].start_mark.column)
    return f"{text[:line_end]}\n{indent}{entry}{text[line_end:]}"


def _without(text: str, pair: tuple[Node, Node]) -> str:
    """The text without an entry of a block, its whole lines."""
    start = text.rfind("\n", 0, int(pair[0].start_mark.index)) + 1
    end = text.find("\n", _end(text, pair[1]))
    return text[:start] + ("" if end < 0 else text[end + 1 :])


def _plain(value: Any) -> str:
    """A value as a person would write it."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and not _is_plain(value):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


def _is_plain(word: str) -> bool:
    """Whether YAML takes a word without quotes for itself, and not for a number or whatever else it may mean."""
    if set(word) & set("[]{},#\"'\n"):
        return False
    try:
        return bool(YAML(typ="safe", pure=True).load(word) == word)
    except YAMLError:
        return False


def _replace(file: Path, text: str) -> None:
    target = Path(os.path.realpath(file))
    unfinished = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.chmod(target.stat().st_mode & 0o777)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
