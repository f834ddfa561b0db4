"""The Python door: a study as an object."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

import hpo
from hpo.config.search_space import SearchSpace
from hpo.config.stages import Stage2Settings
from hpo.storage.database import Database
from tests.stages.story import SPACE, STUDY, Story, load, write


@pytest.fixture
def story(sqlite: Database, sqlite_url: str, tmp_path: Path) -> Story:
    """A study whose database is the one that its file names."""
    return Story(load(tmp_path, database=sqlite_url), sqlite)


@pytest.fixture
def tested(story: Story) -> hpo.Study:
    """A study at its end."""
    story.run()
    story.predict()
    return hpo.open_study(story.study.file)


def test_importing_hpo_imports_neither_tensorflow_nor_optuna() -> None:
    code = (
        "import hpo, sys; print(sorted({'tensorflow', 'optuna', 'plotly', 'pandas'} & set(sys.modules)), dir(hpo)[-3:])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[] ['make_study', 'open_study', 'run_study']"
    with pytest.raises(AttributeError, match="module 'hpo' has no attribute 'runn'"):
        _ = hpo.runn


def test_looking_at_a_study_that_has_not_begun_makes_no_database(tmp_path: Path) -> None:
    study = hpo.open_study(write(tmp_path))
    with pytest.raises(hpo.HpoError, match="small: not started"):
        _ = study.results
    assert not (tmp_path / "out").exists()


def test_trials_are_a_data_frame_with_factors_and_metrics(tested: hpo.Study) -> None:
    trials = tested.trials()
    stage2 = trials[(trials.stage == "stage2") & (trials.architecture == "tiny")]
    assert len(trials) == len(tested.results.trials)
    assert {"learning_rate", "batch_size", "epochs", "objective", "valid_auc", "recipe_key"} <= set(trials.columns)
    assert stage2.objective.max() == max(
        trial.objective or 0
        for trial in tested.results.trials
        if (trial.stage, trial.architecture) == ("stage2", "tiny")
    )
    assert str(trials.finished_at.dtype).endswith("UTC]")


def test_the_comparison_is_that_of_the_report(tested: hpo.Study) -> None:
    compared = tested.compare()
    assert list(compared) == ["tiny", "wide"]
    auc = compared["tiny"].metrics["auc"]
    assert auc.difference.value == pytest.approx(auc.after.value - auc.before.value)
    html = tested._repr_html_()
    assert f"{auc.after.value:.3f}" in html
    assert f"{auc.difference.low:+.3f} to {auc.difference.high:+.3f}" in html


def test_a_study_without_a_test_shows_how_far_it_has_come(story: Story) -> None:
    story.run("stage1")
    study = hpo.open_study(story.study.file)
    done = sum(trial.architecture == "tiny" and trial.state == "complete" for trial in study.results.trials)
    assert f"{done} trials finished, not tested yet" in study._repr_html_()


def test_refresh_reads_what_has_happened_since(story: Story) -> None:
    story.run("stage1")
    study = hpo.open_study(story.study.file)
    before = len(study.trials())
    story.run("stage2")
    assert len(study.trials()) == before
    assert len(study.refresh().trials()) > before


def test_figures_and_tables_are_those_of_the_report(tested: hpo.Study) -> None:
    figure = tested.figure("history", theme="dark")
    assert isinstance(figure, go.Figure)
    assert figure.layout.template.layout.font.color == "#e6e9ed"
    assert "AUC" in set(tested.table("comparison_table")["Metric"])


@pytest.mark.parametrize(
    ("panel", "options", "message"),
    [
        ("history", {"theme": "drak"}, "there is no theme 'drak'; did you mean 'dark'?"),
        ("historyy", {}, "there is no panel 'historyy'; did you mean 'history'?"),
        ("history", {"factr": 1}, "panel 'history': factr: unknown key; did you mean 'factor'?"),
        ("comparison_table", {}, "panel 'comparison_table' is no figure; use: study.table('comparison_table')"),
        ("learning_curves", {"architecture": "none"}, "panel 'learning_curves': This study has no architecture 'none'"),
    ],
)
def test_a_wrong_figure_is_one_clear_line(
    tested: hpo.Study, panel: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(hpo.HpoError) as refused:
        tested.figure(panel, **options)
    assert str(refused.value).startswith(message)


def test_the_report_goes_where_it_is_asked_for(tested: hpo.Study, tmp_path: Path) -> None:
    assert tested.report(tmp_path / "mine.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_model_that_is_not_exported_names_the_command(tested: hpo.Study) -> None:
    with pytest.raises(hpo.HpoError, match=r"model\.keras: no such file; run: hpo export"):
        tested.model("tiny")
    with pytest.raises(hpo.HpoError, match="has no architecture 'tini'; did you mean 'tiny'"):
        tested.model("tini")


GATE = """
import keras

class Gate(keras.layers.Layer):
    def build(self, shape):
        self.weight = self.add_weight(name="weight", shape=(1,), initializer="ones")

    def call(self, x):
        return x * self.weight

def net(shape, activation=None):
    inputs = keras.Input(shape)
    x = keras.layers.Flatten()(Gate(name="gate")(inputs))
    return keras.Model(inputs, keras.layers.Dense(1, activation=activation)(x))
