"""The answer of a study in words: whether tuning helped, by how much, how certainly, at what cost, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hpo.evaluation.metrics import METRICS
from hpo.recipe.point import Point
from hpo.results.comparison import Sides
from hpo.results.cost import total_cost
from hpo.results.past_best import past_its_best
from hpo.results.study import StudyResults
from hpo.results.trainings import Role
from hpo.results.words import count, duration, listed, metric_words, number, plural, signed, signed_interval

_ALPHA = 0.05
_REFERENCES: tuple[Role, Role] = ("before", "equal")


def verdict(results: StudyResults) -> str:
    """The answer in a sentence: whether tuning helped, by how much, and how certainly.

    A difference counts if its interval excludes 0 and, for AUC and accuracy, the adjusted p is below 0.05.

    Raises:
        ValueError: if no architecture has been tested on both sides.
    """
    metric, compared, best = results.settings.test_metric, results.compared, results.best_compared
    found = compared[best].headline.metrics[metric]
    signs = {name: _sign(sides, metric) for name, sides in compared.items()}
    is_raised = all(sign == 1 for sign in signs.values())
    is_by_more_training = all(
        sides.baseline == "before" and is_by_settings(sides, metric) is False for sides in compared.values()
    )
    doubt = ", but not by the settings alone" if is_raised and is_by_more_training else ""
    if all(sides.baseline == "equal" for sides in compared.values()):
        doubt = ", compared with the reference trained for as many patch-visits"
    return (
        f"{_answer(signs, metric_words(metric))}{doubt}; {best}{_chosen(results, best)} goes from "
        f"{number(found.before.value)} to {number(found.after.value)} ({signed(found.difference.value)}, 95% interval "
        f"{signed_interval(found.difference)})."
    )


def every_metric(results: StudyResults, architecture: str) -> str:
    """The changes of all five metrics of an architecture, in a sentence."""
    found = results.comparison[architecture].headline.metrics
    differences = {metric_words(name): found[name].difference for name in METRICS}
    raised = [words for words, one in differences.items() if one.excludes_zero and one.value > 0]
    lowered = [words for words, one in differences.items() if one.excludes_zero and one.value < 0]
    unsure = [words for words, one in differences.items() if not one.excludes_zero]
    if len(raised) == len(differences):
        return f"All five metrics of {architecture} rise beyond chance."
    parts = [
        f"{listed(words)} {verb if len(words) > 1 else verb_of_one}"
        for words, verb, verb_of_one in (
            (raised, "rise beyond chance", "rises beyond chance"),
            (lowered, "fall beyond chance", "falls beyond chance"),
            (unsure, "may have changed by chance", "may have changed by chance"),
        )
        if words
    ]
    return f"Of {architecture}'s five metrics, {'; '.join(parts)}."


def _chosen(results: StudyResults, best: str) -> str:
    """The reason for presenting this architecture."""
    if len(results.compared) == 1:
        return ""
    so_far = "" if best == results.best_architecture else " so far"
    return f", the {results.settings.best_words}{so_far},"


def origin(results: StudyResults, architecture: str) -> str:
    """The origin of an architecture's gain: the tuned settings, or the weights that the tuned training starts from.

    Returns:
        An empty text without a tested cold-start control.
    """
    sides = results.comparison[architecture]
    return " ".join(filter(None, (_more_training(results, architecture), _of_settings(results, architecture, sides))))


def _more_training(results: StudyResults, architecture: str) -> str:
    """The reference's gain by more training alone, and whether it was trained past its best."""
    metric = results.settings.test_metric
    longer = results.comparison[architecture].pairs.get(("before", "equal"))
    if longer is None:
        return ""
    found = longer.metrics[metric]
    before, equal = (results.finals(architecture, role)[0].epochs for role in _REFERENCES)
    if equal <= before:  # equal training took no more than stage 1's rules, so there was no additional training
        return ""
    most = "" if results.settings.confirm.patience is None else "at most "
    text = (
        f"More training alone takes {architecture}'s reference from {number(found.before.value)} "
        f"({most}{plural(before, 'epoch')}) to {number(found.after.value)} ({most}{count(equal)})."
    )
    past = past_its_best(results, architecture)
    if past is None:
        return text
    return (
        f"{text} On validation it was best after epoch {past.epoch} ({metric_words(results.settings.objective.metric)} "
        f"{number(past.best)}, {number(past.end)} at the end): it was trained past its best, which flatters tuning."
    )


