"""docker-compose.yml and Dockerfile as data, read the way Docker reads them; there is no engine where the tests run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent

_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?:(?P<kind>:[-?])(?P<text>[^}]*))?\})")


def compose_file() -> dict[str, Any]:
    """The file with its anchors resolved, and its variables as they stand."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return loaded


def services(environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The services as Docker Compose would start them.

    Args:
        environment: what .env says.

    Raises:
        ValueError: if a variable that is needed is not set or empty.
    """
    found: dict[str, dict[str, Any]] = substituted(compose_file()["services"], environment)
    return found


def substituted(node: Any, environment: Mapping[str, str]) -> Any:
    """A part of the file with ``$$``, ``${NAME}``, ``${NAME:-default}`` and ``${NAME:?message}`` replaced."""
    if isinstance(node, dict):
        return {key: substituted(value, environment) for key, value in node.items()}
    if isinstance(node, list):
        return [substituted(value, environment) for value in node]
    if not isinstance(node, str):
        return node

    def value(found: re.Match[str]) -> str:
        if found["dollar"]:
            return "$"
        given = environment.get(found["name"], "")
        if not given and found["kind"] == ":?":
            raise ValueError(f"required variable {found['name']} is missing a value: {found['text']}")
        return given or (found["text"] or "" if found["kind"] == ":-" else "")

    return _VARIABLE.sub(value, node)


def variables() -> set[str]:
    """Every variable that the file takes from .env."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    return {found["name"] for found in _VARIABLE.finditer(text) if found["name"]}


def dockerfile() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile in their order: keyword and the rest."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(line.split(maxsplit=1)[0].upper(), line.split(maxsplit=1)[1]) for line in joined.splitlines()]


def copied() -> list[str]:
    """What the Dockerfile takes from the build context."""
    return [source for keyword, rest in dockerfile() if keyword == "COPY" for source in rest.split()[:-1]]


def in_build_context(path: str) -> bool:
    """Whether .dockerignore lets a file, named from the root, into the build context: its last matching line says."""
    allowed = True
    parts = PurePosixPath(path).parts
    prefixes = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.strip().rstrip("/")
        if not pattern or pattern.startswith("#"):
            continue
        wanted = pattern.removeprefix("!")
        anywhere = wanted.removeprefix("**/")
        names = parts if anywhere != wanted else prefixes
        if any(fnmatch(name, anywhere) for name in names):
            allowed = pattern.startswith("!")
    return allowed
