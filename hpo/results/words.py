"""Names and numbers in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from hpo.evaluation.compare import Sampling
from hpo.evaluation.estimate import Estimate, Interval
from hpo.evaluation.objective import Objective
from hpo.recipe.arithmetic import Arithmetic
from hpo.recipe.point import Point, Value
from hpo.results.trainings import Role

_METRIC_WORDS = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1 score",
    "auc": "AUC",
    "loss": "loss",
    "balanced_accuracy": "balanced accuracy",
    "average_precision": "average precision",
    "kappa": "Cohen's kappa",
    "brier": "Brier score",
}

FACTOR_WORDS = {
    "patches": "training patches",
    "batch_size": "batch size",
    "learning_rate": "learning rate",
    "strategy": "learning-rate strategy",
    "weight_decay": "weight decay",
    "nesterov": "Nesterov momentum",
    "beta_1": "beta 1",
    "beta_2": "beta 2",
    "clip_norm": "greatest gradient norm",
    "l2": "L2 penalty of kernels",
    "balanced_sampling": "classes equally often",
    "ema": "weights' moving average (decay)",
    "focal_gamma": "focal loss's gamma",
    "poly_epsilon": "poly loss's epsilon",
    "batch_normalization": "BatchNormalization",
    "stain_jitter": "stain jitter",
    "bn_momentum": "BatchNormalization momentum",
    "he_jitter": "H&E jitter",
    "frozen_layers": "frozen layers",
}

SIDE_WORDS: dict[Role, str] = {
    "before": "reference, by stage 1's rules",
    "equal": "reference, equally trained",
    "after": "tuned",
    "cold_control": "tuned, from random weights",
}

STAGE_WORDS = {"stage1": "stage 1: explore", "stage2": "stage 2: tune"}

_DESIGN_WORDS = {
    "one_factor": "one factor varied at a time",
    "grid": "all combinations of levels",
    "tpe": "TPE",
    "random": "random",
    "gp": "Gaussian-process",
    "cmaes": "CMA-ES",
    "nsga2": "NSGA-II",
    "qmc": "quasi-random",
    "asha": "successive-halving",
    "freeze_thaw": "freeze-thaw",
}

MINUS, DASH = "\N{MINUS SIGN}", "\N{EN DASH}"


def capital(text: str) -> str:
    """The text with its first letter as a capital."""
    return text[:1].upper() + text[1:]


def metric_words(metric: str) -> str:
    """A metric in words; a user's own function is called ``module:name``, without its source's digest.

    Raises:
        KeyError: if there is no such metric.
    """
    return metric.partition("#")[0] if ":" in metric else _METRIC_WORDS[metric]


def factor_words(factor: str) -> str:
    """A factor's name in words."""
    return FACTOR_WORDS.get(factor, factor.replace("_", " "))


def before_note(equal_training: bool) -> str:
    """The meaning of 'before', as a sentence after a space; empty for the reference by stage 1's rules."""
    if not equal_training:
        return ""
    return " 'Before' is the reference, trained for as many patch-visits as the tuned model and its donors."


def resampled_words(sampling: Sampling) -> str:
    """The units resampled for an interval, such as ``54 slides and 5 seeds``."""
    units = plural(sampling.units, "slide") if sampling.unit == "slides" else plural(sampling.units, "patch", "patches")
    if sampling.seeds > 1:
        return f"{units} and {sampling.seeds} seeds"
    return f"{units}; one seed shows no spread between seeds"


def speaking_words(objective: Objective) -> str:
    """The epoch of an objective: ``after the last epoch``, ``as the mean of the last 3 epochs``."""
    if objective.epoch == "mean_last":
        return f"as the mean of the last {plural(objective.last, 'epoch')}"
    return f"after the {objective.epoch} epoch"


def arithmetic_words(arithmetic: Arithmetic) -> list[str]:
    """Unusual arithmetic of training steps; empty if there is none."""
    words = [] if arithmetic.compute_dtype == "float32" else [f"mixed precision: {arithmetic.compute_dtype}"]
    return [*words, "compiled by XLA"] if arithmetic.jit_compile else words


def design_words(design: str) -> str:
    """A stage's design in words."""
    return _DESIGN_WORDS.get(design, design)


def within_words(within: str) -> str:
    """The extent of stage 2's search in words."""
    return "within stage 1's ranges" if within == "ranges" else "of the whole search space"


def number(value: float, digits: int = 3) -> str:
    """A metric: ``0.941``; negative ones with a minus sign."""
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        return text.lstrip("-")
    return text.replace("-", MINUS)


def signed(value: float) -> str:
    """A difference: ``+0.031``."""
    text = number(value)
    return text if text.startswith(MINUS) or float(text) == 0 else f"+{text}"


def interval(ends: Estimate | Interval) -> str:
    """The ends of an interval: ``0.930 to 0.950``."""
    return f"{number(ends.low)} to {number(ends.high)}"


def signed_interval(ends: Estimate | Interval) -> str:
    """The ends of a difference's interval: ``+0.021 to +0.041``."""
    return f"{signed(ends.low)} to {signed(ends.high)}"


def p_value(p: float) -> str:
    """A p-value: three digits, or ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def count(value: float) -> str:
    """A count with thousands separators: ``40,000``."""
    return f"{round(value):,}"


def value_words(value: Value) -> str:
    """A factor's value: ``0.01``, ``4,000``, ``yes``, ``time based``."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value.replace("_", " ")
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    # Momentum and the decay of averages say most by how much they lack to 1.
    return f"{value:.5g}" if 0.99 < value < 1 else f"{value:.3g}"


def range_words(low: Value, high: Value) -> str:
    """A range of numbers: ``0.001 to 0.1``, or one number if both ends have the same wording."""
    first, last = value_words(low), value_words(high)
    return first if first == last else f"{first} to {last}"


def point_words(point: Point, leave_out: Iterable[str] = ()) -> str:
    """A design point in one line: ``learning rate 0.01, batch size 32``."""
    skipped = set(leave_out)
    return ", ".join(
        f"{factor_words(name)} {value_words(value)}" for name, value in point.items() if name not in skipped
    )


def duration(seconds: float) -> str:
    """A span of time in its two largest units: ``1 h 5 min``."""
    if seconds < 59.5:
        return f"{seconds:.0f} s" if seconds >= 9.95 or seconds == 0 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours < 48 else f"{hours / 24:.1f} days"


def moment(seconds: float) -> str:
    """A time by the database's clock: ``2026-11-23 20:41 UTC``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def listed(words: Iterable[str]) -> str:
    """Words joined as in a sentence: ``a, b and c``."""
    *first, last = list(words) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def plural(amount: int, word: str, more: str | None = None) -> str:
    """``1 seed``, ``5 seeds``."""
    return f"{count(amount)} {word if amount == 1 else more or word + 's'}"
