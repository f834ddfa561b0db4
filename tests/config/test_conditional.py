"""`only_if` in a search space: what it says, and what it may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.config.load import load_study
from hpo.config.study import StudyFile
from hpo.recipe.architecture import CnnSpec, FunctionSpec
from hpo.recipe.point import apply_point
from hpo.stages.plan import determining_settings, stage1_points, template_recipe
from tests.config.samples import SPACE, Change, refusal
from tests.config.test_own_factors import FACTORS, LIST, write

SGD = "  optimizer: {reference: adam, levels: [sgd, adam, rmsprop]}\n"
PLAIN = "  momentum: {reference: 0.9}\n"


def momentum(only_if: str) -> Change:
    return PLAIN, f"  momentum: {{reference: 0.9, levels: [0.5, 0.9], only_if: {only_if}}}\n"


def space(only_if: str, more: str = SGD) -> str:
    """The sample search space with a conditional momentum, as what is appended to it."""
    return f"{more}{momentum(only_if)[1]}"


def write_space(folder: Path, text: str, *changes: Change) -> Path:
    file = write(folder, *changes, space="")
    (folder / "space.yaml").write_text(SPACE.replace(PLAIN, "") + text)
    return file


def load(folder: Path, text: str, *changes: Change) -> StudyFile:
    return load_study(write_space(folder, text, *changes))


@pytest.mark.parametrize("said", ["{optimizer: sgd}", "{optimizer: [sgd]}"])
def test_a_value_is_a_list_of_one(tmp_path: Path, said: str) -> None:
    found = load(tmp_path, space(said)).space
    assert found.conditions == {"momentum": {"optimizer": ("sgd",)}}
    assert "momentum" not in found.reference
    assert found.reference_values["momentum"] == 0.9


def test_a_space_without_conditions_is_recorded_as_ever(tmp_path: Path) -> None:
    recorded = determining_settings(load_study(write(tmp_path, space="")), "digest")
    assert all("only_if" not in factor for factor in recorded["search_space"]["factors"].values())
    recorded = determining_settings(load(tmp_path, space("{optimizer: [sgd, rmsprop]}")), "digest")
    assert recorded["search_space"]["factors"]["momentum"]["only_if"] == {"optimizer": ["sgd", "rmsprop"]}


@pytest.mark.parametrize(
    ("only_if", "more", "error"),
    [
        (
            "{optimiser: sgd}",
            SGD,
            "factors.momentum.only_if.optimiser: 'optimiser' is not a factor of this search space; did you mean "
            "'optimizer'? (allowed: batch_size, epochs, learning_rate, momentum, optimizer, patches, strategy)",
        ),
        (
            "{optimizer: sgdd}",
            SGD,
            """factors.momentum.only_if.optimizer: optimizer found "sgdd"; did you mean 'sgd'? (allowed: adam, """
            "adamw, lion, rmsprop, sgd)",
        ),
        (
            "{optimizer: lion}",
            SGD,
            'factors.momentum.only_if.optimizer: optimizer never is "lion": that is not among its levels ("sgd", '
            '"adam", "rmsprop")',
        ),
        (
            "{batch_size: 64}",
            SGD,
            "factors.momentum.only_if.batch_size: batch_size never is 64: that lies outside 16 to 32",
        ),
        (
            "{learning_rate: 0.02}",
            SGD,
            "factors.momentum.only_if.learning_rate: learning_rate never is 0.02: that is not among its levels (0.003, "
            "0.01)",
        ),
        ("{optimizer: []}", SGD, "must be a value or a list of values; found an empty list"),
        ("{momentum: 0.5}", SGD, "factors.momentum.only_if: is a circle: momentum, which depends on momentum"),
        (
            "{nesterov: true}",
            f"{SGD}  nesterov: {{reference: true, levels: [false, true], only_if: {{momentum: 0.9}}}}\n",
            "factors.nesterov.only_if: is a circle: nesterov, which depends on momentum, which depends on nesterov",
        ),
        (
            "{optimizer: sgd, nesterov: true}",
            f"{SGD}  nesterov: {{reference: true, levels: [false, true], only_if: {{optimizer: adam}}}}\n",
            "factors.momentum.only_if: can never hold: optimizer would have to be sgd (for momentum) and adam (for "
            "nesterov)",
        ),
    ],
)
def test_conditions_that_cannot_hold_are_refused(tmp_path: Path, only_if: str, more: str, error: str) -> None:
    errors = refusal(load_study, write_space(tmp_path, space(only_if, more)))
    assert any(found.partition(" ")[2] == error or found.endswith(error) for found in errors), errors


def test_epochs_always_apply(tmp_path: Path) -> None:
    text = f"{SGD}{PLAIN}"
    file = write_space(tmp_path, text)
    changed = (tmp_path / "space.yaml").read_text().replace("levels: [1, 2, 4]", "only_if: {optimizer: sgd}")
    (tmp_path / "space.yaml").write_text(changed)
    assert refusal(load_study, file) == ["2 factors.epochs.only_if: epochs always applies; leave this out"]


def test_a_factor_of_one_architecture_may_depend_on_no_other_architectures(tmp_path: Path) -> None:
    text = f"{PLAIN}  depth: {{reference: 2}}\n  width: {{reference: 32, levels: [16, 32], only_if: {{dense: 100}}}}\n"
    text = f"{text}  dense: {{reference: 100, levels: [50, 100]}}\n"
    mine = (LIST, "architectures: [model2, {name: mine, function: 'nets:resnet'}]")
    assert refusal(load_study, write_space(tmp_path, text, mine)) == [
        "9 factors.width.only_if: can never hold: no architecture that has width has dense"
    ]
    study = load(tmp_path, text.replace("dense: 100}", "depth: 2}"), mine)
    assert "width" in study.space_of("mine").factors
    assert "width" not in study.space_of("model2").factors


@pytest.mark.parametrize(
    ("stage1", "stage2", "error"),
    [
        (
            "momentum",
            "learning_rate",
            "momentum applies only if optimizer is sgd, and stage 1 keeps optimizer at adam; add optimizer to "
            "stage1.factors, or leave momentum out",
        ),
        (
            "learning_rate",
            "learning_rate, momentum",
            "momentum applies only if optimizer is sgd, and no stage varies optimizer, which is adam; add optimizer to "
            "stage2.factors, or leave momentum out",
        ),
        (
            "optimizer, momentum",
            "momentum",
            "none of them applies whatever stage 1 finds; add what they depend on, or a factor without only_if",
        ),
        ("optimizer, momentum", "optimizer, momentum", None),
        ("optimizer, momentum", "learning_rate, momentum", None),
    ],
)
def test_a_stage_varies_what_may_apply_in_it(tmp_path: Path, stage1: str, stage2: str, error: str | None) -> None:
    changes = (FACTORS, f"factors: [{stage1}]"), ("stage2:\n", f"stage2:\n  factors: [{stage2}]\n")
    file = write_space(tmp_path, space("{optimizer: sgd}"), *changes)
    if error is None:
        load_study(file)
    else:
        (found,) = refusal(load_study, file)
        assert found.endswith(error)


def test_a_continuous_factor_hardly_ever_has_the_value_that_another_needs(tmp_path: Path) -> None:
    text = f"{SGD}  momentum: {{reference: 0.9, levels: [0.5, 0.9]}}\n"
    text += "  nesterov: {reference: false, levels: [false, true], only_if: {momentum: 0.9}}\n"
    change = ("stage2:\n", "stage2:\n  factors: [momentum, nesterov]\n")
    (error,) = refusal(load_study, write_space(tmp_path, text, change))
    assert error.endswith(
        "nesterov applies only if momentum is 0.9, which stage 2 hardly ever proposes between momentum's bounds; give "
        "momentum a step"
    )
    load(tmp_path, text.replace("levels: [0.5, 0.9]}", "levels: [0.5, 0.9], step: 0.1}"), change)


@pytest.mark.parametrize(("arguments", "elsewhere"), [("", 32), (", arguments: {width: 3}", 3)])
def test_an_argument_that_does_not_apply_is_as_the_study_file_has_it(
    tmp_path: Path, arguments: str, elsewhere: int
) -> None:
    text = f"{SGD}{PLAIN}  width: {{reference: 32, levels: [16, 32], only_if: {{optimizer: sgd}}}}\n"
    mine = (LIST, f"architectures: [{{name: mine, function: 'nets:resnet'{arguments}}}]")
    study = load(tmp_path, text, mine, (FACTORS, "factors: [optimizer, width]"))
    template = template_recipe(study, "mine", "", 0)
    widths = {}
    for point in stage1_points(study, "mine"):
        spec = apply_point(template, point)[0].architecture
        assert isinstance(spec, FunctionSpec)
        widths[point["optimizer"], point.get("width")] = dict(spec.arguments)["width"]
    assert widths == {("adam", None): elsewhere, ("sgd", 32): 32, ("sgd", 16): 16, ("rmsprop", None): elsewhere}


def test_a_described_networks_number_that_does_not_apply_is_as_it_is_described(tmp_path: Path) -> None:
    text = f"{SGD}{PLAIN}  dropout: {{reference: 0.5, levels: [0.25, 0.5], only_if: {{optimizer: sgd}}}}\n"
    cnn = (LIST, "architectures: [{name: mine, convolutions: [{kernel: 3, filters: 4}], dropout: 0.1}]")
    study = load(tmp_path, text, cnn, (FACTORS, "factors: [optimizer, dropout]"))
    template = template_recipe(study, "mine", "", 0)
    found = [apply_point(template, point)[0].architecture for point in stage1_points(study, "mine")]
    assert [spec.dropout for spec in found if isinstance(spec, CnnSpec)] == [0.1, 0.5, 0.1, 0.25]


def test_the_pages_example_is_a_search_space(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "factors.md").read_text(encoding="utf-8")
    example = page.partition("## Factors that apply only sometimes\n\n")[2].partition("\n\n")[0]
    others = "  augmentation: {reference: true, levels: [true, false]}\n  depth: {reference: 3, levels: [2, 3, 4]}\n"
    study = load(tmp_path, others + "".join(f"{line[2:]}\n" for line in example.splitlines()))
    assert set(study.space.conditions) == {"momentum", "stain_jitter", "clip_norm"}
    assert set(study.space.reference) >= {"stain_jitter", "optimizer"}
    assert not {"momentum", "clip_norm"} & set(study.space.reference)
