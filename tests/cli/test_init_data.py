"""A study that ``hpo init --data`` writes can be planned as it is, whatever the data."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from hpo.config.load import load_study
from hpo.config.study import StudyFile
from hpo.data.description import Description, write_description
from hpo.data.pcam import SPLITS, SplitName, split_files
from hpo.machine import available_cores
from hpo.recipe.architecture import CnnSpec
from hpo.recipe.geometry import is_fitting
from hpo.stages.data import open_data
from hpo.stages.proposal import batch_levels, expected_seconds, fitting_architectures, patch_levels
from tests.cli.hpo import Hpo


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("HPO_DATABASE", "HPO_DATA", "HPO_CHECKPOINTS"):
        monkeypatch.delenv(variable, raising=False)


def make(counts: tuple[int, int], side: int, name: SplitName = "patches", slides: int = 0) -> None:
    """Patches of both classes in turns, every one another, in the folder ``data``."""
    files = split_files(Path("data"), name)
    files.x.parent.mkdir(exist_ok=True)
    labels = np.repeat(np.array([0, 1], np.uint8), counts)
    np.random.default_rng(0).shuffle(labels)
    with h5py.File(files.x, "w") as file:
        file["x"] = np.random.default_rng(SPLITS.index(name) if name in SPLITS else 9).integers(
            0, 256, (len(labels), side, side, 3), np.uint8
        )
    with h5py.File(files.y, "w") as file:
        file["y"] = labels
    if slides:
        rows = [f"{name}{row % slides}" for row in range(len(labels))]
        files.meta.write_text("\n".join(["wsi", *rows]) + "\n")


def planned(hpo: Hpo, *options: object) -> tuple[StudyFile, str]:
    """The study that was written, after its plan, and what init said."""
    ended = hpo("init", "mine.yaml", "--data", "data", *options)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.splitlines()[-1] == "next: hpo plan mine.yaml, then hpo run mine.yaml"
    assert hpo("plan", "mine.yaml").status == 0
    study = load_study("mine.yaml")
    labels = open_data(study).train.labels
    assert study.space.most_patches <= 2 * min(np.bincount(labels))
    assert study.space.most_patches >= 0.8 * 2 * min(np.bincount(labels)) or study.space.most_patches >= 200
    longest = study.stage2.epochs * study.space.most_patches
    assert study.stage2.patch_visits is not None
    assert study.stage2.patch_visits >= 2.9 * longest  # rounded; fewer could not be compared
    for spec in study.architecture_specs.values():
        assert isinstance(spec, CnnSpec)
        assert is_fitting(spec, study.data.patch_size)
    return study, ended.out


@pytest.mark.parametrize("side", [32, 48, 50, 96, 224])
def test_a_labelled_set_of_any_size_is_split_by_the_study(hpo: Hpo, side: int) -> None:
    make((40, 40), side)
    study, said = planned(hpo)

    assert study.data.patch_size == side
    assert study.data.split is not None
    assert f"of {side} x {side} pixels; slides unknown" in said
    assert "slides unknown" in Path("mine.yaml").read_text()


def test_twenty_patches_of_each_class_are_enough(hpo: Hpo) -> None:
    make((20, 20), 32)
    study, _ = planned(hpo)

    assert study.space.most_patches == 24
    assert study.space.factors["batch_size"].levels == (1, 2, 4)


def test_three_splits_need_no_rule(hpo: Hpo) -> None:
    for name in SPLITS:
        make((30, 30), 32, name, slides=5)
    study, said = planned(hpo)

    assert study.data.split is None
    assert "patches: 60 train, 60 valid, 60 test" in said
    assert "15 slides" in said


def test_train_alone_is_a_labelled_set(hpo: Hpo) -> None:
    make((30, 30), 32, "train")

    assert planned(hpo)[0].data.split is not None


def test_slides_stay_on_one_side(hpo: Hpo) -> None:
    make((60, 60), 32, slides=12)
    study, _ = planned(hpo)

    dataset = open_data(study)
    sides = [
        set(part.slides.tolist()) for part in (dataset.train, dataset.valid, dataset.test) if part.slides is not None
    ]
    assert len(set.union(*sides)) == sum(map(len, sides)) == 12
    assert "every slide on one side" in Path("mine.yaml").read_text()


def test_what_cannot_be_used_of_unbalanced_classes_is_said(hpo: Hpo) -> None:
    make((180, 20), 32)
    study, said = planned(hpo)

    assert study.space.most_patches == 24
    assert "unbalanced: 24 of 120 training patches can be used, as many of each class" in said


def test_the_classes_are_named_as_the_data_names_them(hpo: Hpo) -> None:
    make((20, 22), 32)
    write_description(Path("data"), Description(("normal", "tumour")))
    planned(hpo)

    assert "  # classes: 0 normal (20 patches), 1 tumour (22 patches)\n" in Path("mine.yaml").read_text()


def test_many_validation_patches_are_not_all_measured_after_each_epoch(hpo: Hpo) -> None:
    for name, count in (("train", 60), ("valid", 600), ("test", 60)):
        make((count, count), 8, name)  # type: ignore[arg-type]

    assert planned(hpo)[0].data.valid_patches == 200


def test_the_study_is_as_large_as_the_time_allows(hpo: Hpo) -> None:
    make((1000, 1000), 96)
    sizes = []
    for minutes in (2, 10, 60):
        study, said = planned(hpo, "--minutes", minutes, "--force")
        seconds = expected_seconds(study, 400, available_cores())
        sizes.append((int(study.space.factors["epochs"].levels[-1]), study.space.most_patches))
        assert f"about {-(-seconds // 60):.0f} minutes" in said
        assert (seconds <= minutes * 60) != ("more than the" in said)
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_output_is_in_the_users_folder(hpo: Hpo, tmp_path: Path) -> None:
    make((20, 20), 32)
    assert planned(hpo)[0].output == tmp_path / "runs" / "mine"

    Path("studies").mkdir()
    hpo("init", "studies/mine.yaml", "--data", "data")
    assert load_study("studies/mine.yaml").output == tmp_path / "runs" / "mine"


@pytest.mark.parametrize(
    ("counts", "says"),
    [((40, 0), "40 benign and 0 malignant patches"), ((0, 0), "patch"), ((2, 2), "is not possible")],
)
def test_data_that_nobody_can_study_is_one_line_and_nothing_is_written(
    hpo: Hpo, tmp_path: Path, counts: tuple[int, int], says: str
) -> None:
    make(counts, 32)

    assert says in hpo.refused("init", "mine.yaml", "--data", "data")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_split_without_a_class_is_refused(hpo: Hpo, tmp_path: Path) -> None:
    for name in SPLITS:
        make((20, 20) if name != "test" else (20, 0), 32, name)

    assert "test" in hpo.refused("init", "mine.yaml", "--data", "data")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_damaged_data_is_refused(hpo: Hpo, tmp_path: Path) -> None:
    make((20, 20), 32)
    Path("data/patches_x.h5").write_bytes(b"no HDF5")

    assert "patches_x.h5" in hpo.refused("init", "mine.yaml", "--data", "data")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_minutes_need_data(hpo: Hpo) -> None:
    assert "--minutes needs --data" in hpo.refused("init", "mine.yaml", "--minutes", 5)


@pytest.mark.parametrize("most", [4, 5, 6, 7, 24, 41, 99, 100, 240, 1500, 262_144])
def test_levels_are_even_and_within_what_is_there(most: int) -> None:
    levels, step = patch_levels(most)

    assert 2 <= len(levels) <= 3
    assert 0.8 * most <= levels[-1] <= most
    assert all(level % step == 0 and level % 2 == 0 for level in levels)
    assert batch_levels(levels[0])[-1] <= levels[0]


def test_small_patches_get_a_small_network() -> None:
    assert fitting_architectures(96) == ("model2", "model3")
    assert "model2" not in fitting_architectures(32)  # its last kernel of 3 would see one pixel
    assert all("small" in item for item in fitting_architectures(8))
