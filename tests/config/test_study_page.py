"""The page on the study file: every key with its default, every word that it takes, and an example that loads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hpo.config.factor import Factor
from hpo.config.load import load_study
from hpo.config.stages import ConfirmSettings, ObjectiveSettings, Stage1Settings, Stage2Settings
from hpo.config.study import ArithmeticSettings, DataSettings, StudyFile, WorkerSettings
from tests.config.samples import DASHBOARD, SPACE

PAGE = (Path(__file__).parents[2] / "docs" / "study.md").read_text(encoding="utf-8")
SECTIONS: dict[str, tuple[type[BaseModel], ...]] = {
    "# The study file, key by key": (StudyFile,),
    "## `data`": (DataSettings,),
    "## `objective`": (ObjectiveSettings,),
    "## `stage1`": (Stage1Settings,),
    "## `stage2`": (Stage2Settings,),
    "## `confirm`": (ConfirmSettings,),
    "## `arithmetic` and `workers`": (ArithmeticSettings, WorkerSettings),
    "## The search space": (Factor,),
}
IN_WORDS = {
    *("output", "database", "checkpoints", "valid_patches", "factors", "trials", "patch_visits", "minutes"),
    *("rungs", "threads", "memory_gb", "low", "high", "limits"),
}
"""Keys whose default follows from other settings, so that the page says it in words."""


def rows_of(heading: str) -> dict[str, tuple[str, str]]:
    """From each key of a section's table to its default, as the page shows it, and its meaning."""
    begin = PAGE.index(heading + "\n") + len(heading)
    end = PAGE.find("\n## ", begin)
    found = {}
    for line in PAGE[begin : end if end > 0 else None].splitlines():
        if line.startswith("| `"):
            keys, default, meaning = line.strip("| ").split(" | ", 2)
            names = re.findall(r"`(\w+)`", keys)
            defaults = default.split(", ") if len(names) == default.count(", ") + 1 else [default] * len(names)
            found |= {name: (shown, meaning) for name, shown in zip(names, defaults, strict=True)}
    return found


def fields_of(heading: str) -> dict[str, FieldInfo]:
    """The same keys as the models have them; the sections of a study file have tables of their own."""
    fields = {name: field for model in SECTIONS[heading] for name, field in model.model_fields.items()}
    return {name: field for name, field in fields.items() if not any(f"`{name}`" in other for other in SECTIONS)}


def default_of(field: FieldInfo) -> str:
    """A default as the page shows it."""
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=False)
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}"
    return f"`{value}`" if isinstance(value, str) else str(list(value))


@pytest.mark.parametrize("heading", SECTIONS)
def test_each_table_has_every_key_of_its_section_and_no_other(heading: str) -> None:
    assert sorted(rows_of(heading)) == sorted(fields_of(heading))


@pytest.mark.parametrize("heading", SECTIONS)
def test_each_default_is_that_of_the_model(heading: str) -> None:
    fields = {name: field for name, field in fields_of(heading).items() if name not in IN_WORDS}
    assert {name: rows_of(heading)[name][0] for name in fields} == {
        name: default_of(field) for name, field in fields.items()
    }


@pytest.mark.parametrize("heading", SECTIONS)
def test_each_word_that_a_key_takes_is_named(heading: str) -> None:
    for name, field in fields_of(heading).items():
        if get_origin(field.annotation) is Literal:
            row = " ".join(rows_of(heading)[name])
            assert [word for word in get_args(field.annotation) if f"`{word}`" not in row] == [], name


def test_the_shortest_study_file_loads(tmp_path: Path) -> None:
    block = re.search(r"\n\n((?:    .+\n)+)", PAGE)
    assert block is not None
    texts = {"studies/mine.yaml": re.sub("^    ", "", block[1], flags=re.MULTILINE)}
    texts |= {"search_spaces/mine.yaml": SPACE, "dashboards/full.yaml": DASHBOARD}
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    assert load_study(tmp_path / "studies/mine.yaml").stage2.trials == 20
