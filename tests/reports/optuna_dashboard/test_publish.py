"""What optuna-dashboard finds of ours in the study database, however many publish it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import optuna
import plotly.graph_objects as go
import pytest
from optuna_dashboard import get_note, save_note, save_plotly_graph_object
from optuna_dashboard._custom_plot_data import get_plotly_graph_objects

from hpo.reports.optuna_dashboard import publish as publish_module
from hpo.reports.optuna_dashboard.publish import PUBLISHED_AT, YOURS, Publication, publications, publish, publish_study
from hpo.reports.plot.looks import Looks
from hpo.results.study import StudyResults
from hpo.storage.database import Database
from tests.processes import all_at_once
from tests.reports.optuna_dashboard.publishing import publish_in_a_process
from tests.stages.story import Story, load, write

STAGE1_FIGURES = {
    "hpo-factor_effect-epochs",
    "hpo-factor_effect-batch_size",
    "hpo-factor_effect-patches",
    "hpo-factor_effect-learning_rate",
    "hpo-factor_effect-strategy",
    "hpo-learning_curves",
}
NAME = "small/stage1/tiny"


pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")  # the tests' own calls


@pytest.fixture
def story(database: Database, tmp_path: Path) -> Story:
    return Story(load(tmp_path), database)


def loaded(database: Database, name: str = NAME) -> optuna.Study:
    return optuna.load_study(study_name=name, storage=database.storage)


def attributes(database: Database, name: str = NAME) -> dict[str, Any]:
    return database.storage.get_study_system_attrs(loaded(database, name)._study_id)


def figures(database: Database, name: str = NAME) -> dict[str, Any]:
    """By id, as the dashboard's page gets them."""
    return {key: json.loads(text) for key, text in get_plotly_graph_objects(attributes(database, name)).items()}


def shown(database: Database) -> dict[str, dict[str, Any]]:
    """All that the dashboard shows of ours, but for the time at which it was read."""
    found = {}
    for study in database.storage.get_all_studies():
        kept = attributes(database, study.study_name)
        found[study.study_name] = {key: value for key, value in kept.items() if key != PUBLISHED_AT}
    return found


def small_publication(note: str = "## Ours\n", points: int = 2) -> Publication:
    return Publication(NAME, ("validation AUC",), {"hpo-history": go.Figure(go.Scatter(y=list(range(points))))}, note)


def test_every_optuna_study_that_has_begun_has_figures_note_and_the_objectives_name(story: Story) -> None:
    story.run("stage2")
    publish_study(story.database, story.study)
    assert set(figures(story.database)) == STAGE1_FIGURES
    assert {"hpo-history", "hpo-best_so_far"} <= set(figures(story.database, "small/stage2/wide"))
    for name in ("small/stage1/tiny", "small/stage1/wide", "small/stage2/tiny", "small/stage2/wide"):
        assert loaded(story.database, name).metric_names == ["validation AUC"]
        _, stage, architecture = name.split("/")
        assert get_note(loaded(story.database, name)).startswith(f"## Stage {stage[-1]} of {architecture}: ")


def test_notes_link_to_the_page_of_the_other_stage(story: Story) -> None:
    story.run("stage2")
    publish_study(story.database, story.study)
    other = story.database.storage.get_study_id_from_name("small/stage2/tiny")
    assert f"[small/stage2/tiny](/dashboard/studies/{other})" in get_note(loaded(story.database))


def test_to_publish_again_changes_nothing_but_its_time(story: Story) -> None:
    story.run("stage1")
    publish_study(story.database, story.study)
    before, at = shown(story.database), attributes(story.database)[PUBLISHED_AT]
    publish_study(story.database, story.study)
    assert shown(story.database) == before
    assert attributes(story.database)[PUBLISHED_AT] > at


def test_a_study_that_has_moved_on_is_shown_as_it_is_now_and_nothing_accumulates(story: Story) -> None:
    story.advance()
    publish_study(story.database, story.study)
    assert figures(story.database) == {}
    assert "10 waiting" in get_note(loaded(story.database))
    story.run("stage1")
    publish_study(story.database, story.study)
    assert set(figures(story.database)) == STAGE1_FIGURES
    assert "10 complete" in get_note(loaded(story.database))
    assert get_note(loaded(story.database)).count("## Stage") == 1


def test_before_a_study_has_begun_there_is_nothing_to_publish(story: Story) -> None:
    publish_study(story.database, story.study)
    assert shown(story.database) == {}


def test_an_optuna_study_that_somebody_deleted_is_not_made_anew(story: Story) -> None:
    story.run("stage1")
    optuna.delete_study(study_name=NAME, storage=story.database.storage)
    publish_study(story.database, story.study)
    assert [study.study_name for study in story.database.storage.get_all_studies()] == ["small/stage1/wide"]


@pytest.fixture
def planned(story: Story) -> Database:
    story.advance()
    return story.database


