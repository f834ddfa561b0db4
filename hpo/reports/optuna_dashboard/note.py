"""The note of an Optuna study on optuna-dashboard: its place in the study, its progress, its results.

The text is Markdown as GitHub has it, without HTML, which the dashboard does not show.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from hpo.config.stages import POOL_DESIGNS
from hpo.evaluation.front import less_is_better
from hpo.evaluation.objective import Objective
from hpo.results.decisions import FactorRange
from hpo.results.front import objective_words, rule_words
from hpo.results.settings import StudySettings
from hpo.results.study import StudyResults
from hpo.results.trainings import StageName, TrialResult
from hpo.results.trials import best_trial, value_of
from hpo.results.words import (
    design_words,
    factor_words,
    interval,
    listed,
    metric_words,
    moment,
    number,
    plural,
    point_words,
    range_words,
    signed,
    signed_interval,
    speaking_words,
    value_words,
    within_words,
)
from hpo.storage.decisions import stage_name

_MARKS = re.compile(r"([\\`*_\[\]<>~|&!$])")
_STATES: tuple[Literal["complete", "pruned", "failed", "running", "waiting"], ...] = (
    "complete", "pruned", "failed", "running", "waiting",
)  # fmt: skip


class Context(NamedTuple):
    """Facts of a note beside the results.

    Args:
        data: the study's data, in a few words.
        addresses: of the Optuna studies' pages, by name, as far as there are any.
        findings: what each of the study's figures shows: a sentence each.
    """

    data: str
    addresses: Mapping[str, str]
    findings: Sequence[str]


def write_note(results: StudyResults, stage: StageName, architecture: str, context: Context) -> str:
    """The note of the Optuna study of one stage and architecture.

    Args:
        results: of the whole study.
        stage: which.
        architecture: by name.
        context: what else it names.
    """
    settings = results.settings
    facts = [
        ("Study", f"{settings.name}, architecture {architecture}, on {context.data}"),
        ("Design", _stage1_design(settings) if stage == "stage1" else _stage2_design(settings)),
        *_objective_facts(settings, stage),
        *_standing(results, stage, architecture),
        *(_after_stage1(results, architecture) if stage == "stage1" else _after_stage2(results, architecture)),
    ]
    which, verb = ("1", "explore") if stage == "stage1" else ("2", "tune")
    lines = [f"## Stage {which} of {_plain(architecture)}: {verb}", ""]
    lines += [f"- **{name}**: {_plain(text)}" for name, text in facts]
    lines.append(_link(settings, stage, architecture, context.addresses))
    if context.findings:
        lines += ["", "### What the figures show", "", *(f"- {_plain(finding)}" for finding in context.findings)]
    return "\n".join(lines) + "\n"


def _objective_facts(settings: StudySettings, stage: StageName) -> Iterator[tuple[str, str]]:
    if settings.objectives is None or stage == "stage1":
        yield "Objective", _objective_words(settings.objective)
        return
    said = [
        f"{objective_words(name)} ({'less' if less_is_better(name) else 'more'})" for name in settings.objectives.names
    ]
    yield "Objectives", f"{listed(said)}; metrics {speaking_words(settings.objective)}"
    yield "Chosen from the front", rule_words(settings.objectives)


def _objective_words(objective: Objective) -> str:
    """The objective in words: ``validation AUC after the last epoch; more is better``."""
    direction = "less" if objective.direction == "minimize" else "more"
    return f"validation {metric_words(objective.metric)} {speaking_words(objective)}; {direction} is better"


def _stage1_design(settings: StudySettings) -> str:
    factors = listed(map(factor_words, settings.stage1.factors))
    return f"{design_words(settings.stage1.design)} ({factors}), from random weights"


def _stage2_design(settings: StudySettings) -> str:
    factors = listed(map(factor_words, settings.stage2.factors))
    start = {
        "cold": "from random weights",
        "warm": "from stage 1's best weights",
        "shrink_perturb": "from stage 1's best weights, shrunk and perturbed",
    }[settings.stage2.warm_start]
    if settings.stage2.tunes_start:
        start = "from random weights or stage 1's best, as each trial's warm start says"
    inserted = ", BatchNormalization inserted" if settings.stage2.batch_normalization else ""
    up_to = "up to " if settings.stage2.design in POOL_DESIGNS else ""
    return (
        f"{design_words(settings.stage2.design)} search {within_words(settings.stage2.within)} ({factors}), trials of "
        f"{up_to}{plural(settings.stage2.epochs, 'epoch')}, {start}{inserted}"
    )


def _standing(results: StudyResults, stage: StageName, architecture: str) -> Iterator[tuple[str, str]]:
    trials = results.trials_of(stage, architecture)
    counts = Counter(trial.state for trial in trials)
    parts = [f"{counts[state]:,} {state}" for state in _STATES if counts[state]]
    yield "Stands at", f"{plural(len(trials), 'trial')}: {listed(parts)}"
    done = results.finished(stage, architecture)
    if done:
        best = best_trial(results.settings.objective, done)
        yield "Best trial", f"trial {best.number}, {_reached(results, best)}, with {point_words(best.point)}"


def _reached(results: StudyResults, trial: TrialResult) -> str:
    words = f"{metric_words(results.settings.objective.metric)} {number(value_of(trial))}"
    return words if trial.standard_error is None else f"{words} (standard error {number(trial.standard_error)})"


def _after_stage1(results: StudyResults, architecture: str) -> Iterator[tuple[str, str]]:
    ranges = results.ranges_of(architecture).values()
    if ranges:
        edited = " (edited by hand)" if any(one.edited for one in ranges) else ""
        yield f"Ranges for stage 2{edited}", "; ".join(map(_range_words, ranges))
    donor = results.donor(architecture)
    if donor is not None:
        yield "Weights for stage 2", f"the training with {point_words(donor.point)}, after epoch {donor.epoch}"


def _range_words(limits: FactorRange) -> str:
    if limits.low is None or limits.high is None:
        return f"{factor_words(limits.factor)} {listed(map(value_words, limits.values))}"
    return f"{factor_words(limits.factor)} {range_words(limits.low, limits.high)}"


def _after_stage2(results: StudyResults, architecture: str) -> Iterator[tuple[str, str]]:
    chosen = results.chosen(architecture)
    if chosen is not None and chosen.repeated is not None:
        trained = sum(training.objective is not None for training in chosen.trainings)
        yield (
            "Recheck",
            f"number {chosen.place} of stage 2's best reached {number(chosen.searched)} there and "
            f"{number(chosen.repeated)} as the mean of {plural(trained, 'fresh seed')}: chosen by that",
        )
    after = results.finals(architecture, "after")
    if after:
        point, epochs = point_words(after[0].point, leave_out=("epochs",)), plural(after[0].epochs, "epoch")
        done = sum(one.objective is not None for one in after)
        yield "Chosen", f"{point}; trained anew for {epochs}, {done} of {plural(len(after), 'seed')} so far"
    for opening in results.test_openings:
        if opening.architecture == architecture:
            yield "Test split opened", moment(opening.opened_at)
    compared = results.comparison.get(architecture)
    if compared is not None and compared.before_after is not None:
        metric = results.settings.test_metric
        found = compared.before_after.metrics[metric]
        before = "of the reference, equally trained," if compared.baseline == "equal" else "before tuning,"
        yield (
            "Test",
            f"{metric_words(metric)} {number(found.before.value)} ({interval(found.before)}) {before} "
            f"{number(found.after.value)} ({interval(found.after)}) after tuning: a difference of "
            f"{signed(found.difference.value)} ({signed_interval(found.difference)}; 95% intervals)",
        )


def _link(settings: StudySettings, stage: StageName, architecture: str, addresses: Mapping[str, str]) -> str:
    other: StageName = "stage2" if stage == "stage1" else "stage1"
    words = "Goes on in" if stage == "stage1" else "Comes from"
    name = stage_name(settings.name, other, architecture)
    if name in addresses:
        return f"- **{words}**: [{_plain(name)}]({addresses[name]})"
    return f"- **{words}**: {_plain(name)}, which has not started yet"


def _plain(text: str) -> str:
    """Text that Markdown takes for nothing else."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))
