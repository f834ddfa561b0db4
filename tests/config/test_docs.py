"""The page on factors of the training: its table is complete, and its example is a search space."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from hpo.config.search_space import SearchSpace
from hpo.recipe.point import FACTORS
from hpo.recipe.schedule import STRATEGIES

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")


def test_the_table_has_every_factor_of_the_training_and_each_word_that_it_takes() -> None:
    table = PAGE[: PAGE.index("## Learning-rate strategies")]
    rows = [row.split(" | ") for row in table.splitlines() if row.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(named) == sorted(FACTORS)
    for row in rows:
        [*names] = re.findall(r"`(\w+)`", row[0])
        words = FACTORS[names[0]]
        if isinstance(words, tuple):
            assert re.findall(r"`(\w+)`", row[2]) == list(words), names


def test_the_strategies_are_those_of_a_search_space() -> None:
    begin = PAGE.index("    strategies:\n")
    block = PAGE[begin : PAGE.index("\n\n", begin)]
    factors = {
        "epochs": {"reference": 2},
        "patches": {"reference": 64},
        "strategy": {"reference": "cosine", "levels": list(STRATEGIES)},
    }
    space = SearchSpace.model_validate({"factors": factors, **yaml.safe_load(block)})
    assert space.strategy.parameters() == {"over": 40, "end": 0, "warm_up": 2}
    assert space.strategies.available == STRATEGIES
