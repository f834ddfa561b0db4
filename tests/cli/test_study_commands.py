"""``hpo plan``, ``status``, ``ranges``, ``report`` and ``export``: what they print, for people and for machines."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from hpo.cli.ranges import describe_best, describe_range
from hpo.config.ranges import ChoiceRange, NumericRange
from hpo.config.study import StudyFile
from hpo.launchers import arithmetic
from hpo.stages.estimate import estimate, total
from hpo.stages.status import running_points, stage_statuses
from hpo.storage.claims import claim_points
from hpo.storage.database import Database, open_database
from hpo.storage.workers import register_worker
from tests.cli.hpo import Hpo
from tests.stages.story import STAGE1_POINTS, Story, load


def test_plan_prints_each_stage_and_the_sum(hpo: Hpo, tmp_path: Path) -> None:
    study = load(tmp_path)
    ended = hpo("plan", study.file)
    assert ended.status == 0
    assert "small: one_factor, then tpe" in ended.out
    for stage in (*estimate(study), total(estimate(study))):
        assert any(
            stage.architecture in line and stage.stage in line and f"{stage.shared_patch_visits:,}" in line
            for line in ended.out.splitlines()
        )
    assert "--calibrate" in ended.err


def test_plan_as_json_is_the_estimate(hpo: Hpo, tmp_path: Path) -> None:
    study = load(tmp_path)
    found = json.loads(hpo("plan", study.file, "--json").out)
    assert found == {"stages": [asdict(stage) for stage in estimate(study)], "seconds": {}}


def test_plan_says_where_this_machine_has_no_instructions_for_the_arithmetic(
    hpo: Hpo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arithmetic, "has_driver", lambda: False)
    monkeypatch.setattr(arithmetic, "processor_flags", lambda: frozenset({"avx2"}))
    study = load(tmp_path, arithmetic={"compute_dtype": "bfloat16"})
    told = " ".join(hpo("plan", study.file).out.split())
    assert "arithmetic.compute_dtype: bfloat16 trains several times slower than float32 on this machine" in told


def test_planning_touches_neither_database_nor_output(hpo: Hpo, tmp_path: Path) -> None:
    study = load(tmp_path)
    hpo("plan", study.file)
    assert not study.output.exists()


def test_the_status_of_a_study_that_was_not_begun_says_how_to_begin(hpo: Hpo, story: Story) -> None:
    for options in ((), ("--json",)):
        line = hpo.refused("status", story.study.file, *options)
        assert line.startswith("small: not started in sqlite:///")
        assert line.endswith(f"; start with: hpo run {story.study.file}")


def test_status_tells_of_each_stage_and_who_works(hpo: Hpo, story: Story) -> None:
    story.run("stage1")
    story.advance()
    with story.database.transaction() as session:
        register_worker(session, "small", "machine:12:0.00", "GPU 3")
        register_worker(session, "small", "machine:13:0.00", "GPU 4")
    story.database.run(claim_points, "small", "machine:12:0.00", 60)
    ended = hpo("status", story.study.file)
    assert ended.status == 0
    row = next(line for line in ended.out.splitlines() if "tiny" in line and "stage1" in line)
    assert str(STAGE1_POINTS) in row
    assert "closed" in row
    assert "machine:12:0.00 (GPU 3): 1 point of small/stage2/tiny, attempt 1, lease ends in " in ended.out
    assert "machine:13:0.00 (GPU 4): idle" in ended.out


def test_status_as_json_is_what_the_database_says(hpo: Hpo, story: Story) -> None:
    story.run("stage1")
    story.advance()
    story.database.run(claim_points, "small", "machine:12:0.00", 60)
    found = json.loads(hpo("status", story.study.file, "--json").out)
    assert found["stages"] == [asdict(stage) for stage in stage_statuses(story.database, story.study)]
    (running,) = found["running"]
    (expected,) = running_points(story.database, story.study)
    assert 0 < running.pop("lease_seconds_left") <= 60
    assert running.items() <= asdict(expected).items()


def test_ranges_of_a_study_without_a_closed_stage_1_say_what_to_run(hpo: Hpo, story: Story) -> None:
    story.advance()
    line = hpo.refused("ranges", story.study.file)
    assert line == f"small: no stage 1 has closed yet; run: hpo run {story.study.file} --until stage1"


def test_ranges_are_printed_with_the_place_where_they_can_be_edited(hpo: Hpo, story: Story) -> None:
    story.run("stage1")
    ended = hpo("ranges", story.study.file)
    assert ended.status == 0
    assert "0.00316228 to 0.0316228" in ended.out
    assert str(story.study.ranges_path) in ended.out.splitlines()[-1]
    assert "stage 2 opens" in ended.out.splitlines()[-1]


def test_ranges_that_stage_2_does_not_search_are_called_so(
    hpo: Hpo, sqlite: Database, sqlite_url: str, tmp_path: Path
) -> None:
    story = Story(load(tmp_path, database=sqlite_url, stage2={"within": "space"}), sqlite)
    story.run("stage1")
    found = hpo("ranges", story.study.file).out
    assert "ranges of stage 1" in found
    assert "stage 2 searches the whole search space (stage2.within: space)" in found


def test_ranges_as_json_are_the_files(hpo: Hpo, story: Story) -> None:
    story.run("stage1")
    found = json.loads(hpo("ranges", story.study.file, "--json").out)
    assert found == yaml.safe_load(story.study.ranges_path.read_text())["architectures"]


def test_ranges_that_were_edited_wrongly_are_one_line(hpo: Hpo, story: Story) -> None:
    story.run("stage1")
    text = story.study.ranges_path.read_text()
    story.study.ranges_path.write_text(text.replace("learning_rate", "learning_rat", 1))
    line = hpo.refused("ranges", story.study.file)
    assert "did you mean 'learning_rate'?" in line


@pytest.mark.parametrize(
    ("limits", "text", "best"),
    [
        (NumericRange(low=0.003, high=0.03, best=0.01), "0.003 to 0.03", "0.01"),
        (NumericRange(low=6, high=8, best=8), "6 to 8", "8"),
        (ChoiceRange(choices=("constant", "step"), best="step"), "constant, step", "step"),
        (ChoiceRange(choices=(True,), best=True), "True", "True"),
    ],
)
def test_a_range_in_words(limits: NumericRange | ChoiceRange, text: str, best: str) -> None:
    assert describe_range(limits) == text
    assert describe_best(limits) == best


def test_a_study_that_still_runs_has_a_report_even_without_its_data(hpo: Hpo, story: Story, tmp_path: Path) -> None:
    story.run("stage1")
    ended = hpo("report", story.study.file, "--output", tmp_path / "mine.html")
    assert ended.status == 0
    assert ended.out == f"{tmp_path / 'mine.html'}\n"
    assert ended.err.startswith("without the data section: ")
    assert "<html" in (tmp_path / "mine.html").read_text()


def test_a_report_may_have_another_dashboard(hpo: Hpo, story: Story, tmp_path: Path) -> None:
    story.advance()
    (tmp_path / "other.yaml").write_text("panels: [{panel: versions}]\n")
    assert hpo("report", story.study.file, "--dashboard", tmp_path / "other.yaml").status == 0
    assert (story.study.output / "report.html").exists()
    (tmp_path / "other.yaml").write_text("panels: [{panel: version}]\n")
    assert "did you mean 'versions'?" in hpo.refused("report", story.study.file, "--dashboard", tmp_path / "other.yaml")


def test_a_panel_of_ones_own_lies_beside_the_study_file_or_the_dashboard(
    hpo: Hpo, story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    story.advance()
    (story.study.file.parent / "beside_study.py").write_text("def shown(results): return results.settings.name * 2")
    (tmp_path / "boards").mkdir()
    (tmp_path / "boards" / "beside_board.py").write_text("def shown(results): raise ValueError('not today')")
    board = tmp_path / "boards" / "own.yaml"
    board.write_text(
        "panels:\n"
        "  - {panel: function, function: 'beside_study:shown', title: Mine}\n"
        "  - {panel: function, function: 'beside_board:shown', title: Other}\n"
    )
    ended = hpo("report", story.study.file, "--dashboard", board, "--output", tmp_path / "own.html")
    assert ended.status == 0
    reason = "The function beside_board:shown failed: ValueError: not today (line 1 of beside_board.py)."
    assert f"panel 'Other': {reason}" in ended.err.splitlines()
    page = (tmp_path / "own.html").read_text()
    assert "smallsmall" in page
    assert reason in page


def begun(study: StudyFile) -> StudyFile:
    """The study, planned in its own database."""
    with closing(open_database(study.database)) as database:
        Story(study, database).advance("stage1")
    return study


def test_two_studies_of_one_name_stand_side_by_side_under_their_files(hpo: Hpo, story: Story, tmp_path: Path) -> None:
    story.run("stage1")
    other = begun(load(tmp_path / "again", stage2={"trials": 6}))
    ended = hpo("report", story.study.file, other.file)
    page = story.study.output / "report-small-vs-small.html"
    assert (ended.status, ended.out, ended.err) == (0, f"{page}\n", "")
    text = page.read_text()
    assert f"small ({tmp_path.name}/study.yaml) and small (again/study.yaml), side by side" in text
    assert "stage2.trials" in text
    assert hpo("report", story.study.file, other.file, "--output", tmp_path / "mine.html").status == 0
    assert (tmp_path / "mine.html").exists()


def test_a_comparison_is_of_different_studies_and_has_no_options_of_one(hpo: Hpo, story: Story, tmp_path: Path) -> None:
    file = story.study.file
    assert hpo.refused("report", file, file) == f"{file} is listed twice; a study is not compared with itself"
    for options in (("--serve", "0"), ("--dashboard", tmp_path / "dashboard.yaml")):
        line = hpo.refused("report", file, tmp_path / "other.yaml", *options)
        assert line == f"{options[0]} is for the report of one study; found 2"


def test_figures_and_tables_are_files_too(
    hpo: Hpo, story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.run("stage1")
    monkeypatch.setitem(sys.modules, "kaleido", None)
    (tmp_path / "board.yaml").write_text("panels: [{panel: versions}, {panel: factor_effect, factor: epochs}]\n")
    report = ("report", story.study.file, "--figures", tmp_path / "figures")
    ended = hpo(*report, "--dashboard", tmp_path / "board.yaml")
    assert ended.out.splitlines() == [str(story.study.output / "report.html"), str(tmp_path / "figures")]
    assert "no pictures: they need Kaleido" in ended.err
    assert sorted(file.name for file in (tmp_path / "figures").iterdir()) == [
        "01-versions.csv",
        "02-factor_effect-epochs.csv",
    ]
    assert "--figures writes a folder once" in hpo.refused(*report, "--serve", "0")


def test_a_comparison_has_its_files_too(
    hpo: Hpo, story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.run("stage1")
    monkeypatch.setitem(sys.modules, "kaleido", None)
    other = begun(load(tmp_path / "again", stage2={"trials": 6}))
    assert hpo("report", story.study.file, other.file, "--figures", tmp_path / "figures").status == 0
    assert "03-settings.csv" in [file.name for file in (tmp_path / "figures").iterdir()]


def test_plan_says_that_minutes_are_the_budget(hpo: Hpo, tmp_path: Path) -> None:
    study = load(tmp_path, stage2={"trials": None, "minutes": 600})
    assert "stage 2 of each architecture takes 10 h 00 min; --calibrate says how many" in hpo("plan", study.file).err
    (stage,) = {
        one["minutes"]
        for one in json.loads(hpo("plan", study.file, "--json").out)["stages"]
        if one["stage"] == "stage2"
    }
    assert stage == 600
