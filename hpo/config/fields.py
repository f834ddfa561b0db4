"""What fields of the YAML models are made of: numbers, names and paths with one meaning each."""

from __future__ import annotations

import errno
import keyword
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)

from hpo.config.database_url import checked_database_url
from hpo.config.explain import Problem, shown
from hpo.config.patterns import FACTOR_PATTERN, NAME_PATTERN, URL_PATTERN
from hpo.file_faults import file_fault
from hpo.recipe.architecture import CNN_FACTORS
from hpo.recipe.point import FACTORS, Value


class Settings(BaseModel):
    """A mapping of a YAML file: it cannot change, and knows all its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


@dataclass(frozen=True)
class Context:
    """What a file's validation knows about the file.

    Args:
        folder: the file's own, absolute; relative paths start there.
        is_recorded: whether a database recorded what it says: it is looked at, and nothing is run by it.
    """

    folder: Path
    is_recorded: bool = False


def absolute_path(path: Path | str, folder: Path) -> Path:
    """The path, ``~`` and links resolved, from a folder on if it is relative.

    Raises:
        ValueError: if it cannot be a path: a home of nobody, links in a circle, a NUL character, a name too long.
    """
    shown_path = shown(str(path))
    if "\0" in str(path):
        raise ValueError(f"a path has no NUL character; found {shown_path}")
    try:
        expanded = Path(path).expanduser()
    except RuntimeError:
        raise ValueError(f"found {shown_path}: there is no such user; write the folder out") from None
    found = Path(os.path.realpath(folder / expanded))  # unlike resolve(), it raises nothing
    try:
        is_circle = found.is_symlink()  # all others have been followed
        found.lstat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return found  # it is to be made, or whoever opens it says what is wrong
    except OSError as error:
        raise ValueError(f"found {shown_path}: {file_fault(error)}") from None
    if is_circle:
        raise ValueError(f"found {shown_path}: {file_fault(OSError(errno.ELOOP, ''))}")
    return found


def _absolute(path: Path, info: ValidationInfo) -> Path:
    return absolute_path(path, _folder(info))


def _folder(info: ValidationInfo) -> Path:
    # A file's content is never read without its folder; a model that Python code makes has absolute paths already.
    return info.context.folder if isinstance(info.context, Context) else Path.cwd()


def _database_url(url: str, info: ValidationInfo) -> str:
    return checked_database_url(url, lambda path: absolute_path(path, _folder(info)))


def _store_url(url: str, info: ValidationInfo) -> str:
    return url if "://" in url else str(absolute_path(url, _folder(info)))


def _scalar(value: Any) -> Value:
    if isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    rule = "must be finite" if isinstance(value, float) else "must be a number, a word, true or false"
    raise ValueError(f"{rule}; found {shown(value)}")


def _scalars(value: Any) -> tuple[Value, ...]:
    if not isinstance(value, list | tuple):
        return (_scalar(value),)
    if not value:
        raise ValueError("must be a value or a list of values; found an empty list")
    return tuple(_scalar(item) for item in value)


def _factor_name(name: str) -> str:
    if re.fullmatch(FACTOR_PATTERN, name) is None or keyword.iskeyword(name):
        raise ValueError(f"{name!r} is no factor's name: a Python name of letters, digits and _")
    return name


Whole = Annotated[int, Field(strict=True)]
"""A whole number; neither text nor true. Read from YAML, 1e4 and 32.0 are whole numbers too."""

Number = Annotated[float, Field(strict=True)]
"""A finite number; neither text nor true."""

Seed = Annotated[Whole, Field(ge=0, lt=2**31)]
"""Of random numbers."""

Flag = Annotated[bool, Field(strict=True)]
"""true or false, and none of YAML 1.1's other words for them."""

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=64)]
"""A name that is safe in file names, URLs and the database: letters, digits, - and _."""

AnyPath = Annotated[Path, AfterValidator(_absolute)]
"""A path, relative to the YAML file that names it; absolute once loaded."""

DatabaseUrl = Annotated[str, Field(pattern=URL_PATTERN), AfterValidator(_database_url)]
"""SQLAlchemy URL; an SQLite file's relative path starts at the YAML file's folder."""

StoreUrl = Annotated[str, Field(min_length=1), AfterValidator(_store_url)]
"""Folder, relative to the YAML file, or fsspec URL."""

FactorValue = Annotated[Value, PlainValidator(_scalar), WithJsonSchema({"type": ["number", "string", "boolean"]})]
"""What a factor is set to."""

FactorValues = Annotated[
    tuple[Value, ...],
    PlainValidator(_scalars),
    PlainSerializer(list),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["number", "string", "boolean"]},
                {"type": "array", "items": {"type": ["number", "string", "boolean"]}, "minItems": 1},
            ]
        }
    ),
]
"""What a factor may be set to: a value, or a list of them."""

KNOWN_FACTORS = (*FACTORS, *CNN_FACTORS)
"""Factors that are no arguments of a user's function."""

FactorName = Annotated[
    str,
    AfterValidator(_factor_name),
    Field(json_schema_extra={"anyOf": [{"enum": list(KNOWN_FACTORS)}, {"pattern": FACTOR_PATTERN}]}),
]
"""A hyper-parameter's name: a known one, or that of an argument of a user's function."""


def repeated_items(key: str, values: tuple[Any, ...]) -> list[Problem]:
    """What is wrong with a list whose items must differ: one problem for each that stood earlier in it."""
    return [
        Problem((key, index), f"{value!r} is listed twice")
        for index, value in enumerate(values)
        if value in values[:index]
    ]
