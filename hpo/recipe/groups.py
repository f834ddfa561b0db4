"""Groups of a recipe's fields that older recipes lack: a frozen dataclass whose defaults are what was done before.

Only what differs from the defaults is written and enters the key, so that a new field changes no older key.
"""

from __future__ import annotations

from dataclasses import asdict, fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints


def differing(group: Any) -> dict[str, Any]:
    """The group's fields that are not at their defaults, JSON-ready.

    Args:
        group: a frozen dataclass, all of whose fields have defaults.
    """
    usual = asdict(type(group)())
    return {name: value for name, value in asdict(group).items() if value != usual[name]}


def factors_of(group: type) -> dict[str, type | tuple[str, ...]]:
    """The fields as factors: the type of each, or the words that it may take.

    Raises:
        TypeError: if a field is neither bool, int, float nor a `Literal` of words.
    """
    if not is_dataclass(group):
        raise TypeError(f"{group.__name__} is no dataclass")
    hints = get_type_hints(group)
    found: dict[str, type | tuple[str, ...]] = {}
    for name in (field.name for field in fields(group)):
        hint = hints[name]
        if get_origin(hint) is Literal:
            found[name] = get_args(hint)
        elif hint in (bool, int, float):
            found[name] = hint
        else:
            raise TypeError(f"{group.__name__}.{name} cannot be a factor: it is a {hint}")
    return found
