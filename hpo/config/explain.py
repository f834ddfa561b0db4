"""From pydantic's errors to ours: file, line, key, what was found, what is allowed, the nearest right spelling."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from hpo.config.database_url import EXAMPLES
from hpo.config.elsewhere import key_elsewhere, word_elsewhere
from hpo.config.patterns import DIGEST_PATTERN, FUNCTION_PATTERN, NAME_PATTERN, URL_PATTERN
from hpo.config.yaml_file import Document, Location, dotted
from hpo.errors import ConfigError, ConfigErrors, nearest
from hpo.recipe.key import canonical
from hpo.secrets import shown_url, without_secrets


@dataclass(frozen=True)
class Problem:
    """Something that a file may not say.

    Args:
        location: from the top of the file, or, within `ProblemsError`, from the model that raises it.
        text: what was found and what is allowed.
    """

    location: Location
    text: str


class ProblemsError(ValueError):
    """What a model's validator raises to name the key at fault, or several of them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{dotted(problem.location)}: {problem.text}" for problem in self.problems))


def refuse(problems: Sequence[Problem]) -> None:
    """Raise `ProblemsError` if there are any."""
    if problems:
        raise ProblemsError(problems)


def config_error(document: Document, problems: Iterable[Problem]) -> ConfigError:
    """One error of all the problems, in the order of the file's lines."""
    errors = [
        ConfigError(document.file, problem.text, key=dotted(problem.location), line=document.line(problem.location))
        for problem in dict.fromkeys(problems)
    ]
    errors.sort(key=lambda error: error.line or 0)
    return errors[0] if len(errors) == 1 else ConfigErrors(errors)


def explain(error: ValidationError, model: type[BaseModel] | TypeAdapter[Any]) -> list[Problem]:
    """What pydantic found, in our words.

    Args:
        error: raised by ``model``.
        model: supplies the words that would have been right.
    """
    schema = model.json_schema() if isinstance(model, TypeAdapter) else model.model_json_schema()
    problems: list[Problem] = []
    details = error.errors(include_url=False)
    for detail in details:
        # Pydantic names the branch of a union, and marks keys; neither stands in the file.
        location = tuple(part for part in detail["loc"] if not _is_branch(part))
        raised = detail.get("ctx", {}).get("error")
        if isinstance(raised, ProblemsError):
            problems += [Problem((*location, *inner.location), inner.text) for inner in raised.problems]
        elif not _is_consequence(dict(detail), [other["loc"] for other in details]):
            problems.append(Problem(location, _text(schema, detail["loc"], dict(detail))))
    return problems


def shown(value: Any) -> str:
    """A value as a YAML file would have it, cut short."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    if isinstance(value, str) and "@" in value:
        value = shown_url(value)
    text = without_secrets(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_consequence(detail: dict[str, Any], locations: list[Location]) -> bool:
    """Whether another error is the cause: a default made from wrong values, a list short of its wrong items."""
    here = detail["loc"]
    if detail["type"] == "too_short":
        return any(len(other) > len(here) and other[: len(here)] == here for other in locations)
    return bool(detail["type"] == "default_factory_not_called")


def _is_branch(part: str | int) -> bool:
    return isinstance(part, str) and (part == "[key]" or part.startswith("<"))


_NUMBERED = {
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "too_short": "needs at least {min_length} item",
    "string_too_short": "must not be empty",
    "string_too_long": "may have at most {max_length} characters",
}
_PATTERNS = {
    NAME_PATTERN: "a name is made of letters, digits, '-' and '_', and begins with a letter or digit",
    URL_PATTERN: f"must be a database URL such as {EXAMPLES}",
    FUNCTION_PATTERN: "must be module:function, such as my_models:build",
    DIGEST_PATTERN: "must be a SHA-256, 64 hexadecimal digits",
}
_KINDS = {
    "int": "must be a whole number",
    "float": "must be a number",
    "finite": "must be a finite number",
    "string": "must be text",
    "bool": "must be true or false",
    "path": "must be a path",
    "tuple": "must be a list",
    "list": "must be a list",
    "dict": "must be a mapping of keys to values",
    "model": "must be a mapping of keys to values",
}


_WISHES = ("StudyFile", "SearchSpace")
"""The files in which a user may write what other tools would take."""


def _text(schema: dict[str, Any], location: Location, detail: dict[str, Any]) -> str:
    kind, found, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "missing":
        description = next((node["description"] for node in _at(schema, location) if "description" in node), "")
        return f"is missing ({description})" if description else "is missing"
    if kind == "extra_forbidden":
        way = key_elsewhere(str(location[-1])) if schema.get("title") in _WISHES else ""
        return (
            f"unknown key; {way}"
            if way
            else f"unknown key; {nearest(str(location[-1]), _keys(_at(schema, location[:-1])))}"
        )
    if kind == "literal_error":
        words = [word for node in _at(schema, location) for word in _words(node)]
        return f"found {shown(found)}; {word_elsewhere(str(location[-1]), found) or nearest(str(found), words)}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        way = word_elsewhere(str(location[0]), found) if context["pattern"] == FUNCTION_PATTERN else ""
        return f"{_PATTERNS[context['pattern']]}; found {shown(found)}{way and f'; {way}'}"
    if kind in _NUMBERED:
        return f"{_NUMBERED[kind].format(**canonical(context))}; found {shown(found)}"
    rule = _KINDS.get(kind.split("_")[0])
    return f"{rule or detail['msg']}; found {shown(found)}"


def _leaves(schema: dict[str, Any], node: dict[str, Any]) -> list[dict[str, Any]]:
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[1]
        siblings = {key: value for key, value in node.items() if key != "$ref"}
        return [leaf | siblings for leaf in _leaves(schema, schema["$defs"][name])]
    branches = [*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())]
    outer = {"description": node["description"]} if "description" in node else {}
    return [leaf | outer for branch in branches for leaf in _leaves(schema, branch)] if branches else [node]


def _at(schema: dict[str, Any], location: Location) -> list[dict[str, Any]]:
    nodes = _leaves(schema, schema)
    for part in location:
        if _is_branch(part):
            nodes = [node for node in nodes if f"<{node.get('title')}>" == part] or nodes
            continue
        below: list[Any] = []
        for node in nodes:
            below.append(node.get("items") if isinstance(part, int) else node.get("properties", {}).get(part))
            if below[-1] is None and isinstance(part, str):
                below += [node.get("additionalProperties"), *node.get("patternProperties", {}).values()]
        nodes = [leaf for node in below if isinstance(node, dict) for leaf in _leaves(schema, node)]
    return nodes


def _keys(nodes: list[dict[str, Any]]) -> set[str]:
    return {name for node in nodes for name in node.get("properties", {})}


def _words(node: dict[str, Any]) -> list[str]:
    return [str(word) for word in (*node.get("enum", ()), *([node["const"]] if "const" in node else ()))]