"""


def test_a_model_with_layers_of_the_users_own_is_loaded_wherever_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hpo.slides.model_file import ModelFile
    from tests.slides.pictures import painted, save

    (tmp_path / "own_gate.py").write_text(GATE)
    study = hpo.Study(load(tmp_path, architectures=[{"name": "mine", "function": "own_gate:net"}]))
    model = study.settings.output / "mine" / "model.keras"
    model.parent.mkdir(parents=True)
    made = "import sys, own_gate; own_gate.net((16, 16, 3), 'sigmoid').save(sys.argv[1])"
    subprocess.run([sys.executable, "-c", made, str(model)], cwd=tmp_path, check=True, capture_output=True)
    patches = np.zeros((2, 16, 16, 3), np.uint8)
    assert study.predict("mine", patches).tolist() == [0.5, 0.5]
    takes = r"the model takes uint8, 0 to 255, of shape \(N, 16, 16, 3\), and scales them itself"
    for wrong in (patches / np.float32(255), patches[0], patches[:, :8, :8]):
        with pytest.raises(hpo.HpoError, match=rf"predict: the patches are \w+ of shape \(.*\); {takes}"):
            study.predict("mine", wrong)
    monkeypatch.setattr("hpo.slides.model_file.find_model", lambda *_, **__: ModelFile(model, "mine"))
    slide = save(tmp_path / "slide.png", painted(64, 64, (8, 8, 56, 56)))
    assert 0 <= np.nanmax(study.predict_image(slide, "mine").probability) <= 1
    model.write_bytes(b"no model")
    with pytest.raises(hpo.HpoError, match=r"model\.keras: Keras cannot load it"):
        study.refresh().model("mine")


def test_a_study_made_in_python_is_yaml_that_every_command_takes(tmp_path: Path) -> None:
    sections = {name: STUDY[name] for name in ("data", "architectures", "stage1", "confirm")}

    def make(trials: int) -> hpo.Study:
        return hpo.make_study(
            tmp_path / "mine.yaml",
            search_space=SearchSpace.model_validate({"factors": SPACE}),
            stage2=Stage2Settings(epochs=3, trials=trials),
            **sections,
        )

    study = make(4)
    assert study.settings == hpo.load_study(tmp_path / "mine.yaml")
    assert (study.name, study.settings.stage2.trials, study.architectures) == ("mine", 4, ("tiny", "wide"))
    assert study.settings.space.factors["batch_size"].levels == (8, 16, 32)
    assert make(4).settings == study.settings
    with pytest.raises(hpo.HpoError, match=r"mine\.yaml: already exists with other contents"):
        make(5)
    assert hpo.load_study(tmp_path / "mine.yaml").stage2.trials == 4


def test_a_study_that_could_not_be_made_leaves_no_files_and_can_be_made_once_corrected(tmp_path: Path) -> None:
    sections = {name: STUDY[name] for name in ("data", "architectures", "stage1", "stage2", "confirm")}
    space = SearchSpace.model_validate({"factors": SPACE})
    with pytest.raises(hpo.HpoError, match="no such file"):
        hpo.make_study(tmp_path / "mine.yaml", search_space=tmp_path / "absent.yaml", **sections)
    assert list(tmp_path.iterdir()) == []
    assert hpo.make_study(tmp_path / "mine.yaml", search_space=space, **sections).name == "mine"


def test_a_search_space_may_be_a_mapping_with_numpys_numbers(tmp_path: Path) -> None:
    sections = {name: STUDY[name] for name in ("data", "architectures", "stage1", "stage2", "confirm")}
    rates = np.logspace(-3, -1, 3)
    factors = {**SPACE, "learning_rate": {"reference": rates[1], "levels": rates, "scale": "log"}}
    study = hpo.make_study(tmp_path / "mine.yaml", search_space={"factors": factors}, **sections)
    assert study.settings.space.factors["learning_rate"].levels == (0.001, 0.01, 0.1)
    factors["learning_rate"] = {"reference": 0.01, "levels": {0.01, 0.1 + 0.1j}}
    with pytest.raises(hpo.HpoError, match=r"other\.search_space\.yaml: YAML cannot hold"):
        hpo.make_study(tmp_path / "other.yaml", search_space={"factors": factors}, **sections)
    assert not (tmp_path / "other.yaml").exists()


def test_a_study_shown_in_a_terminal_keeps_its_database_to_itself(tmp_path: Path) -> None:
    sections = {name: STUDY[name] for name in ("data", "architectures", "stage1", "stage2", "confirm")}
    study = hpo.make_study(
        tmp_path / "mine.yaml",
        search_space=SearchSpace.model_validate({"factors": SPACE}),
        database="postgresql+psycopg://me:secret@host/hpo",
        **sections,
    )
    assert repr(study).startswith("<Study mine: ")
    assert "secret" not in repr(study)


def test_an_image_of_any_size_is_predicted_by_the_tuned_model(tested: hpo.Study, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from tests.slides.models import greenness_model
    from tests.slides.pictures import painted, save

    slide = save(tmp_path / "slide.png", painted(200, 260, (24, 24, 180, 240), (60, 60, 120, 130)))
    with pytest.raises(hpo.HpoError, match=r"has neither best_config\.yaml nor a model"):
        tested.predict_image(slide)
    tested.settings.output.mkdir(parents=True, exist_ok=True)
    greenness_model(tested.settings.output / "model.onnx")
    found = tested.predict_image(slide, stride=24)
    assert found.grid.stride == 24
    assert 0.02 < found.tumour_share < 0.4
    with pytest.raises(hpo.HpoError, match=r"predict_image: there is no setting 'strid'; did you mean 'stride'\?"):
        tested.predict_image(slide, strid=24)
