from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from hpo.config.factor import is_switch
from hpo.config.load import load_study
from hpo.recipe.architecture import ARCHITECTURES, CnnSpec, Convolution
from hpo.recipe.arithmetic import Arithmetic
from hpo.recipe.point import PAPER_FACTORS
from tests.config.samples import Change, refusal

Write = Callable[..., Path]

TOP = "\nname: example\n"
FOLDER = "  folder: data\n"
ARCHITECTURE_LIST = "architectures: [model2, model3]"
FACTORS = "factors: [epochs, batch_size, patches, learning_rate, strategy]"
TRIALS = "  trials: 4\n"
NAME_RULE = "a name is made of letters, digits, '-' and '_', and begins with a letter or digit"
ARCHITECTURE_NAMES = ", ".join(sorted(ARCHITECTURES))
SAMPLE = "  sample: {train: 200, valid: 100, test: 100}\n"


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (
            "name: example",
            "name: my study",
            f'1 name: {NAME_RULE}; found "my study"',
        ),
        (
            "name: example",
            "name: ../up",
            f'1 name: {NAME_RULE}; found "../up"',
        ),
        ("name: example", f"name: {'x' * 65}", f'1 name: may have at most 64 characters; found "{"x" * 56}...'),
        ("name: example", "name: 7", "1 name: must be text; found 7"),
        ("  folder: data", "  folder: 7", "3 data.folder: must be a path; found 7"),
        (FOLDER, "  folder: data\n  patch_size: 4\n", "4 data.patch_size: must be at least 8; found 4"),
        (FOLDER, "  folder: data\n  patch_size: big\n", '4 data.patch_size: must be a whole number; found "big"'),
        (FOLDER, "  folder: data\n  patch_size: true\n", "4 data.patch_size: must be a whole number; found true"),
        (
            FOLDER,
            FOLDER + SAMPLE + "  split: {valid: 0.1}\n",
            "5 data.split: a sample is made in three splits already; leave out sample or split",
        ),
        (
            FOLDER,
            FOLDER + SAMPLE + "  patch_size: 24\n",
            "5 data.patch_size: a sample has patches of 32 to 512 pixels; found 24",
        ),
        (
            FOLDER,
            FOLDER + SAMPLE + "  valid_patches: 101\n",
            "5 data.valid_patches: found 101, but the sample has 100 validation patches",
        ),
        (
            FOLDER,
            FOLDER + "  split: {valid: 0.5, test: 0.5}\n",
            "4 data.split.test: valid and test together leave nothing to train on: 1",
        ),
        (FOLDER, FOLDER + "  split: {valid: 0}\n", "4 data.split.valid: must be greater than 0; found 0"),
        (
            FOLDER,
            FOLDER + "  sample: {train: 150, valid: 100, test: 100}\n",
            "4 data.sample.train: space.yaml asks for up to 200 patches; found 150",
        ),
        (ARCHITECTURE_LIST, "architectures: []", "6 architectures: needs at least 1 item; found an empty list"),
        (ARCHITECTURE_LIST, "architectures: model2", '6 architectures: must be a list; found "model2"'),
        (
            ARCHITECTURE_LIST,
            "architectures:\n  - model2\n  - modell3",
            "8 architectures.1: 'modell3' is not an architecture; "
            f"did you mean 'model3'? (allowed: {ARCHITECTURE_NAMES})",
        ),
        (ARCHITECTURE_LIST, "architectures: [model2, 3]", "6 architectures.1: must be text; found 3"),
        (ARCHITECTURE_LIST, "architectures: [model2, model3, model2]", "6 architectures.2: 'model2' is listed twice"),
        (
            ARCHITECTURE_LIST,
            "architectures: [model2, {name: Model2, convolutions: [{kernel: 3, filters: 8}]}]",
            "6 architectures.1: 'model2' is listed twice",
        ),
        (
            ARCHITECTURE_LIST,
            "architectures:\n  - name: tiny\n    convolutions:\n      - {kernel: 3, filters: 9, filter: 8}",
            "9 architectures.0.convolutions.0.filter: unknown key; did you mean 'filters'? "
            "(allowed: filters, kernel, pool, stride)",
        ),
        (
            ARCHITECTURE_LIST,
            "architectures: [{name: tiny, convolutions: [{kernel: 3, filters: 8}], batch_normalization: [0, 1]}]",
            "6 architectures.0.batch_normalization.1: there is no convolution 1; they are 0 to 0",
        ),
        (
            ARCHITECTURE_LIST,
            "architectures: [{name: tiny, convolutions: [{kernel: 97, filters: 8}], padding: valid}]",
            "6 architectures.0: convolution 0: kernel of 97 pixels on an input of 96 (padding: valid)",
        ),
        (
            ARCHITECTURE_LIST,
            "architectures: [{name: mine, function: build}]",
            '6 architectures.0.function: must be module:function, such as my_models:build; found "build"',
        ),
        (
            ARCHITECTURE_LIST,
            "architectures: [{name: mine, function: 'dashboard:build', dense: [3]}]",
            "6 architectures.0.dense: unknown key; allowed: arguments, files, function, name",
        ),
        (
            "stage1:\n",
            "objective: {metric: aoc}\nstage1:\n",
            '7 objective.metric: found "aoc"; '
            "did you mean 'auc'? (allowed: accuracy, auc, average_precision, balanced_accuracy, brier, f1, kappa, "
            "loss, precision, recall); or a function of your own, as module:name",
        ),
        (
            "stage1:\n",
            "objective: {last: 2}\nstage1:\n",
            "7 objective.last: is only used with epoch: mean_last; epoch is last",
        ),
        (FACTORS, "factors: []", "8 stage1.factors: needs at least 1 item; found an empty list"),
        (FACTORS, "factors: [epochs, epochs]", "8 stage1.factors.1: 'epochs' is listed twice"),
        (
            FACTORS,
            "factors: [epochs, learning_rat]",
            "8 stage1.factors.1: 'learning_rat' is not in the search space space.yaml; did you mean 'learning_rate'? "
            "(allowed: batch_size, epochs, learning_rate, momentum, patches, strategy)",
        ),
        (
            FACTORS,
            "factors: [epochs, stain_jitter]",
            "8 stage1.factors.1: 'stain_jitter' is not in the search space space.yaml; "
            "allowed: batch_size, epochs, learning_rate, momentum, patches, strategy",
        ),
        (
            FACTORS,
            "factors: [epochs, momentum]",
            "8 stage1.factors.1: stage 1 needs at least two levels of 'momentum' in space.yaml; found 0",
        ),
        (FACTORS, "margin: -0.1", "8 stage1.margin: must be at least 0; found -0.1"),
        (
            FACTORS,
            "design: grids",
            "8 stage1.design: found \"grids\"; did you mean 'grid'? (allowed: grid, one_factor)",
        ),
        (
            TRIALS,
            "  trials: 4\n  factors: [learning_rate, epochs]\n",
            "12 stage2.factors.1: epochs are not tuned in stage 2: stage2.epochs fixes them at 3",
        ),
        (
            TRIALS,
            "  trials: 4\n  factors: [momentum]\n",
            "12 stage2.factors.0: stage 2 needs bounds (low, high) or levels of 'momentum' in space.yaml; found none",
        ),
        (TRIALS, "", "9 stage2: needs exactly one of trials, patch_visits, minutes; found none"),
        (
            TRIALS,
            "  trials: 4\n  minutes: 3\n",
            "12 stage2.minutes: needs exactly one of trials, patch_visits, minutes; found trials and minutes",
        ),
        (TRIALS, "  trials: 0\n", "11 stage2.trials: must be at least 1; found 0"),
        (TRIALS, "  minutes: 0\n", "11 stage2.minutes: must be greater than 0; found 0"),
        (TRIALS, "  patch_visits: 1.5\n", "11 stage2.patch_visits: must be a whole number; found 1.5"),
        (
            "stage2:\n  epochs: 3\n",
            "stage2:\n",
            "9 stage2.epochs: is missing (epochs of each training; where they pause, of the longest)",
        ),
        (
            TRIALS,
            TRIALS + "  shrink: 0.5\n",
            "12 stage2.shrink: is only used with warm_start: shrink_perturb; warm_start is warm",
        ),
        (
            TRIALS,
            TRIALS + "  warm_start: warn\n",
            "12 stage2.warm_start: found \"warn\"; did you mean 'warm'? (allowed: cold, shrink_perturb, warm)",
        ),
        (
            TRIALS,
            TRIALS + "  batch_normalization: yes\n",
            '12 stage2.batch_normalization: must be true or false; found "yes"',
        ),
        (
            "confirm:\n  epochs: 3\n",
            "confirm:\n  epochs: 3\n  seeds: []\n",
            "14 confirm.seeds: needs at least 1 item; found an empty list",
        ),
        (
            "confirm:\n  epochs: 3\n",
            "confirm:\n  epochs: 3\n  seeds: [1, 2, 1]\n",
            "14 confirm.seeds.2: 1 is listed twice",
        ),
        (
            "confirm:\n  epochs: 3\n",
            "confirm:\n  epochs: 3\n  seeds: [-1]\n",
            "14 confirm.seeds.0: must be at least 0; found -1",
        ),
        ("confirm:\n  epochs: 3\n", "confirm:\n", "12 confirm: must be a mapping of keys to values; found nothing"),
        (
            "stage1:\n",
            "workers: {lease_seconds: 1}\nstage1:\n",
            "7 workers.lease_seconds: must be at least 5; found 1",
        ),
        (
            "stage1:\n",
            "arithmetic: {compute_dtype: float16}\nstage1:\n",
            "7 arithmetic.compute_dtype: found \"float16\"; did you mean 'bfloat16'? (allowed: bfloat16, float32)",
        ),
        (
            "architectures: [model2, model3]",
            "arithmetic: {jit_compile: true}\n"
            "architectures: [{name: tiny, convolutions: [{kernel: 3, filters: 8}], pool: 3}]",
            "7 architectures.0: pooling windows of 3 pixels at steps of 2 overlap or leave gaps, which XLA cannot "
            "train reproducibly; make the two equal, or set arithmetic.jit_compile to false",
        ),
        (
            "stage1:\n",
            "arithmetic: {jit_compile: auto}\nstage1:\n",
            '7 arithmetic.jit_compile: must be true or false; found "auto"',
        ),
        (
            "stage1:\n",
            "database: study.db\nstage1:\n",
            "7 database: must be a database URL such as sqlite:///study.db or postgresql+psycopg://user@host/name; "
            'found "study.db"',
        ),
        (
            "stage1:\n",
            "database: 'sqlite:///:memory:'\nstage1:\n",
            "7 database: an SQLite database needs a file: workers do not share memory",
        ),
        ("stage1:\n", "checkpoints: ''\nstage1:\n", '7 checkpoints: must not be empty; found ""'),
    ],
)
def test_a_study_that_cannot_be_run_is_refused(write_study: Write, old: str, new: str, error: str) -> None:
    (found,) = refusal(load_study, write_study((old, new)))

    assert found == error or (error.endswith("...") and found.startswith(error[:-3]))


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (
            "levels: [16, 32], scale: log",
            "levels: [16, 32], step: 0.5",
            "the step of 'batch_size' in space.yaml must be a whole number, as batch_size is; found 0.5",
        ),
        (
            "low: 0.001, high: 0.1, scale: log",
            "low: 0.001, high: 0.1, step: 1",
            "the step of 'learning_rate' in space.yaml must be at most high - low, 0.099, or nothing is "
            "varied; found 1",
        ),
        (
            "momentum: {reference: 0.9}",
            "momentum: {reference: 0.9, levels: [0.0, 0.9], step: 0.9}",
            "",
        ),
    ],
)
def test_stage_2_goes_by_steps_that_it_can_take(
    write_study: Callable[..., Path], old: str, new: str, error: str
) -> None:
    file = write_study((TRIALS, "  trials: 4\n  factors: [batch_size, learning_rate]\n"), space=((old, new),))
    if not error:
        assert is_switch(load_study(file).space.factors["momentum"])
        return
    index = ["batch_size", "learning_rate"].index(error.split("'")[1])
    assert refusal(load_study, file) == [f"12 stage2.factors.{index}: {error}"]


