"""A user's own function as its source says, found and read without running any of it."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import stat
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
from symtable import symtable

from hpo.errors import nearest
from hpo.file_faults import file_fault


@dataclass(frozen=True)
class FoundFunction:
    """A function of a module's source.

    Args:
        digest: SHA-256 of the source.
        arguments: names of the keyword arguments after those that it is given; None where the source does not show
            them: the function is imported from elsewhere, or the result of a call.
        required: those of them without a default.
        takes_any: whether it takes keyword arguments that it does not list (``**options``).
        first: names of the arguments that it is given, as far as it has them.
        is_short: whether it takes fewer arguments than it is given.
    """

    digest: str
    arguments: tuple[str, ...] | None
    required: tuple[str, ...] = ()
    takes_any: bool = False
    first: tuple[str, ...] = ()
    is_short: bool = False


def read_function(function: str, folder: Path, *, given: int = 1) -> FoundFunction:
    """Find a function and read which arguments it takes; nothing is imported.

    Args:
        function: ``module:name``.
        folder: where the module is looked for before the Python path.
        given: how many of its first arguments are given to it, and so cannot be chosen.

    Raises:
        ValueError: if there is no such module or name, or the module is not Python.
    """
    module, name = function.split(":")
    spec = find_module(module, folder)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise ValueError(f"no Python file of module {module!r} in {folder} or on the Python path")
    source = Path(spec.origin).read_bytes()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{spec.origin} is not Python: {error}") from None
    names = _names_bound(ast.unparse(tree))
    if name not in names:
        raise ValueError(f"{spec.origin} defines no {name!r}; {nearest(name, names)}")
    return _found(tree, name, hashlib.sha256(source).hexdigest(), given)


def file_digest(path: Path) -> str:
    """SHA-256 of a file; one that has not changed since is not read again.

    Raises:
        ValueError: if it cannot be read.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{path} is no regular file; name a file that the function reads")
        return _digest_of(path, found.st_size, found.st_mtime_ns)
    except OSError as error:
        raise ValueError(f"{path}: {file_fault(error)}") from None


@lru_cache(maxsize=256)
def _digest_of(path: Path, _size: int, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_module(module: str, *folders: Path) -> ModuleSpec | None:
    """The place of a module, found without importing anything, not even the packages around it.

    Args:
        module: its name, dots in it.
        folders: where to look before the Python path.
    """
    top, *below = module.split(".")
    spec = PathFinder.find_spec(top, [*map(str, folders), *sys.path]) or importlib.util.find_spec(top)
    name = top
    for child in below:
        if spec is None or spec.submodule_search_locations is None:
            return None
        name = f"{name}.{child}"
        # By its last name alone: a folder without __init__.py would be looked up in its parent, which is not imported.
        spec = PathFinder.find_spec(child, list(spec.submodule_search_locations))
    if spec is not None and below and spec.origin is not None:
        return spec_from_file_location(name, spec.origin, submodule_search_locations=spec.submodule_search_locations)
    return spec


def _found(tree: ast.Module, name: str, digest: str, given: int) -> FoundFunction:
    """The function of that name that is defined last, as Python has it."""
    found = FoundFunction(digest, None)
    for statement in tree.body:
        if name in _names_bound(ast.unparse(statement)):
            found = FoundFunction(digest, None)
            if isinstance(statement, ast.FunctionDef):
                found = _signature(statement.args, digest, given)
    return found


def _signature(arguments: ast.arguments, digest: str, given: int) -> FoundFunction:
    positional = [*arguments.posonlyargs, *arguments.args]
    without_default = {one.arg for one in positional[: len(positional) - len(arguments.defaults)]}
    without_default |= {
        one.arg for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is None
    }
    first = [one.arg for one in positional[:given]]
    by_name = [one.arg for one in (*arguments.args, *arguments.kwonlyargs) if one.arg not in first]
    return FoundFunction(
        digest,
        arguments=tuple(by_name),
        required=tuple(one for one in by_name if one in without_default),
        takes_any=arguments.kwarg is not None,
        first=tuple(first),
        is_short=len(first) < given and arguments.vararg is None,
    )


def _names_bound(source: str) -> set[str]:
    """What a module's source binds at its top level: also in an ``if`` or ``try``, and with an annotation."""
    symbols = symtable(source, "module", "exec").get_symbols()
    return {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}
