"""The tuned models of several studies on the test split: side by side, and paired where the patches are the same."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.compare import Comparison, Measurement, compare_sides
from hpo.evaluation.holm import holm
from hpo.evaluation.metrics import METRICS
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.panels.comparison_table import difference_cell, resting_on
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Cell, Column, Table
from hpo.reports.versus.study import NO_OPTIONS, ComparedStudy, Options, Studies, architectures_of, listed_labels
from hpo.results.trainings import Role
from hpo.results.words import (
    DASH,
    capital,
    interval,
    listed,
    metric_words,
    number,
    p_value,
    plural,
    signed,
    signed_interval,
)


class Paired(NamedTuple):
    """A study's tuned models minus the first study's, on the same patches, with DeLong's p adjusted by Holm."""

    comparison: Comparison
    adjusted_p: float


class TestedArchitecture(NamedTuple):
    """One architecture: what each study's sides reach, and its differences from the first study (None: not paired)."""

    name: str
    measured: list[Mapping[Role, Measurement]]
    pairs: list[Paired | None]


class Tested(NamedTuple):
    """Facts of table and figure; of every study but the first, ``reasons`` say why it cannot be paired."""

    labels: tuple[str, ...]
    metric: str
    rows: list[TestedArchitecture]
    reasons: list[str]


def read(studies: Studies, _options: Options = NO_OPTIONS) -> Tested:
    """Architectures that any of the studies has tested; computed once for all that shows them.

    Raises:
        NotThereError: if there is none yet.
    """
    return _read(studies)


@lru_cache(maxsize=1)
def _read(studies: Studies) -> Tested:
    sides = [study.results.comparison for study in studies]
    names = [name for name in architectures_of(studies) if any(name in found for found in sides)]
    if not names:
        raise NotThereError("None of the studies has opened its test split yet.")
    reasons = [_why_apart(studies[0], study) for study in studies[1:]]
    found: dict[tuple[str, int], Comparison] = {}
    for name in names:
        for place, study in enumerate(studies[1:]):
            comparison = None if reasons[place] else _paired(studies[0], study, name)
            if comparison is not None:
                found[name, place] = comparison
    adjusted = dict(zip(found, holm([one.auc_test.p_value for one in found.values()]), strict=True))
    rows = [
        TestedArchitecture(
            name,
            [sides_of[name].measured if name in sides_of else {} for sides_of in sides],
            [
                Paired(found[name, place], adjusted[name, place]) if (name, place) in found else None
                for place in range(len(studies) - 1)
            ],
        )
        for name in names
    ]
    labels = tuple(study.label for study in studies)
    return Tested(labels, studies[0].results.settings.test_metric, rows, reasons)


def draw(data: Tested, looks: Looks) -> Table:
    """One row per metric, by architecture: the tuned models of every study, and the differences from the first."""
    columns = [Column("Model"), Column("Metric"), *(Column(label, numeric=True) for label in data.labels)]
    shown = [place for place in range(len(data.labels) - 1) if any(row.pairs[place] for row in data.rows)]
    for place in shown:
        columns.append(Column(f"{data.labels[place + 1]} minus {data.labels[0]}", numeric=True))
        columns.append(Column("DeLong p, Holm", numeric=True))
    rows: list[list[Cell | str]] = []
    for row in data.rows:
        for index, metric in enumerate(METRICS):
            cells: list[Cell | str] = (
                [Cell(row.name, swatch=looks.colour(row.name), rows=len(METRICS))] if index == 0 else []
            )
            cells.append(capital(metric_words(metric)))
            cells += [_measurement_cell(sides, metric) for sides in row.measured]
            for place in shown:
                cells += _pair_cells(row.pairs[place], metric)
            rows.append(cells)
    return Table(columns, rows)


