"""Values of a YAML file set in place: comments, order and everything else stay as a person wrote them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from hpo.config.yaml_file import Location, dotted
from hpo.errors import ConfigError
from hpo.file_faults import file_fault
from hpo.whole_file import whole_file


def set_values(file: Path, values: Mapping[Location, Any]) -> None:
    """Set values of a file, which keeps its line ends, its rights and the links to it; no reader sees half of it.

    Raises:
        ConfigError: if it cannot be edited so, or cannot be written.
    """
    target = Path(os.path.realpath(file))
    try:
        newline = "\r\n" if b"\r\n" in target.read_bytes() else "\n"
        text = edited(file, target.read_text(encoding="utf-8"), values)
        with whole_file(target) as unfinished:
            unfinished.write_text(text, encoding="utf-8", newline=newline)
            unfinished.chmod(target.stat().st_mode & 0o777)
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
            text = _longer(text, pair[1], value) or _replaced(text, pair, value)
    _check(file, text, values)
    return text


def _check(file: Path, text: str, values: Mapping[Location, Any]) -> None:
    """See that an edited text says what it is to say."""
    try:
        top = YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        top = None
    for location, value in values.items():
        found = top
        for key in location:
            found = found.get(key) if isinstance(found, dict) else None
        if found != (list(value) if isinstance(value, tuple) else value):
            raise ConfigError(
                file, f"cannot be set in place; write {_plain(value)} there by hand", key=dotted(location)
            )


def _replaced(text: str, pair: tuple[Node, Node], value: Any) -> str:
    """The text with another value; a block's comments go with it."""
    key, old = pair
    is_block = isinstance(old, MappingNode | SequenceNode) and not old.flow_style
    start = text.index(":", int(key.end_mark.index)) + 1 if is_block else int(old.start_mark.index)
    return f"{text[:start]}{' ' * is_block}{_plain(value)}{text[_end(text, old) :]}"


def _longer(text: str, old: Node, value: Any) -> str | None:
    """The text with more items at the end of a list in lines of its own; None where that is not what is to be done."""
    if not isinstance(old, SequenceNode) or old.flow_style or not isinstance(value, list | tuple):
        return None
    known = [YAML(typ="safe", pure=True).load(item.value) for item in old.value if isinstance(item, ScalarNode)]
    if known != list(value[: len(old.value)]):
        return None
    line_end = text.find("\n", _end(text, old))
    line_end = len(text) if line_end < 0 else line_end
    indent = " " * int(old.start_mark.column)
    items = "".join(f"\n{indent}- {_plain(item)}" for item in value[len(known) :])
    return text[:line_end] + items + text[line_end:]


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
