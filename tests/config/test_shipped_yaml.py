from __future__ import annotations

import re
from pathlib import Path

import pytest

from hpo.config.load import load_dashboard, load_search_space, load_study

ROOT = Path(__file__).parents[2]
STUDIES = sorted((ROOT / "studies").glob("*.yaml"))
SPACES = sorted((ROOT / "search_spaces").glob("*.yaml"))
DASHBOARDS = sorted((ROOT / "dashboards").glob("*.yaml"))


def name(path: Path) -> str:
    return path.name


def header(path: Path) -> str:
    """The comment at the top of a file."""
    return path.read_text().split("\n\n")[0]


def test_the_studies_are_there() -> None:
    assert [path.stem for path in STUDIES] == ["paper", "pcam_best", "pcam_subset", "quickstart", "small_networks"]


@pytest.mark.parametrize("path", STUDIES, ids=name)
def test_every_study_loads_and_is_named_after_its_file(path: Path) -> None:
    assert load_study(path).name == path.stem


@pytest.mark.parametrize("path", STUDIES, ids=name)
def test_every_study_begins_with_what_it_reproduces_how_long_what_to_expect_and_the_command(path: Path) -> None:
    text = header(path)

    assert all(f"{word}:" in text for word in ("Reproduces", "Hardware", "Time", "Expect", "Command"))
    assert re.search(rf"hpo run studies/{path.name}$", text, flags=re.MULTILINE)


@pytest.mark.parametrize("path", SPACES, ids=name)
def test_every_search_space_loads_and_names_the_studies_that_use_it(path: Path) -> None:
    users = [f"studies/{study.name}" for study in STUDIES if load_study(study).search_space == path]

    assert load_search_space(path).factors
    assert re.findall(r"studies/\w+\.yaml", header(path)) == users
    assert users


@pytest.mark.parametrize("path", DASHBOARDS, ids=name)
def test_every_dashboard_loads(path: Path) -> None:
    assert load_dashboard(path).panels


@pytest.mark.parametrize("path", STUDIES + SPACES, ids=name)
def test_editors_find_the_schema_that_a_file_names(path: Path) -> None:
    modeline = re.match(r"# yaml-language-server: \$schema=(.+)\n", path.read_text())

    assert modeline
    schema = (path.parent / modeline.group(1)).resolve()
    assert schema.name == {"studies": "study", "search_spaces": "search_space"}[path.parent.name] + ".schema.json"
    assert schema.is_file()


def test_the_papers_search_space_is_the_papers() -> None:
    """Johny et al. 2021, section 3: rates 0.001 to 0.1, steps every 100 epochs, no gain beyond 40,000 patches."""
    space = load_search_space(ROOT / "search_spaces" / "paper.yaml")
    rate, patches, epochs = (space.factors[factor] for factor in ("learning_rate", "patches", "epochs"))

    assert (rate.low, rate.high, rate.scale) == (0.001, 0.1, "log")
    assert 40_000 in patches.levels
    assert space.most_patches == 200_000
    assert space.reference["batch_size"] == 32
    assert space.strategies.step.every == 100
    assert epochs.high is not None
    assert epochs.high > space.strategies.step.every
    assert set(space.factors["strategy"].levels) == {"constant", "time_based", "step", "exponential"}


def test_the_papers_study_is_the_papers() -> None:
    study = load_study(ROOT / "studies" / "paper.yaml")

    assert list(study.architecture_specs) == ["model1", "model2", "model3", "model4"]
    assert study.stage1.factors == ("epochs", "batch_size", "patches", "learning_rate", "strategy")
    assert study.stage2.batch_normalization
    assert study.confirm.epochs == 1000
    assert study.data.folder == ROOT / "data" / "pcam"


def test_the_quickstart_brings_its_own_data() -> None:
    study = load_study(ROOT / "studies" / "quickstart.yaml")

    assert study.data.sample is not None
    assert study.data.folder == ROOT / "runs" / "data" / "quickstart"
    assert len(study.architecture_specs) == 2
    assert len(study.confirm.seeds) == 5


def test_the_real_subset_has_the_patches_that_its_search_space_asks_for() -> None:
    study = load_study(ROOT / "studies" / "pcam_subset.yaml")

    assert study.space.most_patches <= 12_000  # 6,000 of each class
    beyond_the_paper = {"momentum", "ema", "batch_normalization"}
    assert beyond_the_paper <= set(study.stage1.factors) & set(study.stage2.factors)
    assert len(study.architecture_specs) == 4