def test_a_misspelt_key_is_both_unknown_and_missing(write_study: Write) -> None:
    assert refusal(load_study, write_study(("confirm:\n", "confrim:\n"))) == [
        "None confirm: is missing (the final comparison of before and after)",
        "12 confrim: unknown key; did you mean 'confirm'? (allowed: architectures, arithmetic, augment, checkpoints, "
        "choose, confirm, copy_of, dashboard, data, database, limits, loss, name, objective, objectives, output, "
        "search_space, stage1, stage2, workers)",
    ]


def test_several_mistakes_are_told_at_once_in_the_order_of_the_file(write_study: Write) -> None:
    file = write_study(("  epochs: 3\n  trials: 4\n", "  epochs: 0\n  trials: 4\n"), ("name: example", "name: a b"))

    assert [line.split(":")[0] for line in refusal(load_study, file)] == ["1 name", "10 stage2.epochs"]


@pytest.mark.parametrize(("design", "package"), [("gp", "torch"), ("cmaes", "cmaes")])
def test_a_sampler_without_its_package_is_refused_with_the_command_that_installs_it(
    write_study: Write, monkeypatch: pytest.MonkeyPatch, design: str, package: str
) -> None:
    file = write_study((TRIALS, f"{TRIALS}  design: {design}\n"))
    installed: list[str] = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: "there" if name in installed else None)

    error = f"12 stage2.design: {design} needs a package that is not installed: pip install {package}"
    assert refusal(load_study, file) == [error]
    installed.append(package)
    assert load_study(file).stage2.design == design


