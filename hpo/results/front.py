"""The front of several objectives: which trials are on it, and objectives in words."""

from __future__ import annotations

from typing import NamedTuple

from hpo.config.objectives import QUANTITIES
from hpo.evaluation.front import Objectives, less_is_better
from hpo.results.study import StudyResults
from hpo.results.trainings import TrialResult
from hpo.results.words import count, listed, metric_words, number

_QUANTITY_WORDS = {
    "parameters": "parameters",
    "model_mb": "model size, MB",
    "latency_ms": "latency, ms",
    "patch_visits": "patch-visits",
}


class Front(NamedTuple):
    """The trials of a study with several objectives.

    Args:
        objectives: what they are judged by.
        trials: every complete one of stage 2, by architecture and number.
        best: those that no other of the study beats, in the order of the rule's second objective, best first.
        chosen: the trial whose settings were chosen, by architecture.
    """

    objectives: Objectives
    trials: list[TrialResult]
    best: list[TrialResult]
    chosen: dict[str, TrialResult]


def read_front(results: StudyResults) -> Front | None:
    """The front of a study; None if the study has one objective."""
    objectives = results.settings.objectives
    if objectives is None:
        return None
    trials = [
        trial
        for architecture in results.settings.architectures
        for trial in results.finished("stage2", architecture)
        if len(trial.values) == len(objectives.names)
    ]
    place = objectives.names.index(objectives.rule.then)
    front = [trials[at] for at in objectives.front([trial.values for trial in trials])]
    best = sorted(front, key=lambda trial: -objectives.gains(trial.values)[place])
    found = {name: results.chosen_trial(name) for name in results.settings.architectures}
    chosen = {name: trial for name, trial in found.items() if trial is not None and trial.values}
    return Front(objectives, trials, best, chosen)


def objective_words(name: str) -> str:
    """An objective in words: ``validation AUC``, ``parameters``."""
    return _QUANTITY_WORDS[name] if name in QUANTITIES else f"validation {metric_words(name)}"


def objective_value(name: str, value: float) -> str:
    """A value of an objective with its unit: ``0.941``, ``8,657 parameters``, ``2.1 MB``, ``3.4 ms``."""
    if name in ("parameters", "patch_visits"):
        return f"{count(value)} {_QUANTITY_WORDS[name]}"
    if name in QUANTITIES:
        return f"{value:.3g} {'MB' if name == 'model_mb' else 'ms'}"
    return f"{metric_words(name)} {number(value)}"


def bare_value(name: str, value: float) -> str:
    """A value of an objective without its unit, for a column whose heading has it: ``0.941``, ``8,657``, ``2.1``."""
    words = objective_value(name, value).split()
    return words[0] if name in QUANTITIES else words[-1]


def rule_words(objectives: Objectives) -> str:
    """How a network is chosen: ``of those within 0.01 of the best AUC, the one with the fewest parameters``."""
    rule = objectives.rule
    then = f"the one with the {'least' if less_is_better(rule.then) else 'best'} {_plain(rule.then)}"
    among = (
        f"of those within {rule.within:g} of the best {_plain(rule.best)}"
        if rule.within
        else (f"of those with the {'least' if less_is_better(rule.best) else 'best'} {_plain(rule.best)}")
    )
    bounds = [f"{_plain(name)} at least {bound:g}" for name, bound in rule.at_least.items()]
    bounds += [f"{_plain(name)} at most {bound:g}" for name, bound in rule.at_most.items()]
    kept = f", with {' and '.join(bounds)}," if bounds else ""
    return f"{among}{kept + ' ' if kept else ', '}{then}"


def bound_lines(front: Front) -> list[str]:
    """The architectures none of whose networks keeps the rule's bounds, a line each: one beyond them is chosen."""
    violations = front.objectives.violations
    lines = []
    for name, chosen in front.chosen.items():
        tried = [violations(trial.values) for trial in front.trials if trial.architecture == name]
        if all(any(over > 0 for over in one.values()) for one in tried):
            beyond = [bound for bound, over in violations(chosen.values).items() if over > 0]
            lines.append(f"no network of {name} keeps all bounds: the chosen one breaks {listed(beyond)}")
    return lines


def _plain(name: str) -> str:
    return _QUANTITY_WORDS[name].partition(",")[0] if name in QUANTITIES else metric_words(name)