def finding(data: Tested) -> str:
    """Of each study but the first: by how much its tuned models are better or worse."""
    words, parts = metric_words(data.metric), []
    for place, label in enumerate(data.labels[1:]):
        gains = [
            f"{row.name} {signed(one.value)} ({signed_interval(one)})"
            for row in data.rows
            if (pair := row.pairs[place]) is not None
            for one in (pair.comparison.metrics[data.metric].difference,)
        ]
        if gains:
            parts.append(f"{label} minus {data.labels[0]}, test {words} of the tuned models: {listed(gains)}")
    if parts:
        return f"{'; '.join(parts)}."
    if any(data.reasons):
        return " ".join(dict.fromkeys(filter(None, data.reasons)))
    return f"{listed(data.labels)} trained no model with the same seeds, so nothing can be paired."


def explain(data: Tested) -> str:
    """The base of the intervals, and why a difference is missing."""
    pairs = [pair for row in data.rows for pair in row.pairs if pair is not None]
    parts = ["Tuned models, means over seeds with 95% intervals."]
    if pairs:
        parts.append(
            "Differences are paired, on the same test patches and the seeds that both studies have. "
            f"{resting_on(pairs[0].comparison.sampling)} Differences in bold exclude 0. DeLong's p-values are adjusted "
            f"by Holm over {plural(len(pairs), 'comparison')}."
        )
    fewer = [row.name for row in data.rows if _is_on_fewer_seeds(row)]
    if fewer:
        parts.append(
            f"Columns are means over all seeds of a study: for {listed(fewer)}, whose studies share only some seeds, "
            "the paired difference need not be the difference of the columns."
        )
    parts += dict.fromkeys(filter(None, data.reasons))
    return " ".join(parts)


def _is_on_fewer_seeds(row: TestedArchitecture) -> bool:
    """Whether a study has trained the model with seeds that its paired difference leaves out."""
    return any(
        pair.comparison.sampling.seeds < sides["after"].sampling.seeds
        for place, pair in enumerate(row.pairs)
        if pair is not None
        for sides in (row.measured[0], row.measured[place + 1])
    )


def _why_apart(first: ComparedStudy, other: ComparedStudy) -> str:
    """Why two studies' models cannot be compared patch by patch; empty if they can."""
    both = listed_labels((first, other))
    for study in (first, other):
        if study.results.test_labels is None or not study.test_digest:
            return f"{study.label} has not opened its test split yet, so there is no difference from it."
    if first.test_digest != other.test_digest:
        return (
            f"{both} were tested on different patches: their numbers stand side by side, without a paired difference."
        )
    if not np.array_equal(_labels(first), _labels(other)):
        return f"{both} disagree about the labels of the same patches: there is no paired difference."
    return ""


def _paired(first: ComparedStudy, other: ComparedStudy, architecture: str) -> Comparison | None:
    """The tuned models of one architecture on the seeds that both studies have; None without any."""
    rows = [_predictions(study, architecture) for study in (first, other)]
    seeds = sorted(set(rows[0]) & set(rows[1]))
    if not seeds:
        return None
    sides = {
        name: np.stack([found[seed] for seed in seeds]) for name, found in zip(("first", "other"), rows, strict=True)
    }
    slides = first.results.test_slides
    return compare_sides(_labels(first), sides, [("first", "other")], slides=slides)["first", "other"]


def _predictions(study: ComparedStudy, architecture: str) -> dict[int, NDArray[np.float32]]:
    return {
        one.seed: one.test_probabilities
        for one in study.results.tested_finals(architecture, "after")
        if one.test_probabilities is not None
    }


def _labels(study: ComparedStudy) -> NDArray[np.uint8]:
    if study.results.test_labels is None:
        raise ValueError(f"{study.label} has no test labels")
    return study.results.test_labels


def _measurement_cell(sides: Mapping[Role, Measurement], metric: str) -> Cell | str:
    if "after" not in sides:
        return DASH
    found = sides["after"].metrics[metric]
    return Cell(number(found.value), interval(found))


def _pair_cells(pair: Paired | None, metric: str) -> list[Cell | str]:
    if pair is None:
        return [DASH, DASH if metric == "auc" else ""]
    return [
        difference_cell(pair.comparison.metrics[metric].difference),
        p_value(pair.adjusted_p) if metric == "auc" else "",
    ]


PANEL = Panel("Test metrics after tuning", read, draw, finding, explain)
