from __future__ import annotations

import re
from pathlib import Path

import pytest

from hpo.config.load import load_study
from hpo.config.template import dashboard_template, search_space_template, study_template
from tests.config.samples import refusal


def write(folder: Path, study: str, space: str | None = None) -> Path:
    (folder / "space.yaml").write_text(search_space_template() if space is None else space)
    (folder / "board.yaml").write_text(dashboard_template())
    (folder / "new.yaml").write_text(study)
    return folder / "new.yaml"


def template(*, file: str = "new.yaml", data: str = "data", makes_sample: bool = False) -> str:
    return study_template(
        "new", file=file, search_space="space.yaml", dashboard="board.yaml", data=data, makes_sample=makes_sample
    )


def uncommented(text: str, *starts: str) -> str:
    """The text with the comment signs taken from lines that begin so."""
    for start in starts:
        text, count = re.subn(rf"^( *)# ({re.escape(start)})", r"\1\2", text, flags=re.MULTILINE)
        if count != 1:
            raise ValueError(f"{count} lines begin with '# {start}'")
    return text


@pytest.mark.parametrize("makes_sample", [True, False])
def test_a_new_study_loads(tmp_path: Path, makes_sample: bool) -> None:
    study = load_study(write(tmp_path, template(makes_sample=makes_sample)))

    assert study.name == "new"
    assert study.data.folder == tmp_path / "data"
    assert (study.data.sample is not None) == makes_sample


def test_a_new_study_searches_with_the_design_that_did_best_and_a_budget_whose_end_it_knows(tmp_path: Path) -> None:
    stage2 = load_study(write(tmp_path, template())).stage2

    assert (stage2.design, stage2.patch_visits, stage2.trials) == ("freeze_thaw", 60_000, None)


@pytest.mark.parametrize("folder", ["my data", "ä: # &", "2000", "/data/pcam", '"quoted"'])
def test_any_data_folder_can_be_named(tmp_path: Path, folder: str) -> None:
    assert load_study(write(tmp_path, template(data=folder))).data.folder == tmp_path / folder


def test_the_command_in_the_head_can_be_typed_as_it_stands() -> None:
    assert "# Command:  hpo run 'my studies/new.yaml'\n" in template(file="my studies/new.yaml")


def test_every_commented_choice_of_the_study_can_be_taken(tmp_path: Path) -> None:
    (tmp_path / "my_models.py").write_text("def build(shape): ...\n")
    (tmp_path / "my_augment.py").write_text("def noisy(patches, seed): ...\n")
    choices = (
        "valid_patches:",
        "split:",
        "- name: tiny",
        "  convolutions:",
        "  dense:",
        "- {name: mine",
        "patience:",
        "symmetries:",
        "folds:",
        "limits:",
        "augment:",
        "workers:",
        "output:",
        "database:",
        "checkpoints:",
    )
    text = uncommented(template(), *choices).replace(", batch_normalization", "")  # which no function's network takes
    study = load_study(write(tmp_path, text))

    assert list(study.architecture_specs) == ["model2", "model3", "tiny", "mine"]
    assert study.data.valid_patches == 2000
    assert study.data.split is not None
    assert study.workers.threads == 2
    assert (study.confirm.patience, study.confirm.symmetries, study.confirm.folds) == (3, True, 5)
    assert study.limits.parameters == 500_000
    assert study.checkpoints == "s3://bucket/folder"


def test_mean_last_takes_its_commented_number(tmp_path: Path) -> None:
    text = uncommented(template(), "last:")

    assert refusal(load_study, write(tmp_path, text)) != []
    assert load_study(write(tmp_path, text.replace("epoch: last ", "epoch: mean_last "))).objective.last == 3


def test_every_commented_factor_of_the_search_space_can_be_taken(tmp_path: Path) -> None:
    names = ("momentum", "weight_decay", "augmentation", "dropout", "filters")
    space = uncommented(search_space_template(), *(f"{name}:" for name in names))
    study = template().replace("strategy]", f"strategy, {', '.join(names)}]")

    assert load_study(write(tmp_path, study, space)).stage1.factors[5:] == names
