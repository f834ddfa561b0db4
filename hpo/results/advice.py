"""Advice on the next run, from the study's own results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from statistics import fmean

from hpo.config.factor import is_least
from hpo.results.comparison import Sides
from hpo.results.decisions import FactorRange
from hpo.results.past_best import past_its_best
from hpo.results.study import StudyResults
from hpo.results.trials import value_of
from hpo.results.verdict import is_by_settings
from hpo.results.words import count, factor_words, listed, plural, value_words

RISING = 0.005
"""A metric that gains more than this in the last quarter of a training's epochs is still improving."""

_FAILED = 0.2
"""A study with more than this share of failed trials should be investigated first."""


def next_steps(results: StudyResults, metric: str) -> list[str]:
    """Suggestions, the most important first; each names an observation and a change.

    Args:
        results: of a study, finished or not.
        metric: one of `hpo.evaluation.metrics.METRICS`, by which the sides are compared.
    """
    compared = results.comparison
    rules = (
        _failures(results),
        _only_longer(compared, metric),
        _past_its_best(results),
        _edges(results),
        _still_improving(results),
        _still_searching(results),
        _unsure(compared, metric),
        _warm_start(results, compared, metric),
    )
    return [sentence for rule in rules for sentence in rule]


def _failures(results: StudyResults) -> Iterator[str]:
    ended = [trial for trial in results.trials if trial.state in ("complete", "failed")]
    failed = [trial for trial in ended if trial.state == "failed"]
    if failed and len(failed) > _FAILED * len(ended):
        yield (
            f"{count(len(failed))} of {plural(len(ended), 'trial')} failed: see why below, and take the values that "
            "fail out of the search space."
        )


def _only_longer(compared: dict[str, Sides], metric: str) -> Iterator[str]:
    """Architectures that gained by the warm start, and so perhaps only by more epochs."""
    found = [
        name
        for name, sides in compared.items()
        if sides.before_after is not None
        and sides.before_after.metrics[metric].difference.low > 0
        and sides.baseline == "before"
        and is_by_settings(sides, metric) is False
    ]
    if found:
        yield (
            f"The settings alone bring {listed(found)} no certain gain: train the reference for as long as "
            "donor and final training together (confirm.equal_training: true), to see whether more training is all "
            "that helped."
        )


def _past_its_best(results: StudyResults) -> Iterator[str]:
    """Architectures whose equally trained reference was better before its end."""
    found = [name for name in results.settings.architectures if past_its_best(results, name) is not None]
    if found:
        yield (
            f"The equally trained reference of {listed(found)} was trained past its best: objective.epoch: best would "
            "judge each side by its best epoch."
        )


def _edges(results: StudyResults) -> Iterator[str]:
    """Factors whose best level is an outermost one of stage 1, so the optimum may lie beyond."""
    found: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for one in results.ranges:
        factor = results.settings.factors.get(one.factor)
        if factor is None or factor.is_switch or isinstance(one.best, bool | str):
            continue
        levels = sorted(level for level in set(factor.levels) if not isinstance(level, bool | str))
        if len(levels) < 2 or one.best not in (levels[0], levels[-1]):
            continue
        end, beyond = ("lowest", "lower") if one.best == levels[0] else ("highest", "higher")
        if is_least(one.factor, one.best) if beyond == "lower" else _is_most(results, one.factor, one.best):
            continue
        if _was_tried_beyond(results, one, beyond):
            continue
        found[one.factor, f"{end} level that stage 1 tried, {value_words(one.best)}", beyond].append(one.architecture)
    for (factor_name, level, beyond), architectures in found.items():
        yield f"Of {factor_words(factor_name)}, {listed(architectures)} did best at the {level}: try {beyond} ones."


def _was_tried_beyond(results: StudyResults, found: FactorRange, beyond: str) -> bool:
    """Whether stage 2 already tried values lower or higher than the best level of stage 1."""
    tried = [trial.point.get(found.factor) for trial in results.finished("stage2", found.architecture)]
    values = [float(value) for value in (found.best, *tried) if isinstance(value, int | float)]
    return (min(values) if beyond == "lower" else max(values)) != values[0]


def _is_most(results: StudyResults, factor: str, value: float) -> bool:
    """Whether the data have no more than this: every training patch, or the whole patch."""
    if results.data is None:
        return False
    whole = {"patches": results.data.splits["train"].patches, "crop": results.data.patch_size}
    return factor in whole and value >= whole[factor]


def _still_improving(results: StudyResults) -> Iterator[str]:
    """Architectures whose tuned models' validation curves still rise at the end."""
    objective = results.settings.objective
    rising = []
    for architecture in results.settings.architectures:
        curves = [
            [objective.gain(epoch[objective.column]) for epoch in training.curve]
            for training in results.finals(architecture, "after")
            if len(training.curve) >= 4
        ]
        if curves and _gain_at_the_end([fmean(values) for values in zip(*curves, strict=False)]) > RISING:
            rising.append(architecture)
    if rising:
        verb = "was" if len(rising) == 1 else "were"
        yield (
            f"{listed(rising)} {verb} still improving when the final trainings ended, after "
            f"{plural(results.settings.confirm.epochs, 'epoch')}: train longer (confirm.epochs)."
        )


def _gain_at_the_end(values: list[float]) -> float:
    """How much higher the last tenth of a curve is than the tenth before its last quarter."""
    window = max(1, len(values) // 10)
    before = len(values) - max(1, len(values) // 4)
    return fmean(values[-window:]) - fmean(values[max(0, before - window) : before])


def _still_searching(results: StudyResults) -> Iterator[str]:
    """Architectures whose best stage-2 trial is among the last; where trainings pause it always is."""
    objective, stage2 = results.settings.objective, results.settings.stage2
    if stage2.is_pool:
        return
    budget = next((key for key in ("patch_visits", "minutes") if getattr(stage2, key) is not None), "trials")
    found = []
    for architecture in results.settings.architectures:
        values = [objective.gain(value_of(trial)) for trial in results.finished("stage2", architecture)]
        if len(values) >= 5 and values.index(max(values)) >= 0.8 * len(values):
            found.append(architecture)
    if found:
        keys = f"stage2.{budget}" + ("" if stage2.stop is None else ", and a later stage2.stop")
        yield f"Stage 2 found the best trial of {listed(found)} among its last ones: give it more ({keys})."


def _unsure(compared: dict[str, Sides], metric: str) -> Iterator[str]:
    unsure = [
        name
        for name, sides in compared.items()
        if sides.before_after is not None and not sides.before_after.metrics[metric].difference.excludes_zero
    ]
    if unsure:
        yield (
            f"Whether tuning changed {listed(unsure)} is unknown: more seeds (confirm.seeds), slides or "
            "test patches would narrow the interval."
        )


def _warm_start(results: StudyResults, compared: dict[str, Sides], metric: str) -> Iterator[str]:
    """Architectures for which the warm start made no visible difference."""
    idle = [name for name, sides in compared.items() if _is_idle(sides, metric)]
    if idle:
        out = ", with warm_start taken out of stage2.factors" if results.settings.stage2.tunes_start else ""
        yield (
            f"From random weights the tuned settings of {listed(idle)} do as well as from stage 1's: a cold start "
            f"(stage2.warm_start: cold{out}) may do."
        )


def _is_idle(sides: Sides, metric: str) -> bool:
    settings, start = (sides.pairs.get(pair) for pair in (("before", "cold_control"), ("cold_control", "after")))
    if settings is None or start is None:
        return False
    gain = settings.metrics[metric].difference
    return gain.excludes_zero and gain.value > 0 and not start.metrics[metric].difference.excludes_zero