def test_cmaes_needs_two_numbers_to_tune(write_study: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: "there")
    file = write_study((TRIALS, f"{TRIALS}  design: cmaes\n  factors: [learning_rate, strategy]\n"))

    assert refusal(load_study, file) == [
        "12 stage2.design: cmaes needs at least two numeric factors; found learning_rate, strategy"
    ]


def test_batch_normalization_is_either_tuned_or_inserted(write_study: Write) -> None:
    file = write_study(
        (TRIALS, f"{TRIALS}  batch_normalization: true\n  factors: [batch_normalization]\n"),
        space=(("momentum: {reference: 0.9}", "batch_normalization: {reference: false, levels: [false, true]}"),),
    )

    assert refusal(load_study, file) == [
        "13 stage2.factors.0: is tuned, and inserted by stage2.batch_normalization: true; leave out one of them"
    ]


ASHA = "  trials: 4\n  design: asha\n"


@pytest.mark.parametrize(
    ("stage2", "error"),
    [
        (
            "  rungs: [1, 3]\n  trials: 4\n",
            "11 stage2.rungs: is only used with design: asha or freeze_thaw; design is tpe",
        ),
        (ASHA + "  rungs: [2, 1, 3]\n", "13 stage2.rungs.1: must be greater than the rung before it, 2; found 1"),
        (ASHA + "  rungs: [1, 2]\n", "13 stage2.rungs: the last rung must be epochs, 3; found 2"),
        (ASHA + "  rungs: [0, 3]\n", "13 stage2.rungs.0: must be at least 1; found 0"),
        (ASHA + "  rungs: []\n", "13 stage2.rungs: needs at least 1 item; found an empty list"),
        (ASHA + "  rungs: 3\n", "13 stage2.rungs: must be a list; found 3"),
        (ASHA + "  rungs: {first: 4}\n", "13 stage2.rungs.first: must be at most epochs, 3; found 4"),
        (ASHA + "  rungs: {factor: 1}\n", "13 stage2.rungs.factor: must be at least 2; found 1"),
        (
            ASHA + "  rungs: {fist: 1}\n",
            "13 stage2.rungs.fist: unknown key; did you mean 'first'? (allowed: factor, first)",
        ),
        (ASHA + "  within: all\n", '13 stage2.within: found "all"; allowed: ranges, space'),
    ],
)
def test_rungs_are_ascending_epochs_of_a_design_that_pauses(write_study: Write, stage2: str, error: str) -> None:
    assert refusal(load_study, write_study((TRIALS, stage2))) == [error]


