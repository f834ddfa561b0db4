"""How much of a donor's weights a training took."""

from __future__ import annotations

from hpo.recipe.taken import Taken, taken_of, taken_words


def curve(taken: Taken | None) -> list[dict[str, float]]:
    return [{"valid_auc": 0.5, **(taken.to_metrics() if taken else {})}, {"valid_auc": 0.6}]


def test_what_is_written_is_read() -> None:
    assert taken_of(curve(Taken(6, 16))) == Taken(6, 16)
    assert taken_of(curve(None)) is None
    assert taken_of([]) is None


def test_trainings_that_took_all_are_counted_and_not_named() -> None:
    assert taken_words([curve(None), []]) == ""
    assert taken_words([curve(Taken(6, 16))]) == ("1 of 1 training took only part of the donor's variables: 6 of 16")
    assert taken_words([curve(Taken(12, 16)), curve(None), curve(Taken(6, 16)), []]) == (
        "2 of 3 trainings took only part of the donor's variables: 6 of 16 to 12 of 16"
    )
