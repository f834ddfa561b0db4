"""What a study decided, as plain values: donors and ranges for stage 2, and the openings of the test split."""

from __future__ import annotations

from dataclasses import dataclass

from hpo.recipe.point import Point, Value


@dataclass(frozen=True)
class Donor:
    """The stage-1 checkpoint whose weights warm-start an architecture's stage 2.

    Args:
        architecture: by name.
        point: the stage-1 design point that trained it.
        epoch: of the checkpoint.
        recipe_key: of its training.
        objective: its value.
        patch_visits: that went into it.
    """

    architecture: str
    point: Point
    epoch: int
    recipe_key: str
    objective: float
    patch_visits: int


@dataclass(frozen=True)
class FactorRange:
    """The range of a factor that stage 1 leaves to stage 2.

    Args:
        architecture: by name.
        factor: by name.
        low, high: for a number; None for words.
        values: for words; empty for a number.
        best: stage 1's best level.
        edited: whether a person changed stage 1's range.
        outdated: whether stage 1 was decided again, with another range, after stage 2 had opened with this one.
    """

    architecture: str
    factor: str
    low: float | None
    high: float | None
    values: tuple[Value, ...]
    best: Value
    edited: bool = False
    outdated: bool = False


@dataclass(frozen=True)
class TestOpening:
    """The test split was opened for an architecture's frozen configuration.

    Args:
        architecture: by name.
        opened_at: seconds since 1970, UTC, by the database's clock.
        owner: which process.
        configuration: digest of what was frozen.
        test_digest: of the test split.
    """

    __test__ = False  # not a test, although pytest would collect it by its name

    architecture: str
    opened_at: float
    owner: str
    configuration: str
    test_digest: str = ""
