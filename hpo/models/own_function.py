"""The Python function of an architecture of the user's own: found, compared with the recipe's digest, then run."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from hpo.config.function_source import file_digest, find_module
from hpo.errors import TrainingError
from hpo.models.backend import pin_keras, tf
from hpo.recipe.architecture import FunctionSpec

_folders: list[Path] = []
"""Where modules are looked for before the Python path, the latest first."""

_run: dict[str, tuple[str, ModuleType]] = {}
"""Of each module that was run here: its source's digest, and what became of it."""


_EAGER, _JIT, _TF32 = "run_functions_eagerly", "jit", "tensor_float_32_execution"


def look_in(folder: Path) -> None:
    """Look for modules in this folder, a study file's, before all others. It is put on the path once one is used."""
    if folder in _folders:
        _folders.remove(folder)
    _folders.insert(0, folder)


def import_function(spec: FunctionSpec) -> Any:
    """The function that an architecture names.

    The very bytes whose digest is the recipe's are run: no compiled file beside them, and no module of that name that
    something else has imported.

    Raises:
        TrainingError: if the module is not there, has another digest (then none of it runs), or fails; likewise for a
            file that it reads.
    """
    _check_files(spec)
    module_name, _, name = spec.function.partition(":")
    if not module_name or not name:
        raise _not_importable(spec, "no module, or no name")
    known = _run.get(module_name)
    if known is None or known[0] != spec.source_digest or sys.modules.get(module_name) is not known[1]:
        known = spec.source_digest, _import(spec, module_name)
        _run[module_name] = known
    try:
        return getattr(known[1], name)
    except AttributeError as error:
        raise _not_importable(spec, error) from error


def objects_beside(spec: FunctionSpec) -> dict[str, Any]:
    """What the module of a function defines, by name: layers of its own among them.

    Raises:
        TrainingError: as `import_function`.
    """
    with settings_kept(spec):
        import_function(spec)
    return dict(vars(sys.modules[spec.function.partition(":")[0]]))


def _check_files(spec: FunctionSpec) -> None:
    """See that the files that a function reads are those of the recipe."""
    for name, digest in spec.files:
        places = [folder / name for folder in _folders if (folder / name).exists()]
        if not places:
            raise TrainingError(f"{spec.function}: its file {name} is not in {', '.join(map(str, _folders))}")
        try:
            found = file_digest(places[0])
        except ValueError as error:
            raise TrainingError(f"{spec.function}: {error}") from None
        if found != digest:
            raise TrainingError(
                f"{spec.function}: {places[0]} is not the file that this recipe was made with; restore it, or plan the "
                "study again"
            )


def file_hint(spec: FunctionSpec, error: BaseException) -> str:
    """The advice for a function that lacked a file that its study does not list; empty for other errors."""
    said = str(error).casefold()
    is_lacking = isinstance(error, FileNotFoundError) or "no such file" in said or "file not found" in said
    if not is_lacking or any(Path(name).name.casefold() in said for name, _ in spec.files):
        return ""
    return "; name each file that it reads under files: (its path starts at the study file)"


@contextmanager
def settings_kept(spec: FunctionSpec) -> Iterator[None]:
    """A block in which a user's module may change global settings: Keras' are set back, TensorFlow's are refused.

    Otherwise the next model would train differently after this one than in a fresh process, under the same key.

    Raises:
        TrainingError: if the block has changed one that TensorFlow keeps.
    """
    before = _tensorflow_settings()
    pin_keras()
    try:
        yield
    finally:
        pin_keras()
        changed = sorted(name for name, value in _tensorflow_settings().items() if before.get(name) != value)
        for name in changed:
            _set_back(name, before.get(name))
    if changed:
        raise TrainingError(
            f"{spec.function}: its module sets TensorFlow's {changed[0]}, which no recipe knows; take that out"
        )


def _tensorflow_settings() -> dict[str, Any]:
    options: dict[str, Any] = tf.config.optimizer.get_experimental_options()
    return options | {
        _EAGER: tf.config.functions_run_eagerly(),
        _JIT: bool(tf.config.optimizer.get_jit()),
        _TF32: tf.config.experimental.tensor_float_32_execution_enabled(),
    }


def _set_back(name: str, value: Any) -> None:
    if name == _EAGER:
        tf.config.run_functions_eagerly(value)
    elif name == _JIT:
        tf.config.optimizer.set_jit(value)
    elif name == _TF32:
        tf.config.experimental.enable_tensor_float_32_execution(value)
    else:
        tf.config.optimizer.set_experimental_options({name: value})  # None leaves it to TensorFlow, as at first


def _import(spec: FunctionSpec, module_name: str) -> ModuleType:
    importlib.invalidate_caches()  # a file may be younger than the last look at its folder
    place = _place(spec, module_name)
    code = _verified(spec, Path(str(place.origin)))
    for folder in reversed(_folders):  # for what the module imports itself
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    module = module_from_spec(place)
    package, _, child = module_name.rpartition(".")
    replaced = sys.modules.get(module_name)
    try:
        if package:
            importlib.import_module(package)
        sys.modules[module_name] = module
        exec(code, module.__dict__)  # noqa: S102 - the study file names it, and its digest is the recipe's
        if package:
            setattr(sys.modules[package], child, module)
    except BaseException as error:
        sys.modules.pop(module_name, None)
        if replaced is not None:
            sys.modules[module_name] = replaced
        if isinstance(error, KeyboardInterrupt):
            raise
        raise _not_importable(spec, error, file_hint(spec, error)) from error
    return module


def _place(spec: FunctionSpec, module_name: str) -> ModuleSpec:
    try:
        place = find_module(module_name, *_folders)
    except (ImportError, ValueError, AttributeError) as error:
        raise _not_importable(spec, error) from error
    if place is None or place.origin is None or not place.origin.endswith(".py"):
        raise _not_importable(spec, f"no Python file of a module named {module_name!r}")
    return place


def _verified(spec: FunctionSpec, source: Path) -> CodeType:
    """The compiled source, read once: what is compared is what runs."""
    try:
        content = source.read_bytes()
    except OSError as error:
        raise _not_importable(spec, error) from error
    if hashlib.sha256(content).hexdigest() != spec.source_digest:
        raise TrainingError(
            f"{spec.function}: the source in {source} is not the one that this recipe was made with, and was not run; "
            "restore it, or plan the study again"
        )
    try:
        return compile(content, str(source), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise _not_importable(spec, error) from error


def _not_importable(spec: FunctionSpec, reason: BaseException | str, hint: str = "") -> TrainingError:
    if isinstance(reason, BaseException) and not isinstance(reason, ImportError | AttributeError | ValueError):
        reason = f"{type(reason).__name__}: {reason}"
    said = " ".join(str(reason).split())
    return TrainingError(f"{spec.function}: cannot be imported as module:name ({said}){hint}")