def _of_settings(results: StudyResults, architecture: str, sides: Sides) -> str:
    """The gain by the tuned settings from random weights, and by the donor's weights."""
    settings_alone = sides.pairs.get(("before", "cold_control"))
    if settings_alone is None or ("before", "after") not in sides.pairs:
        return ""
    if _point(results, architecture, "before") == _point(results, architecture, "cold_control"):
        return (
            f"{architecture}'s tuned settings are the reference's own: whatever was gained comes from starting at "
            "weights that had been trained before."
        )
    metric = results.settings.test_metric
    alone, whole = settings_alone.metrics[metric].difference, sides.pairs["before", "after"].metrics[metric].difference
    text = (
        f"From random weights, the tuned settings of {architecture} alone bring {signed(alone.value)} "
        f"({signed_interval(alone)})"
    )
    if whole.value <= alone.value:
        return f"{text}; the stage-1 weights that its training starts from add nothing to that."
    return (
        f"{text}; what is beyond that comes from the stage-1 weights that its training starts from, and so from more "
        "training."
    )


def price(results: StudyResults) -> str:
    """The cost of tuning in a sentence; an empty text before both sides have been trained."""
    cost = total_cost(results.compute)
    if cost.ratio is None:
        return ""
    saved = f", {cost.saved:.0%} less than without sharing" if cost.saved else ""
    return (
        f"Tuning took {cost.ratio:.1f} times the training of the reference alone; everything together, the control "
        f"too, trained for {duration(cost.seconds)}{saved}."
    )


def is_by_settings(sides: Sides, metric: str) -> bool | None:
    """Whether the tuned settings raise a metric from random weights too; None without a tested cold-start control."""
    alone = sides.pairs.get(("before", "cold_control"))
    if alone is None:
        return None
    difference = alone.metrics[metric].difference
    return difference.excludes_zero and difference.value > 0


def _sign(sides: Sides, metric: str) -> int:
    """1 or -1 if the difference counts, 0 if it may be chance."""
    difference = sides.headline.metrics[metric].difference
    adjusted_p = {str(name): p for name, p in sides.adjusted_p.items()}
    if not difference.excludes_zero or adjusted_p.get(metric, 0.0) >= _ALPHA:
        return 0
    return 1 if difference.value > 0 else -1


def _answer(signs: Mapping[str, int], words: str) -> str:
    """Whether tuning helped: the beginning of a sentence."""
    raised, lowered, unknown = ([name for name, sign in signs.items() if sign == wanted] for wanted in (1, -1, 0))
    of_all = {1: "", 2: " of both architectures"}.get(len(signs), f" of all {len(signs)} architectures")
    if not lowered and not unknown:
        return f"Yes: tuning raised the test {words}{of_all}"
    if not raised and not unknown:
        return f"No: tuning lowered the test {words}{of_all}"
    if not raised and not lowered:
        return f"Inconclusive: what changed in the test {words} may be chance"
    return f"{'In part' if raised else 'No'}: {_in_part(raised, lowered, unknown, words)}"


def _in_part(raised: Sequence[str], lowered: Sequence[str], unknown: Sequence[str], words: str) -> str:
    parts = []
    if raised:
        parts.append(f"tuning raised the test {words} of {listed(raised)}")
    if lowered:
        parts.append(
            f"lowered that of {listed(lowered)}" if raised else f"tuning lowered the test {words} of {listed(lowered)}"
        )
    if unknown:
        parts.append(f"may have done nothing for {listed(unknown)}")
    return listed(parts)


def _point(results: StudyResults, architecture: str, role: Role) -> Point | None:
    return next((one.point for one in results.finals(architecture, role)), None)
