"""Which model is meant: a study's best one, or a file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from hpo.config.best_config import BestConfig, load_best_config
from hpo.config.load import load_study
from hpo.data.description import read_description
from hpo.errors import ConfigError, HpoError, nearest
from hpo.evaluation.metrics import THRESHOLD

Backend = Literal["auto", "onnx", "keras"]
NAMES: dict[Backend, tuple[str, ...]] = {
    "auto": ("model.onnx", "model.keras", "model.h5"),
    "onnx": ("model.onnx",),
    "keras": ("model.keras", "model.h5"),
}
"""Of an architecture's exported files, the first that is there and can be run; ONNX Runtime starts in a fraction of
TensorFlow's time and is as fast or faster on a CPU (``tests/benchmarks/slides.py``)."""
_ENDINGS = (".onnx", ".keras", ".h5")


@dataclass(frozen=True)
class ModelFile:
    """A classifier on disk.

    Args:
        path: ``.onnx``, ``.keras`` or ``.h5``.
        name: for people: study and architecture, or the file's name.
        threshold: probability above which a tile is called positive.
        chosen: who chose the threshold, in words.
        classes: names of the labels 0, 1, ...; empty if they are unknown, as of a file that was taken from its study.
        microns_per_pixel: of the patches that it was trained on; None if its study did not know.
    """

    path: Path
    name: str
    threshold: float = THRESHOLD
    chosen: str = "by default"
    classes: tuple[str, ...] = ()
    microns_per_pixel: float | None = None

    def class_name(self, label: int) -> str:
        """The name of a label, or its number where it has none."""
        return self.classes[label] if label < len(self.classes) else f"class {label}"

    @property
    def sha256(self) -> str:
        """Of the file's bytes.

        Raises:
            HpoError: if it cannot be read.
        """
        try:
            return hashlib.sha256(self.path.read_bytes()).hexdigest()
        except OSError as error:
            raise HpoError(f"{self.path}: cannot be read: {error.strerror or error}") from error


def find_model(where: Path, *, architecture: str | None = None, backend: Backend = "auto") -> ModelFile:
    """The model that a path means.

    Args:
        where: a model's file, a folder that has one, a study's output folder, ``best_config.yaml``, or a study file.
        architecture: of a study; None is the best on validation.
        backend: which kind of file to prefer.

    Raises:
        HpoError: if there is none.
    """
    if where.suffix in (".yaml", ".yml"):
        if not where.exists():
            raise HpoError(f"{where}: no such file")
        where = where.parent if where.name == "best_config.yaml" else load_study(where).output
    if where.is_dir():
        return _in_folder(where, architecture, backend)
    if not where.exists():
        raise HpoError(
            f"{where}: no such file or folder; name a study's output folder, such as runs/quickstart, or a "
            f"model's file ({', '.join(_ENDINGS)})"
        )
    if where.suffix not in _ENDINGS:
        raise HpoError(f"{where}: is no model; its name must end in {', '.join(_ENDINGS)}")
    if architecture is not None:
        raise HpoError(f"--architecture {architecture}: {where} is one model; name the study's output folder instead")
    _check_backend(where, backend)
    beside = where.parent.parent / "best_config.yaml"
    if where.stem == "model" and beside.exists():
        return _described(where, beside, where.parent.name)
    return ModelFile(where, where.name)


def label_named(model: ModelFile, text: str) -> int:
    """The label that a name or a number means; of a class that is named by a number, its name.

    Raises:
        HpoError: if there is none of that name.
    """
    if text in model.classes:
        return model.classes.index(text)
    if text.isdecimal():
        return int(text)
    if not model.classes:
        raise HpoError(
            f"--class {text}: the names of the classes of {model.path} are unknown; give the label's number, or name "
            "the study's output folder instead of the file"
        )
    raise HpoError(f"--class {text}: {model.path} has no such class; {nearest(text, model.classes)}")


def _check_backend(path: Path, backend: Backend) -> None:
    if backend != "auto" and f"model{path.suffix}" not in NAMES[backend]:
        raise HpoError(f"--backend {backend}: does not run {path.name}; leave the option out")


def _in_folder(folder: Path, architecture: str | None, backend: Backend) -> ModelFile:
    config = folder / "best_config.yaml"
    if not config.exists():
        path = _file_in(folder, backend)
        if path is None:
            raise HpoError(
                f"{folder}: has neither best_config.yaml nor a model; it is no output folder of a finished study: "
                "run the study to its end, or hpo export STUDY"
            )
        return find_model(path, architecture=architecture)
    best = load_best_config(config)
    name = best.best if architecture is None else architecture
    if name not in best.models:
        raise HpoError(f"--architecture {name}: {config} has none of that name; {nearest(name, best.models)}")
    path = _file_in(folder / name, backend)
    if path is None:
        wanted = " nor ".join(NAMES[backend])
        needed = "; --onnx writes the first" if backend != "keras" else ""
        raise HpoError(f"{folder / name}: has neither {wanted} that can be run here; run: hpo export STUDY{needed}")
    return _described(path, config, name)


def _file_in(folder: Path, backend: Backend) -> Path | None:
    there = [folder / name for name in NAMES[backend] if (folder / name).is_file()]
    return next((path for path in there if is_runnable(path)), there[0] if there else None)


def is_runnable(path: Path) -> bool:
    """Whether what runs such a file is installed."""
    return find_spec("onnxruntime" if path.suffix == ".onnx" else "tensorflow") is not None


def _described(path: Path, config: Path, name: str) -> ModelFile:
    """With the threshold and the words of the study beside it; without where its best_config.yaml is of no use."""
    try:
        best = load_best_config(config)
    except ConfigError:
        return ModelFile(path, path.name)
    if name not in best.models:
        return ModelFile(path, path.name)
    threshold = best.models[name].threshold
    return ModelFile(
        path,
        f"{best.study}/{name}",
        THRESHOLD if threshold is None else threshold,
        "by default" if threshold is None else "chosen on validation",
        _classes(best),
        best.microns_per_pixel,
    )


def _classes(best: BestConfig) -> tuple[str, ...]:
    """The names of the labels; an earlier version's file leaves them to the data, if those are still there."""
    if best.classes is not None or not best.data.folder.exists():
        return best.classes or ()
    try:
        return read_description(best.data.folder).classes
    except HpoError:
        return ()
