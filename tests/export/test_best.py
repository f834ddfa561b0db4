"""What a finished study leaves in its output folder, and what it leaves alone."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from hpo.config.best_config import load_best_config
from hpo.config.study import StudyFile
from hpo.data.description import Description, write_description
from hpo.evaluation.threshold import choose_threshold
from hpo.export.best import export_study
from hpo.export.tuned import Tuned, config_path, exported_files, is_exported
from hpo.recipe.recipe import Recipe, WarmStart
from hpo.results.study import StudyResults
from hpo.results.verdict import verdict
from hpo.slides.model_file import find_model
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.storage.ledger import TrainedEpoch
from hpo.storage.predictions import PredictionStore
from hpo.storage.workers import WorkerSpan
from hpo.training.engine import Trainer
from tests.export.samples import fitting
from tests.results.invented import invent_study
from tests.stages.story import load
from tests.training.toy import PLAIN, ToyDataset

DATA = "d" * 64
TINY = replace(PLAIN, data=DATA)
WIDE = replace(TINY, batch_normalization=True, initial=WarmStart(TINY, 1))
FILES = ["model.h5", "model.keras", "model_card.md", "roc.csv"]


@dataclass(frozen=True)
class Finished:
    """A study whose final trainings are tested."""

    study: StudyFile
    dataset: ToyDataset
    results: StudyResults
    tuned: dict[str, Tuned]

    def export(self, *, onnx: bool = False) -> None:
        export_study(self.study, self.dataset, self.results, self.tuned, onnx=onnx)  # type: ignore[arg-type]

    def written(self) -> dict[str, tuple[int, bytes]]:
        """When each exported file was written, and what is in it."""
        files = [path for path in self.study.output.glob("*/*") if path.parent.name in self.tuned]
        return {
            str(path.relative_to(self.study.output)): (path.stat().st_mtime_ns, path.read_bytes())
            for path in (*files, config_path(self.study))
        }


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    study = load(tmp_path_factory.mktemp("study"), workers={"threads": None})
    recipes = {"tiny": TINY, "wide": WIDE}
    results = fitting(invent_study(("tiny", "wide"), seeds=(0, 1), name="small"), recipes)
    store = PredictionStore(Files(study.checkpoints))
    tuned = {}
    for name, recipe in recipes.items():
        assert results.test_labels is not None
        store.save_truth(name, results.test_labels, results.test_slides)
        runs = [one for one in results.confirmations if one.architecture == name]
        for one in runs:
            assert one.test_probabilities is not None
            store.save(name, one.role, one.seed, one.test_probabilities)
        tuned[name] = Tuned(recipe, 1, name, tuple((one.role, one.seed) for one in runs))
    finished = Finished(study, ToyDataset(digest=DATA), results, tuned)
    finished.export()
    return finished


@pytest.fixture
def finished(exported: Finished, tmp_path: Path) -> Finished:
    """The same, exported already, in a place of its own."""
    shutil.copytree(exported.study.output, tmp_path / "out")
    changed = {"output": tmp_path / "out", "checkpoints": str(tmp_path / "out" / "checkpoints")}
    copied = exported.study.model_copy(update=changed)
    return replace(exported, study=copied)


def test_each_architecture_has_its_files_and_the_study_its_best_configuration(finished: Finished) -> None:
    written = finished.written()
    assert sorted(written) == ["best_config.yaml", *(f"{name}/{file}" for name in ("tiny", "wide") for file in FILES)]
    config = load_best_config(config_path(finished.study))
    assert config.best == "wide" == finished.results.best_compared
    assert "; wide, the best on validation, goes from" in verdict(finished.results)
    claim = "It did best of the study's architectures on validation"
    assert [name for name in ("tiny", "wide") if claim in written[f"{name}/model_card.md"][1].decode()] == ["wide"]
    trainer = Trainer(CheckpointStore(Files(finished.study.checkpoints)), finished.dataset)
    for name, recipe in (("tiny", TINY), ("wide", WIDE)):
        assert config.models[name].recipe == recipe
        assert config.models[name].weights_sha256 == trainer.weights_digest(recipe, 1)
        (final,) = (one for one in finished.results.finals(name, "after") if one.recipe_key == recipe.key)
        chosen = choose_threshold(finished.results.valid_labels, final.valid_probabilities)
        assert config.models[name].threshold == chosen
        card = written[f"{name}/model_card.md"][1].decode()
        assert f"# {name}, tuned by study small" in card
        assert config.models[name].weights_sha256 in card
        model = trainer.model(recipe, 1)
        assert f"{sum(int(np.prod(one.shape)) for one in model.trainable_variables):,} trained parameters" in card


def test_the_resolution_of_the_patches_travels_with_the_model(finished: Finished, tmp_path: Path) -> None:
    assert find_model(finished.study.output).microns_per_pixel is None
    data = finished.study.data.model_copy(update={"folder": tmp_path / "data"})
    tiled = replace(finished, study=finished.study.model_copy(update={"data": data}))
    data.folder.mkdir()
    write_description(data.folder, Description(microns_per_pixel=0.5))
    assert not is_exported(tiled.study, tiled.tuned, tiled.results), "the best configuration does not say it yet"
    tiled.export()
    assert is_exported(tiled.study, tiled.tuned, tiled.results)
    assert "pixels, at 0.5 µm per pixel." in (tiled.study.output / "wide/model_card.md").read_text(encoding="utf-8")
    shutil.rmtree(data.folder)
    assert find_model(tiled.study.output).microns_per_pixel == 0.5, "without its data too"


def test_the_names_of_the_classes_travel_with_the_model(finished: Finished) -> None:
    study = finished.study
    assert find_model(study.output).classes == finished.results.classes
    named = replace(finished, results=replace(finished.results, classes=("stroma", "tumour")))
    assert not is_exported(named.study, named.tuned, named.results), "the classes were renamed since"
    named.export()
    assert is_exported(named.study, named.tuned, named.results)
    assert find_model(study.output).classes == ("stroma", "tumour"), "whatever the data folder says today"


@pytest.mark.parametrize(
    ("devices", "threads"),
    [
        (("CPU, 3 threads", "CPU, 3 threads"), 3),
        (("CPU, 3 threads", "CPU, 1 thread"), None),
        (("GPU 0", "GPU 0"), None),
        (("CPU, 3 threads", ""), None),
    ],
)
def test_the_threads_are_those_that_all_of_its_workers_had(
    finished: Finished, devices: tuple[str, str], threads: int | None
) -> None:
    results, kept = finished.results, {TINY.key: "one:1:1", WIDE.key: "two:2:2"}
    workers = [WorkerSpan(owner, device, 0, 1, None) for owner, device in zip(kept.values(), devices, strict=True)]
    stranger = WorkerSpan("stranger:3:3", "CPU, 64 threads", 0, 1, None)
    known = zip(kept.items(), devices, strict=True)
    epochs = [TrainedEpoch(key, 1, 90, 1.0, owner, 1.0) for (key, owner), device in known if device]
    elsewhere = TrainedEpoch("f" * 64, 1, 90, 1.0, stranger.owner, 1.0)
    later = TrainedEpoch(TINY.key, 2, 90, 1.0, stranger.owner, 1.0)
    results = replace(results, workers=(*workers, stranger), epochs=(*epochs, elsewhere, later))
    config_path(finished.study).unlink()
    replace(finished, results=results).export()
    assert load_best_config(config_path(finished.study)).threads == threads


def test_it_is_exported_only_with_every_file_and_of_these_very_models(finished: Finished) -> None:
    study, tuned, results = finished.study, finished.tuned, finished.results
    assert is_exported(study, tuned, results)
    assert not is_exported(study, tuned, results, onnx=True)
    assert not is_exported(study, {"tiny": tuned["tiny"]}, results), "the other's files are of a model no longer there"
    assert not is_exported(study, tuned | {"wide": replace(tuned["wide"], epoch=2)}, results)
    assert not is_exported(study, tuned | {"wide": replace(tuned["wide"], recipe=TINY)}, results)
    assert not is_exported(study, tuned, _with_best(finished, "tiny").results), "another one is the best"
    for path in (*exported_files(study, "tiny"), config_path(study)):
        away = path.rename(path.with_suffix(".away"))
        assert not is_exported(study, tuned, results), path.name
        away.rename(path)
    config_path(study).write_text("kind: best_config\n")
    assert not is_exported(study, tuned, results)


def _with_best(finished: Finished, best: str) -> Finished:
    """The same study, in which another architecture did best on validation."""
    trainings = [
        replace(one, objective=(0.9 if one.architecture == best else 0.1) if one.objective else None)
        for one in finished.results.confirmations
    ]
    return replace(finished, results=replace(finished.results, confirmations=tuple(trainings)))


def test_of_the_same_weights_the_texts_say_what_the_study_has_found_since(finished: Finished) -> None:
    """As after `hpo extend --seeds` or another architecture, where the same training is still the best of its own."""
    finished.export()
    before = finished.written()
    seeds = [one for one in finished.results.confirmations if one.seed == 0]
    fewer = replace(
        finished,
        study=finished.study.model_copy(update={"confirm": finished.study.confirm.model_copy(update={"seeds": (0,)})}),
        results=replace(finished.results, confirmations=tuple(seeds)),
        tuned={
            name: replace(model, runs=tuple(run for run in model.runs if run[1] == 0))
            for name, model in finished.tuned.items()
        },
    )
    assert not is_exported(fewer.study, fewer.tuned, fewer.results)
    fewer.export()
    after = fewer.written()
    assert is_exported(fewer.study, fewer.tuned, fewer.results)
    assert load_best_config(config_path(fewer.study)).models["tiny"].seeds == (0,)
    assert "Means of 1 seed " in after["tiny/model_card.md"][1].decode()
    assert {row.split(",")[1] for row in after["tiny/roc.csv"][1].decode().splitlines()[1:]} == {"0"}
    assert after["tiny/model.keras"] == before["tiny/model.keras"]

    other = _with_best(finished, "tiny")
    assert not is_exported(other.study, other.tuned, other.results)
    other.export()
    claim = "It did best of the study's architectures on validation"
    assert [name for name in ("tiny", "wide") if claim in other.written()[f"{name}/model_card.md"][1].decode()] == [
        "tiny"
    ]


def test_seeds_with_which_a_side_diverged_are_not_among_those_compared(finished: Finished) -> None:
    trainings = finished.results.confirmations
    lost = [one for one in trainings if (one.architecture, one.role, one.seed) != ("tiny", "before", 1)]
    diverged = replace(finished, results=replace(finished.results, confirmations=tuple(lost)))
    diverged.export()
    models = load_best_config(config_path(diverged.study)).models
    assert (models["tiny"].seeds, models["wide"].seeds) == ((0,), (0, 1))


def test_the_card_is_of_what_the_study_has_cost_since(finished: Finished) -> None:
    """As after `hpo extend --trials` that chooses the same settings again."""
    more = replace(finished, results=replace(finished.results, compute=finished.results.compute[:-1]))
    assert not is_exported(more.study, more.tuned, more.results)
    before = finished.written()
    more.export()
    changed = {name for name, file in more.written().items() if file != before[name]}
    assert changed
    assert changed <= {"tiny/model_card.md", "wide/model_card.md"}


def test_the_versions_are_those_that_trained_the_weights_whatever_exports_them_again(
    finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = finished.written()
    monkeypatch.setattr("hpo.export.best.versions", lambda: {"tensorflow": "99"})
    (finished.study.output / "tiny" / "model_card.md").unlink()
    finished.export()
    assert finished.written()["tiny/model_card.md"][1] == before["tiny/model_card.md"][1]
    assert is_exported(finished.study, finished.tuned, finished.results)


def test_what_is_up_to_date_stays_as_it_is(finished: Finished) -> None:
    before = finished.written()
    finished.export()
    assert finished.written() == before


@pytest.mark.parametrize("file", ["tiny/model.keras", "wide/model.h5", "wide/model_card.md", "tiny/roc.csv"])
def test_a_file_that_is_missing_is_made_again_to_the_byte_and_no_other(file: str, finished: Finished) -> None:
    before = finished.written()
    (finished.study.output / file).unlink()
    finished.export()
    after = finished.written()
    assert after.pop(file)[1] == before.pop(file)[1]
    assert after == before


def test_onnx_comes_on_request_beside_the_rest_and_stays(finished: Finished) -> None:
    before = finished.written()
    finished.export(onnx=True)
    after = finished.written()
    assert after.keys() - before.keys() == {"tiny/model.onnx", "wide/model.onnx"}
    assert {name: after[name] for name in before} == before
    assert is_exported(finished.study, finished.tuned, finished.results, onnx=True)
    finished.export()
    assert finished.written() == after


def _other(finished: Finished, recipe: Recipe) -> Finished:
    """The same study with another tuned model of tiny."""
    results = fitting(finished.results, {"tiny": recipe})
    return replace(
        finished, results=results, tuned=finished.tuned | {"tiny": replace(finished.tuned["tiny"], recipe=recipe)}
    )


def test_another_model_replaces_the_old_ones_files_and_leaves_the_others(finished: Finished) -> None:
    finished.export(onnx=True)
    before = finished.written()
    other = _other(finished, replace(TINY, learning_rate=0.05))
    other.export()
    after = other.written()
    assert "tiny/model.onnx" not in after, "it was of other weights"
    for file in ("model.h5", "model.keras", "model_card.md"):
        assert after[f"tiny/{file}"][1] != before[f"tiny/{file}"][1]
    of_wide = [name for name in before if name.startswith("wide/")]
    assert {name: after[name] for name in of_wide} == {name: before[name] for name in of_wide}
    assert is_exported(other.study, other.tuned, other.results)


def test_weights_that_are_not_those_on_record_are_exported_anew(finished: Finished) -> None:
    """As where the checkpoints were lost, and another kind of machine has trained them again."""
    path = config_path(finished.study)
    digest = load_best_config(path).models["tiny"].weights_sha256
    path.write_text(path.read_text().replace(digest, "b" * 64))
    before = finished.written()
    finished.export()
    after = finished.written()
    assert load_best_config(path).models["tiny"].weights_sha256 == digest
    changed = {name for name in after if after[name][0] != before[name][0]}
    assert changed == {"best_config.yaml", "tiny/model.h5", "tiny/model.keras"}
