"""A factor as an axis: where its values lie, and a few readable ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from hpo.recipe.point import Value
from hpo.results.settings import StudySettings
from hpo.results.words import value_words

_MOST_ROUND = 4
"""The most ticks at round numbers, if the values are not levels."""

_LETTER, _SPACE = 0.055, 0.05
"""Width of a letter, and of the space between two ticks, as shares of an axis half as wide as a phone."""


@dataclass(frozen=True)
class FactorAxis:
    """One factor's axis.

    Args:
        factor: by name.
        log: whether equal ratios are equal distances.
        low, high: the least and greatest number seen; for words, 0 and the last one's place.
        words: the values of a factor of words, in order; empty for a number.
        levels: the values seen of a number, if all are levels of the search space; else empty.
    """

    factor: str
    log: bool
    low: float
    high: float
    words: tuple[Value, ...] = ()
    levels: tuple[float, ...] = ()

    def place(self, value: Value) -> float:
        """A value's place on a drawn axis: itself or, for a word, its index."""
        return float(self.words.index(value)) if self.words else float(value)

    def share(self, value: Value) -> float:
        """A value's position between the two ends: 0 is the low one, 1 the high one."""
        return _share(self.place(value), self.low, self.high, log=self.log)

    def at(self, share: float) -> float:
        """The number at a fraction of the way from the low end to the high one."""
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + share * (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """A few places on the axis with their labels."""
        if self.words:
            return [(float(place), value_words(word)) for place, word in enumerate(self.words)]
        numbers = self.levels or round_numbers(self.low, self.high, _MOST_ROUND, log=self.log)
        ticks: list[tuple[float, str]] = []
        for at in numbers:
            text = tick_words(at)
            if not ticks or self._room(ticks[-1], (at, text)):
                ticks.append((at, text))
        if len(ticks) == 1:  # a single tick shows no scale
            return [(at, tick_words(at)) for at in dict.fromkeys((numbers[0], numbers[-1]))]
        return ticks

    def _room(self, first: tuple[float, str], second: tuple[float, str]) -> bool:
        """Whether two neighbouring ticks have room even on the narrowest axis."""
        needed = _LETTER * (len(first[1]) + len(second[1])) / 2 + _SPACE
        return self.share(second[0]) - self.share(first[0]) >= needed


def factor_axis(settings: StudySettings, factor: str, values: Iterable[Value]) -> FactorAxis:
    """The axis of a factor over its observed values.

    Raises:
        ValueError: if there is none.
    """
    seen = set(values)
    if not seen:
        raise ValueError(f"{factor} has no value")
    known = settings.factors.get(factor)
    if any(isinstance(value, bool | str) for value in seen):
        wished = [] if known is None else [level for level in known.levels if level in seen]
        words = (*wished, *sorted(seen - set(wished), key=str))
        return FactorAxis(factor, log=False, low=0.0, high=float(len(words) - 1), words=words)
    numbers = sorted(float(value) for value in seen)
    log = known is not None and known.scale == "log" and numbers[0] > 0
    levels = tuple(numbers) if known is not None and seen <= set(known.levels) else ()
    return FactorAxis(factor, log=log, low=numbers[0], high=numbers[-1], levels=levels)


def share_of_range(settings: StudySettings, factor: str, value: float, low: float, high: float) -> float:
    """A number's position between two ends on its factor's scale: 0 is the low one, 1 the high one."""
    known = settings.factors.get(factor)
    return _share(value, low, high, log=known is not None and known.scale == "log" and low > 0)


def round_numbers(low: float, high: float, most: int, *, log: bool = False) -> list[float]:
    """Up to ``most`` round numbers from ``low`` to ``high``; on a log axis 1, 2, 5 or 10 times."""
    if not low < high:
        return [low]
    if log:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for digits in ((1, 2, 5), (1, 3), (1,)):
            found = [float(f"{digit}e{decade}") for decade in decades for digit in digits]
            found = [number for number in found if low <= number <= high]
            if 2 <= len(found) <= most:
                return found
        if len(found) > most:
            return found[:: -(-len(found) // most)]
    # Too narrow for round ratios, or not a log axis.
    power = 10.0 ** (math.floor(math.log10(high - low)) - 1)
    steps = (factor * power for factor in (1, 2, 5, 10, 20, 50, 100))
    step = next(step for step in steps if math.floor(high / step) - math.ceil(low / step) < most)
    return [float(f"{number * step:.12g}") for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def tick_words(value: float) -> str:
    """A number in few characters: ``0.003``, ``64``, ``4k``."""
    if abs(value) >= 1_000 and value % 100 == 0:
        return f"{value / 1000:g}k"
    return value_words(value)


def _share(value: float, low: float, high: float, *, log: bool) -> float:
    if low == high:
        return 0.5
    if log:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low)
