"""Settings in which the files of several studies differ."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

from hpo.config.study import StudyFile
from hpo.recipe.architecture import ArchitectureSpec, CnnSpec
from hpo.recipe.as_built import as_built
from hpo.reports.html import Html, paragraph
from hpo.reports.panel import Panel
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Cell, Column, Table
from hpo.reports.versus.study import NO_OPTIONS, Options, Studies
from hpo.results.words import DASH, count, listed, plural

_PARTS = {
    "data": "Data",
    "architectures": "Architectures",
    "factors": "Search space",
    "strategies": "Search space",
    "objective": "Objective",
    "objectives": "Objective",
    "choose": "Objective",
    "limits": "Limits",
    "stage1": "Stage 1",
    "stage2": "Stage 2",
    "confirm": "Final trainings",
    "arithmetic": "Arithmetic",
    "augment": "Augmentation",
    "loss": "Loss",
}
_BUDGET = ("trials", "patch_visits", "minutes")


class Difference(NamedTuple):
    """One setting that not all studies have in common, as each of them has it."""

    part: str
    key: str
    values: tuple[str, ...]


class Differences(NamedTuple):
    """Facts of the table, and how many settings are the same in all studies."""

    labels: tuple[str, ...]
    rows: list[Difference]
    shared: int


def wishes_of(study: StudyFile) -> dict[tuple[str, str], str]:
    """Everything that a study file and its search space ask for, as words, by (part, dotted key of the YAML).

    Names and places of the study's outputs, and how its workers behave, are left out: they change no result.
    """
    sections = {"data", "objective", "objectives", "choose", "limits", "stage1", "stage2", "confirm", "arithmetic"}
    values = study.model_dump(mode="json", include=sections)
    values["objective"]["metric"] = study.objective_metric
    if study.stage2.tunes_start:
        values["stage2"]["warm_start"] = None  # the factor says it
    values["architectures"] = {name: _architecture(spec) for name, spec in study.architecture_specs.items()}
    for key, spec in (("augment", study.augment_spec), ("loss", study.loss_spec)):
        values[key] = None if spec is None else _architecture(spec)
    values |= study.space.model_dump(mode="json")
    wishes = {}
    for section in _PARTS:
        for key, value in _flat(values[section], section):
            part = "Budget" if key.removeprefix("stage2.") in _BUDGET else _PARTS[section]
            wishes[part, key] = _text(value)
    return wishes


def read(studies: Studies, _options: Options = NO_OPTIONS) -> Differences:
    """The settings in which the studies differ; the test patches count, once they are known of all."""
    wishes = [dict(study.wishes) for study in studies]
    if all(study.test_digest for study in studies):
        for one, study in zip(wishes, studies, strict=True):
            one["Data", "test patches, SHA-256"] = study.test_digest[:12]
    keys = dict.fromkeys(key for one in wishes for key in one)
    rows = [Difference(part, key, tuple(one.get((part, key), DASH) for one in wishes)) for part, key in keys]
    different = [row for row in rows if len(set(row.values)) > 1]
    parts = list(dict.fromkeys([*_PARTS.values(), "Budget", *(row.part for row in rows)]))
    different.sort(key=lambda row: parts.index(row.part))
    return Differences(tuple(study.label for study in studies), different, len(rows) - len(different))


def draw(data: Differences, _looks: Looks) -> Table | Html:
    """One row per setting, grouped by what it is about."""
    if not data.rows:
        return paragraph("None.", "quiet")
    columns = [Column(""), Column("Setting"), *(Column(label) for label in data.labels)]
    rows: list[list[Cell | str]] = []
    for part, group in groupby(data.rows, key=lambda row: row.part):
        members = list(group)
        for index, row in enumerate(members):
            cells: list[Cell | str] = [Cell(part, rows=len(members))] if index == 0 else []
            rows.append([*cells, Cell(row.key, kind="code"), *(Cell(value, kind="wide") for value in row.values)])
    return Table(columns, rows)


def finding(data: Differences) -> str:
    """How many settings differ, and of what."""
    if not data.rows:
        return f"All {plural(data.shared, 'setting')} of the study files are the same."
    parts = {part: sum(1 for _ in group) for part, group in groupby(data.rows, key=lambda row: row.part)}
    found = listed(f"{amount} of {part[0].lower()}{part[1:]}" for part, amount in parts.items())
    return f"{plural(len(data.rows), 'setting')} differ{'s' if len(data.rows) == 1 else ''} ({found})."


def explain(data: Differences) -> str:
    """The settings that are compared."""
    return (
        f"Settings as the YAML files name them, defaults included; {count(data.shared)} more "
        f"{'is' if data.shared == 1 else 'are'} the same. Left out: names, places and workers, which change no result."
    )


def _flat(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _flat(below, f"{key}.{name}")
    else:
        yield key, value


def _text(value: Any) -> str:
    if value is None or value == []:
        return DASH
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _architecture(spec: ArchitectureSpec) -> str:
    """Such as ``convolutions 7x7 to 30 by 3, 3x3 to 100 by 2; dense 100, 100``."""
    if not isinstance(spec, CnnSpec):
        arguments = ", ".join(f"{name} {_text(value)}" for name, value in spec.arguments)
        return f"{spec.function} ({spec.source_digest[:12]}{f'; {arguments}' if arguments else ''})"
    spec = as_built(spec)
    layers = ", ".join(
        f"{one.kernel}x{one.kernel} to {one.filters} by {one.stride}{'' if one.pool else ' unpooled'}"
        for one in spec.convolutions
    )
    parts = [f"convolutions {layers}", f"dense {_text(list(spec.dense))}", f"pooling {spec.pool} by {spec.pool_stride}"]
    parts.append(f"padding {spec.padding}")
    if spec.batch_normalization:
        parts.append(f"BatchNormalization after {_text(list(spec.batch_normalization))}")
    if spec.dropout:
        parts.append(f"dropout {spec.dropout:g}")
    usual = CnnSpec((), ())
    for name in ("activation", "pooling", "residual", "crop", "bn_momentum"):
        if getattr(spec, name) != getattr(usual, name):
            words = "flattened by" if name == "pooling" else name.replace("bn_momentum", "BatchNormalization momentum")
            parts.append(f"{words} {_text(getattr(spec, name))}")
    return "; ".join(parts)


PANEL = Panel("Settings that differ", read, draw, finding, explain)