def test_what_is_published_is_what_optuna_dashboard_itself_would_have_written(planned: Database) -> None:
    publication = small_publication("a long note\n" * 500, points=3000)
    publish(planned, publication, 1.0)
    theirs = optuna.create_study(study_name="theirs", storage=planned.storage)
    theirs.set_metric_names(["validation AUC"])
    save_plotly_graph_object(theirs, publication.figures["hpo-history"], graph_object_id="hpo-history")
    save_note(theirs, publication.note + YOURS)
    assert attributes(planned) == attributes(planned, "theirs") | {PUBLISHED_AT: 1.0}
    assert len(attributes(planned)) > 8, "in several parts"


def test_a_figure_and_a_note_that_have_become_shorter_are_whole(planned: Database) -> None:
    publish(planned, small_publication("a long note\n" * 500, points=3000), 1.0)
    publish(planned, small_publication("short\n"), 2.0)
    assert figures(planned)["hpo-history"]["data"][0]["y"] == [0, 1]
    assert get_note(loaded(planned)) == "short\n" + YOURS


def test_what_was_read_earlier_does_not_replace_what_was_read_later(planned: Database) -> None:
    publish(planned, small_publication("later\n"), 2.0)
    publish(planned, small_publication("earlier\n"), 1.0)
    assert get_note(loaded(planned)) == "later\n" + YOURS
    assert attributes(planned)[PUBLISHED_AT] == 2.0


def test_what_people_write_below_the_line_stays(planned: Database) -> None:
    publish(planned, small_publication("first\n"), 1.0)
    save_note(loaded(planned), get_note(loaded(planned)) + "\nLooks too good: check the split.")
    publish(planned, small_publication("second\n"), 2.0)
    assert get_note(loaded(planned)) == f"second\n{YOURS}\nLooks too good: check the split."


def test_what_people_wrote_before_us_stays_below_the_line(planned: Database) -> None:
    save_note(loaded(planned), "My own words.")
    for _ in range(2):
        publish(planned, small_publication("ours\n"), 1.0)
    assert get_note(loaded(planned)) == f"ours\n{YOURS}My own words."


def test_a_note_that_has_not_changed_is_no_new_version(planned: Database) -> None:
    versions = []
    for note in ("one\n", "one\n", "two\n"):
        publish(planned, small_publication(note), 1.0)
        versions.append(attributes(planned)["dashboard:note_ver"])
    assert versions == [1, 1, 2], "somebody who edits it meanwhile can save"


def test_processes_that_publish_at_once_leave_what_one_alone_would_leave(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    file = write(tmp_path)
    story = Story(load(tmp_path), database)
    story.run("stage2")
    all_at_once(4, publish_in_a_process, str(file), database_url, 2)
    together = shown(database)
    publish_study(database, story.study)
    assert shown(database) == together
    assert set(figures(database)) == STAGE1_FIGURES


def test_a_figure_speaks_of_one_architecture_in_its_own_colour(finished: StudyResults) -> None:
    found = {one.name: one for one in publications(finished, "pcam", {})}
    assert len(found) == 8
    one = found["invented/stage1/model3"].figures["hpo-factor_effect-learning_rate"]
    (trace,) = one.data
    looks = Looks(finished.settings.architectures)
    assert trace.name == "model3"
    assert (trace.line.color, trace.marker.symbol) == (looks.colour("model3"), looks.symbol("model3"))


def test_figures_fit_the_dashboards_frame_and_stand_on_white_with_their_title(finished: StudyResults) -> None:
    for publication in publications(finished, "pcam", {}):
        for identity, one in publication.figures.items():
            assert re.fullmatch(r"hpo-[a-z_]+(-[a-z_]+)?", identity)
            layout = json.loads(one.to_json())["layout"]
            assert layout["height"] <= 450
            assert layout["title"]["text"]
            assert layout["template"]["layout"]["paper_bgcolor"] == "#ffffff"


def test_what_stage_1_leaves_of_a_factor_is_shaded_where_it_is_a_range(finished: StudyResults) -> None:
    found = next(one for one in publications(finished, "pcam", {}) if one.name == "invented/stage1/model1").figures
    shape = found["hpo-factor_effect-learning_rate"].layout.shapes[-1]
    assert (shape.x0, shape.x1) == (0.0017, 0.0173)
    assert "0.0017 to 0.0173" in found["hpo-factor_effect-learning_rate"].layout.title.text
    assert "shaded" not in found["hpo-factor_effect-strategy"].layout.title.text


def test_a_figure_that_is_too_large_for_the_dashboard_is_left_out_with_its_finding(
    finished: StudyResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_module, "FIGURE_CHARACTERS", 10)
    publication = next(iter(publications(finished, "pcam", {})))
    assert publication.figures == {}
    assert "What the figures show" not in publication.note
