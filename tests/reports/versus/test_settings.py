"""What differs between study files."""

from __future__ import annotations

from pathlib import Path

from hpo.reports.table import Table
from hpo.reports.versus import settings
from hpo.reports.versus.settings import wishes_of
from hpo.reports.versus.study import ComparedStudy
from hpo.results.words import DASH
from tests.reports.looks import LOOKS
from tests.reports.versus.conftest import changed_digest
from tests.stages.story import SPACE, load


def compared(label: str, folder: Path, first: ComparedStudy, **changes: object) -> ComparedStudy:
    return ComparedStudy(label, first.results, wishes_of(load(folder, **changes)))


def test_settings_that_differ_are_named_as_in_the_yaml_and_the_others_counted(
    tmp_path: Path, first: ComparedStudy
) -> None:
    space = {**SPACE, "patches": {**SPACE["patches"], "levels": [64, 96], "low": 32, "high": 96}}
    one = compared("one", tmp_path / "one", first, data={"folder": str(tmp_path / "data")})
    two = compared(
        "two",
        tmp_path / "two",
        first,
        data={"folder": str(tmp_path / "data")},
        space=space,
        stage2={"trials": None, "patch_visits": 5000, "warm_start": "cold"},
        confirm={"seeds": [0, 1, 2], "cold_control": False},
        name="other",
        output="elsewhere",
    )
    data = settings.read((one, two))
    assert [(row.part, row.key, *row.values) for row in data.rows] == [
        ("Search space", "factors.patches.levels", "32, 64, 96", "64, 96"),
        ("Stage 2", "stage2.warm_start", "warm", "cold"),
        ("Final trainings", "confirm.seeds", "0, 1", "0, 1, 2"),
        ("Final trainings", "confirm.cold_control", "true", "false"),
        ("Budget", "stage2.trials", "4", "\N{EN DASH}"),
        ("Budget", "stage2.patch_visits", "\N{EN DASH}", "5000"),
    ]
    assert data.shared == len(one.wishes) + 1 - 6  # the test patches are the same too
    assert settings.finding(data) == (
        "6 settings differ (1 of search space, 1 of stage 2, 2 of final trainings and 2 of budget)."
    )
    table = settings.draw(data, LOOKS)
    assert isinstance(table, Table)
    assert [column.heading for column in table.columns] == ["", "Setting", "one", "two"]
    assert len(table.full_rows()) == 6


def test_limits_and_several_objectives_are_compared(tmp_path: Path, first: ComparedStudy) -> None:
    one = compared("one", tmp_path / "one", first, data={"folder": "/data"})
    two = compared(
        "two",
        tmp_path / "two",
        first,
        data={"folder": "/data"},
        limits={"parameters": 9000},
        objectives=["auc", "parameters"],
        choose={"best": "auc", "within": 0.01},
    )
    found = {(row.part, row.key): row.values for row in settings.read((one, two)).rows}
    assert found["Limits", "limits.parameters"] == (DASH, "9000")
    assert found["Objective", "objectives"] == (DASH, "auc, parameters")
    assert found["Objective", "choose.within"] == (DASH, "0.01")


def test_what_trainings_compute_in_is_compared(tmp_path: Path, first: ComparedStudy) -> None:
    one = compared("one", tmp_path / "one", first, data={"folder": "/data"})
    two = compared("two", tmp_path / "two", first, data={"folder": "/data"}, arithmetic={"compute_dtype": "bfloat16"})
    (row,) = settings.read((one, two)).rows
    assert (row.part, row.key, *row.values) == ("Arithmetic", "arithmetic.compute_dtype", "float32", "bfloat16")


def test_an_architecture_is_compared_by_what_it_is_and_not_by_its_name(tmp_path: Path, first: ComparedStudy) -> None:
    tiny = {"name": "tiny", "convolutions": [{"kernel": 3, "filters": 4}], "dense": [8]}
    wide = {"name": "tiny", "convolutions": [{"kernel": 5, "filters": 4, "stride": 2}], "dense": [8]}
    one = compared("one", tmp_path / "one", first, data={"folder": "/data"}, architectures=[tiny])
    two = compared("two", tmp_path / "two", first, data={"folder": "/data"}, architectures=[wide])
    (row,) = settings.read((one, two)).rows
    assert row.key == "architectures.tiny"
    assert row.values[0].startswith("convolutions 3x3 to 4 by 1; dense 8; ")
    assert row.values[1].startswith("convolutions 5x5 to 4 by 2; dense 8; ")


def test_whatever_of_an_architecture_differs_is_said(tmp_path: Path, first: ComparedStudy) -> None:
    plain = {"name": "tiny", "convolutions": [{"kernel": 3, "filters": 4}]}
    other = {
        "activation": "gelu", "pooling": "max", "residual": True, "crop": 8, "bn_momentum": 0.5, "depth": 2
    }  # fmt: skip
    one = compared("one", tmp_path / "one", first, data={"folder": "/data"}, architectures=[plain])
    two = compared("two", tmp_path / "two", first, data={"folder": "/data"}, architectures=[{**plain, **other}])
    (row,) = settings.read((one, two)).rows
    assert row.values[1] == (
        f"convolutions 3x3 to 4 by 1, 3x3 to 4 by 1; dense {DASH}; pooling 2 by 2; padding same; activation gelu; "
        "flattened by max; residual true; crop 8; BatchNormalization momentum 0.5"
    )


def test_equal_files_say_so(tmp_path: Path, first: ComparedStudy) -> None:
    one = compared("one", tmp_path / "one", first, data={"folder": "/data"})
    data = settings.read((one, compared("two", tmp_path / "two", first, data={"folder": "/data"})))
    assert data.rows == []
    assert settings.finding(data) == f"All {data.shared} settings of the study files are the same."
    assert settings.draw(data, LOOKS) == '<p class="quiet">None.</p>'


def test_other_test_patches_are_a_difference(first: ComparedStudy) -> None:
    (row,) = settings.read((first, changed_digest(first))).rows
    assert (row.part, row.key, row.values[1]) == ("Data", "test patches, SHA-256", "0" * 12)