@pytest.mark.parametrize("design", ["asha", "freeze_thaw"])
@pytest.mark.parametrize("rungs", ["[1, 2, 3]", "[3]", "{first: 2}", "{}"])
def test_rungs_are_a_list_or_a_first_and_a_factor(write_study: Write, rungs: str, design: str) -> None:
    study = load_study(write_study((TRIALS, f"  trials: 4\n  design: {design}\n  rungs: {rungs}\n")))
    assert study.stage2.is_pool
    assert study.stage2.rungs is not None


def test_what_is_not_said_has_the_documented_defaults(write_study: Write) -> None:
    file = write_study((f"  {FACTORS}\n", "  margin: 0.02\n"))
    study = load_study(file)

    assert (study.data.patch_size, study.data.sample, study.data.split, study.data.valid_patches) == (
        96,
        None,
        None,
        None,
    )
    assert (study.objective.metric, study.objective.epoch, study.objective.last) == ("auc", "last", 3)
    assert (study.stage1.design, study.stage1.factors, study.stage1.seed) == ("one_factor", PAPER_FACTORS, 0)
    assert (study.stage2.design, study.stage2.warm_start, study.stage2.seed) == ("tpe", "warm", 0)
    assert study.stage2.factors == ("learning_rate", "batch_size", "patches")
    assert study.arithmetic.of_recipe == Arithmetic("float32", jit_compile=False)
    assert (study.confirm.seeds, study.confirm.cold_control) == ((0, 1, 2, 3, 4), True)
    assert (study.workers.lease_seconds, study.workers.max_attempts, study.workers.threads) == (60, 3, None)


