"""Ways to spoil bytes, text and values: each says in a few words what it did."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path
from typing import Any

from tests.bad_inputs.strange import VALUES, WORDS

EXTREMES = (0, 1, 127, 255, 256, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def spoil_bytes(rng: random.Random, content: bytes) -> tuple[str, bytes]:
    """One to three changes of bytes."""
    whats, spoilt = [], bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        what = _spoil_once(rng, spoilt)
        whats.append(what)
    return "; ".join(whats), bytes(spoilt)


def _spoil_once(rng: random.Random, data: bytearray) -> str:
    size = max(1, len(data))
    at = min(int(size * rng.random() ** rng.choice((1, 1, 4))), size - 1)  # headers are where the fun is
    length = rng.choice((1, 2, 4, 8, 16, 64, 512))
    way = rng.randrange(10)
    if way == 0 and data:
        bit = rng.randrange(8)
        data[at] ^= 1 << bit
        return f"bit {bit} of byte {at} flipped"
    if way == 1 and data:
        data[at] = rng.randrange(256)
        return f"byte {at} set to {data[at]}"
    if way == 2:
        del data[at:]
        return f"cut off at byte {at}"
    if way == 3:
        data[at:at] = rng.randbytes(length)
        return f"{length} random bytes inserted at {at}"
    if way == 4:
        del data[at : at + length]
        return f"{length} bytes removed at {at}"
    if way == 5:
        data[at : at + length] = bytes([rng.choice((0, 255))]) * length
        return f"{length} bytes at {at} set to {data[at] if at < len(data) else '?'}"
    if way == 6:
        number, code = rng.choice(EXTREMES), rng.choice(("<I", ">I", "<Q", ">Q", "<H", ">H"))
        number &= (1 << 8 * struct.calcsize(code)) - 1
        data[at : at + struct.calcsize(code)] = struct.pack(code, number)
        return f"number at byte {at} set to {number} ({code})"
    if way == 7:
        data[at:at] = data[at : at + length]
        return f"{length} bytes at {at} repeated"
    if way == 8:
        data += rng.randbytes(length)
        return f"{length} random bytes appended"
    data[at : at + length] = rng.randbytes(min(length, len(data) - at))
    return f"{length} bytes at {at} made random"


def spoil_text(rng: random.Random, text: str) -> tuple[str, bytes]:
    """One to three changes of a text's words, lines or encoding."""
    whats = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        lines = text.split("\n")
        row = rng.randrange(len(lines))
        at = rng.randrange(len(text) + 1)
        word = rng.choice(WORDS)
        way = rng.randrange(9)
        if way == 0:
            text, what = text[:at] + word + text[at:], f"{word[:20]!r} inserted at {at}"
        elif way == 1:
            text, what = "\n".join(lines[:row] + lines[row + 1 :]), f"line {row + 1} removed"
        elif way == 2:
            text, what = "\n".join(lines[: row + 1] + lines[row:]), f"line {row + 1} repeated"
        elif way == 3:
            lines[row] = rng.choice((" ", "  ", "\t", "\u00a0", "- ", "# ")) + lines[row]
            text, what = "\n".join(lines), f"line {row + 1} begins otherwise"
        elif way == 4:
            pieces = _pieces(text)
            start, end = rng.choice(pieces) if pieces else (0, 0)
            text, what = text[:start] + word + text[end:], f"{text[start:end][:20]!r} replaced by {word[:20]!r}"
        elif way == 5:
            text, what = text[:at], f"cut off at {at}"
        elif way == 6:
            end = min(len(text), at + rng.randrange(1, 40))
            text, what = text[:at] + text[end:], f"{end - at} characters removed at {at}"
        elif way == 7:
            other = rng.randrange(len(lines))
            lines[row], lines[other] = lines[other], lines[row]
            text, what = "\n".join(lines), f"lines {row + 1} and {other + 1} swapped"
        else:
            old, new = rng.choice(
                ((":", "："), (":", "="), ("{", "["), (",", ";"), ("\n", "\r"), (" ", "\t"), ("e", "е"))
            )
            text, what = text.replace(old, new, rng.choice((1, 3, -1))), f"{old!r} replaced by {new!r}"
        whats.append(what)
    content = text.encode("utf-8", "surrogatepass")
    encoding = rng.randrange(40)
    if encoding == 0:
        return "; ".join(whats) + "; UTF-16", text.encode("utf-16", "surrogatepass")
    if encoding == 1:
        return "; ".join(whats) + "; byte-order mark", b"\xef\xbb\xbf" + content
    if encoding == 2:
        return "; ".join(whats) + "; Latin-1", text.encode("latin-1", "replace")
    if encoding == 3:
        return "; ".join(whats) + "; bytes", spoil_bytes(rng, content)[1]
    return "; ".join(whats), content


def _pieces(text: str) -> list[tuple[int, int]]:
    import re

    return [match.span() for match in re.finditer(r"[\w.+-]+", text)]


def spoil_values(rng: random.Random, values: Any) -> str:
    """One change within nested dicts and lists, in place."""
    places: list[tuple[str, Any, Any]] = []

    def walk(path: str, node: Any) -> None:
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, item in items:
            places.append((f"{path}.{key}", node, key))
            walk(f"{path}.{key}", item)

    walk("", values)
    path, node, key = rng.choice(places)
    way = rng.randrange(8)
    if way == 0:
        del node[key]
        return f"{path} removed"
    if way == 1 and isinstance(node, dict):
        node[f"{key}x"] = node.pop(key)
        return f"{path} misspelt"
    if way == 2 and isinstance(node, dict):
        node[rng.choice(WORDS)] = rng.choice(VALUES)
        return f"a key beside {path}"
    if way == 3:
        node[key] = [node[key]] * rng.choice((0, 1, 2, 1000))
        return f"{path} in a list"
    if way == 4:
        node[key] = {"a": node[key]}
        return f"{path} in a mapping"
    value = rng.choice(VALUES)
    node[key] = value
    return f"{path} set to {str(value)[:30]!r}"


def replace_by_no_file(rng: random.Random, path: Path) -> str:
    """What stands at a path is not a regular file, or one without an end."""
    path.unlink(missing_ok=True)
    way = rng.randrange(8)
    if way == 0:
        os.mkfifo(path)
        return "a named pipe"
    if way == 1:
        path.mkdir()
        return "a folder"
    if way in (2, 3, 4):
        target = ("/dev/zero", "/dev/null", "/proc/self/mem")[way - 2]
        path.symlink_to(target)
        return f"a link to {target}"
    if way == 5:
        path.symlink_to(path.name)
        return "a link to itself"
    if way == 6:
        path.symlink_to("nowhere")
        return "a link to nowhere"
    with path.open("wb") as file:
        file.truncate(300_000_000_000)
    return "300 GB of holes"