def test_output_database_and_checkpoints_are_by_default_in_runs_beside_the_studies_folder(write_study: Write) -> None:
    file = write_study()
    study = load_study(file)

    runs = file.parent.parent / "runs" / "example"
    assert study.output == runs
    assert study.database == f"sqlite:///{runs}/study.db"
    assert study.checkpoints == str(runs / "checkpoints")
    assert study.ranges_path == runs / "ranges.yaml"


def test_relative_paths_start_at_the_file_that_names_them(
    write_study: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = "output: out\ndatabase: sqlite:///db/study.sqlite\ncheckpoints: ../kept\nstage1:\n"
    write_study(("stage1:\n", places))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    study = load_study("../example.yaml")

    assert study.data.folder == tmp_path / "data"
    assert study.output == tmp_path / "out"
    assert study.database == f"sqlite:///{tmp_path}/db/study.sqlite"
    assert study.checkpoints == str(tmp_path.parent / "kept")
    assert study.file == tmp_path / "example.yaml"


@pytest.mark.parametrize("url", ["postgresql+psycopg://me@host/studies", "mysql://host/studies"])
def test_other_databases_and_stores_are_taken_as_they_are(write_study: Write, url: str) -> None:
    study = load_study(write_study(("stage1:\n", f"database: {url}\ncheckpoints: s3://bucket/place\nstage1:\n")))

    assert (study.database, study.checkpoints) == (url, "s3://bucket/place")


def test_a_study_holds_what_its_file_names(write_study: Write) -> None:
    custom = "architectures:\n  - model3\n  - {name: tiny, convolutions: [{kernel: 3, filters: 8}]}"
    study = load_study(write_study((ARCHITECTURE_LIST, custom)))

    assert study.space.reference["epochs"] == 2
    assert [panel.panel for panel in study.panels.panels] == ["roc"]
    assert study.architecture_specs == {
        "model3": ARCHITECTURES["model3"],
        "tiny": CnnSpec((Convolution(3, 8, 1),), ()),
    }
    assert list(study.architecture_specs) == ["model3", "tiny"]


def test_a_function_is_looked_for_beside_the_study_file(write_study: Write, tmp_path: Path) -> None:
    item: Change = (ARCHITECTURE_LIST, "architectures: [{name: mine, function: 'study_nets:build'}]")

    assert refusal(load_study, write_study(item)) == [
        f"6 architectures.0.function: no Python file of module 'study_nets' in {tmp_path} or on the Python path"
    ]
    (tmp_path / "study_nets.py").write_text("def build(shape): ...\n")
    assert list(load_study(write_study(item)).architecture_specs) == ["mine"]
